"""Two people of two tenants with a kernel each: one attacks, the other is to be left in peace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.installation import Installation

from .login import StaffSession

# What an attack finds in its kernel: `target`, what is known of the one whom it is aimed at, and small tools.
PRELUDE = """
import ctypes, errno, glob, json, os, signal, socket, subprocess, sys, tempfile, threading, time
import urllib.error, urllib.request
from pathlib import Path
libc = ctypes.CDLL(None, use_errno=True)
def get(call, *arguments):
    "What a call gives, or None where the system refuses it."
    try:
        return call(*arguments)
    except (OSError, ValueError, PermissionError) as error:
        return None
def works(call, *arguments):
    "Whether the system lets a call through."
    try:
        call(*arguments)
        return True
    except (OSError, ValueError) as error:
        return False
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay)
def ask(address, body=None, method=None, **headers):
    "Status, place and body of an answer; status 0 where nobody answers, -1 where the system lets nobody connect."
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        request = urllib.request.Request(address, body, names, method=method)
        with opener.open(request, timeout=20) as answer:
            place, text = answer.headers.get("Location", ""), answer.read(200_000)
            return [answer.status, place, text.decode("utf-8", "replace")]
    except urllib.error.HTTPError as error:
        return [error.code, error.headers.get("Location", ""), error.read(200_000).decode("utf-8", "replace")]
    except (urllib.error.URLError, OSError) as error:
        return [-1 if isinstance(getattr(error, "reason", error), PermissionError) else 0, "", ""]
"""

FACTS = """
import ipykernel
home, runtime = os.environ["HOME"], os.environ["JUPYTER_RUNTIME_DIR"]
shared = tempfile.NamedTemporaryFile(dir="/dev/shm", prefix="of-the-target-", delete=False)
shared.write(b"secret"); shared.flush()
segment = libc.shmget(0x5EC12E7 + os.getuid(), 4096, 0o1600)  # made if absent, private
child = subprocess.Popen(["sleep", "1000"])
print(json.dumps({
    "kernel": os.getpid(), "server": os.getppid(), "child": child.pid, "uid": os.getuid(), "home": home,
    "runtime": runtime, "connection": ipykernel.get_connection_file(), "shared": shared.name,
    "segment": segment, "segment_key": 0x5EC12E7 + os.getuid(), "url": os.environ["JUPYTERHUB_SERVICE_URL"],
    "hub_user": os.environ["JUPYTERHUB_USER"], "token": os.environ["JUPYTERHUB_API_TOKEN"],
    "client": os.environ["JUPYTERHUB_CLIENT_ID"], "tenant": os.environ["URBANLAB_TENANT"],
}))
"""
TIDY = "child.kill(); os.unlink(shared.name); libc.shmctl(segment, 0, 0)"


@dataclass
class Person:
    """Somebody with a kernel, and what the system knows of it."""

    session: StaffSession
    facts: dict[str, Any]

    def attack(self, code: str, target: Person, **values: Any) -> Any:
        """Run code that prints JSON, aimed at `target`, whose token and secrets it does not learn."""
        known = {name: value for name, value in target.facts.items() if name != "token" or target is self}
        given = {"target": known, **values}
        lines = "".join(
            f"{name} = json.loads({json.dumps(json.dumps(value))})\n" for name, value in given.items()
        )
        return self.session.ask_json(lines + code)


@contextmanager
def make_person(installation: Installation, username: str) -> Iterator[Person]:
    """Somebody at work, while the block runs."""
    with StaffSession(installation, username) as session:
        prepared = session.run(PRELUDE)
        assert not prepared.error, prepared.error
        facts = session.ask_json(FACTS)
        yield Person(session, facts)
        session.run(TIDY)
