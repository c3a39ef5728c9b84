"""A whole installation for tests and benchmarks: own state, ports that the system chose, the real `urbanlab`."""

from __future__ import annotations

import dataclasses
import grp
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from urbanlab.contract.secrets import read_secret
from urbanlab_hub.settings import Settings, load_settings

COMMAND = Path(sys.executable).with_name("urbanlab")
PORTS = tuple(spec.name for spec in dataclasses.fields(Settings) if spec.name.endswith("_port"))


class Installation:
    """An installation in a state folder of its own; `start` and `stop` may be called again and again."""

    def __init__(self, state: Path, **settings: str) -> None:
        names = {"STATE": str(state), **find_free_ports(), **settings}
        self.variables = {f"URBANLAB_{name.upper()}": value for name, value in names.items()}
        self.account: dict[str, Any] = {}  # whoever runs the command, as `subprocess` takes it
        self.settings = load_settings(self.variables)

    def start(self) -> str:
        """Bring everything up; return what the command printed."""
        return self.run("up", "--detach")

    def stop(self) -> None:
        """End everything."""
        self.run("down")

    def run(self, *arguments: str, code: int | None = 0) -> str:
        """Run `urbanlab` here and return what it printed; it must end with `code`, if that is given."""
        done = subprocess.run(
            [COMMAND, *arguments],
            env=self.environ(),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
            **self.account,
        )
        assert code in (None, done.returncode), (
            f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
        return done.stdout + done.stderr

    def environ(self) -> dict[str, str]:
        """Return the environment of a command for this installation."""
        return {**os.environ, **self.variables}

    def secret(self, name: str) -> str:
        """Return one of the operator's secrets."""
        return read_secret(self.settings.master_secrets, name).reveal()

    def password(self, username: str) -> str:
        """Return a demo account's password."""
        accounts: dict[str, str] = json.loads((self.settings.state / "demo-accounts.json").read_text())
        return accounts[username]


def make_state_folder() -> Path:
    """Make a state folder that the accounts of services and users can reach, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="urbanlab-test-", dir="/var/tmp"))
    folder.chmod(0o711)
    return folder / "state"


def remove_state_folder(state: Path) -> None:
    """Remove the folder and, as root, the accounts that the installation made."""
    name = state / "installation"
    if os.geteuid() == 0 and name.exists():
        from urbanlab_hub.accounts import delete_account, delete_group, list_accounts
        from urbanlab_hub.cgroups import delete_cgroups

        installation = name.read_text().strip()
        delete_cgroups(installation)
        for entry in list_accounts(installation):
            delete_account(entry.pw_name)
        for entry in grp.getgrall():
            if entry.gr_name.startswith(f"ul{installation}-"):
                delete_group(entry.gr_name.partition("-")[2], installation)
        # Where the sockets of users' kernels were, of root or of an ordinary account.
        for base in ("/run", "/tmp"):
            shutil.rmtree(f"{base}/urbanlab-{installation}", ignore_errors=True)
    shutil.rmtree(state.parent)


def find_free_ports() -> dict[str, str]:
    """Return a free port for each setting that is one.

    From below those that the system gives to whoever asks for any: of them it may give one away before we start.
    """
    found: list[int] = []
    with ExitStack() as stack:
        for port in random.sample(range(10_000, 32_000), 1000):
            probe = stack.enter_context(socket.socket())
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == len(PORTS):
                break
    return dict(zip(PORTS, map(str, found), strict=True))
