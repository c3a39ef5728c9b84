"""A running hub with two towns, the publisher's numbers, and browsers that hold no JavaScript."""

from __future__ import annotations

import html
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop

from tests.hub_alone import ROOT
from tests.installation import find_free_ports
from urbanlab.contract.naming import make_hub_user
from urbanlab.contract.records import Quotas, Tenant, write_tenant
from urbanlab_hub.accounts import delete_account, list_accounts
from urbanlab_hub.settings import Settings, load_settings
from urbanlab_services.publisher.data_releases import DataRequest
from urbanlab_services.publisher.pending import make_pending_routes
from urbanlab_services.publisher.store import Store
from urbanlab_services.service import ServiceSettings, make_application

HOSTILE = "<script>hit=1</script> Müller 'x' {0} \u202egnp"
PEOPLE = {
    "anna@town": ("admin", "steward"),
    "karl@town": ("analyst",),
    "gerd@town": ("gatekeeper", "publisher"),
    make_hub_user(HOSTILE, "town"): ("analyst",),
    "nora@town": (),
    "publications@town": (),
    "vera@village": ("admin",),
    "viktor@village": ("analyst",),
}
WAIT_SECONDS = 20


@dataclass
class Browser:
    """A browser in which somebody is logged in at the hub."""

    hub_url: str
    person: str
    language: str = "de"
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.headers["Accept-Language"] = self.language
        fields = {"username": self.person, "password": "", "_xsrf": self.get_xsrf("login")}
        self.session.post(f"{self.hub_url}login", fields, allow_redirects=False, timeout=20)
        self.get_xsrf("home")  # that of the login is another one

    def open(self, path: str = "tenant", **options: Any) -> requests.Response:
        return self.session.get(self.hub_url + path, timeout=20, **options)

    def send(self, path: str, fields: dict[str, str], **options: Any) -> requests.Response:
        return self.session.post(self.hub_url + path, fields, timeout=20, **options)

    def get_xsrf(self, path: str = "tenant") -> str:
        found = re.search(r'xsrf_token: "([^"]+)"', self.open(path).text)
        assert found
        return found[1]

    def read_form(self, page: requests.Response) -> dict[str, str]:
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text)
        return {name: html.unescape(value) for name, value in hidden}

    def ask_hub(self, method: str, path: str) -> requests.Response:
        headers = {"X-XSRFToken": self.get_xsrf("home"), "Referer": f"{self.hub_url}home"}
        return self.session.request(method, f"{self.hub_url}api/{path}", headers=headers, timeout=20)

    def find_server(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.ask_hub("GET", "user").json().get("servers", {}).get("")
        return found

    def start_server(self) -> None:
        self.ask_hub("POST", f"users/{quote(self.person)}/server").raise_for_status()
        self.wait_for(lambda: (self.find_server() or {}).get("ready"))

    def stop_server(self) -> None:
        self.ask_hub("DELETE", f"users/{quote(self.person)}/server")
        self.wait_for(lambda: self.find_server() is None)

    def wait_for(self, condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.05)


@dataclass
class Hub:
    """The running hub."""

    settings: Settings
    store: Store
    url: str

    def log_in(self, person: str, language: str = "de") -> Browser:
        return Browser(self.url, person, language)


def make_town(tenant: str, title: str) -> Tenant:
    places = {"state": "NW", "time_zone": "Europe/Berlin", "latitude": 51.9, "longitude": 8.4}
    return Tenant(
        tenant,
        title,
        ("de", "en"),
        **places,
        crs="EPSG:25832",
        population=0,
        contact="",
        quotas=Quotas(servers=7),
    )


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ultest-", dir="/var/tmp"))
    folder.chmod(0o711)
    installation = secrets.token_hex(2)
    (folder / "installation").write_text(installation + "\n")
    for name, mode in (("homes", 0o711), ("records", 0o755), ("hub", 0o700), ("publisher", 0o700)):
        (folder / name).mkdir(mode=mode)
    for service in ("hub", "publisher"):
        (folder / service / "secrets").mkdir()
        (folder / service / "secrets" / "publisher-hub").write_text("what the hub shows\n")
    write_tenant(folder / "records", make_town("town", "Stadt & Muster"))
    write_tenant(folder / "records", make_town("village", "Dorf"))
    yield folder
    for entry in list_accounts(installation):
        delete_account(entry.pw_name)
    shutil.rmtree(folder)
    shutil.rmtree(f"/run/urbanlab-{installation}", ignore_errors=True)


@pytest.fixture(scope="module")
def hub(state: Path) -> Iterator[Hub]:
    ports = {f"URBANLAB_{name.upper()}": port for name, port in find_free_ports().items()}
    names = {"URBANLAB_STATE": str(state), "URBANLAB_PUBLISHER_BIND": "127.0.0.1", **ports}
    settings = load_settings(names)
    store = Store(state / "publisher" / "publisher.sqlite")
    stop = serve_numbers(settings, store)
    groups: dict[str, dict[str, list[str]]] = {}
    for person, roles in PEOPLE.items():
        for role in roles:
            path = f"/tenants/{person.partition('@')[2]}/{role}"
            groups.setdefault(path, {"users": []})["users"].append(person)
    groups["/services/publications"] = {"users": ["publications@town", "nora@town"]}
    command = (sys.executable, "-m", "jupyterhub", "-f", str(Path(__file__).with_name("hub_config.py")))
    environ = {**os.environ, **names, "GROUPS_OF_THE_TEST": json.dumps(groups), "PYTHONPATH": str(ROOT)}
    with (state / "hub" / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=state / "hub", env=environ, stdout=log, stderr=log)
    running = Hub(settings, store, f"{settings.hub_url}hub/")
    try:
        wait_until_answers(running.url, process, state / "hub" / "log")
        yield running
    finally:
        process.terminate()
        process.wait(20)
        stop()


def wait_until_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            requests.get(f"{url}health", timeout=5).raise_for_status()
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the hub does not start: {log.read_text()[-3000:]}")


def serve_numbers(settings: Settings, store: Store) -> Callable[[], None]:
    """Serve what the publisher tells the hub; return how it is ended."""
    started, loops = threading.Event(), []

    async def find_missing() -> dict[str, str]:
        return {}

    def run() -> None:
        loop = IOLoop(make_current=True)
        service = ServiceSettings.from_environ(
            "publisher", environ={"URBANLAB_SECRETS": str(settings.service_secrets("publisher"))}
        )
        server = HTTPServer(make_application(make_pending_routes(service, store), find_missing))
        server.listen(settings.publisher_port, "127.0.0.1")
        loops.append(loop)
        started.set()
        loop.start()

    threading.Thread(target=run, daemon=True).start()
    assert started.wait(10)
    return lambda: loops[0].add_callback(loops[0].stop)


def make_request(tenant: str, number: int) -> DataRequest:
    return DataRequest(
        id=f"{number:032x}",
        tenant=tenant,
        dataset="level",
        table=f"{tenant}.level",
        requester=f"karl@{tenant}",
        requested_at="2026-01-01T00:00:00+00:00",
        title={},
        description={},
        licence="dl-de/zero-2.0",
    )
