"""Unix accounts: one for each hub user and for each service, so that the system keeps them apart."""

from __future__ import annotations

import fcntl
import grp
import pwd
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from urbanlab.contract import naming

LOCK = Path("/run/urbanlab-accounts.lock")
LOCK_TRIES = 50
# The distribution's own range of system accounts has room for fewer people than a county has staff.
FIRST_ID, LAST_ID = 30_001, 59_999
NOBODYS_ID = 30_000  # of no account, now or ever
# useradd is not on the path of every supervisor, and its messages are compared with nothing translated.
ADMIN_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


class AccountError(RuntimeError):
    """An account that could not be made or removed; the message is the system's own reason."""


def ensure_account(owner: str, installation: str) -> pwd.struct_passwd:
    """Return the account of a hub user or a service and make it if it is absent; for root only."""
    name = naming.make_account(owner, installation)
    found = find_account(name)
    if found is not None:
        return found
    with _locked():
        if find_account(name) is None:
            _run("useradd", *_make_options(), name)
    return pwd.getpwnam(name)


def find_account(name: str) -> pwd.struct_passwd | None:
    """Return the account called `name`, or None."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def list_accounts(installation: str) -> list[pwd.struct_passwd]:
    """Return all accounts of one installation."""
    return [entry for entry in pwd.getpwall() if entry.pw_name.startswith(f"ul{installation}-")]


def ensure_group(purpose: str, installation: str, members: Iterable[str]) -> int:
    """Return the number of the group in which some services read something together; for root only."""
    name = f"ul{installation}-{purpose}"
    with _locked():
        _run("groupadd", "--force", "--system", *_make_range("SYS_GID"), name)
        absent = sorted(set(members) - set(grp.getgrnam(name).gr_mem))
        for member in absent:
            _run("usermod", "--append", "--groups", name, member)
    return grp.getgrnam(name).gr_gid


def delete_group(purpose: str, installation: str) -> None:
    """Remove a group; one that is absent is fine."""
    with _locked(), suppress(KeyError):
        _run("groupdel", grp.getgrnam(f"ul{installation}-{purpose}").gr_name)


def delete_account(name: str) -> None:
    """Remove an account; one that is absent is fine."""
    with _locked():
        if find_account(name) is not None:
            _run("userdel", "--force", name)


def _make_options() -> list[str]:
    keys = [*_make_range("SYS_UID"), *_make_range("SYS_GID")]
    # /nonexistent: homes are given by the environment, and nothing may be found through the password file.
    fixed = ["--system", "--user-group", "--no-create-home", "--no-log-init", "--home-dir", "/nonexistent"]
    return [*fixed, "--shell", "/usr/sbin/nologin", *keys]


def _make_range(kind: str) -> list[str]:
    return ["--key", f"{kind}_MIN={FIRST_ID}", "--key", f"{kind}_MAX={LAST_ID}"]


def _run(*command: str) -> None:
    for _ in range(LOCK_TRIES):
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=ADMIN_ENVIRONMENT)
        if "try again later" not in done.stderr:  # somebody else holds the system's own lock
            break
        time.sleep(0.1)
    if done.returncode != 0:
        raise AccountError(f"{command[0]} {command[-1]}: {done.stderr.strip()}")


@contextmanager
def _locked() -> Iterator[None]:
    # useradd has a lock of its own, but gives up where another holds it.
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
