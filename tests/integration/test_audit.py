"""The audit log of the running product: who did what in a tenant, seen there alone, out of every kernel's reach."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.installation import Installation

from .login import NotLoggedInError, StaffSession, login
from .operator_access import kill_part, wait_until, wait_until_healthy
from .people import People, own_tenant

TENANT, OTHER = "auditia", "elsewhere"
PERSON = f"it-anna@{TENANT}"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give servers accounts of their own")


@pytest.fixture(scope="module")
def password(installation: Installation) -> Iterator[str]:
    """Two tenants of these tests alone, and a person in one of them."""
    installation.settings.tenants.mkdir(exist_ok=True)
    with own_tenant(installation, TENANT), own_tenant(installation, OTHER):
        people = People(installation)
        yield people.make("it-anna", (f"/tenants/{TENANT}/analyst",))
        people.remove()


@pytest.fixture(scope="module")
def worked(installation: Installation, password: str) -> dict[str, str]:
    """What a kernel answered while its person logged in, asked for too much, and left."""
    socket, log = installation.settings.audit_socket, installation.settings.service_state("audit")
    code = f"""
import json, os, socket, urbanlab as ul
said = {{}}
for name, sql in (("foreign", "SELECT count() FROM {OTHER}.footfall"), ("file", "SELECT file('/etc/passwd')"),
                  ("typo", "SELECT count() FROM footfal"), ("fine", "SELECT 1")):
    try:
        said[name] = str(ul.query(sql).iloc[0, 0])
    except Exception as error:
        said[name] = type(error).__name__
try:
    socket.socket(socket.AF_UNIX).connect({str(socket)!r}); said["socket"] = "open"
except OSError as error:
    said["socket"] = type(error).__name__
try:
    os.listdir({str(log)!r}); said["log"] = "open"
except OSError as error:
    said["log"] = type(error).__name__
print(json.dumps(said))
"""
    with StaffSession(installation, "it-anna", TENANT, password) as staff:
        said: dict[str, str] = staff.ask_json(code)
        staff.stop_server()
        staff.session.get(f"{staff.hub_url}hub/logout", timeout=30)
        staff.close = lambda: None  # type: ignore[method-assign]
    return said


def list_events(installation: Installation, *arguments: str) -> list[dict[str, Any]]:
    """Return what the operator is shown, the oldest first."""
    shown: list[dict[str, Any]] = json.loads(
        installation.run("audit", "list", "--json", "--limit", "1000", *arguments)
    )
    return shown[::-1]


def wait_for_event(installation: Installation, event: str, *arguments: str) -> dict[str, Any]:
    """Return the first entry of a kind once it has arrived."""
    found: list[dict[str, Any]] = wait_until(lambda: list_events(installation, "--event", event, *arguments))
    return found[0]


def test_a_persons_day_is_in_the_log_without_what_they_asked(
    installation: Installation, worked: dict[str, str]
) -> None:
    assert (worked["fine"], worked["typo"] == "1") == ("1", False)
    wait_for_event(installation, "logout", "--person", PERSON)
    events = list_events(installation, "--tenant", TENANT, "--person", PERSON)
    kinds = [event["event"] for event in events]
    assert kinds == ["login", "server-started", "query-refused", "query-refused", "server-stopped", "logout"]
    assert events[0]["data"] == {"person": PERSON, "roles": ["analyst"], "second_factor": False}
    assert [event["data"]["reason"] for event in events[2:4]] == ["UNKNOWN_TABLE", "SUPPORT_IS_DISABLED"]
    assert {event["source"] for event in events} == {"hub", "warehouse"}
    assert "footfall" not in json.dumps(events)
    assert "passwd" not in json.dumps(events)


def test_the_tenant_itself_is_told_of_and_another_sees_nothing(
    installation: Installation, worked: dict[str, str]
) -> None:
    assert wait_for_event(installation, "tenant-changed", "--tenant", TENANT)["data"]["action"] == "added"
    assert TENANT not in json.dumps(list_events(installation, "--tenant", OTHER))


def test_a_refused_login_is_told_to_the_tenant_without_a_name(
    installation: Installation, password: str
) -> None:
    with pytest.raises(NotLoggedInError):
        login(installation, "it-anna", OTHER, password)
    refused = wait_for_event(installation, "login-refused", "--tenant", OTHER)
    assert refused["data"] == {"reason": "other-tenant"}


@needs_root
def test_no_kernel_reaches_the_log(worked: dict[str, str]) -> None:
    assert (worked["socket"], worked["log"]) == ("PermissionError", "PermissionError")


def test_the_log_is_whole_names_nobody_and_survives_its_writer(
    installation: Installation, worked: dict[str, str]
) -> None:
    before = len(list_events(installation, "--tenant", TENANT))
    kill_part(installation, "audit")
    wait_until_healthy(installation)
    assert len(list_events(installation, "--tenant", TENANT)) == before
    assert "The audit log is whole" in installation.run("audit", "verify")
    for path in (installation.settings.service_state("audit") / "log").glob("*.jsonl"):
        assert "it-anna" not in path.read_text()


def test_a_person_is_handed_out_and_forgotten(installation: Installation, worked: dict[str, str]) -> None:
    assert len(json.loads(installation.run("audit", "export", PERSON))) == 6
    assert "Nobody can tell" in installation.run("audit", "erase", PERSON)
    assert PERSON not in json.dumps(list_events(installation, "--tenant", TENANT))
    assert "The audit log is whole" in installation.run("audit", "verify")
