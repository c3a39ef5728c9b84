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


def make_access_list(groups: Mapping[int, int]) -> bytes:
    """Return the list that gives each of `groups` its rights, the owner all and nobody else any."""
    entries = [
        (_OWNER, READ | WRITE | ENTER, _NOBODY),
        (_OWNING_GROUP, 0, _NOBODY),
        *((_GROUP, rights, group) for group, rights in sorted(groups.items())),
        (_MASK, READ | WRITE | ENTER, _NOBODY),
        (_OTHERS, 0, _NOBODY),
    ]
    return _VERSION.pack(2) + b"".join(_ENTRY.pack(*entry) for entry in entries)


def set_access(folder: int, groups: Mapping[int, int]) -> None:
    """Give groups rights in the opened folder itself; raise `OSError` where the file system has no such lists."""
    os.setxattr(folder, "system.posix_acl_access", make_access_list(groups))


def set_inherited_access(folder: int, groups: Mapping[int, int]) -> None:
    """Give groups rights in what will be made in the opened folder, whatever the mask of whoever makes it."""
    os.setxattr(folder, "system.posix_acl_default", make_access_list(groups))
