"""`urbanlab audit`: whole and damaged logs, what is shown of them, and a person's rights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.audit_process import AuditProcess
from urbanlab.contract.records import Tenant
from urbanlab_hub.settings import Settings
from urbanlab_operate import audit
from urbanlab_operate.apply import records
from urbanlab_operate.changes import Changes
from urbanlab_operate.cli import main


@pytest.fixture
def running(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[AuditProcess]:
    """The audit service where the installation of `settings` has it."""
    settings.audit_socket.parent.mkdir(parents=True)
    process = AuditProcess(
        settings.state, socket=settings.audit_socket, state=settings.service_state("audit")
    )
    monkeypatch.setenv("URBANLAB_STATE", str(settings.state))
    process.start()
    yield process
    process.kill()


def _run(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    capfd.readouterr()
    code = main(["audit", *arguments])
    out, err = capfd.readouterr()
    return code, out + err


def test_without_a_log_it_says_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("URBANLAB_STATE", str(settings.state))
    assert _run(capfd, "verify") == (
        1,
        f"There is no audit log in {settings.state}/audit yet: `urbanlab up` begins one.\n",
    )
    code, said = _run(capfd, "list")
    assert (code, "does not answer" in said) == (1, True)


def test_verify_names_the_line_also_while_nothing_runs(
    running: AuditProcess, capfd: pytest.CaptureFixture[str]
) -> None:
    sender = running.make_sender("hub")
    for person in ("anna@town", "berta@town"):
        sender.record("logout", "town", person=person)
    assert sender.flush()
    code, said = _run(capfd, "verify")
    assert (code, said.startswith("The audit log is whole: 2 entries, the last ")) == (0, True)
    noted = said.rpartition(" ")[2].strip(".\n")
    assert _run(capfd, "verify", "--contains", noted)[0] == 0
    code, said = _run(capfd, "verify", "--contains", noted[::-1])
    assert (code, "an older copy" in said) == (1, True)
    running.kill()
    (path,) = running.log.glob("*.jsonl")
    path.write_text(path.read_text().replace("logout", "login"))
    code, said = _run(capfd, "verify")
    assert (code, said) == (1, f"The audit log is damaged. {path.name}, line 1: it was changed.\n")
    path.unlink()
    assert _run(capfd, "verify") == (
        1,
        "The audit log is damaged. The log ends with number 0, but 2 were written: 2 are missing.\n",
    )
    with pytest.raises(AssertionError, match="not as it was left"):
        running.start()


def test_a_person_named_as_in_keycloak_is_found_exported_and_erased(
    running: AuditProcess, capfd: pytest.CaptureFixture[str]
) -> None:
    sender = running.make_sender("hub")
    sender.record("login", "town", person="m~c3~bcller@town", roles=["analyst"])
    sender.record("login", "village", person="anna@village", roles=[])
    assert sender.flush()
    code, said = _run(capfd, "list", "--tenant", "town")
    assert (code, said.count("\n"), "person=m~c3~bcller@town" in said) == (0, 1, True)
    assert len(json.loads(_run(capfd, "list", "--json", "--limit", "9")[1])) == 2
    (event,) = json.loads(_run(capfd, "export", "Müller@town")[1])
    assert event["data"]["person"] == "m~c3~bcller@town"
    assert "which entries are those of" in _run(capfd, "erase", "Müller@town")[1]
    assert "names nobody" in _run(capfd, "erase", "m~c3~bcller@town")[1]
    assert json.loads(_run(capfd, "export", "Müller@town")[1]) == []
    assert "ller@town" not in _run(capfd, "list")[1]
    assert _run(capfd, "verify")[0] == 0


def test_apply_tells_of_tenants_that_come_change_and_go(
    running: AuditProcess, settings: Settings, make_tenant: Callable[..., Tenant], tmp_path: Path
) -> None:
    def reconcile(*tenants: Tenant, dry_run: bool = False) -> None:
        changes = Changes("records", dry_run=dry_run, report=lambda line: None)
        wanted = {tenant.id: tenant for tenant in tenants}
        records.withdraw_records(settings, wanted, changes)
        records.write_records(settings, wanted, changes)

    town, village = make_tenant("town"), make_tenant("village")
    reconcile(town, village, dry_run=True)
    reconcile(town, village)
    reconcile(make_tenant("town", "noise"), village)
    reconcile(village)
    sender = audit._make_sender(settings.audit_socket, settings.service_state("hub") / "audit-operator")
    assert sender.flush()
    told = [
        (event["tenant"], event["data"]["action"], event["data"].get("fields")) for event in running.ask()
    ]
    assert told[::-1] == [
        ("town", "added", None),
        ("village", "added", None),
        ("town", "changed", ["feeds"]),
        ("town", "removed", None),
    ]
