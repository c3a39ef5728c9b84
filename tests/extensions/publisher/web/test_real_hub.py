"""The login against a real JupyterHub with our roles: what the double of the other tests promises is so."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.hub_alone import ROOT
from urbanlab.contract import environment
from urbanlab_hub.services import SERVICES

from ....kafka_broker import get_free_port  # noqa: TID252
from ..hub_runner_gateway import TOKEN  # noqa: TID252
from .conftest import HOST, Browser, PagesProcess

GROUPS = {"/tenants/town/gatekeeper": ["gerd@town"], "/tenants/village/publisher": ["gerd@town"]}


@pytest.fixture(scope="module")
def hub_url(running: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Return the hub's address, and the port at which it expects the publisher."""
    folder, port, publisher_port = tmp_path_factory.mktemp("hub"), get_free_port(), get_free_port()
    tokens = {service.name: f"{service.name}-of-the-test-{os.urandom(8).hex()}" for service in SERVICES}
    given = {
        "url": f"http://127.0.0.1:{port}",
        "groups": GROUPS,
        "tokens": tokens | {"publisher": TOKEN},
        "publisher": f"http://{HOST}:{publisher_port}",
    }
    environ = {**os.environ, "HUB_OF_THE_TEST": json.dumps(given), "PYTHONPATH": str(ROOT)}
    config = Path(__file__).with_name("hub_config.py")
    command = (sys.executable, "-m", "jupyterhub", "-f", str(config))
    with (folder / "hub.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
    yield given["url"], publisher_port
    process.terminate()
    process.wait(20)


@pytest.fixture(scope="module")
def pages(
    running: Any, hub_url: tuple[str, int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PagesProcess]:
    """The publisher whose hub is the real one; all else as it was."""
    url, port = hub_url
    folder = tmp_path_factory.mktemp("with-a-hub")
    environ = {**running.process._environ, environment.SERVICE_STATE: str(folder)}
    environ |= {environment.HUB_API_URL: f"{url}/hub/api", environment.HUB_URL: url}
    process = KnownPortProcess("publisher", environ, folder / "publisher.log", port)
    process.wait_until_ready(60)
    yield process
    process.kill()


class KnownPortProcess(PagesProcess):
    """The service at the address that the hub knows of."""

    def __init__(self, module: str, environ: dict[str, str], log: Path, known: int) -> None:
        self.known = known
        super().__init__(module, environ, log)

    def start(self) -> None:
        self.port = self.known
        self._environ[environment.PORT] = str(self.port)
        super().start()


def log_in(pages: PagesProcess, hub: str, name: str) -> Browser:
    """Return a browser in which somebody is logged in at the hub."""
    browser = Browser(pages.url)
    form = browser.session.get(f"{hub}/hub/login").text
    xsrf = re.search(r'name="_xsrf" value="([^"]+)"', form)
    assert xsrf, form
    fields = {"username": name, "password": "", "_xsrf": xsrf[1]}
    browser.session.post(f"{hub}/hub/login", data=fields, allow_redirects=False)
    return browser


def test_the_real_hub_lets_a_gatekeeper_in_with_the_roles_of_the_own_tenant(
    pages: PagesProcess, hub_url: tuple[str, int]
) -> None:
    page = log_in(pages, hub_url[0], "gerd@town").open("/")
    assert page.status == 200, page.text
    assert "gerd Rollen: Freigabe English" in page.text


def test_logging_out_at_the_real_hub_ends_the_session_here(
    pages: PagesProcess, hub_url: tuple[str, int], wait: Callable[..., Any]
) -> None:
    browser = log_in(pages, hub_url[0], "gerd@town")
    assert browser.open("/").status == 200
    browser.session.get(f"{hub_url[0]}/hub/logout")
    wait(lambda: browser.open("/", allow_redirects=False).status == 303, 7, "the session to end")


def test_no_token_of_a_person_but_the_browsers_login_decides(
    pages: PagesProcess, hub_url: tuple[str, int]
) -> None:
    browser = log_in(pages, hub_url[0], "gerd@town")
    xsrf = browser.session.cookies.get("_xsrf", path="/hub/")
    answer = browser.session.post(
        f"{hub_url[0]}/hub/api/users/gerd@town/tokens",
        json={"scopes": ["custom:urbanlab:decide!user"]},
        headers={"X-XSRFToken": xsrf or "", "Referer": f"{hub_url[0]}/hub/token"},
    )
    assert answer.status_code == 403
    service = {"Authorization": f"token {TOKEN}"}
    who = requests.get(f"{hub_url[0]}/hub/api/user", headers=service, timeout=10).json()
    assert not [scope for scope in who["scopes"] if scope.startswith("custom:")]
