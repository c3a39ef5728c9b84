"""What looks like a password, a token or a private key in a notebook that is to become public."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from urbanlab_services.publisher.attachments import list_texts
from urbanlab_services.publisher.bundles import BundleError

MAX_LISTED = 8
EXCUSE = "# no secret"
# Each begins with fixed letters, or where a word does, and is bounded, so that a long line costs no more than its
# length.
_KNOWN = {
    "a private key": r"-----BEGIN (?:[A-Z]{2,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----",
    "a signed token (JWT)": (
        r"(?<![\w-])(?:[\w-]{0,40}-)??eyJ[\w-]{8,4000}+\.eyJ[\w-]{8,4000}+\.[\w-]{8,1000}"
    ),
    "an access token": (
        r"\b(?:gh[opsur]_[A-Za-z0-9]{36}|github_pat_\w{22,255}|glpat-[\w-]{20}|xox[abeoprs]-[\w-]{10,250}"
        r"|sk-[A-Za-z0-9_-]{32,200}|hf_[A-Za-z0-9]{30,60}|AIza[\w-]{35}|pypi-AgE[\w-]{40,250})"
    ),
    "a cloud access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a password in an address": r"://[^\s/:@\"'{}<>]{1,100}:(?![*.xX]{3,}@)[^\s/@\"'{}<>]{3,200}@",
}
_PATTERNS = {kind: re.compile(pattern) for kind, pattern in _KNOWN.items()}
_ASSIGNED = re.compile(
    r"(?P<name>passwor[dt]|passwd|kennwort|passphrase|secret|token|api_?key|access_?key)[a-z_0-9]{0,30}+[\"']?\]?"
    r"(?:\s{0,8}:\s{0,8}[a-z]{1,20})?\s{0,8}[=:]\s{0,8}[rbu]{0,2}[\"'](?P<value>[^\"'\n]{6,300})[\"']",
    re.IGNORECASE,
)
_WRITTEN = "a password or token in the code"
_PLACEHOLDER = re.compile(r"[{}<>\s…]|\.\.\.|\*\*\*|xxx|beispiel|example|change.?me", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """A place, counted from 1, and what it looks like; never the text itself."""

    cell: int
    line: int
    kind: str


class LeakError(BundleError):
    """The notebook holds something that looks secret."""

    code = "secret_found"


def check_no_secrets(notebook: Mapping[str, Any]) -> None:
    """Raise `LeakError` that says in which cells of a stripped notebook something looks secret."""
    for name, text in list_texts(notebook).items():
        for number, content in enumerate(text.splitlines(), 1):
            if kind := find_kind(content):
                raise LeakError(f"File {name}, line {number} looks like {kind}: take it out.")
    findings = list(find_secrets(notebook))
    if not findings:
        return
    first = findings[0]
    others = sorted({each.cell for each in findings} - {first.cell})[:MAX_LISTED]
    place = f"Cell {first.cell}, line {first.line}"
    also = f" Look at these cells, too: {', '.join(map(str, others))}." if others else ""
    excuse = f" If it is none, end the line with `{EXCUSE}`." if first.kind == _WRITTEN else ""
    raise LeakError(
        f"{place} looks like {first.kind}: take it out, and change it where others may have seen it.{excuse}{also}"
    )


def find_secrets(notebook: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what looks secret in code, text and pictures made of text, at most once a line."""
    for number, cell in enumerate(notebook["cells"], 1):
        for line, text in enumerate(cell["source"].splitlines(), 1):
            if kind := find_kind(text):
                yield Finding(number, line, kind)
        for text in _list_attached_texts(cell):
            if kind := find_kind(text):
                yield Finding(number, 1, kind)


def find_kind(text: str) -> str:
    """Return what a text looks like, or an empty text.

    >>> find_kind('connect(password="hunter22")')
    'a password or token in the code'
    >>> find_kind('connect(password=os.environ["PASSWORD"])')
    ''
    """
    for kind, pattern in _PATTERNS.items():
        if pattern.search(text):
            return kind
    if not text.rstrip().endswith(EXCUSE) and any(map(_is_secret, _ASSIGNED.finditer(text))):
        return _WRITTEN
    return ""


def _is_secret(hit: re.Match[str]) -> bool:
    value = hit["value"]
    if _PLACEHOLDER.search(value) or len(set(value)) < 4:
        return False
    is_password = hit["name"].lower().startswith(("pass", "kenn"))
    # A token is drawn by lot: a word of a language is a name of one.
    return is_password or (len(value) >= 8 and any(letter.isdigit() for letter in value))


def _list_attached_texts(cell: Mapping[str, Any]) -> Iterator[str]:
    for forms in (cell.get("attachments") or {}).values():
        for media_type, content in forms.items():
            text = "".join(content) if isinstance(content, list) else str(content)
            if media_type == "image/svg+xml":
                try:
                    yield base64.b64decode(text).decode("utf-8", "replace")
                except (binascii.Error, ValueError):
                    yield text
