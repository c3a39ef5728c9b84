"""What a page's body may hold. The portal's policy stops all of this as well; here it never gets so far.

The runner has made the body clean; whoever takes over a runner could send another one.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from html.parser import HTMLParser
from urllib.parse import urlsplit

# What changes how the rest of the page is read, or runs something of its own.
_REFUSED = frozenset(
    {"base", "meta", "object", "embed", "applet", "frame", "frameset", "html", "head", "body"}
)
_LOADING = frozenset({"src", "srcset", "poster", "data", "background"})
_FILE = re.compile(r"files/([^?#]*)")


class BodyError(ValueError):
    """The body has something that it must not have; the message completes ``its body …``."""


def check_body(body: str, files: Collection[str]) -> None:
    """Raise `BodyError` unless the body shows text and files of `files` (``DIGEST.ENDING``) and runs nothing."""
    reader = _Reader(files)
    reader.feed(body)
    reader.close()


class _Reader(HTMLParser):
    def __init__(self, files: Collection[str]) -> None:
        super().__init__()
        self._files = files

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: (value or "").strip() for name, value in attrs}
        if tag in _REFUSED:
            raise BodyError(f"has a <{tag}>")
        if tag == "script" and not values.get("type", "").endswith("json"):
            raise BodyError("has a script")
        if "srcdoc" in values:
            raise BodyError("has a page within the page")
        for name, value in values.items():
            if name.startswith("on"):
                raise BodyError(f"has the script {name}")
            if name in _LOADING or (tag == "link" and name == "href"):
                self._check_source(tag, value)
            elif "href" in name or name in {"action", "formaction"}:
                _check_link(value)

    def _check_source(self, tag: str, value: str) -> None:
        hit = _FILE.fullmatch(value)
        if hit:
            if hit[1] not in self._files:
                raise BodyError("refers to a file that is not there")
        elif not (tag != "iframe" and value.startswith("data:image/")) and not _is_own(value):
            raise BodyError("loads something that is not the page's own")


def _is_own(value: str) -> bool:
    return value == "" or (value.startswith("/static/") and ".." not in value)


def _check_link(value: str) -> None:
    # Browsers skip blanks and control characters before they read the scheme.
    plain = re.sub(r"[\x00-\x20]", "", value)
    try:
        scheme = urlsplit(plain).scheme
    except ValueError:
        raise BodyError("has a link that is none") from None
    if scheme not in {"", "http", "https", "mailto", "tel"}:
        raise BodyError("has a link that runs something")
