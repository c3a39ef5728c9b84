"""Folders of a user's account: the home, and the runtime folder with the kernels' sockets."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

CURATED_LINK = "Kuratierte Notebooks"


def ensure_home(home: Path, uid: int, gid: int, curated: Path) -> None:
    """Make the home, private to its account, with a link to the curated notebooks."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    if home.stat().st_uid != uid:
        # New, or kept from a machine on which the account had another number.
        _give(home, uid, gid)
    _ensure_link(home / CURATED_LINK, curated, uid, gid)


def make_runtime_path(installation: str, account: str) -> Path:
    """Return the folder of an account's sockets: short, because their addresses hold about 100 characters.

    The hub's own folder for temporary files lies too deep.
    """
    base = Path("/run") if os.geteuid() == 0 else Path("/tmp")  # noqa: S108 - whose it is, is looked at
    return base / f"urbanlab-{installation}" / account.rpartition("-")[2]


def ensure_runtime(path: Path, uid: int, gid: int) -> None:
    """Make the runtime folder anew: empty, and private to its account."""
    path.parent.mkdir(mode=0o711, exist_ok=True)
    if path.parent.lstat().st_uid != os.geteuid():
        raise PermissionError(f"{path.parent} belongs to somebody else")
    path.parent.chmod(0o711)  # whatever the mask of whoever started the hub is
    delete_runtime(path)
    path.mkdir(mode=0o700)
    os.chown(path, uid, gid)


def delete_runtime(path: Path) -> None:
    """Remove the runtime folder; an absent one is fine."""
    shutil.rmtree(path, ignore_errors=True)


def _give(home: Path, uid: int, gid: int) -> None:
    for folder, names, files in os.walk(home):
        for name in (*names, *files):
            os.chown(Path(folder, name), uid, gid, follow_symlinks=False)
    os.chown(home, uid, gid)


def _ensure_link(link: Path, target: Path, uid: int, gid: int) -> None:
    if link.is_symlink() and link.readlink() != target:
        link.unlink()
    # Whatever else somebody put there is theirs.
    if not os.path.lexists(link):
        link.symlink_to(target)
        os.chown(link, uid, gid, follow_symlinks=False)
