"""Addresses of third parties: what a page would load from somebody else is found, removed and reported."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f]")  # what browsers ignore within a scheme
_LINK_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_IMAGE_DATA = re.compile(r"data:image/(?:png|jpeg|gif|webp|svg\+xml)[;,]", re.IGNORECASE)
_CSS_ADDRESS = re.compile(
    r"(?:url|image-set|src|image)\s*\(\s*[\"']?(?!\s*[\"']?(?:#|data:image/))", re.IGNORECASE
)
_CSS_NEVER = re.compile(r"@import|expression\s*\(|javascript:|-moz-binding|behavior\s*:|<", re.IGNORECASE)
_BLANKS = re.compile(r"\s+")
_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|$)", re.DOTALL)
# `import … from "https://…"`, `import("https://…")`
_MODULE_IMPORT = re.compile(
    r"\b(?:from|import)\s*(?:\(\s*)?[\"'`]((?:[a-z][a-z0-9+.-]*:)?//[^\"'`]*)", re.IGNORECASE
)
# What loads something as soon as a map is drawn: a link in an attribution does not.
_SCRIPT_LAYER = re.compile(
    r"\b(?:tileLayer(?:\.wms)?|imageOverlay|videoOverlay)\s*\(\s*[\"'`]((?:[a-z][a-z0-9+.-]*:)?//[^\"'`]*)",
    re.IGNORECASE,
)


class ForeignAddresses:
    """What was removed because it would have been loaded from somebody else."""

    def __init__(self) -> None:
        self._hosts: dict[str, None] = {}

    def report(self, address: str) -> None:
        """Remember whom an address belongs to."""
        address = _CONTROL.sub("", address)
        try:
            host = urlsplit(address).hostname
        except ValueError:
            host = None
        self._hosts[(host or address)[:200]] = None

    def list_hosts(self) -> tuple[str, ...]:
        """Return the hosts, in the order in which they were met."""
        return tuple(self._hosts)


def is_foreign(address: str) -> bool:
    """Return whether a browser would ask another host for this address."""
    plain = _CONTROL.sub("", address).replace("\\", "/").lower()
    return plain.startswith("//") or bool(re.match(r"(?!data:)[a-z][a-z0-9+.-]*:", plain))


def is_link(address: str) -> bool:
    """Return whether a reader may follow this address: the web, mail, telephone, or a place on the portal."""
    plain = _CONTROL.sub("", address).replace("\\", "/").lower()
    scheme = re.match(r"([a-z][a-z0-9+.-]*):", plain)
    if scheme:
        return scheme[1] in _LINK_SCHEMES
    return plain.startswith(("#", "?", "/"))


def is_image_data(address: str) -> bool:
    """Return whether an address is a picture in itself."""
    return bool(_IMAGE_DATA.match(address))


def find_in_module(code: str) -> list[str]:
    """Return the foreign addresses that a script's module imports."""
    return _MODULE_IMPORT.findall(code)


def find_in_script(code: str) -> list[str]:
    """Return the foreign addresses from which a map's script would load layers."""
    return [*_SCRIPT_LAYER.findall(code), *_MODULE_IMPORT.findall(code)]


def clean_css(text: str, foreign: ForeignAddresses) -> str:
    """Return style rules or declarations, or an empty text where they would load something or act."""
    # Blanks as one, so that a text of nothing else costs no more than its length.
    plain = _BLANKS.sub(" ", _CSS_COMMENT.sub("", text))
    if "\\" in plain or _CSS_NEVER.search(plain):
        # An escape can spell any word; nothing that we know writes one.
        if "@import" in plain.lower():
            foreign.report(plain[:100])
        return ""
    address = _CSS_ADDRESS.search(plain)
    if address:
        foreign.report(plain[address.end() :].split(")")[0].strip("\"' "))
        return ""
    return plain
