"""`urbanlab apply` on the running product: killed at any step, against drift by hand, and tried dry."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaAdminClient

from tests.installation import COMMAND, Installation
from urbanlab_operate.apply import apply
from urbanlab_operate.keycloak_realm import Realm
from urbanlab_operate.local.kafka import make_client_options

from .drifts import DRIFTS, TENANT
from .operator_access import ask_as_service
from .people import own_tenant

FEED = {
    "title": {"de": "Pegel", "en": "Water level"},
    "description": {"de": "Wasserstand", "en": "Water level"},
    "columns": {
        "gauge": {"type": "category", "title": {"de": "Pegel", "en": "Gauge"}},
        "at": {"type": "instant", "title": {"de": "Zeit", "en": "Time"}},
        "level": {"type": "number", "title": {"de": "Stand", "en": "Level"}},
    },
    "key": ["gauge", "at"],
    "time": "at",
}
FEEDS = {"footfall": None, "footfall_live": None, "weather": None, "level": FEED}
NOTHING: list[str] = []


@pytest.fixture(scope="module")
def tenant(installation: Installation) -> Iterator[str]:
    with own_tenant(installation, TENANT, feeds=FEEDS, second_factor=["gatekeeper", "admin"]) as made:
        yield made


@pytest.fixture
def bring_in_line(installation: Installation) -> Callable[..., list[str]]:
    """Apply in this process, which saves the start of a command."""

    def run(**options: Any) -> list[str]:
        return apply(installation.settings, report=lambda line: None, **options)

    return run


# --- killed ---

# What the command has just said when it is killed, in each of the systems.
MOMENTS = (
    "keycloak: create the group",
    "keycloak: create the client",
    "kafka: create the topic",
    "kafka: let",
    "records: write",
    "warehouse:",
)


@pytest.mark.timeout(180)
def test_killed_at_any_step_the_next_one_goes_on_and_a_third_has_nothing_to_do(
    installation: Installation, bring_in_line: Callable[..., list[str]]
) -> None:
    ids = [f"k{secrets.token_hex(6)}" for _ in MOMENTS]
    paths = [installation.settings.tenants / f"{each}.yaml" for each in ids]
    try:
        for path, moment in zip(paths, MOMENTS, strict=True):
            path.write_text(json.dumps({"title": "Killed", "feeds": FEEDS}), encoding="utf-8")
            said = kill_when_it_says(installation, moment)
            after = bring_in_line()
            assert after, (moment, said)
            assert not {line.rstrip("\n") for line in said[:-1]} & set(after)
        assert bring_in_line(dry_run=True) == NOTHING
        assert bring_in_line() == NOTHING
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
        bring_in_line()
    assert bring_in_line() == NOTHING


def kill_when_it_says(installation: Installation, moment: str) -> list[str]:
    """Start `urbanlab apply`, kill it at its first line that begins so, and return what it had said."""
    process = subprocess.Popen(
        [COMMAND, "apply"], env=installation.environ(), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith(moment):
            os.kill(process.pid, signal.SIGKILL)
            break
    process.stdout.close()
    assert process.wait(30) == -signal.SIGKILL, said
    return said


def test_killed_while_it_begins_it_has_done_nothing(
    installation: Installation, tenant: str, bring_in_line: Callable[..., list[str]]
) -> None:
    process = subprocess.Popen([COMMAND, "apply"], env=installation.environ(), stdout=subprocess.DEVNULL)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    assert bring_in_line() == NOTHING


# --- tried dry ---


def test_a_dry_run_says_the_same_sentences_and_changes_nothing(
    installation: Installation, bring_in_line: Callable[..., list[str]]
) -> None:
    path = installation.settings.tenants / "trocken.yaml"
    path.write_text(json.dumps({"title": "Trocken", "feeds": FEEDS}), encoding="utf-8")
    try:
        before = take_stock(installation)
        promised = bring_in_line(dry_run=True)
        assert take_stock(installation) == before
        done = bring_in_line()
        assert [line.replace("would ", "", 1) for line in promised] == done
        assert len({line.partition(":")[0] for line in done}) == 5
        assert take_stock(installation) != before
    finally:
        path.unlink()
        promised = bring_in_line(dry_run=True)
        assert [line.replace("would ", "", 1) for line in promised] == bring_in_line()


def take_stock(installation: Installation) -> dict[str, Any]:
    """Return what there is of tenants in each system."""
    settings = installation.settings
    realm = Realm(settings)
    top = realm.get("/group-by-path/tenants")
    with closing(KafkaAdminClient(**make_client_options(settings))) as admin:
        topics = sorted(admin.list_topics())
    users = ask_as_service(installation, "operator", "GET", "users?limit=200").json()
    return {
        "groups": sorted(group["name"] for group in realm.get(f"/groups/{top['id']}/children", max=1000)),
        "clients": sorted(client["clientId"] for client in realm.get("/clients")),
        "topics": topics,
        "records": sorted(path.name for path in settings.records.iterdir()),
        "secrets": sorted(path.name for path in settings.service_secrets("tokens").iterdir()),
        "roles": (settings.service_state("engine") / "config" / "users.xml").read_text(),
        "users": sorted(user["name"] for user in users),
    }


# --- drift by hand ---


@pytest.mark.parametrize("name", DRIFTS)
def test_drift_by_hand_is_said_and_mended(
    installation: Installation, tenant: str, bring_in_line: Callable[..., list[str]], name: str
) -> None:
    make_drift, expected = DRIFTS[name]
    part = expected[0].partition(":")[0]
    make_drift(installation)

    promised = bring_in_line(dry_run=True, parts=[part])
    assert [line.replace("would ", "", 1) for line in promised] == expected
    assert bring_in_line(parts=[part]) == expected
    assert bring_in_line(parts=[part]) == NOTHING


def test_after_all_that_everything_is_in_line(tenant: str, bring_in_line: Callable[..., list[str]]) -> None:
    assert bring_in_line() == NOTHING
