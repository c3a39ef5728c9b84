"""Everything of the installation that listens, seen from a kernel without a credential: closed, or on this list."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from tests.installation import Installation
from urbanlab.contract.secrets import read_secret
from urbanlab_operate.local.down import find_processes
from urbanlab_operate.local.programs import list_ports

from .login import StaffSession
from .operator_access import read_status
from .traces import Traces

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give servers accounts of their own")
ACCEPTS = 0x10000  # the flag of a Unix socket that listens
SERVER = "users' servers"

# What is asked of each listener over HTTP: where its secrets would be, and where others keep theirs.
PATHS = (
    *(
        "/",
        "/metrics",
        "/health",
        "/health/ready",
        "/livez",
        "/readyz",
        "/ping",
        "/api",
        "/api/routes",
        "/api/status",
    ),
    *(
        "/hub/api",
        "/hub/api/users",
        "/hub/api/proxy",
        "/hub/health",
        "/hub/metrics",
        "/hub/home",
        "/hub/admin",
    ),
    *("/api/contents", "/api/kernels", "/api/sessions", "/lab", "/catalog", "/releases", "/operator/apply"),
    *(
        "/admin/realms/urban/users",
        "/admin/serverinfo",
        "/realms/urban/account",
        "/debug/pprof",
        "/q/dev",
        "/jmx",
    ),
    *("/?query=SELECT+1", "/api/submissions", "/RPC2"),
)
HEALTH = {"/livez": 200, "/readyz": 200, "/metrics": 200}
LOGIN = {"/": 302, "/hub/api": 200, "/hub/health": 200, "/hub/home": 302, "/hub/admin": 302}
# Listener -> what it answers to somebody unknown; everything else must be 401, 403, 404, 405 or a way to `/hub/`.
ANSWERS: Mapping[str, Mapping[str, int]] = {
    "hub_port": LOGIN,
    "hub_api_port": LOGIN,
    "proxy_api_port": {},
    # The login page, and the console's, which asks for one.
    "keycloak_port": {"/": 302, "/realms/urban/account": 200, "/?query=SELECT+1": 303},
    "keycloak_management_port": {"/": 200, "/health": 200, "/health/ready": 200, "/?query=SELECT+1": 200},
    "warehouse_port": {**HEALTH, "/ping": 200},
    "tokens_port": HEALTH,
    "ingest_port": HEALTH,
    "culler_port": HEALTH,
    "simulator_port": HEALTH,
    "publisher_port": {**HEALTH, "/": 303, "/?query=SELECT+1": 303},
    # For everybody: the pages that were released. A tenant's page is called with a slash at the end.
    "portal_port": {**HEALTH, "/": 200, "/?query=SELECT+1": 400},
    SERVER: {},
    # These speak no HTTP, and hang up.
    "kafka_port": {},
    "kafka_controller_port": {},
}
WITHOUT_HTTP = {"kafka_port", "kafka_controller_port"}
FILTER = "packet filter"  # with it, users' servers are out of reach; without, they ask for a login
CLOSED = {401, 403, 404, 405}

ASK = """
import json, urllib.error, urllib.request
from concurrent.futures import ThreadPoolExecutor
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments): return None
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay)
def ask(address):
    try:
        with opener.open(address, timeout=20) as answer:
            return [answer.status, "", answer.read(100_000).decode("utf-8", "replace")]
    except urllib.error.HTTPError as error:
        return [error.code, error.headers.get("Location", ""), error.read(100_000).decode("utf-8", "replace")]
    except OSError as error:
        return [0, type(error).__name__, ""]
def ask_all(address):
    return address, {path: ask("http://" + address + path) for path in paths}
with ThreadPoolExecutor(8) as pool:
    print(json.dumps(dict(pool.map(ask_all, addresses))))
"""


@dataclass(frozen=True)
class Listener:
    """A place that something of the installation listens at."""

    name: str  # the setting of its port, or whose it is
    host: str
    port: int


@pytest.fixture(scope="module")
def staff(installation: Installation) -> Iterator[StaffSession]:
    with StaffSession(installation, "analyst-guetersloh") as session:
        session.run("import time; time.sleep(0.5)")  # all that a kernel opens at its start
        yield session


@pytest.fixture(scope="module")
def neighbour(installation: Installation) -> Iterator[StaffSession]:
    with StaffSession(installation, "analyst-detmold") as session:
        session.run("import time; time.sleep(0.5)")
        yield session


@pytest.fixture(scope="module")
def listeners(installation: Installation, staff: StaffSession, neighbour: StaffSession) -> list[Listener]:
    """All TCP listeners, with two people at work."""
    ports = {port: name for name, port in list_ports(installation.settings).items()}
    found = set()
    for process in find_processes(installation.settings):
        with suppress(psutil.NoSuchProcess):
            for each in process.net_connections("tcp"):
                if each.status == psutil.CONN_LISTEN:
                    name = ports.get(each.laddr.port) or (SERVER if is_users(process) else process.name())
                    found.add(Listener(name, each.laddr.ip, each.laddr.port))
    return sorted(found, key=lambda each: (each.name, each.port))


def is_users(process: psutil.Process) -> bool:
    """Return whether a process runs a person's or service user's server."""
    return "urbanlab_lab" in process.cmdline() or "urbanlab_runner" in process.cmdline()


def test_nothing_listens_but_what_is_on_the_list(
    installation: Installation, staff: StaffSession, neighbour: StaffSession, listeners: list[Listener]
) -> None:
    settings = installation.settings
    assert {each.name for each in listeners} == {*ANSWERS}
    hosts = {each.name: each.host for each in listeners}
    special = {"publisher_port": settings.publisher_bind, SERVER: settings.servers_bind}
    assert hosts == {name: special.get(name, settings.bind) for name in ANSWERS}
    assert all(each.host.startswith("127.") for each in listeners)
    # A person's server listens once, and kernels nowhere.
    assert len([each for each in listeners if each.name == SERVER]) == len(list_user_servers(installation))


def list_user_servers(installation: Installation) -> list[psutil.Process]:
    """Return the processes of all users' servers."""
    return [process for process in find_processes(installation.settings) if is_users(process)]


def test_nothing_listens_for_datagrams(installation: Installation, listeners: list[Listener]) -> None:
    found = []
    for process in find_processes(installation.settings):
        with suppress(psutil.NoSuchProcess):
            found += [(process.name(), each.laddr) for each in process.net_connections("udp")]
    assert found == []


def test_each_listener_tells_somebody_unknown_what_it_may_and_no_more(
    installation: Installation, staff: StaffSession, listeners: list[Listener]
) -> None:
    own = staff.ask_json("import json, os; print(json.dumps(os.environ['JUPYTERHUB_SERVICE_URL']))")
    asked = {f"{each.host}:{each.port}": each.name for each in listeners if f":{each.port}/" not in own}
    code = f"addresses = {[*asked]!r}\npaths = {PATHS!r}\n{ASK}"
    answers = staff.ask_json(code)
    wrong = [
        (asked[address], path, status, place)
        for address, pages in answers.items()
        for path, (status, place, _) in pages.items()
        if not is_allowed(asked[address], path, status, place)
    ]
    assert wrong == []
    if FILTER in read_status(installation)["listening"]:
        reached = [pages for address, pages in answers.items() if asked[address] == SERVER]
        assert {status for pages in reached for status, *_ in pages.values()} == {0}
    # Whatever was told names nobody and nothing that is not public.
    told = {
        (asked[address], path): text
        for address, pages in answers.items()
        for path, (_, _, text) in pages.items()
    }
    public = {key for key in told if key[0] == "portal_port"}
    names = re.compile(r"analyst-|gatekeeper-|publisher-|@(guetersloh|detmold|rietberg)|eyJ[\w-]{8,}")
    assert [key for key in told.keys() - public if names.search(told[key])] == []


def is_allowed(name: str, path: str, status: int, place: str) -> bool:
    """Return whether a listener may answer so."""
    if name in WITHOUT_HTTP:
        return status == 0
    if path in ANSWERS[name]:
        return status == ANSWERS[name][path]
    if name == "portal_port" and status == 308:
        return place == f"{path}/"
    if name == SERVER and status == 0:
        return True
    return status in CLOSED or (status == 302 and place.startswith("/hub/"))


KAFKA = """
import json, kafka
from concurrent.futures import ThreadPoolExecutor
def admit(way):
    port, options = way
    try:
        client = kafka.KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=2000,
                                        bootstrap_timeout_ms=2000, **options)
        return sorted(client.list_topics())
    except Exception as error:
        return type(error).__name__
plain = {"security_protocol": "PLAINTEXT"}
sasl = {"security_protocol": "SASL_PLAINTEXT", "sasl_plain_username": "controller"}
sasl["sasl_plain_password"] = "controller"
ways = [plain, {**sasl, "sasl_mechanism": "PLAIN"}, {**sasl, "sasl_mechanism": "SCRAM-SHA-512"}]
with ThreadPoolExecutor(6) as pool:
    print(json.dumps(list(pool.map(admit, [(port, way) for port in ports for way in ways]))))
"""


def test_kafka_and_its_controller_let_nobody_in_without_a_credential(
    installation: Installation, staff: StaffSession
) -> None:
    settings = installation.settings
    ports = [settings.kafka_port, settings.kafka_controller_port]
    traces = Traces(installation)
    refusals = staff.ask_json(f"ports = {ports}\n{KAFKA}", 60)
    assert all(isinstance(refusal, str) and refusal.endswith("Error") for refusal in refusals), refusals
    traces.wait_for("kafka", "Failed authentication with", len(refusals))


LISTEN = """
import json, socket
held, ports = [], []
def listen(host, port, protocol=0):
    try:
        held.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol))
        if port is not None: held[-1].bind((host, port))
        held[-1].listen()
        ports.append(held[-1].getsockname()[1])
    except OSError:
        pass
for place in places: listen(*place)
print(json.dumps(ports))
"""


def test_code_in_a_kernel_can_wait_nowhere_for_others(
    installation: Installation, staff: StaffSession
) -> None:
    """Where it could, a page of the platform might lead a browser there, which sends its cookies to any port."""
    ways = read_status(installation)["listening"]
    if ways == "nothing":
        pytest.skip("this system can forbid no listening")
    settings = installation.settings
    own = urlsplit(
        staff.ask_json("import json, os; print(json.dumps(os.environ['JUPYTERHUB_SERVICE_URL']))")
    ).port
    hosts = [settings.bind, settings.publisher_bind, "0.0.0.0"]
    places = [
        (host, port, protocol)
        for host in hosts
        for port in (0, settings.culler_port)
        for protocol in (0, 262)
    ]
    if FILTER in ways:
        places += [(host, own, 0) for host in hosts] + [("", None, 0)]
    ports = staff.ask_json(f"places = {places!r}\n{LISTEN}")
    reached = [(host, port) for host in hosts[:2] for port in {*ports} if is_reachable(host, port)]
    assert reached == []
    staff.run("[each.close() for each in held]")


def is_reachable(host: str, port: int) -> bool:
    """Return whether a connection is taken."""
    with socket.socket() as client:
        client.settimeout(0.5)
        return client.connect_ex((host, port)) == 0


CONNECT = """
import errno, json, socket
def connect(path):
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.settimeout(5); client.connect(path); return "connected"
        except OSError as error:
            return errno.errorcode.get(error.errno, str(error))
print(json.dumps({path: connect(path) for path in paths}))
"""


def test_no_unix_socket_but_the_own_kernels_lets_a_kernel_in(
    installation: Installation, staff: StaffSession, listeners: list[Listener]
) -> None:
    sockets = list_unix_listeners(installation)
    own = staff.ask_json("import json, os; print(json.dumps(os.environ['JUPYTER_RUNTIME_DIR']))")
    others = [path for path in sockets if not path.startswith(own)]
    assert [path for path in others if path.startswith("@")] == []  # abstract names have no permissions
    known = {"supervisor.sock", "engine.sock", "audit.sock"}
    assert known <= {Path(re.sub(r"\.\d+$", "", path)).name for path in others}
    assert any("/kernel-" in path for path in others)  # the neighbour's
    answers = staff.ask_json(f"paths = {others!r}\n{CONNECT}")
    assert set(answers.values()) <= {"EACCES", "ENOENT"}, answers


def list_unix_listeners(installation: Installation) -> list[str]:
    """Return the addresses of all Unix sockets that the installation listens at, in whatever network they are."""
    found: set[str] = set()
    for process in find_processes(installation.settings):
        with suppress(OSError):
            held = {os.readlink(each) for each in Path(f"/proc/{process.pid}/fd").iterdir()}
            for line in Path(f"/proc/{process.pid}/net/unix").read_text().splitlines()[1:]:
                fields = line.split(maxsplit=7)
                if int(fields[3], 16) & ACCEPTS and f"socket:[{fields[6]}]" in held:
                    found.add(fields[7] if len(fields) > 7 else "@")
    return sorted(found)


def test_no_command_line_holds_a_secret(installation: Installation, staff: StaffSession) -> None:
    master = installation.settings.master_secrets
    secrets = {path.name: read_secret(master, path.name).reveal().strip() for path in master.iterdir()}
    secrets |= read_demo_passwords(installation)
    token = staff.ask_json("import json, os; print(json.dumps(os.environ['JUPYTERHUB_API_TOKEN']))")
    # Of a process that has ended there is None.
    lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    shown = {
        name
        for name, secret in {**secrets, "hub token": token}.items()
        for line in lines
        if len(secret) >= 8 and secret in line
    }
    assert len(secrets) > 10
    assert shown == set()


def read_demo_passwords(installation: Installation) -> dict[str, Any]:
    """Return the passwords of the demo accounts."""
    accounts: dict[str, Any] = json.loads((installation.settings.state / "demo-accounts.json").read_text())
    return accounts
