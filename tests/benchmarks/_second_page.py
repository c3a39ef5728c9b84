"""The demo's footfall notebook, public once more, with days of which most are made when somebody asks for them."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from tests.benchmarks._desk import sign_in, wait_for_state
from tests.benchmarks.portal import NOTEBOOK, TENANT
from tests.installation import Installation
from urbanlab_operate.staff_session import StaffSession

SLUG = "bench-range"
DAYS = {"name": "tage", "title": "Tage", "kind": "integer", "default": 365, "min": 30, "max": 400, "step": 1}


@dataclass(frozen=True)
class SecondPage:
    """A public page: its path at the portal, and the publisher's page about it with who may renew it."""

    path: str
    submission: str
    publisher: StaffSession

    def renew(self) -> None:
        """Ask for a refresh."""
        self.publisher.post(f"{self.submission}/refresh", {})


def publish_second_page(place: Installation) -> SecondPage:
    """Hand the notebook in, have it released, and return what is public then."""
    publisher, gatekeeper = (sign_in(place, role) for role in ("publisher", "gatekeeper"))
    notebook = place.settings.curated / NOTEBOOK
    application = yaml.safe_load(notebook.with_name("app.yaml").read_text(encoding="utf-8"))
    application |= {"slug": SLUG, "parameters": [DAYS]}
    files = {
        "notebook": (notebook.name, notebook.read_bytes()),
        "app_yaml": ("app.yaml", yaml.safe_dump(application, allow_unicode=True).encode()),
    }
    submission = publisher.post("/publish", {}, files)
    assert wait_for_state(publisher, submission) == "submitted", publisher.get(submission)
    gatekeeper.post(f"{submission}/release", {})
    return SecondPage(f"/{TENANT}/{SLUG}/", submission, publisher)
