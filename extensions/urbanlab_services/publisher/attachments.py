"""Files that a notebook reads and that are handed in with it: checked, and kept within its bundle."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any

from urbanlab.contract.publications import FILES_KEY
from urbanlab_services.publisher.bundles import BundleError

MAX_FILES = 10
MAX_BYTES = 1_500_000  # of all together; what is larger is a dataset
ENDINGS = (
    *("csv", "tsv", "txt", "md", "json", "geojson", "yaml", "yml", "py", "css"),
    *("xlsx", "ods", "parquet", "arrow", "gpkg", "png", "jpg", "jpeg", "webp", "svg"),
)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")
# What Python or Jupyter would run or read by itself where it lies.
_REFUSED = frozenset({"sitecustomize.py", "usercustomize.py", "voila.json"})


class AttachmentError(BundleError):
    """A file that cannot be handed in with a notebook; the message says which and why."""

    code = "invalid_file"


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names; raise `ValueError` with what is wrong with the first that cannot be one."""
    for name in names:
        ending = name.rpartition(".")[2].lower()
        if not _NAME.fullmatch(name) or name in _REFUSED or ".." in name:
            raise ValueError(
                f"has {name[:80]!r}; a name has letters, digits, hyphens and dots, and no folder"
            )
        if ending not in ENDINGS or "." not in name:
            raise ValueError(f"has {name[:80]!r}; known endings are {', '.join(ENDINGS)}")
    return tuple(names)


def attach(notebook: Mapping[str, Any], listed: Iterable[str], files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return a stripped notebook with the files that are listed; raise `AttachmentError`."""
    names = tuple(listed)
    if missing := [name for name in names if name not in files]:
        raise AttachmentError(f"These files are listed, but were not handed in: {', '.join(missing)}.")
    if unlisted := [name[:80] for name in files if name not in names]:
        raise AttachmentError(f"These files are not listed under `files`: {', '.join(unlisted)}.")
    if len(names) > MAX_FILES:
        raise AttachmentError(f"These are {len(names)} files; at most {MAX_FILES} are taken.")
    size = sum(map(len, files.values()))
    if size > MAX_BYTES:
        raise AttachmentError(
            f"The files have {size / 1e6:.1f} MB together; at most {MAX_BYTES / 1e6:.1f} MB are taken. "
            "Load large data as a dataset."
        )
    if not names:
        return dict(notebook)
    kept = {name: base64.b64encode(files[name]).decode() for name in sorted(names)}
    return {**notebook, "metadata": {**notebook["metadata"], FILES_KEY: kept}}


def list_texts(notebook: Mapping[str, Any]) -> dict[str, str]:
    """Return what can be read of a notebook's files, by name; of others a remark on their size."""
    texts = {}
    for name, content in notebook["metadata"].get(FILES_KEY, {}).items():
        raw = base64.b64decode(content)
        try:
            texts[name] = raw.decode()
        except UnicodeDecodeError:
            texts[name] = f"({len(raw)} B)"
    return texts
