"""The headers that say what a browser may do with an answer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

# On every answer. The address of a preview is a secret, so no address leaves with a click.
COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self'; font-src 'self'; frame-src 'self'; connect-src 'self'; worker-src 'none'; "
    "base-uri 'none'; form-action 'self'; object-src 'none'; frame-ancestors 'self'"
)
_FRAME = (
    "sandbox allow-scripts; default-src 'none'; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; object-src 'none'"
)

# Our own pages, and a page that a gatekeeper has released.
PAGE = {"Content-Security-Policy": _PAGE, "Cross-Origin-Opener-Policy": "same-origin"}

ENCRYPTED = "max-age=31536000"  # for how long browsers use nothing but https, once they have come by it

# A page that nobody has released yet: its scripts run, but not as the portal, and its data can be looked at.
PREVIEW = {
    "Content-Security-Policy": f"sandbox allow-scripts allow-downloads; {_PAGE}",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
}

# Files are public data, and sandboxed frames and previews, which have no origin, must be able to load them.
SHARED = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}

# A file opened by itself is never a page of the portal.
FILE = {**SHARED, "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'"}

# A session's page, in a frame of the portal: Voilà's program and what a released notebook shows.
LIVE = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline' blob:; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src data: blob:; font-src 'self' data:; connect-src 'self'; "
        "frame-src 'self'; worker-src 'none'; base-uri 'none'; form-action 'none'; object-src 'none'; "
        "frame-ancestors 'self'"
    ),
    "X-Robots-Tag": "noindex, nofollow",
}

# How long what was asked for may be kept, and by whom.
A_YEAR = 31536000
IMMUTABLE = f"public, max-age={A_YEAR}, immutable"
ASK_AGAIN = "public, no-cache"
A_DAY = "public, max-age=86400"
NEVER = "no-store"


def make_embedded_policy(origins: Iterable[str]) -> dict[str, str]:
    """Return the headers of a page that these web sites may show in theirs."""
    policy = " ".join((_PAGE, *origins))  # its last words are those who may show it
    return {"Content-Security-Policy": policy, "X-Robots-Tag": "noindex"}


def make_file_cache(ends_at: str, now: datetime) -> str:
    """Return how long a page's file may be kept: for ever, but not longer than the page is public."""
    if not ends_at:
        return IMMUTABLE
    left = (datetime.fromisoformat(ends_at) - now).total_seconds()
    return f"public, max-age={max(0, min(A_YEAR, int(left)))}, immutable"


def make_file_policy(media_type: str, preview: bool, origins: Iterable[str] = ()) -> dict[str, str]:
    """Return the headers of a page's file; `origins` are web sites that may show the page, and so its frames."""
    if not media_type.startswith("text/html"):
        return FILE
    # A preview has no origin, so that its frames cannot name who may show them.
    ancestors = "" if preview else "; frame-ancestors " + " ".join(("'self'", *origins))
    return {**SHARED, "Content-Security-Policy": f"{_FRAME}{ancestors}"}
