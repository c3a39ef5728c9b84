"""A public folder as the publisher makes it, the portal as a process over it, and a browser."""

from __future__ import annotations

import dataclasses
import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from urbanlab.contract import environment
from urbanlab.contract import publications as contract
from urbanlab.contract.page_data import DataColumn, PageData, make_file_name
from urbanlab.contract.publications import (
    Choice,
    Page,
    PageFile,
    Parameter,
    Publication,
    PublicTenant,
    Ticket,
)

from ...kafka_broker import PARTS, get_free_port, wait_until  # noqa: TID252

SITE_PORT = get_free_port()  # of a web site that may show pages in its own
SITE = f"http://localhost:{SITE_PORT}"
LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4" cy="4" r="4"/></svg>'
TENANTS = [
    PublicTenant(
        "guetersloh",
        "Gütersloh",
        ("de", "en"),
        "datenlabor@guetersloh.example",
        imprint={"de": "Stadt Gütersloh\n\nBerliner Straße 70", "en": "Town of Gütersloh"},
        colour="#1d4f91",
        logo=f"{contract.make_digest(LOGO)}.svg",
        host_names=("daten.guetersloh.example",),
        embed_in=("https://www.guetersloh.example", SITE),
    ),
    PublicTenant("rietberg", "Rietberg", ("de",), "", imprint={"de": "https://rietberg.example/impressum"}),
]
PORTAL_URL = "https://portal.example"
CHART = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 220" width="600" height="220">'
    b'<rect width="600" height="220" fill="#fff"/><polyline fill="none" stroke="#0b5d51" stroke-width="4" '
    b'points="10,190 90,150 170,160 250,90 330,110 410,50 490,70 590,30"/></svg>'
)
FRAME = b"""<!doctype html><html lang="de"><head><title>Karte</title>
<link rel="stylesheet" href="/static/assets/leaflet/leaflet.css"><style>#map{position:absolute;inset:0}</style>
<script src="/static/assets/leaflet/leaflet.js"></script></head><body><main><div id="map"></div></main><script>
var map = L.map("map", {zoomControl: true}).setView([51.906, 8.378], 15);
L.circleMarker([51.9064, 8.3799], {radius: 14}).addTo(map).bindTooltip("Berliner Strasse");
document.body.dataset.drawn = map.getZoom();
try { document.body.dataset.reach = parent.document.title; } catch (error) { document.body.dataset.reach = "none"; }
</script></body></html>"""
MODULE = b'export default { render({model, el}) { el.textContent = "Modul: " + model.get("value"); } };'
WIDGET, LAYOUT = "a" * 32, "b" * 32


def make_state(module: str) -> bytes:
    """Return the saved state of one anywidget whose module is a file of the page."""
    base = "@jupyter-widgets/base"
    layout = {"model_name": "LayoutModel", "model_module": base, "model_module_version": "2.0.0", "state": {}}
    names = {"model_name": "AnyModel", "model_module": "anywidget", "model_module_version": "~0.11.*"}
    state = {"_esm": module, "_anywidget_id": "test.Counter", "value": 1240, "layout": f"IPY_MODEL_{LAYOUT}"}
    for kind in ("model", "view"):
        state |= {f"_{kind}_module": "anywidget", f"_{kind}_module_version": "~0.11.*"}
    state |= {"_model_name": "AnyModel", "_view_name": "AnyView"}
    models = {LAYOUT: layout, WIDGET: {**names, "state": state}}
    return json.dumps({"version_major": 2, "version_minor": 0, "state": models}).encode()


class PublicFolder:
    """Writes what the publisher would, through the contract's own functions."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("files", "pages", "publications", "tickets", "logos"):
            (root / name).mkdir(parents=True)
        contract.logo_path(root, f"{contract.make_digest(LOGO)}.svg").write_bytes(LOGO)
        self.write_tenants(TENANTS)

    def write_tenants(self, tenants: list[PublicTenant]) -> None:
        self._replace(contract.tenants_path(self.root), contract.encode_tenants(tenants))

    def add_file(self, name: str, content: bytes) -> PageFile:
        digest = contract.make_digest(content)
        contract.file_path(self.root, digest).write_bytes(content)
        return PageFile(name, digest, len(content))

    def add_page(self, text: str = "", **changes: Any) -> str:
        """Write a page with text, table, picture, map and widget; return its digest."""
        chart, frame = self.add_file("chart.svg", CHART), self.add_file("frame-1.html", FRAME)
        module = self.add_file("widget.mjs", MODULE)
        state = self.add_file("state.json", make_state(f"files/{module.digest}.mjs"))
        body = self.add_file("body.html", make_body(text, chart, frame, state).encode())
        values: dict[str, Any] = {
            "title": "Passantenfrequenz",
            "language": "de",
            "made_at": "2026-11-20T05:00:00+00:00",
            "data_until": "2026-11-20T04:00:00+00:00",
            "files": (body, chart, frame, module, state),
            "datasets": ("open_data.guetersloh__footfall",),
        }
        content = contract.encode(Page(**{**values, **changes}))
        contract.page_path(self.root, contract.make_digest(content)).write_bytes(content)
        return contract.make_digest(content)

    def publish(self, publication: Publication) -> None:
        path = contract.publication_path(self.root, publication.tenant, publication.slug)
        path.parent.mkdir(exist_ok=True)
        self._replace(path, contract.encode(publication))

    def withdraw(self, publication: Publication) -> None:
        contract.publication_path(self.root, publication.tenant, publication.slug).unlink()

    def add_ticket(self, text: str, publication: Publication, minutes: float = 10) -> str:
        expires = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
        contract.ticket_path(self.root, text).write_bytes(contract.encode(Ticket(publication, expires)))
        return f"/preview/{text}/"

    def _replace(self, path: Path, content: bytes) -> None:
        draft = path.with_suffix(".draft")
        draft.write_bytes(content)
        draft.replace(path)


def make_body(text: str, chart: PageFile, frame: PageFile, state: PageFile) -> str:
    """Return the content of a page as the runner writes it."""
    hours = "".join(f'<th scope="col">{hour} Uhr</th>' for hour in range(8, 20))
    rows = "".join(
        f'<tr><th scope="row">{place}</th>{"".join(f"<td>{base + 37 * hour}</td>" for hour in range(12))}</tr>'
        for place, base in (("Berliner Straße", 840), ("Kolbeplatz", 520), ("Dreiecksplatz", 260))
    )
    return f"""<div class="ul-page" data-widgets="files/{state.digest}.json">
<section class="ul-text"><h2>Wie viele Menschen sind unterwegs?</h2>
<p>Am <strong>Samstagmittag</strong> ist die Innenstadt am vollsten. Bei Regen kommt etwa ein Viertel weniger.
{text}</p></section>
<div class="ul-output"><img src="files/{chart.digest}.svg" alt="Die Zahl steigt von Montag bis Sonntag"></div>
<section class="ul-text"><h2>Die Zahlen im Einzelnen</h2></section>
<div class="ul-output"><div class="ul-table" role="region" tabindex="0" aria-label="Tabelle"><table>
<thead><tr><td></td>{hours}</tr></thead><tbody>{rows}</tbody></table></div></div>
<section class="ul-text"><h2>Wo gezählt wird</h2></section>
<div class="ul-output"><iframe class="ul-frame" src="files/{frame.digest}.html" title="Karte der Zählpunkte"
 style="width:100%;height:450px;border:0" sandbox="allow-scripts"></iframe>
<noscript><p>Gezählt wird an der Berliner Straße.</p></noscript></div>
<div class="ul-output"><div class="ul-widget" data-model="{WIDGET}">
<div class="ul-fallback"><p>Stand: <b>1240</b></p>
</div></div></div></div>"""


@dataclass(frozen=True)
class Answer:
    """An answer of the portal, headers by lower-case name."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Portal:
    """The portal as a process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.public = PublicFolder(folder / "public")
        self.log = folder / "portal.log"
        self.port = get_free_port()
        self.environ = {
            environment.PORT: str(self.port),
            environment.PUBLIC: str(self.public.root),
            environment.SERVICE_STATE: str(folder / "state"),
            environment.ASSETS_PATH: str(PARTS / "assets"),
            environment.SNAPSHOT_PATH: str(PARTS / "snapshot"),
            environment.PORTAL_URL: PORTAL_URL,
        }
        self.start()

    def start(self) -> None:
        keep = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        with self.log.open("ab") as log:
            command = (sys.executable, "-m", "urbanlab_portal")
            self.process = subprocess.Popen(command, env={**keep, **self.environ}, stdout=log, stderr=log)
        wait_until(self._answers, 20, "the portal answers")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            return self.get("/livez").status == 200
        except OSError:
            return False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Ask for exactly this path; `headers` with underscores for hyphens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=sent)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            connection.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def read_rss(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) * 1024

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


DISTRICT = Parameter(
    "district",
    "Stadtteil",
    (Choice("innenstadt", "Innenstadt"), Choice("isselhorst", "Isselhorst")),
    default="innenstadt",
)


def make_publication(variants: dict[str, str], **changes: Any) -> Publication:
    values: dict[str, Any] = {
        "tenant": "guetersloh",
        "slug": "passantenfrequenz",
        "version": 3,
        "title": "Passantenfrequenz und Wetter in der Innenstadt",
        "summary": "Wie viele Menschen zu welcher Stunde unterwegs sind, und was der Regen daran ändert.",
        "language": "de",
        "contact": "datenlabor@guetersloh.example",
        "licence": "dl-de/zero-2.0",
        "source": "Stadt Gütersloh, Zählstellen der Innenstadt",
        "released_at": "2026-11-18T09:30:00+00:00",
        "updated_at": "2026-11-20T05:00:00+00:00",
        "variants": variants,
        "refresh": "PT1H",
    }
    return Publication(**{**values, **changes})


@pytest.fixture
def start_portal(tmp_path: Path) -> Iterator[Callable[[], Portal]]:
    started: list[Portal] = []

    def start() -> Portal:
        started.append(Portal(tmp_path / f"portal{len(started)}"))
        return started[-1]

    yield start
    for portal in started:
        portal.kill()


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal with one publication in two variants, for tests that change nothing."""
    place = Portal(tmp_path_factory.mktemp("portal"))
    publish_footfall(place.public)
    place.public.publish(
        make_publication(
            {"": add_page_with_data(place.public)},
            slug="bluehende-baeume",
            title="Blühende Bäume",
            parameters=(),
            stale_since="2026-11-19T04:00:00+00:00",
        )
    )
    yield place
    place.kill()


TREES = b"id,place\r\n7,Stadtpark\r\n"


def add_page_with_data(public: PublicFolder) -> str:
    """Write a page that offers a table in two formats."""
    kinds = (("csv", TREES), ("parquet", b"PAR1" + bytes(5_000_000) + b"PAR1"))
    files = [public.add_file(make_file_name("trees", form), content) for form, content in kinds]
    columns = (
        DataColumn("id", "integer"),
        DataColumn("place", "text", description={"de": "Ort", "en": "Place"}),
    )
    data = PageData("trees", 1, columns, {"de": "Bäume", "en": "Trees"})
    body = public.add_file("body.html", b'<div class="ul-page"><p>Kurz.</p></div>')
    return public.add_page(simulated=True, files=(body, *files), data=(data,))


def publish_footfall(public: PublicFolder) -> Publication:
    variants = {
        "district=innenstadt": public.add_page("Ausgewählt: Innenstadt."),
        "district=isselhorst": public.add_page("Ausgewählt: Isselhorst."),
    }
    publication = make_publication(variants, parameters=(DISTRICT,), embed_in=(SITE,), topics=("TRAN",))
    public.publish(publication)
    return publication


def change(publication: Publication, **changes: Any) -> Publication:
    return dataclasses.replace(publication, **changes)
