"""What the hub tells the audit log: of people, never of service users, and only what the schemas take."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import jupyterhub
import pytest
from jupyter_events import EventLogger
from traitlets.config import Config

from urbanlab_hub import audit
from urbanlab_hub.configure import configure_audit
from urbanlab_hub.settings import Settings
from urbanlab_services.audit.schemas import check_entry

ANNA = "anna@town"
GROUPS = ("/tenants/town/analyst", "/tenants/town/admin")


@pytest.fixture
def told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> _Told:
    """What has been told, once the block that reads it asks; the log's writer is away."""
    monkeypatch.setattr(audit, "_senders", [])
    audit.start(settings)
    audit.start(settings)
    assert len(audit._senders) == 1
    return _Told()


class _Told:
    def read(self) -> list[tuple[str, str, dict[str, object]]]:
        audit._thread.submit(lambda: None).result()
        entries = audit._senders[0].list_waiting()
        for entry in entries:
            check_entry("hub", entry)
        return [(entry.event, entry.tenant, entry.data) for entry in entries]


def test_each_of_its_events_fits_its_schema(told: _Told) -> None:
    audit.record_login(ANNA, GROUPS, second_factor=True)
    audit.record_login_refused("second-factor", "town")
    audit.record_revocation(ANNA, "Keycloak has ended the session or disabled the person")
    audit.record_revocation(ANNA, "<script>42</script>")
    audit.record_revocation(ANNA, audit.LOGGED_OUT)
    audit.record_roles_changed(ANNA, GROUPS[:1], GROUPS)
    audit.record_admin_act("adam@town", "stop-server", ANNA)
    audit.note_server_end(SimpleNamespace(user=SimpleNamespace(name=ANNA)))
    assert told.read() == [
        ("login", "town", {"person": ANNA, "roles": ["admin", "analyst"], "second_factor": True}),
        ("login-refused", "town", {"reason": "second-factor"}),
        (
            "access-revoked",
            "town",
            {"person": ANNA, "reason": "Keycloak has ended the session or disabled the person"},
        ),
        ("access-revoked", "town", {"person": ANNA, "reason": "another reason"}),
        ("logout", "town", {"person": ANNA}),
        ("roles-changed", "town", {"person": ANNA, "added": ["admin"], "removed": []}),
        ("admin-act", "town", {"person": "adam@town", "action": "stop-server", "subject": ANNA}),
        ("server-stopped", "town", {"person": ANNA}),
    ]


@pytest.mark.parametrize(
    "name", ["publications@town", "reports@town", "anna", "", "anna@", "anna@../town", "a b@town"]
)
def test_of_others_than_people_nothing_is_told(told: _Told, name: str) -> None:
    audit.record_login(name, ())
    audit.record_revocation(name, "x")
    audit.note_server_end(SimpleNamespace(user=SimpleNamespace(name=name)))
    assert told.read() == []


def test_roles_that_are_the_same_are_no_change(told: _Told) -> None:
    audit.record_roles_changed(ANNA, [*GROUPS, "/services/x"], GROUPS[::-1])
    assert told.read() == []


def test_a_flood_of_refused_logins_is_told_by_its_size(told: _Told) -> None:
    for _ in range(500):
        audit.record_login_refused("expired")
    assert len(told.read()) == 20


def test_jupyterhubs_own_events_tell_of_starts(told: _Told, settings: Settings) -> None:
    config = Config()
    configure_audit(config, settings)
    events = EventLogger(config=config)
    schema = Path(jupyterhub.__file__).parent / "event-schemas/server-actions/v1.yaml"
    events.register_event_schema(schema)
    for action, name in (("start", ANNA), ("stop", ANNA), ("start", "reports@town")):
        data = {"action": action, "username": name, "servername": ""}
        events.emit(schema_id="https://schema.jupyter.org/jupyterhub/events/server-action", data=data)
    assert told.read() == [("server-started", "town", {"person": ANNA})]
    assert config.Spawner.post_stop_hook is audit.note_server_end


async def test_without_the_log_a_question_says_so(told: _Told) -> None:
    with pytest.raises(audit.AuditAwayError, match="does not answer"):
        await audit.list_events("town")


async def test_before_it_has_started_nothing_is_told_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit, "_senders", [])
    audit.record_login(ANNA, GROUPS)
    audit.record_login_refused("expired")
    with pytest.raises(audit.AuditAwayError):
        await audit.list_events("town")
