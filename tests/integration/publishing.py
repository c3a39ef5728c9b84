"""People at the publisher's pages, notebooks that they hand in, the runner, and what the public finds."""

from __future__ import annotations

import html
import io
import json
import re
import zipfile
from typing import Any
from urllib.parse import quote

import nbformat
import requests
from nbformat import NotebookNode

from tests.installation import Installation
from urbanlab.contract.audit_sender import ask_audit
from urbanlab.contract.publications import (
    BODY,
    Page,
    Publication,
    decode_page,
    decode_publication,
    file_path,
    page_path,
    publication_path,
)
from urbanlab_operate.staff_session import StaffSession

from .operator_access import ask_as_service, wait_until

_STATE = re.compile(r'<span class="state ([a-z_]+)">')
_TAGS = re.compile(r"<[^>]+>")


def make_notebook(*cells: str | NotebookNode) -> NotebookNode:
    """Return a notebook; texts are cells of code."""
    made = [nbformat.v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    return nbformat.v4.new_notebook(cells=made)


class Town:
    """Publisher and gatekeeper of a tenant, logged in at the publisher's pages."""

    def __init__(self, installation: Installation, tenant: str) -> None:
        self.installation, self.tenant = installation, tenant
        self.login()

    def login(self) -> None:
        """Log both in; a session ends with the service's process."""
        self.publisher = self._enter(f"publisher-{self.tenant}")
        self.gatekeeper = self._enter(f"gatekeeper-{self.tenant}")

    def _enter(self, username: str) -> StaffSession:
        password = self.installation.password(username)
        return StaffSession(self.installation.settings.publisher_url, username, password)

    def hand_in(self, title: str, *cells: str | NotebookNode, **fields: str) -> str:
        """Hand a notebook in by the form; return the path of its page."""
        files = {"notebook": ("notebook.ipynb", json.dumps(make_notebook(*cells)).encode())}
        return self.publisher.post("/publish", {"title": title, **fields}, files)

    def submit(self, title: str, *cells: str | NotebookNode, **fields: str) -> str:
        """Hand a notebook in that can be released."""
        path = self.hand_in(title, *cells, **fields)
        assert self.wait(path) == "submitted", self.read(path)
        return path

    def publish(self, title: str, *cells: str | NotebookNode, **fields: str) -> str:
        """Hand a notebook in and release it."""
        path = self.submit(title, *cells, **fields)
        self.decide(path, "release")
        return path

    def decide(self, path: str, act: str, **fields: str) -> None:
        """Do as gatekeeper what a button does."""
        self.gatekeeper.post(f"{path}/{act}", fields)

    def wait(self, path: str, seconds: float = 120) -> str:
        """Return the state of a submission once it has been executed."""
        return str(wait_until(lambda: (state := self.get_state(path)) != "executing" and state, seconds))

    def get_state(self, path: str) -> str:
        """Return the state of a submission or a dataset's request."""
        found = _STATE.search(self.publisher.get(path))
        assert found is not None
        return found[1]

    def read(self, path: str) -> str:
        """Return what a page of the publisher says, in English and without markup."""
        return " ".join(_TAGS.sub(" ", self.publisher.get(f"{path}?lang=en")).split())


# --- what the public finds ---


def visit(installation: Installation, path: str, **arguments: Any) -> requests.Response:
    """Return what the portal answers to a visitor."""
    return requests.get(f"{installation.settings.portal_url}{path}", timeout=30, **arguments)


def find_publication(installation: Installation, tenant: str, slug: str) -> Publication | None:
    """Return what is public at an address, or None."""
    path = publication_path(installation.settings.public, tenant, slug)
    return decode_publication(path.read_bytes()) if path.exists() else None


def load_page(installation: Installation, digest: str) -> Page:
    """Return a page by its digest."""
    return decode_page(page_path(installation.settings.public, digest).read_bytes())


def read_body(installation: Installation, tenant: str, slug: str) -> str:
    """Return the stored content of the page that is public, in its default variant."""
    publication = find_publication(installation, tenant, slug)
    assert publication is not None
    body = load_page(installation, next(iter(publication.variants.values()))).find(BODY)
    assert body is not None
    return file_path(installation.settings.public, body.digest).read_text()


def list_open_data(installation: Installation) -> dict[str, str]:
    """Return the views that everybody may read, each with the table behind it."""
    credential = ("publisher", installation.secret("warehouse-publisher"))
    address = f"{installation.settings.warehouse_url}/releases"
    answer = requests.get(address, auth=credential, timeout=30)
    answer.raise_for_status()
    return {release["view"]: release["table"] for release in answer.json()["releases"]}


# --- what was done ---


def read_audit(installation: Installation) -> list[dict[str, Any]]:
    """Return what the audit log has of the publisher, the oldest first."""
    waiting = installation.settings.service_state("publisher") / "audit"
    wait_until(lambda: not list(waiting.glob("*")))
    question = "/events?source=operator&event=page-act,data-act&limit=1000"
    events = ask_audit(installation.settings.audit_socket, "GET", question, timeout=30)["events"]
    acts = (event["data"] for event in reversed(events))
    return [{**act, "who": act.get("person", "publisher")} for act in acts]


def list_acts(installation: Installation, thing: str) -> list[tuple[str, str, str]]:
    """Return person, act and outcome of all that was tried with a thing, the oldest first."""
    lines = (line for line in read_audit(installation) if line["object"] == thing)
    return [(line["who"].partition("@")[0], line["action"], line["outcome"]) for line in lines]


# --- the runner ---


class PublicationsRunner:
    """The server in which a tenant's publications run, as the publisher sees it."""

    def __init__(self, installation: Installation, tenant: str) -> None:
        self.installation, self.user = installation, f"publications@{tenant}"
        self.url = f"{installation.settings.hub_url}user/{quote(self.user, safe='@')}/urbanlab/runner/pages"
        self.headers = {"Authorization": f"token {installation.secret('service-publisher')}"}

    def start(self) -> None:
        """Have the hub start the server, if it does not run, and wait until it answers."""
        started = ask_as_service(self.installation, "publisher", "POST", f"users/{quote(self.user)}/server")
        assert started.status_code in (201, 202, 400), started.text
        wait_until(lambda: self.ask("GET", "/none").status_code == 404, 60)

    def find_server(self) -> dict[str, Any]:
        """Return what the hub knows about the server."""
        model = ask_as_service(self.installation, "operator", "GET", f"users/{quote(self.user)}").json()
        return dict(model["servers"].get("", {}))

    def ask(self, method: str, path: str = "", **arguments: Any) -> requests.Response:
        """Ask the server."""
        address = f"{self.url}{path}"
        return requests.request(
            method, address, headers=self.headers, timeout=60, allow_redirects=False, **arguments
        )

    def run(self, *cells: str | NotebookNode, seconds: float = 60, **values: Any) -> dict[str, Any]:
        """Make a page of a notebook within `seconds`; return how it went, with its files by name in `files`."""
        task = {
            "notebook": make_notebook(*cells),
            "title": "Test",
            "language": "de",
            "seconds": seconds,
            **values,
        }
        begun = self.ask("POST", json=task)
        assert begun.status_code == 202, begun.text
        page_id = begun.json()["id"]
        run: dict[str, Any] = wait_until(lambda: self._find_ended(page_id), seconds + 60)
        if run["state"] == "succeeded":
            packed = zipfile.ZipFile(io.BytesIO(self.ask("GET", f"/{page_id}/page").content))
            run["files"] = {name: packed.read(name) for name in packed.namelist()}
        self.ask("DELETE", f"/{page_id}")
        return run

    def ask_json(self, code: str) -> Any:
        """Run a notebook of one cell that prints JSON and return it."""
        run = self.run(code)
        assert run["state"] == "succeeded", run
        found = re.search(r"<pre[^>]*>(.*?)</pre>", run["files"][BODY].decode(), re.DOTALL)
        assert found is not None
        return json.loads(html.unescape(found[1]))

    def _find_ended(self, page_id: str) -> dict[str, Any] | None:
        answer = self.ask("GET", f"/{page_id}")
        assert answer.status_code == 200, answer.text
        run: dict[str, Any] = answer.json()
        return run if run["state"] != "running" else None
