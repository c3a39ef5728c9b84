"""What a backup holds: an archive for each folder of the state, and copies of SQLite's files beside them.

The order is part of it: what names others is copied before what it names, so that nothing in a copy refers to what
came later.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from urbanlab_hub.settings import Settings
from urbanlab_operate.errors import OperateError

# Folder -> what of it comes first.
FOLDERS: Mapping[str, tuple[str, ...]] = {
    "secrets": (),
    "tenants": (),
    "jupyterhub_config.d": (),
    "hub": (),
    "warehouse": (),
    "publisher": (),
    "public": ("publications", "tenants.json", "pages"),
    "audit": ("log/head.json",),
}
HOMES = ("homes", "shared", "archived-homes")
FILES = ("installation", "settings.yaml", "demo-accounts.json")
# Made anew at each start, or of no use elsewhere.
LEFT_OUT = frozenset({"secrets", "tmp", "tickets", "spool"})
_MAGIC = b"SQLite format 3\0"
_TAR = ("tar", "--warning=no-file-changed", "--warning=no-file-ignored")
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}


def list_folders(settings: Settings, *, homes: bool) -> Iterator[tuple[str, Path]]:
    """Yield the name and path of each folder that is there."""
    for name in (*FOLDERS, *(HOMES if homes else ())):
        path = settings.tenants if name == "tenants" else settings.state / name
        if path.is_dir():
            yield name, path


def copy_folder(name: str, folder: Path, target: Path) -> None:
    """Copy a folder to `target` as an archive and the databases that it holds, whoever writes to them meanwhile."""
    # In homes there are people's own files; of those only an archive is made.
    databases = [] if name in HOMES else list_databases(folder)
    for database in databases:
        _copy_database(database, target / "databases" / name / database.relative_to(folder))
    archive(name, folder, target / f"{name}.tar", [path.relative_to(folder) for path in databases])


def list_databases(folder: Path) -> list[Path]:
    """Return SQLite's files in a folder, by their content and not their names."""
    return sorted(path for path in folder.rglob("*") if _is_database(path))


def _is_database(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with open_plain(path) as file:
        return file.read(len(_MAGIC)) == _MAGIC


def open_plain(path: Path, folder: int | None = None) -> BinaryIO:
    """Open a file for reading that another account owns, and follow no link that it may have put there.

    With `folder`, an opened one, `path` is a name in it.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OperateError(f"{path} is no plain file: look who put it there")
    return os.fdopen(descriptor, "rb")


def _copy_database(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.touch(mode=0o600)
    there, here = sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True), sqlite3.connect(target)
    with closing(there), closing(here):
        there.backup(here)
        here.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it


def archive(name: str, folder: Path, target: Path, without: list[Path]) -> None:
    """Write a folder into an archive; links stay links, and nobody is followed out of the folder."""
    target.touch(mode=0o600)
    skipped = {str(path) + ending for path in without for ending in ("", "-wal", "-shm", "-journal")}
    first = [each for each in FOLDERS.get(name, ()) if (folder / each).exists()]
    left_out = frozenset() if name in (*HOMES, "secrets") else LEFT_OUT
    rest = sorted(path.name for path in folder.iterdir() if path.name not in left_out | skipped | {*first})
    _add(folder, target, first, set())
    _add(folder, target, rest, {*skipped, *first})


def _add(folder: Path, target: Path, names: list[str], without: set[str]) -> None:
    excluded = [f"--exclude=./{each}" for each in sorted(without)]
    options = ["--append", "--file", str(target), "--directory", str(folder), "--sort=name"]
    patterns = ["--anchored", "--no-wildcards", *excluded]
    listed = [f"./{each}" for each in names]
    # 1: a file changed while it was read, as a log does; it is whole up to there.
    _run(folder.name, (0, 1), *options, *patterns, "--files-from=/dev/null", "--", *listed)


def unpack(source: Path, folder: Path) -> None:
    """Unpack an archive; everything becomes the property of whoever unpacks, and no program runs as its owner."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = ["--extract", "--file", str(source), "--directory", str(folder)]
    _run(source.name, (0,), *options, "--no-same-owner", "--preserve-permissions")
    strip = ("find", str(folder), "-type", "f", "-perm", "/6000", "-exec", "chmod", "ug-s", "{}", "+")
    done = subprocess.run(strip, capture_output=True, text=True, check=False, env=_ENVIRONMENT)
    if done.returncode:
        raise OperateError(f"{source.name} could not be unpacked: {done.stderr.strip()[:500]}")


def _run(subject: str, fine: tuple[int, ...], *arguments: str) -> None:
    done = subprocess.run([*_TAR, *arguments], capture_output=True, text=True, check=False, env=_ENVIRONMENT)
    if done.returncode not in fine:
        raise OperateError(f"{subject} could not be copied: {done.stderr.strip()[:500]}")
