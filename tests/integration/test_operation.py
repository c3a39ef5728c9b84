"""What an operator does: start, end, look, refuse towns that cannot be; and what nobody else gets to see of it."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests

from tests.installation import COMMAND, Installation, make_state_folder, remove_state_folder
from urbanlab_operate.local.programs import list_ports

from .login import StaffSession, login
from .operator_access import kill_part, read_part, read_status, wait_until, wait_until_healthy
from .people import People

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give services accounts of their own")

PARTS = {
    *("keycloak", "kafka", "engine", "warehouse", "proxy", "hub", "tokens", "ingest", "publisher", "portal"),
    *("audit", "culler", "simulator"),
}


# --- starting and ending ---


class Foreground:
    """`urbanlab up` as in a terminal: a process group of its own that gets the Ctrl-C."""

    def __init__(self, place: Installation, output: Path) -> None:
        self.output = output
        with output.open("w") as file:
            self.process = subprocess.Popen(
                [COMMAND, "up"], env=place.environ(), stdout=file, stderr=file, start_new_session=True
            )

    def wait_until_ready(self) -> None:
        """Wait for the table of addresses and the word that it can be ended."""
        wait_until(lambda: self.process.poll() is not None or "Ctrl-C ends" in self.output.read_text(), 150)
        assert self.process.poll() is None, self.output.read_text()

    def interrupt(self) -> float:
        """Press Ctrl-C and return how many seconds it took until the command had ended."""
        began = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(30)
        return time.monotonic() - began


@contextmanager
def separate_installation(**settings: str) -> Iterator[Installation]:
    """An installation beside the shared one, removed afterwards with all that runs in it."""
    state = make_state_folder()
    place = Installation(state, **settings)
    try:
        yield place
    finally:
        place.stop()
        remove_state_folder(state)


def find_processes(state: Path) -> list[str]:
    """Return the command lines of what runs in the accounts of an installation or names its folder."""
    accounts = f"ul{(state / 'installation').read_text().strip()}-"
    found = []
    for process in psutil.process_iter(["username", "cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or ())
        if process.info["username"].startswith(accounts) or str(state) in command:
            found.append(f"{process.info['username']}: {command} ({process.info['status']})")
    return found


def is_free(bind: str, port: int) -> bool:
    """Return whether somebody could listen at a port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex((bind, port)) != 0 and probe.bind((bind, port)) is None


@pytest.mark.timeout(360)
def test_ctrl_c_ends_everything_and_a_second_start_finds_all_data(tmp_path: Path) -> None:
    with separate_installation(demo="0") as place:
        state, ports = place.settings.state, list_ports(place.settings)
        foreground = Foreground(place, tmp_path / "up.txt")
        foreground.wait_until_ready()
        shown = foreground.output.read_text()
        for address in (place.settings.hub_url, place.settings.keycloak_url, place.settings.warehouse_url):
            assert address in shown
        place.run("tenant", "add", "altstadt", "--title", "Altstadt")
        password = People(place).make("anna", ("/tenants/altstadt/analyst",))
        anna = StaffSession(place, "anna", "altstadt", password)
        anna.run("import urbanlab as ul; import pandas as pd; open('kept.txt', 'w').write('kept')")
        assert not anna.run("ul.load(pd.DataFrame({'n': [1, 2, 3]}), 'kept')").error

        seconds = foreground.interrupt()
        print(f"Ctrl-C: {seconds:.1f} s")
        assert seconds < 15
        assert foreground.process.returncode == 0
        assert "Traceback" not in foreground.output.read_text()
        assert find_processes(state) == []
        assert not [name for name, port in ports.items() if not is_free(place.settings.bind, port)]
        assert json.loads(place.run("status", "--json", code=1))["running"] is False

        began = time.monotonic()
        place.start()
        print(f"second start: {time.monotonic() - began:.1f} s")
        assert time.monotonic() - began < 60
        with StaffSession(place, "anna", "altstadt", password) as again:
            code = "import urbanlab as ul; print(ul.query('SELECT sum(n) AS n FROM lab_altstadt.kept')['n'].item())"
            assert again.run(code).text == "6\n"
            assert again.run("print(open('kept.txt').read())").text == "kept\n"


def test_a_port_in_use_is_one_sentence_with_the_setting() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with separate_installation(hub_port=str(port), demo="0") as place:
            said = place.run("up", "--detach", code=1)
    assert f"Port {port} (hub_port) is in use by another program" in said
    assert "choose another port by URBANLAB_HUB_PORT=…" in said
    assert "Traceback" not in said


def test_up_on_a_running_installation_says_so_and_changes_nothing(installation: Installation) -> None:
    before = {part["name"]: part["pid"] for part in read_status(installation)["parts"]}
    assert "is running already" in installation.run("up", "--detach")
    assert {part["name"]: part["pid"] for part in read_status(installation)["parts"]} == before


# --- looking ---


def test_the_status_for_programs_has_everything_for_each_part(installation: Installation) -> None:
    wait_until_healthy(installation)
    status = json.loads(installation.run("status", "--json"))
    assert (status["running"], status["healthy"]) == (True, True)
    assert status["isolated"] is (os.geteuid() == 0)
    assert {part["name"] for part in status["parts"]} == PARTS
    for part in status["parts"]:
        assert set(part) >= {"name", "state", "healthy", "reason", "pid", "restarts", "memory_mb", "seconds"}
        assert part["pid"] > 0
        assert part["memory_mb"] > 5


@pytest.mark.parametrize("name", ["proxy", "tokens", "simulator"])
def test_a_part_that_dies_comes_back_and_the_status_says_so(installation: Installation, name: str) -> None:
    before = read_part(installation, name)
    killed = kill_part(installation, name)
    wait_until(lambda: read_part(installation, name)["pid"] not in (0, killed.pid))
    wait_until_healthy(installation)
    after = read_part(installation, name)
    assert after["restarts"] == before["restarts"] + 1 > 0
    assert re.search(rf"{name}\W+healthy\W+{after['restarts']}\b", installation.run("status"))


def test_a_proxy_that_dies_takes_nobodys_way_for_long(installation: Installation) -> None:
    with StaffSession(installation, "analyst-detmold") as staff:
        assert not staff.run("kept = 'still here'").error
        kill_part(installation, "proxy")
        wait_until_healthy(installation)
        assert login(installation, "analyst-rietberg").get(staff.prefix, timeout=30).status_code in (403, 404)
        assert is_answered(staff)
        staff.leave_kernel()
        staff.kernel = staff.join_kernel(staff.ask_server("GET", "api/kernels").json()[0]["id"])
        assert staff.run("print(kept)").text == "still here\n"


def is_answered(staff: StaffSession) -> bool:
    """Return whether the person's server still answers."""
    return bool(staff.ask_server("GET", "api/kernels").status_code == 200)


# --- towns ---


@pytest.mark.parametrize(
    "arguments", [("system", "--title", "X"), ("Neu", "--title", "X"), ("detmold", "--title", "X")]
)
def test_a_town_that_cannot_be_is_refused_in_one_sentence(
    installation: Installation, arguments: tuple[str, ...]
) -> None:
    said = installation.run("tenant", "add", *arguments, code=1)
    assert "Traceback" not in said
    assert arguments[0] in said
    assert "Everything is in line." in installation.run("apply")


# --- secrets ---


def read_secrets(installation: Installation) -> dict[str, str]:
    """Return every secret's value by its file: the operator's, the services' and the demo accounts'."""
    state = installation.settings.state
    paths = [path for path in (*state.glob("secrets/*"), *state.glob("*/secrets/*")) if path.is_file()]
    secrets = {str(path.relative_to(state)): path.read_text().strip() for path in paths}
    public = {name for name in secrets if name.endswith("tokens-public-key")}
    # A key spans lines: its first line of content is enough to find it by.
    found = {
        name: value.splitlines()[1] if value.startswith("-----") else value
        for name, value in secrets.items()
        if name not in public
    }
    accounts = json.loads((state / "demo-accounts.json").read_text())
    return {**found, **{f"password of {name}": value for name, value in accounts.items()}}


def find_secrets(installation: Installation, text: str) -> list[str]:
    """Return the names of the secrets whose values stand in a text."""
    return [name for name, value in read_secrets(installation).items() if value in text]


def test_nothing_that_the_operator_prints_holds_a_secret(installation: Installation) -> None:
    assert len(read_secrets(installation)) > 30
    for command in (("show",), ("check",), ("status", "--json"), ("apply",), ("tenant", "list")):
        assert find_secrets(installation, installation.run(*command)) == []
    assert "**********" in installation.run("show")


def test_no_log_holds_a_secret_or_a_token(installation: Installation) -> None:
    with StaffSession(installation, "analyst-detmold") as staff:
        staff.run("import urbanlab as ul; ul.query('SELECT 1'); next(ul.stream('footfall_live', last=1))")
        token = staff.ask_json("import json, os; print(json.dumps(os.environ['JUPYTERHUB_API_TOKEN']))")
        state = installation.settings.state
        logs = [
            *state.glob("logs/*"),
            *state.glob("supervisor/*.log"),
            *state.glob("homes/*/.urbanlab-server.log"),
        ]
        texts = {str(path.relative_to(state)): path.read_text(errors="replace") for path in logs}
    assert len(texts) > 9
    assert {name: found for name, text in texts.items() if (found := find_secrets(installation, text))} == {}
    assert [name for name, text in texts.items() if token in text] == []
    assert [name for name, text in texts.items() if re.search(r"eyJ[\w-]{20,}\.[\w-]{20,}", text)] == []


def test_no_command_line_holds_a_secret(installation: Installation) -> None:
    with StaffSession(installation, "analyst-detmold") as staff:
        token = staff.ask_json("import json, os; print(json.dumps(os.environ['JUPYTERHUB_API_TOKEN']))")
        lines = "\n".join(
            " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])
        )
    assert str(installation.settings.state) in lines
    assert find_secrets(installation, lines) == []
    assert token not in lines


SEARCH = """
import json, os, sys
state, own, secrets = json.load(sys.stdin)
def find(content):
    return [name for name, value in secrets.items() if value.encode() in content]
found = []
for folder, folders, files in os.walk(state):
    folders[:] = [name for name in folders if os.path.join(folder, name) != own]
    for name in files:
        try:
            with open(os.path.join(folder, name), 'rb') as file:
                content = file.read(5_000_000)
        except OSError:
            continue
        found += [[os.path.join(folder, name), secret] for secret in find(content)]
for pid in filter(str.isdigit, os.listdir('/proc')):
    try:
        if os.stat('/proc/' + pid).st_uid != os.getuid():
            content = open('/proc/' + pid + '/environ', 'rb').read()
            found += [['environment of ' + pid, secret] for secret in find(content)]
    except OSError:
        continue
print(json.dumps(found))
"""


@needs_root
def test_no_service_reaches_the_secret_of_another(installation: Installation) -> None:
    from urbanlab_hub.accounts import list_accounts

    state, secrets = installation.settings.state, read_secrets(installation)
    owners = {path.stat().st_uid: path for path in state.iterdir() if path.stat().st_uid}
    assert len(owners) >= 8
    # The operator's own account finds them all: the search is no blind one.
    accounts = [pwd.getpwuid(0), *list_accounts((state / "installation").read_text().strip())]
    for account in accounts:
        own = str(owners.get(account.pw_uid, ""))
        done = subprocess.run(
            [sys.executable, "-c", SEARCH],
            input=json.dumps([str(state), own, secrets]),
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=os.getgrouplist(account.pw_name, account.pw_gid),
            capture_output=True,
            text=True,
            check=True,
            cwd="/",
        )
        found = {secret for _, secret in json.loads(done.stdout)}
        assert found == (set(secrets) if account.pw_uid == 0 else set()), account.pw_name


def test_metrics_and_health_of_services_tell_nothing_secret(installation: Installation) -> None:
    settings = installation.settings
    for port in (
        settings.tokens_port,
        settings.warehouse_port,
        settings.ingest_port,
        settings.simulator_port,
    ):
        for path in ("livez", "readyz", "metrics"):
            answer = requests.get(f"http://{settings.bind}:{port}/{path}", timeout=10)
            assert find_secrets(installation, answer.text) == []
