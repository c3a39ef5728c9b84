"""What every page says to the browser, and what every form that comes back must prove."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

from urbanlab_services.errors import ForbiddenError

_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9/_.~%?&=+-]*")
_LONGEST_PATH = 500
# Of a file that somebody's notebook has made: looked at by itself, an SVG for one is a document.
STRANGER_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


@dataclass(frozen=True)
class Origins:
    """Where publisher, hub and portal are for browsers: scheme, host and port."""

    publisher: str
    hub: str
    portal: str

    @property
    def is_https(self) -> bool:
        """Whether cookies can be kept to TLS."""
        return self.publisher.startswith("https://")


def to_origin(url: str) -> str:
    """Return the origin of an address, as browsers write it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def make_headers(origins: Origins) -> dict[str, str]:
    """Return the headers of every page.

    A form may lead to the hub (a session that has ended) and to the portal (a preview): browsers apply
    `form-action` to where they are redirected too. With `no-referrer` they would send `Origin: null`, so the
    policy is `same-origin`.
    """
    policy = (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        f"form-action 'self' {origins.hub} {origins.portal}",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def check_origin(request: HTTPServerRequest, origins: Origins) -> None:
    """Raise `ForbiddenError` unless a page of this service sent the form."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if request.headers.get("Origin", "").lower() != origins.publisher or site != "same-origin":
        raise ForbiddenError("This form was sent by a page that is not ours.", code="foreign_origin")


def check_xsrf(expected: str, given: str) -> None:
    """Raise `ForbiddenError` unless the form carries the token of its session."""
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass")):
        raise ForbiddenError(
            "This form belongs to a session that has ended; open the page anew.", code="stale_form"
        )


def to_own_path(text: str) -> str:
    """Return `text` if it is a path of this service, else the overview's: a login never leads elsewhere.

    >>> to_own_path("/submissions/1?lang=en"), to_own_path("//elsewhere.example"), to_own_path("/\\\\x")
    ('/submissions/1?lang=en', '/', '/')
    """
    return text if len(text) <= _LONGEST_PATH and _PATH.fullmatch(text) else "/"
