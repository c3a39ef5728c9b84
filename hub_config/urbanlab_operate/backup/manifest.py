"""The list of a backup's files with their digests, written last: without it a folder is no backup."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from urbanlab_operate.errors import OperateError
from urbanlab_operate.secret_files import write_private

NAME = "manifest.json"
FORMAT = 1  # of the folder; another one is refused
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Manifest:
    """What a backup is: of which version, from when, with or without homes; file -> bytes and SHA-256."""

    format: int
    version: str
    created_at: str
    homes: bool
    files: dict[str, list[int | str]] = field(default_factory=dict)


def write_manifest(folder: Path, *, homes: bool) -> Manifest:
    """Digest everything in the folder and write the list."""
    files: dict[str, list[int | str]] = {
        str(path.relative_to(folder)): [path.stat().st_size, _digest(path)]
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != NAME
    }
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    manifest = Manifest(FORMAT, version("urbanlab"), moment, homes, files)
    write_private(folder / NAME, json.dumps(dataclasses.asdict(manifest), indent=1) + "\n")
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Return the list; raise `OperateError` for what is no backup, or one that this version cannot read."""
    path = folder / NAME
    try:
        manifest = Manifest(**json.loads(path.read_text(encoding="utf-8")))
        _check_names(manifest.files)
    except FileNotFoundError:
        raise OperateError(
            f"{folder} is no backup, or one that was not finished: {NAME} is missing"
        ) from None
    except (ValueError, TypeError, AttributeError):
        raise OperateError(f"{path} is damaged: use another backup") from None
    if manifest.format != FORMAT:
        raise OperateError(
            f"{folder} was written by version {manifest.version}, which this one cannot read: restore it with that"
        )
    return manifest


def _check_names(files: dict[str, list[int | str]]) -> None:
    for name, (size, digest) in files.items():
        if name.startswith("/") or ".." in name.split("/"):
            raise ValueError(name)
        if not isinstance(size, int) or not isinstance(digest, str):
            raise TypeError(name)


def check_files(folder: Path, manifest: Manifest) -> None:
    """Raise `OperateError` with the name of the first file that is not what was written."""
    for name, (size, digest) in manifest.files.items():
        path = folder / name
        if not path.is_file() or path.is_symlink():
            raise OperateError(f"{path} is missing: the backup is not whole, use another")
        if path.stat().st_size != size or _digest(path) != digest:
            raise OperateError(f"{path} is damaged: it is not what was written, use another backup")


def _digest(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()
