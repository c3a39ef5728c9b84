"""What an account leaves outside of its own folders: files where everybody may write, and System V's objects.

Numbers of accounts are given again, so whatever stays would belong to the next one that gets the number.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from urbanlab_hub.accounts import ADMIN_ENVIRONMENT
from urbanlab_operate.changes import ApplyError

PLACES = tuple(map(Path, ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue")))  # noqa: S108
SYSTEM_V = Path("/proc/sysvipc")
# The kernel's list of such objects -> what it calls their numbers, and the option of ipcrm that removes one.
SYSTEM_V_KINDS = {
    "shm": ("shmid", "--shmem-id"),
    "sem": ("semid", "--semaphore-id"),
    "msg": ("msqid", "--queue-id"),
}


def delete_leftovers(uid: int, state: Path, places: Iterable[Path] = PLACES) -> None:
    """Delete what the account owns of all this; for root, once none of its processes runs any more.

    The folder `state` of an installation, which may lie in such a place, keeps all that is in it.
    """
    found = [str(place) for place in places if place.is_dir()]
    # A folder in which others have something cannot be deleted, but it need not stay the account's.
    otherwise = ["-execdir", "chown", "--no-dereference", "root:root", "{}", ";"]
    delete = ["(", "-delete", "-o", *otherwise, ")"]
    plain = re.sub(r"([*?[\\])", r"\\\1", str(state))
    elsewhere = ["!", "-path", f"{plain}/*"]
    _run("find", *found, "-xdev", "-depth", *elsewhere, "-uid", str(uid), *delete, quietly=True)
    for kind, (_, option) in SYSTEM_V_KINDS.items():
        for number in _list_objects(kind, uid):
            _run("ipcrm", option, number)


def delete_folder(folder: Path) -> None:
    """Delete a folder, or the link in its place, with all below it; one that is absent is fine.

    Not by shutil, which gives up where somebody nested folders deeper than Python calls functions.
    """
    _run("rm", "--recursive", "--force", "--one-file-system", "--", str(folder))


def _list_objects(kind: str, uid: int) -> list[str]:
    """Return the numbers of those that the account owns or made."""
    path, (name, _) = SYSTEM_V / kind, SYSTEM_V_KINDS[kind]
    head, *rows = path.read_text(encoding="ascii").splitlines() if path.exists() else [""]
    objects = [dict(zip(head.split(), row.split(), strict=False)) for row in rows]
    return [each[name] for each in objects if str(uid) in (each["uid"], each["cuid"])]


def _run(*command: str, quietly: bool = False) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ADMIN_ENVIRONMENT)
    if done.returncode and not quietly:
        raise ApplyError(f"{command[0]} {command[-1]}: {done.stderr.strip()}")
