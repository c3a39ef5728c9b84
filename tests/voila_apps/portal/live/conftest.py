"""Portal, publisher and a runner server as processes, with two pages that are public and have a control."""

from __future__ import annotations

import dataclasses
import http.client
import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from urbanlab.contract import environment, live
from urbanlab.contract.publications import Choice, Parameter
from urbanlab.contract.records import Tenant, write_tenant
from urbanlab_services.publisher.applications import Application
from urbanlab_services.publisher.bundles import Bundles
from urbanlab_services.publisher.live.seats import Caps
from urbanlab_services.publisher.publications import State, Submission, now
from urbanlab_services.publisher.store import Store

from ....extensions.conftest import ServiceProcess  # noqa: TID252
from ....extensions.jupyter_process import JupyterServer  # noqa: TID252
from ....kafka_broker import wait_until  # noqa: TID252
from ..conftest import Portal  # noqa: TID252

SERVICE_TOKEN, SECRET = "token-of-the-service-publisher", "secret-of-portal-and-publisher-0123456789"
SPARES = "urbanlab_publisher_live_spares"
HUB_TOKEN = "hub-token-of-the-runner"
FACTOR = Parameter("factor", "Faktor", (Choice("2"), Choice("3")), kind="integer", default="2")
YEAR = Parameter("year", "Jahr", (), "integer", "2000", "1900", "2026", "1")
CONTROL = """
import json, os
from pathlib import Path
import ipywidgets as widgets
slider = widgets.IntSlider(description="Wert", value=1, max=50)
label = widgets.Label("Ergebnis: " + str(factor))
slider.observe(lambda change: setattr(label, "value", "Ergebnis: " + str(change.new * factor)), "value")
button = widgets.Button(description="Absturz")
button.on_click(lambda _: os._exit(1))
display(slider, label, button)
print(json.dumps({"environ": dict(os.environ), "pid": os.getpid()}))
"""


class Hub:
    """A program that answers the publisher like the hub: where the tenants' runner is."""

    def __init__(self, runner_url: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(
                    {"servers": {"": {"ready": True, "pending": None, "url": runner_url}}}
                ).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@dataclass
class Town:
    """All processes of interactive views."""

    portal: Portal
    publisher: ServiceProcess
    runner: JupyterServer
    state: Path
    public: Path
    records: Path
    seats: list[str] = field(default_factory=list)
    orphans: set[int] = field(
        default_factory=set
    )  # kernels of a publisher that is no more: they end by their time

    def ask_seat(
        self, method: str, path: str = "", body: Any = None, secret: str = SECRET
    ) -> tuple[int, Any]:
        """Ask the publisher as the portal does."""
        connection = http.client.HTTPConnection("127.0.0.1", self.publisher.port, timeout=20)
        content = None if body is None else json.dumps(body)
        connection.request(method, f"/api/live/seats{path}", content, {"Authorization": f"Bearer {secret}"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else None

    def take_seat(self, slug: str = "regler", variant: str = "factor=2") -> dict[str, Any]:
        """Return a new seat."""
        status, seat = self.ask_seat("POST", body={"tenant": "town", "slug": slug, "variant": variant})
        assert status == 201, seat
        self.seats.append(seat["id"])
        return dict(seat)

    def wait_for(self, seat: dict[str, Any], state: str = live.READY) -> dict[str, Any]:
        """Return a seat once it is in that state."""
        wait_until(
            lambda: self.ask_seat("GET", f"/{seat['id']}")[1]["state"] == state, 40, f"a seat is {state}"
        )
        return dict(self.ask_seat("GET", f"/{seat['id']}")[1])

    def start(self, path: str = "/town/regler/live/") -> str:
        """Ask for a view as a browser does; return the address of the seat."""
        answer = self.portal.get(path)
        assert answer.status == 303, answer.text
        location = answer.headers["location"]
        self.seats.append(location.split("/")[-2])
        return location

    def wait_until_ready(self, seat: str) -> str:
        """Return the address of the session's page, which the portal shows in its frame."""
        pages: list[str] = []

        def is_ready() -> bool:
            pages.append(self.portal.get(seat).text)
            return "<iframe" in pages[-1]

        wait_until(is_ready, 40, "the view is ready")
        return pages[-1].partition('src="/town/')[2].partition('"')[0].join(("/town/", ""))

    def list_kernels(self) -> list[int]:
        """Return the process numbers of the sessions' kernels."""
        children = psutil.Process(self.runner.process.pid).children(recursive=True)
        return [child.pid for child in children if "ipykernel_launcher" in " ".join(_read_command(child))]

    def read_metric(self, name: str) -> float:
        """Return what the publisher says that it counts."""
        lines = self.publisher.get("/metrics")[1].splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name)

    def end_all(self) -> None:
        """End what a test has left, so that the next finds all places free; spares stay."""
        for seat_id in self.seats:
            self.ask_seat("DELETE", f"/{seat_id}")
        self.seats.clear()
        wait_until(
            lambda: len(set(self.list_kernels()) - self.orphans) <= Caps.spares,
            20,
            "no kernel of a visitor is left",
        )


def _read_command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:
        return []


def make_notebook() -> dict[str, Any]:
    first = new_code_cell("factor = 1", metadata={"tags": ["parameters"]})
    hidden = new_markdown_cell("Nur für die Redaktion", metadata={"tags": ["remove-cell"]})
    text = new_markdown_cell("## Ein Regler\n\nEr rechnet $a^2$.")
    return dict(new_notebook(cells=[hidden, text, first, new_code_cell(CONTROL)]))


def _release(state: Path, portal: Portal, *slugs: str) -> None:
    """Leave in the publisher's state what it leaves there itself when a page is released."""
    store = Store(state / "publisher.sqlite")
    notebook = Bundles(state / "bundles").save(make_notebook())
    for number, slug in enumerate(slugs):
        page = portal.public.add_page(live=True)
        submission = store.create_submission(
            Submission(
                id=f"{number:032x}",
                tenant="town",
                slug=slug,
                version=0,
                author="anna@town",
                application=Application(title=f"Seite {slug}", slug=slug, parameters=(FACTOR,)),
                notebook=notebook,
                submitted_at=now(),
            )
        )
        pages = {"factor=2": page, "factor=3": page}
        times = {"released_at": now(), "updated_at": now()}
        store.save_submissions(
            dataclasses.replace(submission, state=State.RELEASED, pages=pages, live=True, **times)
        )
    store.engine.dispose()


def _release_range(state: Path, portal: Portal, runs: Path) -> None:
    """Leave a page with more variants than are made ahead, whose notebook writes down each of its runs."""
    code = f"""
with open({str(runs)!r}, "a") as file:
    print(year, file=file)
if year == 1913:
    raise ValueError("keine Zahlen")
print("Jahr", year)
"""
    cells = [new_code_cell("year = 1", metadata={"tags": ["parameters"]}), new_code_cell(code)]
    store = Store(state / "publisher.sqlite")
    submission = store.create_submission(
        Submission(
            id="f" * 32,
            tenant="town",
            slug="jahre",
            version=0,
            author="anna@town",
            application=Application(title="Jahre", slug="jahre", parameters=(YEAR,)),
            notebook=Bundles(state / "bundles").save(dict(new_notebook(cells=cells))),
            submitted_at=now(),
        )
    )
    pages = {"year=2000": portal.public.add_page("Jahr 2000")}
    times = {"released_at": now(), "updated_at": now()}
    store.save_submissions(dataclasses.replace(submission, state=State.RELEASED, pages=pages, **times))
    store.engine.dispose()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, make_town: Callable[..., Tenant]) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("live")
    for name in ("records", "secrets", "publisher", "portal-secrets"):
        (folder / name).mkdir()
    for secrets, values in {
        "secrets": {
            live.SECRET: SECRET,
            "service-publisher": SERVICE_TOKEN,
            "warehouse-publisher": "x",
            "publisher-hub": "y",
            "publisher-operator": "z",
        },
        "portal-secrets": {live.SECRET: SECRET},
    }.items():
        for name, value in values.items():
            (folder / secrets / name).write_text(value)
    (folder / "secrets" / "tokens-public-key").write_text(_make_public_key())
    write_tenant(folder / "records", make_town())
    home = Path(tempfile.mkdtemp(prefix="ulhome", dir="/tmp"))
    runner = JupyterServer(
        home,
        {
            environment.PERSON: "publications",
            environment.TENANT: "town",
            environment.TOKENS_URL: "http://127.0.0.1:9",
            "JUPYTERHUB_API_TOKEN": HUB_TOKEN,
            "JUPYTER_TOKEN": SERVICE_TOKEN,
            "SECRET_OF_THE_SERVER": "not for notebooks",
        },
    )
    runner.token = SERVICE_TOKEN
    hub = Hub(f"{runner.url}/")
    portal = Portal(folder / "portal")
    _release(folder / "publisher", portal, "regler", "zweite")
    _release_range(folder / "publisher", portal, folder / "runs")
    publisher = ServiceProcess(
        "publisher",
        {
            environment.HUB_API_URL: f"{hub.url}/hub/api",
            environment.HUB_URL: hub.url,
            environment.WAREHOUSE_URL: hub.url,
            environment.RECORDS: str(folder / "records"),
            environment.SECRETS: str(folder / "secrets"),
            environment.SERVICE_STATE: str(folder / "publisher"),
            environment.PUBLIC: str(portal.public.root),
            environment.PORTAL_URL: portal.url,
            environment.PUBLISHER_URL: "http://127.0.0.2:8204",
            environment.AUDIT_SOCKET: str(folder / "nobody"),  # what happens is kept until somebody takes it
        },
        folder / "publisher.log",
    )
    publisher.wait_until_ready()
    portal.kill()
    portal.environ |= {
        environment.PUBLISHER_URL: publisher.url,
        environment.SECRETS: str(folder / "portal-secrets"),
    }
    portal.start()
    yield Town(portal, publisher, runner, folder / "publisher", portal.public.root, folder / "records")
    for process in (portal, publisher):
        process.kill()
    runner.stop()
    hub.stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def make_town() -> Callable[..., Tenant]:
    def make() -> Tenant:
        return Tenant(
            id="town",
            title="Town",
            languages=("de", "en"),
            state="NW",
            time_zone="Europe/Berlin",
            latitude=51.9,
            longitude=8.4,
            crs="EPSG:25832",
            population=100_000,
            contact="info@example.org",
        )

    return make


def _make_public_key() -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = Ed25519PrivateKey.generate().public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
