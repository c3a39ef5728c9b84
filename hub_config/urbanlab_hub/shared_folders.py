"""Folders that the people of a tenant share: the system decides who reads and writes, by groups.

A server runs with the groups of the roles that its person has when it starts. Root makes each folder and sets
rights on it, and touches nothing inside, where the people of the tenant may have put whatever they like: but once,
where a folder comes from a backup, which keeps no access lists, or its groups have been made anew.
"""

from __future__ import annotations

import errno
import grp
import logging
import os
import re
import stat
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from urbanlab.contract import naming
from urbanlab.contract.files import opened_folder
from urbanlab.contract.records import SharedFolder, Tenant
from urbanlab_hub.access_lists import (
    ENTER,
    READ,
    WRITE,
    hands_down,
    set_access,
    set_file_access,
    set_inherited_access,
)
from urbanlab_hub.accounts import ensure_group

logger = logging.getLogger(__name__)

DEPTH = 100  # of folders in folders, beyond which nobody's files lie
_NAME = re.compile(r"[^\W_][\w -]{0,59}")


def make_roles(tenant: str, groups: Collection[str]) -> set[str]:
    """Return the roles in a tenant that somebody in these groups of the hub has."""
    return {role for role in naming.ROLES if naming.make_group_path(tenant, role) in groups}


def list_groups(tenant: Tenant, installation: str, roles: Collection[str]) -> list[int]:
    """Return the numbers of the groups that a server of somebody with these roles runs with.

    A folder that was declared a moment ago, and that nobody's start has made yet, has no groups.
    """
    numbers = set()
    for folder in tenant.shared_folders if roles else ():
        numbers.add(_find_group(tenant, folder, installation, "read"))
        if set(folder.writers) & set(roles):
            numbers.add(_find_group(tenant, folder, installation, "write"))
    return sorted(number for number in numbers if number is not None)


def ensure_shared_folders(root: Path, tenant: Tenant, installation: str | None) -> None:
    """Make a tenant's folders below `root`; without an installation there are no accounts to keep apart.

    A folder that is no longer declared stays as it is, but no server runs with its groups any more.
    """
    if not tenant.shared_folders:
        return
    root.mkdir(mode=0o711, exist_ok=True)
    root.chmod(0o711)  # whatever the mask of whoever started the hub is
    ours = root / tenant.id
    for path in (ours, *(ours / check_folder_name(folder.name) for folder in tenant.shared_folders)):
        path.mkdir(mode=0o700, exist_ok=True)
    if installation is not None:
        try:
            _let_people_in(ours, tenant, installation)
        except OSError as error:
            if error.errno != errno.ENOTSUP:
                raise
            logger.error(
                "Nobody gets into the shared folders: the file system of %s has no access lists", ours
            )


def _let_people_in(ours: Path, tenant: Tenant, installation: str) -> None:
    entering = {}
    for folder in tenant.shared_folders:
        readers, writers = (
            _ensure_group(tenant, folder, installation, access) for access in ("read", "write")
        )
        rights = {readers: READ | ENTER, writers: READ | WRITE | ENTER}
        with opened_folder(ours / folder.name) as descriptor:
            if not hands_down(descriptor, rights):
                _open_inside(descriptor, rights, DEPTH)
            # The inherited one comes last: it says that all below is done.
            set_access(descriptor, rights)
            set_inherited_access(descriptor, rights)
        entering[readers] = ENTER
    with opened_folder(ours) as descriptor:
        # Nobody of another tenant learns which folders there are.
        set_access(descriptor, entering)


def _open_inside(folder: int, rights: Mapping[int, int], depth: int) -> None:
    """Give groups their rights in all that lies in an opened folder, whatever people have put there."""
    for name in os.listdir(folder) if depth else ():
        try:
            # Neither a link is followed, nor a pipe waited for.
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        except OSError:  # a link, a socket, or gone by now
            continue
        try:
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                _open_inside(descriptor, rights, depth - 1)
                set_access(descriptor, rights)
                set_inherited_access(descriptor, rights)
            elif stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
                # A file with a second name may lie at somebody's home as well, and is private there.
                set_file_access(descriptor, rights, is_program=bool(status.st_mode & stat.S_IXUSR))
        finally:
            os.close(descriptor)


def check_folder_name(name: str) -> str:
    """Return a name that can only be a folder among the tenant's own; raise `NamingError` otherwise."""
    if not _NAME.fullmatch(name):
        raise naming.NamingError(
            f"{name!r} cannot name a shared folder: use up to 60 letters, digits, blanks, - and _"
        )
    return name


def _ensure_group(tenant: Tenant, folder: SharedFolder, installation: str, access: str) -> int:
    purpose = naming.make_folder_group(tenant.id, folder.name, access)
    found = _find_group(tenant, folder, installation, access)
    return ensure_group(purpose, installation, ()) if found is None else found


def _find_group(tenant: Tenant, folder: SharedFolder, installation: str, access: str) -> int | None:
    purpose = naming.make_folder_group(tenant.id, folder.name, access)
    with suppress(KeyError):
        return grp.getgrnam(f"ul{installation}-{purpose}").gr_gid
    return None
