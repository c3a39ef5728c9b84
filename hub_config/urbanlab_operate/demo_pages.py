"""The demo's public pages: accounts of the demo ask for them, others release them, as people would."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from urbanlab.contract.records import Tenant, read_tenants
from urbanlab_hub.settings import Settings
from urbanlab_hub.tenants import DEMO_FOLDER
from urbanlab_operate.demo import read_passwords
from urbanlab_operate.errors import OperateError
from urbanlab_operate.secret_files import write_private
from urbanlab_operate.staff_session import StaffSession

PAGES = DEMO_FOLDER / "_demo_pages.yaml"
EXECUTION_SECONDS = 600
POLL_SECONDS = 1.0
_STATE = re.compile(r'<span class="state ([a-z_]+)">')


@dataclass(frozen=True)
class _Page:
    """A notebook to publish, and for each dataset it needs what is said about it beyond the feed's own words."""

    notebook: Path
    datasets: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class _Staff:
    """The two people of a tenant who are needed: one asks, the other decides."""

    publisher: StaffSession
    gatekeeper: StaffSession


def publish_demo_pages(settings: Settings, stop: threading.Event, report: Callable[[str], object]) -> None:
    """Publish the demo's pages for each tenant that has none yet; say in a sentence where that does not work.

    What an operator or a gatekeeper takes away later is not put back.
    """
    try:
        _publish(settings, stop)
    except OperateError as error:
        report(f"The demo's public pages are not complete: {error}. The next `urbanlab up` tries again.")


def _publish(settings: Settings, stop: threading.Event) -> None:
    done = _read_done(settings)
    staff = {tenant: _sign_in(settings, tenant) for tenant in _list_tenants(settings) if tenant not in done}
    for page in _list_pages(settings) if staff else ():
        for tenant, people in staff.items():
            _release_datasets(people, _describe(read_tenants(settings.records)[tenant], page.datasets))
        submissions = {tenant: _submit(people, page) for tenant, people in staff.items()}
        for tenant, submission in submissions.items():
            _release_page(staff[tenant], submission, stop)
    if staff and not stop.is_set():
        write_private(_get_done_path(settings), json.dumps(sorted({*done, *staff})) + "\n")


def _list_tenants(settings: Settings) -> list[str]:
    passwords = read_passwords(settings)
    return [
        tenant
        for tenant in read_tenants(settings.records)
        if {f"publisher-{tenant}", f"gatekeeper-{tenant}"} <= passwords.keys()
    ]


def _sign_in(settings: Settings, tenant: str) -> _Staff:
    passwords = read_passwords(settings)
    names = (f"publisher-{tenant}", f"gatekeeper-{tenant}")
    return _Staff(*(StaffSession(settings.publisher_url, name, passwords[name]) for name in names))


def _list_pages(settings: Settings) -> Iterator[_Page]:
    entries: list[dict[str, Any]] = yaml.safe_load(PAGES.read_text(encoding="utf-8"))
    for entry in entries:
        yield _Page(settings.curated / entry["notebook"], entry["datasets"])


def _describe(tenant: Tenant, datasets: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Return what is said about each dataset: what its feed says, with the page's own words laid over it."""
    feeds = {feed.name: {"title": feed.title, "description": feed.description} for feed in tenant.feeds}
    return {
        name: {
            f"{field}_{language}": text
            for field, texts in feeds.get(name, {}).items()
            for language, text in texts.items()
        }
        | dict(words)
        for name, words in datasets.items()
    }


def _release_datasets(people: _Staff, datasets: Mapping[str, Mapping[str, str]]) -> None:
    for dataset, words in datasets.items():
        request = people.publisher.post("/data-releases", {"dataset": dataset, **words})
        if _read_state(people.gatekeeper.get(request)) == "requested":
            people.gatekeeper.post(f"{request}/release", {})


def _submit(people: _Staff, page: _Page) -> str:
    files = {
        "notebook": (page.notebook.name, page.notebook.read_bytes()),
        "app_yaml": ("app.yaml", page.notebook.with_name("app.yaml").read_bytes()),
    }
    return people.publisher.post("/publish", {}, files)


def _release_page(people: _Staff, submission: str, stop: threading.Event) -> None:
    for _ in range(int(EXECUTION_SECONDS / POLL_SECONDS)):
        state = _read_state(people.gatekeeper.get(submission))
        if state != "executing" or stop.wait(POLL_SECONDS):
            break
    if stop.is_set():
        return
    if state != "submitted":
        raise OperateError(f"the notebook is {state}, see {submission} at the publisher")
    people.gatekeeper.post(f"{submission}/release", {})


def _read_state(page: str) -> str:
    found = _STATE.search(page)
    return found[1] if found else "not to be found"


def _read_done(settings: Settings) -> list[str]:
    path = _get_done_path(settings)
    done: list[str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return done


def _get_done_path(settings: Settings) -> Path:
    return settings.state / "demo-pages.json"
