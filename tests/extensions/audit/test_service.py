"""The service as a process: what is sent is there once, whoever is killed, and only those who may speak and ask."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.audit_process import AuditProcess
from tests.installation import make_state_folder
from urbanlab.contract.audit import make_entry
from urbanlab.contract.audit_sender import AuditAwayError, AuditSender, ask_audit
from urbanlab.contract.records import Tenant

ANNA = "anna@town"


def test_what_is_recorded_is_read_again_with_names_and_is_in_no_file(service: AuditProcess) -> None:
    hub, publisher = service.make_sender("hub"), service.make_sender("publisher")
    hub.record("login", "town", person=ANNA, roles=["analyst"], second_factor=False)
    assert hub.flush()
    with publisher.begin("page-act", "town", person="gerd@town", action="release", object="town/x/1") as line:
        line |= {"outcome": "done", "reason": "Frau Meier hat zugestimmt"}
    assert publisher.flush()
    newest, oldest = service.ask("source=hub&tenant=town")
    assert (oldest["event"], oldest["source"], oldest["data"]["person"]) == ("login", "hub", ANNA)
    assert newest["data"] == {
        "person": "gerd@town",
        "action": "release",
        "object": "town/x/1",
        "outcome": "done",
        "reason": "Frau Meier hat zugestimmt",
    }
    for secret in ("anna", "gerd", "Meier"):
        assert secret not in service.read_text()
    assert service.verify()[0] == 0


def test_questions(service: AuditProcess) -> None:
    publisher = service.make_sender("publisher")
    for number in range(6):
        for tenant in ("town", "village"):
            name, outcome = f"{tenant}/page-{number % 2}/{number}", "done" if number < 4 else "four_eyes"
            publisher.record(
                "page-act",
                tenant,
                person=f"p{number}@{tenant}",
                action="release",
                object=name,
                outcome=outcome,
            )
    publisher.record(
        "data-act", "town", person=ANNA, action="request_data", object="town.footfall", outcome="done"
    )
    assert publisher.flush()

    def ask(query: str) -> list[str]:
        return [event["data"]["object"] for event in service.ask(f"source=publisher&{query}")]

    assert ask("tenant=town&object=town/page-1/&outcome=done") == ["town/page-1/3", "town/page-1/1"]
    assert ask("tenant=town&limit=2") == ["town.footfall", "town/page-1/5"]
    assert ask("tenant=town&event=data-act") == ["town.footfall"]
    assert ask("tenant=village&person=p3@village") == ["village/page-1/3"]
    assert ask("tenant=village&person=nobody@village") == ask("tenant=nowhere") == []
    assert ask("tenant=town&object=%25") == ask("tenant=town&object=town/page-_") == []
    assert len(ask("tenant=town&since=2000-01-01")) == 7
    assert ask("tenant=town&until=2000-01-01") == []
    assert len(ask("tenant=town&since=20000101T000000%2B0200")) == 7  # the same moment in another form
    assert len(ask(f"tenant=town&before={10**30}")) == 7
    oldest = service.ask("source=publisher&limit=13")[-1]["seq"]
    assert len(ask(f"before={oldest + 2}")) == 2
    for wrong in ("limit=x", "before=x", "since=yesterday", "since=0001-01-01T00:00%2B02:00"):
        with pytest.raises(AuditAwayError, match="not understood"):
            ask(wrong)


HOSTILE: list[Any] = [
    None,
    "",
    7,
    [],
    {},
    {"event": "login"},
    {**dataclasses.asdict(make_entry("login", "town", person=ANNA, roles=[])), "seq": 1},
    {**dataclasses.asdict(make_entry("login", "town", person=ANNA, roles=[])), "data": "x"},
]
MISFITS: list[tuple[str, dict[str, Any]]] = [
    ("no such event", {"event": "tenant-changed", "data": {"action": "added"}}),
    ("no such event", {"event": "log-repaired", "data": {"bytes": 1}}),
    ("no such event", {"event": "../login"}),
    ("no tenant", {"tenant": "../town"}),
    ("no tenant", {"tenant": "town\n"}),
    ("id is none", {"id": "x"}),
    ("id is none", {"id": "A" * 32}),
    ("additionalProperties", {"data": {"person": ANNA, "roles": [], "mail": "anna@example.org"}}),
    ("required", {"data": {"roles": []}}),
    ("person", {"data": {"person": "Anna Muster", "roles": []}}),
    ("person", {"data": {"person": "anna@town\n", "roles": []}}),
    ("person", {"data": {"person": ["anna@town"], "roles": []}}),
    ("roles/0", {"data": {"person": ANNA, "roles": ["root"]}}),
    ("roles", {"data": {"person": ANNA, "roles": ["analyst"] * 6}}),
    ("second_factor", {"data": {"person": ANNA, "roles": [], "second_factor": "yes"}}),
    ("as entries are", {"time": "yesterday"}),
    ("too long", {"time": "2026-01-01T00:00:00." + "0" * 30 + "Z"}),
]


def test_what_is_no_entry_is_refused_as_a_whole(service: AuditProcess) -> None:
    good = dataclasses.asdict(make_entry("login", "town", person=ANNA, roles=[]))
    for entry in HOSTILE:
        with pytest.raises(AuditAwayError, match="no entries"):
            service.send("hub", good, entry)
    assert service.ask() == []


def test_what_does_not_fit_is_refused_counted_and_keeps_nobody_waiting(service: AuditProcess) -> None:
    good = dataclasses.asdict(make_entry("login", "town", person=ANNA, roles=[]))
    sent = [{**good, "id": f"{number:032x}", **change} for number, (_, change) in enumerate(MISFITS)]
    refused = service.send("hub", *sent, good)["refused"]
    assert len(service.ask()) == 1
    for (reason, _), entry in zip(MISFITS, sent, strict=True):
        assert reason in refused[entry["id"]], entry
    log = service.output.read_text()
    assert log.count("an entry was refused") == len(MISFITS)
    assert "Muster" not in log


def test_a_source_writes_and_reads_what_is_its_own(service: AuditProcess) -> None:
    entry = dataclasses.asdict(make_entry("login", "town", person=ANNA, roles=[]))
    for source in ("publisher", "tokens", "warehouse", "operator"):
        assert service.send(source, entry)["refused"]
    for source in ("audit", "root", "", "reports"):
        with pytest.raises(AuditAwayError, match="does not speak"):
            service.send(source, entry)
    service.send("hub", entry)
    with pytest.raises(AuditAwayError, match="does not read"):
        service.ask("source=publisher&event=login")
    for source in ("tokens", "warehouse"):
        assert service.ask(f"source={source}") == []
    assert service.ask("source=publisher") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_the_kernel_says_who_speaks() -> None:
    folder = make_state_folder()  # which other accounts can reach, as pytest's own they cannot
    folder.mkdir(mode=0o711)
    service = AuditProcess(folder, f"hub={os.geteuid()} tokens=12345")
    service.start()
    try:
        entry = dataclasses.asdict(
            make_entry("credential-refused", "town", purpose="kafka", reason="forbidden")
        )
        with pytest.raises(AuditAwayError, match="does not speak"):
            service.send("tokens", entry)
        program = (
            "import json,sys;sys.path[:0]=json.loads(sys.argv[4]);"
            "from pathlib import Path;from urbanlab.contract.audit_sender import ask_audit;"
            "print(ask_audit(Path(sys.argv[1]),'POST','/events',"
            "{'source':sys.argv[2],'entries':[json.loads(sys.argv[3])]}))"
        )

        def send(source: str) -> str:
            command = [
                sys.executable,
                "-c",
                program,
                str(service.socket),
                source,
                json.dumps(entry),
                json.dumps(sys.path),
            ]
            done = subprocess.run(
                command, user=12345, group=12345, extra_groups=[], capture_output=True, text=True, check=False
            )
            return done.stdout + done.stderr

        assert "{'refused': {}}" in send("tokens")
        assert "does not speak" in send("hub")
        assert [event["source"] for event in service.ask()] == ["tokens"]
    finally:
        service.kill()
        shutil.rmtree(folder.parent)


def test_an_entry_that_is_sent_again_is_there_once(service: AuditProcess) -> None:
    entry = dataclasses.asdict(make_entry("login", "town", person=ANNA, roles=[]))
    for _ in range(3):
        service.send("hub", entry, entry)
    service.kill()
    service.start()
    service.send("hub", {**entry, "data": {**entry["data"], "roles": ["admin"]}})
    assert [event["data"]["roles"] for event in service.ask()] == [[]]


def test_the_writer_is_killed_again_and_again_and_nothing_is_lost_or_doubled(
    service: AuditProcess, wait: Callable[..., Any]
) -> None:
    senders = {name: service.make_sender("hub", name) for name in ("one", "two", "three")}
    acknowledged: list[str] = []

    def talk(name: str, sender: AuditSender) -> None:
        for number in range(60):
            person = f"{name}{number}@town"
            sender.record("server-started", "town", person=person)
            acknowledged.append(person)

    threads = [threading.Thread(target=talk, args=pair) for pair in senders.items()]
    for thread in threads:
        thread.start()
    for kills in range(1, 4):
        wait(lambda kills=kills: len(acknowledged) > 40 * kills, 30, "progress")  # type: ignore[misc]
        service.kill()
        service.start()
    for thread in threads:
        thread.join()
    wait(lambda: not any(sender.list_waiting() for sender in senders.values()), 30, "delivery")
    found = [event["data"]["person"] for event in service.ask() if event["event"] == "server-started"]
    assert sorted(found) == sorted(acknowledged)
    for name in senders:
        order = [person for person in reversed(found) if person.startswith(name)]
        assert order == [f"{name}{number}@town" for number in range(60)]
    assert service.verify()[0] == 0


def test_a_sender_does_not_wait_for_a_writer_that_is_away(service: AuditProcess, tmp_path: Path) -> None:
    service.kill()
    sender = service.make_sender("hub")
    sender.record("logout", "town", person=ANNA)
    with sender.begin("server-stopped", "town", person=ANNA):
        pass
    assert [entry.event for entry in sender.list_waiting()] == ["logout", "server-stopped"]
    assert not sender.flush(0.3)
    with pytest.raises(AuditAwayError, match="does not answer"):
        ask_audit(service.socket, "GET", "/events?source=hub")
    service.start()
    assert sender.flush(10)
    assert [event["event"] for event in service.ask()] == ["server-stopped", "logout"]
    assert list((tmp_path / "sender-hub").iterdir()) == []


def test_an_act_that_was_cut_off_is_told_as_that(service: AuditProcess, tmp_path: Path) -> None:
    program = (
        "import os,sys;from pathlib import Path;from urbanlab.contract.audit_sender import AuditSender;"
        "s=AuditSender(None,Path(sys.argv[1]),'publisher');"
        "c=s.begin('page-act','town',person='gerd@town',action='release',object='town/x/1');c.__enter__();os._exit(9)"
    )
    folder = tmp_path / "sender-publisher"
    subprocess.run([sys.executable, "-c", program, str(folder)], check=False)
    sender = service.make_sender("publisher")
    sender.recover()
    assert sender.flush(10)
    (event,) = service.ask("source=publisher")
    assert (event["data"]["object"], event["data"]["outcome"]) == ("town/x/1", "interrupted")


def test_a_person_can_have_all_and_be_forgotten(service: AuditProcess) -> None:
    hub, publisher = service.make_sender("hub"), service.make_sender("publisher")
    hub.record("login", "town", person=ANNA, roles=[])
    hub.record("admin-act", "town", person="adam@town", action="stop-server", subject=ANNA)
    hub.record("login", "village", person="anna@village", roles=[])
    assert hub.flush()
    publisher.record(
        "page-act", "town", person=ANNA, action="refuse", object="", outcome="done", reason="Ihr Anruf"
    )
    assert publisher.flush()
    export = ask_audit(service.socket, "GET", f"/people?person={ANNA}")["events"]
    assert [event["event"] for event in export] == ["page-act", "admin-act", "login"]
    assert "Ihr Anruf" in json.dumps(export)
    before = service.read_text()
    assert ask_audit(service.socket, "DELETE", f"/people?person={ANNA}")["erased"]
    assert not ask_audit(service.socket, "DELETE", f"/people?person={ANNA}")["erased"]
    assert service.read_text().startswith(before)
    assert service.verify()[0] == 0
    shown = json.dumps(service.ask())
    assert ANNA not in shown
    assert "Ihr Anruf" not in shown
    assert "adam@town" in shown
    assert "anna@village" in shown
    for path in service.state.rglob("*"):
        assert path.is_dir() or b"anna@town" not in path.read_bytes()
    for wrong in ("", "anna", "anna@", "../x@town"):
        with pytest.raises(AuditAwayError):
            ask_audit(service.socket, "DELETE", f"/people?person={wrong}")


def test_what_is_over_goes_and_the_chain_holds(
    service: AuditProcess, make_tenant: Callable[..., Tenant]
) -> None:
    hub = service.make_sender("hub")
    for tenant in ("town", "village"):
        hub.record("login", tenant, person=f"anna@{tenant}", roles=[])
    assert hub.flush()
    service.add_tenant(make_tenant("town", audit_days=0))
    service.add_tenant(make_tenant("village"))
    service.kill()
    service.start()
    assert [event["event"] for event in service.ask("source=hub&tenant=town")] == ["entries-expired"]
    assert [event["event"] for event in service.ask("source=hub&tenant=village")] == ["login"]
    assert [line["body"] is None for line in service.lines()] == [True, False, False]
    assert service.verify()[0] == 0
    hub.record("login", "village", person="berta@village", roles=[])
    assert hub.flush()
    service.kill()
    service.start()
    assert len(service.ask("source=hub&tenant=village")) == 2
    assert service.verify()[0] == 0


def test_it_ends_in_time_and_goes_on(service: AuditProcess) -> None:
    hub = service.make_sender("hub")
    hub.record("logout", "town", person=ANNA)
    assert hub.flush()
    assert service.stop() == 0
    service.start()
    assert len(service.ask()) == 1
    assert "Traceback" not in service.output.read_text()
