"""The head: which line is the last, signed with a key that only the log's own account has.

A line counts once the head speaks of it, so nothing can be cut off at the end, or put there, unseen.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from urbanlab.contract.files import write_whole
from urbanlab_services.audit.chain import GENESIS, to_canonical

HEAD, KEY = "head.json", "head.key"


class DamagedError(Exception):
    """The log is not as its writer left it; the message is a sentence for the operator."""


@dataclass(frozen=True)
class Head:
    """The last line: its number, its hash and its file."""

    seq: int = 0
    hash: str = GENESIS
    file: str = ""


def ensure_key(folder: Path) -> bytes:
    """Return the key of a log, made where neither key nor log is there yet; raise `DamagedError` without it."""
    path = folder / KEY
    if not path.exists():
        if (folder / HEAD).exists() or any(folder.glob("*.jsonl")):
            raise DamagedError(f"the key of the audit log is gone: {path}")
        write_whole(path, secrets.token_hex(32).encode())
        write_head(folder, bytes.fromhex(path.read_text()), Head())
    return load_key(folder)


def load_key(folder: Path) -> bytes:
    """Return the key; raise `DamagedError` where there is none."""
    try:
        return bytes.fromhex((folder / KEY).read_text())
    except (FileNotFoundError, ValueError):
        raise DamagedError(f"the key of the audit log is gone or no key: {folder / KEY}") from None


def load_head(folder: Path, key: bytes) -> Head:
    """Return the head; raise `DamagedError` where it is gone or somebody else's."""
    try:
        values = json.loads((folder / HEAD).read_bytes())
        mac = values.pop("mac")
        head = Head(**values)
    except FileNotFoundError:
        raise DamagedError(f"the head of the audit log is gone: {folder / HEAD}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise DamagedError(f"{folder / HEAD} is no head of an audit log") from None
    if not hmac.compare_digest(str(mac), _sign(head, key)):
        raise DamagedError(f"{folder / HEAD} was not written by the audit log's writer")
    return head


def write_head(folder: Path, key: bytes, head: Head) -> None:
    """Make a line the last one; it is so, also after a crash, once this returns."""
    write_whole(folder / HEAD, to_canonical({**asdict(head), "mac": _sign(head, key)}))


def _sign(head: Head, key: bytes) -> str:
    return hmac.new(key, to_canonical(asdict(head)), hashlib.sha256).hexdigest()
