"""The publisher as its own process, a hub that knows people, and browsers that hold no JavaScript."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.audit_process import AuditProcess
from urbanlab.contract import environment
from urbanlab.contract.records import Tenant, write_tenant
from urbanlab.contract.secrets import Secret

from ....kafka_broker import wait_until  # noqa: TID252
from ...conftest import ServiceProcess, make_feed  # noqa: TID252
from ..conftest import make_notebook  # noqa: TID252
from ..hub_runner_gateway import SECRET, TOKEN  # noqa: TID252
from .hub_with_people import PERSON_COOKIE, HubWithPeople

HOST = "127.0.0.2"  # as in the local profile: cookies do not distinguish ports
PORTAL = "http://localhost:8080"
PEOPLE = {
    "anna@town": ("publisher", "analyst"),
    "gerd@town": ("gatekeeper",),
    "grete@town": ("publisher", "gatekeeper"),
    "karl@town": ("analyst",),
    "nora@town": (),
    "vera@village": ("publisher", "gatekeeper"),
}


class PagesProcess(ServiceProcess):
    """The service at an address of its own, which it knows."""

    def start(self) -> None:
        self._environ |= {environment.BIND: HOST, environment.PUBLISHER_URL: self.url}
        super().start()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


@dataclass
class Form:
    """A form of a page: where it goes, and its hidden fields."""

    action: str
    hidden: dict[str, str]


@dataclass
class Page:
    """What a browser shows."""

    response: requests.Response

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def path(self) -> str:
        return self.response.url.split(HOST, 1)[-1].partition("/")[2].partition("?")[0]

    @property
    def text(self) -> str:
        """The page's words, without its marks."""
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", self.response.text)).split())

    @property
    def forms(self) -> list[Form]:
        found = re.findall(r'<form[^>]* action="([^"]+)"[^>]*>(.*?)</form>', self.response.text, re.DOTALL)
        hidden = r'<input type="hidden" name="([^"]+)" value="([^"]*)">'
        return [
            Form(action, {name: html.unescape(value) for name, value in re.findall(hidden, body)})
            for action, body in found
        ]

    @property
    def acts(self) -> set[str]:
        """The last part of where its forms go."""
        return {form.action.rpartition("/")[2] for form in self.forms} - {"logout"}


@dataclass
class Browser:
    """A browser, logged in at the hub as one person or as nobody; it follows redirects and keeps cookies."""

    url: str
    person: str = ""
    language: str = "de"
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        if self.person:
            self.session.cookies.set(PERSON_COOKIE, self.person, domain="127.0.0.1")

    def open(self, path: str, **options: Any) -> Page:
        return Page(self.session.get(self.url + path, headers={"Accept-Language": self.language}, **options))

    def send(self, path: str, data: Any = None, origin: str | None = "", **options: Any) -> Page:
        """Send a form as it is given; `origin` is the own one, None for none."""
        headers = {"Accept-Language": self.language}
        if origin is not None:
            headers["Origin"] = origin or self.url
        return Page(self.session.post(self.url + path, data=data, headers=headers, **options))

    def press(self, path: str, act: str, files: Any = None, follow: bool = True, **fields: str) -> Page:
        """Open a page and send the first of its forms that leads to `act`; fails where there is none."""
        page = self.open(path)
        form = next((form for form in page.forms if form.action.rpartition("/")[2] == act), None)
        assert form, f"{path} offers {page.acts}: {page.text}"
        return self.send(form.action, {**form.hidden, **fields}, files=files, allow_redirects=follow)

    def get_xsrf(self) -> str:
        return self.open("/").forms[0].hidden["xsrf"]


@dataclass
class Site:
    """The service, the hub, and what a test needs of both."""

    process: PagesProcess
    hub: HubWithPeople
    state: Path
    key: Secret
    audit: AuditProcess

    def browse(self, person: str = "", language: str = "de") -> Browser:
        return Browser(self.process.url, person, language)

    def hand_in(self, person: str = "anna@town", wait: bool = True, notebook: str = "", **fields: str) -> str:
        """Hand a notebook in by the form; return the path of the submission once it has been executed."""
        files = {"notebook": ("page.ipynb", notebook or make_notebook(), "application/x-ipynb+json")}
        browser = self.browse(person)
        page = browser.press("/publish", "publish", files, **{"title": "Fußgänger", **fields})
        assert page.path.startswith("submissions/"), page.text
        path = f"/{page.path}"
        if wait:
            wait_until(lambda: "Refresh" not in browser.open(path).response.headers, 15, path)
        return path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("publisher")
    folders = {name: folder / name for name in ("records", "secrets", "state", "public")}
    for each in folders.values():
        each.mkdir()
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    secrets = {"tokens-public-key": public, "service-publisher": TOKEN, "warehouse-publisher": SECRET}
    secrets["portal-publisher"] = SECRET
    secrets["publisher-hub"] = "the hub's"
    secrets["publisher-operator"] = "the operator's"
    for name, secret in secrets.items():
        (folders["secrets"] / name).write_text(secret)
    for tenant, title in (("town", "Stadt Muster"), ("village", "Dorf")):
        write_tenant(folders["records"], make_small_tenant(tenant, title))
    audit = AuditProcess(folder)
    audit.start()
    with HubWithPeople(people=PEOPLE).serving() as hub:
        url = f"http://127.0.0.1:{hub.port}"
        environ = {
            environment.HUB_API_URL: f"{url}/hub/api",
            environment.HUB_URL: url,
            environment.WAREHOUSE_URL: url,
            environment.RECORDS: str(folders["records"]),
            environment.SECRETS: str(folders["secrets"]),
            environment.SERVICE_STATE: str(folders["state"]),
            environment.PUBLIC: str(folders["public"]),
            environment.PORTAL_URL: PORTAL,
            environment.AUDIT_SOCKET: str(audit.socket),
        }
        process = PagesProcess("publisher", environ, folder / "publisher.log")
        hub.redirect_uri = f"{process.url}/oauth_callback"
        process.wait_until_ready()
        yield Site(process, hub, folders["state"], Secret(private), audit)
        process.kill()
        audit.kill()


@pytest.fixture
def site(running: Site) -> Site:
    """The running service, everything about it as at the start but for what has been handed in."""
    hub = running.hub
    hub.failure, hub.hangs, hub.is_down, hub.gateway_status, hub.people = (
        None,
        False,
        False,
        200,
        dict(PEOPLE),
    )
    return running


@pytest.fixture
def wait() -> Callable[..., Any]:
    return wait_until


def make_small_tenant(tenant: str, title: str) -> Tenant:
    return Tenant(
        id=tenant,
        title=title,
        languages=("de", "en"),
        state="NW",
        time_zone="Europe/Berlin",
        latitude=51.9,
        longitude=8.4,
        crs="EPSG:25832",
        population=100_000,
        contact="info@example.org",
        feeds=(make_feed("footfall", ("persons", "integer")),),
    )
