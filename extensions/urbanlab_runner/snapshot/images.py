"""Pictures of a page: checked, measured, and kept as files where they are large."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from html import escape
from urllib.parse import unquote_to_bytes
from xml.etree.ElementTree import Element, ParseError, register_namespace, tostring

from bs4 import Tag
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from urbanlab_runner.snapshot.clean import parse, to_html
from urbanlab_runner.snapshot.files import MIN_IMAGE_BYTES, Files
from urbanlab_runner.snapshot.foreign import ForeignAddresses, clean_css, is_foreign, is_image_data

SVG_TYPE = "image/svg+xml"
# Media type -> ending and how such a file begins.
_TYPES = {
    "image/png": ("png", b"\x89PNG\r\n\x1a\n"),
    "image/jpeg": ("jpg", b"\xff\xd8\xff"),
    "image/gif": ("gif", b"GIF8"),
    "image/webp": ("webp", b"RIFF"),
}
_DATA = re.compile(r"data:(image/[a-z+.-]+)((?:;[^,;]*)*),", re.IGNORECASE)
_SVG_SIZE = re.compile(rb'<svg[^>]{0,500}? width="(\d{1,4})"[^>]{0,100}? height="(\d{1,4})"')
_NEVER_IN_SVG = {
    "script",
    "foreignObject",
    "animate",
    "set",
    "animateTransform",
    "animateMotion",
    "handler",
    "iframe",
}

register_namespace("", "http://www.w3.org/2000/svg")
register_namespace("xlink", "http://www.w3.org/1999/xlink")


class Images:
    """Turns pictures into addresses."""

    def __init__(self, files: Files, foreign: ForeignAddresses) -> None:
        self._files = files
        self._foreign = foreign

    def to_address(self, media_type: str, content: bytes) -> str:
        """Return an address of a picture, a file's or its own data; empty for what is none."""
        if media_type == SVG_TYPE:
            content = clean_svg(content, self._foreign)
            ending = "svg" if content else ""
        else:
            ending, start = _TYPES.get(media_type, ("", b""))
            ending = ending if content.startswith(start) else ""
        if not ending:
            return ""
        if len(content) >= MIN_IMAGE_BYTES:
            return self._files.add("image", content, ending)
        return f"data:{media_type};base64,{base64.b64encode(content).decode()}"

    def to_html(
        self,
        media_type: str,
        content: bytes,
        alt: str,
        width: int = 0,
        height: int = 0,
        *,
        is_described: bool = True,
    ) -> str:
        """Return a picture as HTML, or an empty text for what is none.

        Whose `alt` is a name that was made up here is marked, so that its author is asked for a better one.
        """
        address = self.to_address(media_type, content)
        if not address:
            return ""
        if not (width and height):
            width, height = measure(content)
        size = f' width="{width}" height="{height}"' if width and height else ""
        # A screen further down is loaded when somebody comes there.
        mark = "" if is_described else " data-undescribed"
        return f'<img src="{address}" alt="{escape(alt)}"{size}{mark} loading="lazy" decoding="async">'

    def take_out(self, soup: Tag) -> None:
        """Check the pictures that a tree holds as data, and make files of the large ones."""
        for image in soup.find_all("img", src=True):
            found = decode_data(str(image["src"]))
            address = self.to_address(*found) if found else ""
            if address:
                image["src"] = address
            else:
                image.replace_with(str(image.get("alt", "")))


def describe_pictures(shown: str, alt: str) -> str:
    """Return HTML of a page in which the pictures that nobody has described have the text of their cell, if any."""
    if not alt or "<img" not in shown:
        return shown
    soup = parse(shown)
    bare = [image for image in soup.find_all("img") if not _is_described(image)]
    for image in bare:
        image["alt"] = alt
        del image["data-undescribed"]
    return to_html(soup) if bare else shown


def _is_described(image: Tag) -> bool:
    return bool(str(image.get("alt", "")).strip()) and not image.has_attr("data-undescribed")


def decode_data(address: str) -> tuple[str, bytes] | None:
    """Return media type and content of a ``data:`` address of a picture, or None."""
    found = _DATA.match(address)
    if not found:
        return None
    rest = address[found.end() :]
    try:
        content = base64.b64decode(rest) if "base64" in found[2].lower() else unquote_to_bytes(rest)
    except (binascii.Error, ValueError):
        return None
    return found[1].lower(), content


def measure(content: bytes) -> tuple[int, int]:
    """Return width and height in pixels, so that a page keeps the place; (0, 0) for what says neither."""
    if found := _SVG_SIZE.match(content):
        return int(found[1]), int(found[2])
    if content.startswith(_TYPES["image/png"][1]) and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return int(width), int(height)
    return 0, 0


def clean_svg(content: bytes, foreign: ForeignAddresses) -> bytes:
    """Return an SVG without scripts and addresses, or nothing if it is no SVG."""
    try:
        root = fromstring(content)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return b""
    if _local(root) != "svg":
        return b""
    _clean_node(root, foreign)
    return bytes(tostring(root, encoding="utf-8"))


def _clean_node(node: Element, foreign: ForeignAddresses) -> None:
    for child in list(node):
        # What is no element (a comment, an instruction) has a function for its tag.
        if not isinstance(child.tag, str) or _local(child) in _NEVER_IN_SVG:
            node.remove(child)
            continue
        _clean_node(child, foreign)
    if _local(node) == "style":
        node.text = clean_css(node.text or "", foreign)
    for name, value in list(node.attrib.items()):
        if not _may_stay(name.rpartition("}")[2].lower(), value, foreign):
            del node.attrib[name]


def _may_stay(name: str, value: str, foreign: ForeignAddresses) -> bool:
    if name == "href":
        if is_foreign(value):
            foreign.report(value)
        return value.startswith("#") or is_image_data(value)
    if name == "style" or "url(" in value.lower():
        return bool(clean_css(value, foreign))
    return not name.startswith("on")


def _local(node: Element) -> str:
    return str(node.tag).rpartition("}")[2]
