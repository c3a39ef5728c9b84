"""Supervisor: its configuration, starting it, and the calls to it over a socket that only its owner opens."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from urbanlab_hub.settings import Settings
from urbanlab_operate.errors import OperateError
from urbanlab_operate.local.programs import Program

STOP_SECONDS = 5  # until a program that does not end is killed
START_RETRIES = 100  # each waits a second longer than the one before: more than an hour in all
PR_SET_CHILD_SUBREAPER = 36
# All parts together weigh three times what all users together do (`USERS_WEIGHT` in urbanlab_hub.cgroups): a page
# that is being made, or somebody's computation, must not hold up the portal.
PARTS_NICENESS = "-15"

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class ProgramInfo:
    """What the supervisor knows about a program; `state` is one of its own words: RUNNING, BACKOFF, …"""

    name: str
    state: str
    pid: int
    seconds: int
    reason: str


def get_folder(settings: Settings) -> Path:
    """Return the supervisor's private folder."""
    return settings.state / "supervisor"


def get_socket(settings: Settings) -> Path:
    """Return the socket of the supervisor."""
    return get_folder(settings) / "supervisor.sock"


def get_log(settings: Settings, program: str) -> Path:
    """Return the file that keeps what a program writes."""
    return settings.state / "logs" / f"{program}.log"


def render_configuration(settings: Settings, programs: Iterable[Program]) -> str:
    """Return the supervisor's configuration; there is no secret in it."""
    folder = get_folder(settings)
    sections: dict[str, Mapping[str, object]] = {
        "supervisord": {
            "logfile": folder / "supervisord.log",
            "pidfile": folder / "supervisord.pid",
            "childlogdir": settings.state / "logs",
            "directory": folder,
            "umask": "077",
            "nodaemon": "true",
            "silent": "true",
        },
        "unix_http_server": {"file": get_socket(settings), "chmod": "0700"},
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
        **{f"program:{program.name}": _make_section(settings, program) for program in programs},
    }
    return "\n".join(_render_section(name, values) for name, values in sections.items())


def _make_section(settings: Settings, program: Program) -> dict[str, object]:
    folder = program.folder
    variables = {**program.environment, "HOME": folder, "TMPDIR": folder / "tmp"}
    with_children = "false" if program.keeps_children else "true"
    values: dict[str, object] = {
        "command": " ".join(_quote(word) for word in program.command),
        "directory": folder,
        "environment": ",".join(f"{name}={_quote(str(value))}" for name, value in variables.items()),
        "autostart": "false",
        "autorestart": "true",
        "startsecs": 3,
        "startretries": START_RETRIES,
        "stopwaitsecs": STOP_SECONDS,
        "stopasgroup": "false",
        "killasgroup": with_children,
        "redirect_stderr": "true",
        "stdout_logfile": get_log(settings, program.name),
        "stdout_logfile_maxbytes": "20MB",
        "stdout_logfile_backups": 2,
    }
    return {**values, "user": program.account} if program.account else values


def _quote(text: str) -> str:
    # Also where it is quoted, a blank and one of ; and # begin a comment.
    if re.search(r'["\\\n]|\s[;#]', text):
        raise OperateError(f"{text!r} cannot stand in the supervisor's configuration: choose a plainer name")
    return f'"{text}"'


def _render_section(name: str, values: Mapping[str, object]) -> str:
    # A per cent sign would begin one of the supervisor's own expressions.
    texts = {key: str(value).replace("%", "%%") for key, value in values.items()}
    return f"[{name}]\n" + "".join(f"{key} = {text}\n" for key, text in texts.items())


def start_supervisor(settings: Settings) -> None:
    """Start the supervisor in a session of its own, with no program running yet."""
    folder = get_folder(settings)
    for name in ("supervisord.log", "supervisord.log.1"):
        (folder / name).unlink(missing_ok=True)  # restarts are counted in it
    with (folder / "start.log").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "supervisor.supervisord", "-c", str(folder / "supervisord.conf")],
            cwd=folder,
            env=make_base_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=_take_place,
        )
    _wait_for_socket(settings, process)


def make_base_environment() -> dict[str, str]:
    """Return the environment that all programs share: nothing of the operator's own."""
    tools = {str(Path(tool).parent) for name in ("java", "node") if (tool := shutil.which(name))}
    path = [str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]
    return {
        "PATH": ":".join(dict.fromkeys([*path, *sorted(tools)])),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        # What one account compiles, another cannot read: the set-up compiles for all.
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _take_place() -> None:
    """Make the supervisor the parent of what its programs leave behind, so that `down` finds all of it.

    Where the system shares its processors among sessions, all parts are one of them: as root it gets its weight.
    """
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(PARTS_NICENESS, encoding="ascii")


def _wait_for_socket(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while not is_running(settings):
        if process.poll() is not None or time.monotonic() > deadline:
            reason = (get_folder(settings) / "start.log").read_text(encoding="utf-8").strip()
            raise OperateError(f"the supervisor did not start: {reason or 'it does not answer'}")
        time.sleep(0.05)


def is_running(settings: Settings) -> bool:
    """Return whether the installation has a supervisor that answers."""
    if not get_socket(settings).exists():
        return False
    try:
        call(settings, "getState")
    except (OSError, Fault):  # none, or one that is ending and answers nothing else any more
        return False
    return True


def call(settings: Settings, method: str, *arguments: Any) -> Any:
    """Call the supervisor; raise `OSError` where none answers, `xmlrpc.client.Fault` where it refuses."""
    # The address is only a name: the transport goes by the socket.
    transport = SupervisorTransport(None, None, f"unix://{get_socket(settings)}")
    server: Any = ServerProxy("http://127.0.0.1", transport=transport)
    with server:
        return getattr(server.supervisor, method)(*arguments)


def start_program(settings: Settings, name: str) -> None:
    """Ask for a program to be started; one that runs is fine."""
    with suppress(Fault):
        call(settings, "startProcess", name, False)


def stop_programs(settings: Settings, names: Iterable[str], seconds: float) -> None:
    """Ask all of `names` to end at once, and wait until they have; the supervisor kills the stubborn."""
    waiting = set(names)
    for name in waiting:
        with suppress(Fault):
            call(settings, "stopProcess", name, False)
    deadline = time.monotonic() + seconds
    while waiting and time.monotonic() < deadline:
        time.sleep(0.05)
        waiting = {info.name for info in list_programs(settings) if info.name in waiting and info.pid}


def list_programs(settings: Settings) -> list[ProgramInfo]:
    """Return what the supervisor knows about each program."""
    return [
        ProgramInfo(
            name=info["name"],
            state=info["statename"],
            pid=info["pid"],
            seconds=info["now"] - info["start"] if info["pid"] else 0,
            reason=info["spawnerr"] or info["description"],
        )
        for info in call(settings, "getAllProcessInfo")
    ]


def count_restarts(settings: Settings) -> dict[str, int]:
    """Return how often each program was started again since the supervisor runs."""
    log = get_folder(settings) / "supervisord.log"
    started = re.findall(r"INFO spawned: '(\w+)' with pid", log.read_text(encoding="utf-8"))
    return {name: started.count(name) - 1 for name in set(started)}


def get_pid(settings: Settings) -> int:
    """Return the number of the supervisor's process."""
    return int(call(settings, "getPID"))


def send_shutdown(settings: Settings) -> None:
    """Ask the supervisor to end."""
    with suppress(OSError, Fault):
        call(settings, "shutdown")


def write_configuration(settings: Settings, programs: Iterable[Program]) -> None:
    """Write the supervisor's configuration."""
    path = get_folder(settings) / "supervisord.conf"
    path.write_text(render_configuration(settings, programs), encoding="utf-8")
    os.chmod(path, 0o600)  # noqa: PTH101
