"""Files that were handed in with a notebook, written to the folder in which it runs."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

from urbanlab.contract.publications import FILES_KEY

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")


def write_attachments(notebook: dict[str, Any], folder: Path) -> tuple[str, ...]:
    """Write the files of a notebook and return their names; raise `ValueError` for what is none."""
    files = (notebook.get("metadata") or {}).get(FILES_KEY) or {}
    for name, content in files.items():
        if not _NAME.fullmatch(name):
            raise ValueError(name)
        (folder / name).write_bytes(base64.b64decode(content, validate=True))
    return tuple(files)
