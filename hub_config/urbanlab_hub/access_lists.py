"""POSIX access control lists as the system keeps them, so that no tool has to be installed to set one."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping

READ, WRITE, ENTER = 4, 2, 1

_VERSION = struct.Struct("<I")
_ENTRY = struct.Struct("<HHI")  # whom it is for, what they may do, their number
_OWNER, _OWNING_GROUP, _GROUP, _MASK, _OTHERS = 0x01, 0x04, 0x08, 0x10, 0x20
_NOBODY = 0xFFFFFFFF  # the number of an entry that needs none


def make_access_list(groups: Mapping[int, int], most: int = READ | WRITE | ENTER) -> bytes:
    """Return the list that gives each of `groups` its rights up to `most`, the owner `most` and nobody else any."""
    entries = [
        (_OWNER, most, _NOBODY),
        (_OWNING_GROUP, 0, _NOBODY),
        *((_GROUP, rights & most, group) for group, rights in sorted(groups.items())),
        (_MASK, most, _NOBODY),
        (_OTHERS, 0, _NOBODY),
    ]
    return _VERSION.pack(2) + b"".join(_ENTRY.pack(*entry) for entry in entries)


def set_access(folder: int, groups: Mapping[int, int]) -> None:
    """Give groups rights in the opened folder itself; raise `OSError` where the file system has no such lists."""
    os.setxattr(folder, "system.posix_acl_access", make_access_list(groups))


def set_file_access(file: int, groups: Mapping[int, int], *, is_program: bool) -> None:
    """Give groups rights in an opened file, which they run only where it is a program."""
    most = READ | WRITE | (ENTER if is_program else 0)
    os.setxattr(file, "system.posix_acl_access", make_access_list(groups, most))


def hands_down(folder: int, groups: Mapping[int, int]) -> bool:
    """Return whether just these groups have just these rights in what will be made in the opened folder."""
    try:
        return os.getxattr(folder, "system.posix_acl_default") == make_access_list(groups)
    except OSError:  # it hands nothing down, or the file system has no such lists
        return False


def set_inherited_access(folder: int, groups: Mapping[int, int]) -> None:
    """Give groups rights in what will be made in the opened folder, whatever the mask of whoever makes it."""
    os.setxattr(folder, "system.posix_acl_default", make_access_list(groups))
