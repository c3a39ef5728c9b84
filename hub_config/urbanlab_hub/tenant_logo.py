"""The picture that a tenant's file names: a small SVG or PNG file beside it, checked by what is in it."""

from __future__ import annotations

import base64
from pathlib import Path

MAX_BYTES = 50_000
MEDIA_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}
_PNG = b"\x89PNG\r\n\x1a\n"


class LogoError(ValueError):
    """A file that cannot be shown; the message ends a sentence that begins with its place."""


def read_logo(folder: Path, name: str) -> str:
    """Return the file `name` of a folder as a data URL, empty for no name; raise `LogoError`."""
    if not name:
        return ""
    path = folder / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LogoError(f"portal.logo names {name}, which cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise LogoError(
            f"portal.logo names {name}, which has {len(content)} bytes; at most {MAX_BYTES} are shown"
        )
    is_right = content.startswith(_PNG) if path.suffix == ".png" else b"<svg" in content[:2000]
    if not is_right:
        raise LogoError(f"portal.logo names {name}, which is no {path.suffix[1:].upper()} file")
    return f"data:{MEDIA_TYPES[path.suffix]};base64,{base64.b64encode(content).decode()}"
