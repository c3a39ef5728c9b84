"""The tenant's shared folders in a person's home: links to them, and access to what the person puts into them.

Who may read and write there is decided by the system (`urbanlab_hub.shared_folders`). What is made in such a folder
inherits its access. What is moved into it keeps the private access that it had at home, so it is handed down here,
by the person's own server and with the person's own rights, which reach no file of somebody else.
"""

from __future__ import annotations

import os
import stat
import struct
from contextlib import suppress
from pathlib import Path

from traitlets import Instance, List, Unicode, default
from traitlets.config import LoggingConfigurable

LINKS = "Gemeinsame Ordner"
DEPTH = 100  # of folders in folders, beyond which nobody's notebooks lie

_ACCESS, _INHERITED = "system.posix_acl_access", "system.posix_acl_default"
_ENTRY = struct.Struct("<HHI")
_VERSION_SIZE, _EXECUTE = 4, 1


class SharedFolders(LoggingConfigurable):  # type: ignore[misc]
    """The shared folders of one person."""

    folders = List(Unicode(), help="The tenant's shared folders, each a path.").tag(config=True)
    home: Path = Instance(Path, help="The home.")

    @default("home")  # type: ignore[untyped-decorator]  # traitlets has no types for it
    def _default_home(self) -> Path:
        return Path.home()

    def ensure_links(self) -> None:
        """Link each folder into the home, and take away links to those that are shared no more."""
        links = self.home / LINKS
        wanted = {Path(folder).name: Path(folder) for folder in self.folders}
        if not wanted and not links.is_dir():
            return
        try:
            links.mkdir(mode=0o700, exist_ok=True)
            for link in links.iterdir():
                if link.is_symlink() and link.readlink() != wanted.get(link.name):
                    link.unlink()
            for name, target in wanted.items():
                if not os.path.lexists(links / name):
                    (links / name).symlink_to(target)
        except OSError as error:
            self.log.warning("Shared folders could not be linked: %s", error)

    def is_link(self, path: str) -> bool:
        """Return whether a path is one of our links, or the folder with them."""
        links = str(self.home / LINKS)
        return bool(self.folders) and (
            path == links or (os.path.islink(path) and os.path.dirname(path) == links)  # noqa: PTH114, PTH120
        )

    def hand_down_all(self) -> None:
        """Hand access down to all files of the person in the shared folders, however they came there."""
        for folder in self.folders:
            if not os.access(folder, os.W_OK):
                continue  # who only reads has put nothing there
            with suppress(OSError):
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    _hand_down_inside(descriptor, _read_inherited(descriptor), DEPTH)
                finally:
                    os.close(descriptor)


def hand_down_access(path: str) -> None:
    """Give a file or folder that was just put somewhere the access that its folder hands down, if it does."""
    folder, name = os.path.split(path)
    with suppress(OSError):  # somebody moved it on
        descriptor = os.open(os.path.realpath(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            access = _read_inherited(descriptor)
            if access:
                _hand_down(descriptor, name, access, DEPTH)
        finally:
            os.close(descriptor)


def _hand_down_inside(folder: int, access: bytes, depth: int) -> None:
    if access and depth:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if _may_be_ours(entry)]
        for name in names:
            with suppress(OSError):
                _hand_down(folder, name, access, depth)


def _may_be_ours(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False) or entry.stat(follow_symlinks=False).st_uid == os.geteuid()
    except OSError:  # somebody moved it on
        return False


def _hand_down(folder: int, name: str, access: bytes, depth: int) -> None:
    # Neither a link that somebody put there is followed, nor a pipe waited for.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(name, flags, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            if status.st_uid == os.geteuid():
                _set(descriptor, _ACCESS, access)
                _set(descriptor, _INHERITED, access)
            # In another's folder there may be files of ours, to which its own access is handed down.
            _hand_down_inside(descriptor, _read_inherited(descriptor), depth - 1)
        elif stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and status.st_nlink == 1:
            # A file with a second name may lie at home as well, and is meant to be private there.
            executable = bool(status.st_mode & stat.S_IXUSR)
            _set(descriptor, _ACCESS, access if executable else _without_execution(access))
    finally:
        os.close(descriptor)


def _set(descriptor: int, name: str, access: bytes) -> None:
    with suppress(OSError):
        if os.getxattr(descriptor, name) == access:
            return
    os.setxattr(descriptor, name, access)


def _read_inherited(folder: int) -> bytes:
    try:
        return os.getxattr(folder, _INHERITED)
    except OSError:  # it has none, or the file system has no such lists
        return b""


def _without_execution(access: bytes) -> bytes:
    entries = _ENTRY.iter_unpack(access[_VERSION_SIZE:])
    return access[:_VERSION_SIZE] + b"".join(
        _ENTRY.pack(tag, rights & ~_EXECUTE, number) for tag, rights, number in entries
    )
