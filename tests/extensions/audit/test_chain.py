"""Whatever is changed in the log's files is found, wherever it is; what the writer itself does is not."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from urbanlab.contract.audit import make_entry
from urbanlab.contract.records import Tenant
from urbanlab_services.audit.chain import ChainError, decode_line, make_line, to_canonical
from urbanlab_services.audit.head import DamagedError, Head, write_head
from urbanlab_services.audit.index import Question
from urbanlab_services.audit.log import ASIDE, Draft, Log
from urbanlab_services.audit.places import INDEX, LOG, PEOPLE, WRITER
from urbanlab_services.audit.self_check import SelfCheck
from urbanlab_services.audit.verify import verify
from urbanlab_services.audit.writer import Writer

START = datetime(2026, 9, 20, tzinfo=UTC)
LINES = 12


def _make_draft(number: int, **changes: Any) -> Draft:
    body = {"time": "", "salt": f"{number:032x}", "people": {}, "data": {"reason": f"r{number}"}}
    return dataclasses.replace(Draft("login-refused", "town", "hub", f"{number:032x}", body), **changes)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log over three months."""
    state = tmp_path_factory.mktemp("original") / "state"
    log = Log(state / LOG)
    for number in range(LINES):
        log.append([_make_draft(number)], START + timedelta(days=7 * number))
    log.close()
    assert len(log.list_files()) == 4
    return state


@pytest.fixture
def state(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "state"))


def _read(state: Path) -> dict[str, list[bytes]]:
    return {
        path.name: path.read_bytes().splitlines(keepends=True)
        for path in sorted((state / LOG).glob("*.jsonl"))
    }


def _write(state: Path, files: dict[str, list[bytes]]) -> None:
    for path in (state / LOG).glob("*.jsonl"):
        path.unlink()
    for name, lines in files.items():
        (state / LOG / name).write_bytes(b"".join(lines))


def _spoil(state: Path, spoil: Callable[[list[tuple[str, bytes]]], list[tuple[str, bytes]]]) -> bool:
    """Change the lines of a log; return whether that changed anything."""
    before = _read(state)
    lines = spoil([(name, line) for name, lines in before.items() for line in lines])
    after: dict[str, list[bytes]] = {}
    for name, line in lines:
        after.setdefault(name, []).append(line)
    _write(state, after)
    return after != before


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_edit_is_found(original: Path, tmp_path: Path, data: st.DataObject) -> None:
    state = tmp_path / "state"
    shutil.rmtree(state, ignore_errors=True)
    shutil.copytree(original, state)
    where = data.draw(st.integers(0, LINES - 1))
    kind = data.draw(st.sampled_from(("byte", "cut", "remove", "double", "move", "end", "insert", "file")))

    def spoil(lines: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        name, line = lines[where]
        at = data.draw(st.integers(0, len(line) - 1))
        rest = lines[:where] + lines[where + 1 :]
        there = data.draw(st.integers(0, LINES - 1))
        return {
            "byte": [
                *lines[:where],
                (name, line[:at] + data.draw(st.binary(max_size=3)) + line[at + 1 :]),
                *lines[where + 1 :],
            ],
            "cut": [*lines[:where], (name, line[:at])],
            "remove": rest,
            "double": [*lines[: where + 1], (name, line), *lines[where + 1 :]],
            "move": [*rest[:there], (name, line), *rest[there:]],
            "end": lines[:where],
            "insert": [*lines[:where], (name, data.draw(st.binary(min_size=1, max_size=20))), *lines[where:]],
            "file": [each for each in lines if each[0] != name],
        }[kind]

    assume(_spoil(state, spoil))
    with pytest.raises(DamagedError):
        verify(state)


def test_lines_that_fit_each_other_but_not_the_head_are_found(state: Path) -> None:
    """Somebody who can write files, but has not the key, makes a whole new chain."""

    def spoil(lines: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        made, prev = [], "0" * 64
        for name, raw in lines:
            old = decode_line(raw)
            body = {**(old.body or {}), "data": {"reason": "nothing"}}
            line = make_line(old.seq, prev, old.at, old.event, old.tenant, old.source, old.id, body)
            prev = line.hash
            made.append((name, line.encode()))
        return made

    _spoil(state, spoil)
    with pytest.raises(DamagedError, match=f"Number {LINES} is not the line"):
        verify(state)
    with pytest.raises(DamagedError, match="written last"):
        Log(state / LOG)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda log: (log / "head.json").unlink(), "head of the audit log is gone"),
        (lambda log: (log / "head.json").write_text("{}"), "is no head"),
        (lambda log: (log / "head.json").write_text("[]"), "is no head"),
        (lambda log: (log / "head.key").unlink(), "key of the audit log is gone"),
        (lambda log: (log / "head.key").write_text("00" * 32), "was not written by"),
        (lambda log: write_head(log, b"guessed", Head(3)), "was not written by"),
    ],
)
def test_a_head_that_is_not_the_writers_is_found(
    state: Path, spoil: Callable[[Path], object], says: str
) -> None:
    spoil(state / LOG)
    with pytest.raises(DamagedError, match=says):
        verify(state)
    with pytest.raises(DamagedError, match=says):
        Log(state / LOG)


def test_what_is_emptied_needs_an_entry_that_permits_it(state: Path) -> None:
    def empty(lines: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        name, raw = lines[3]
        lines[3] = (name, dataclasses.replace(decode_line(raw), body=None).encode())
        return lines

    assert _spoil(state, empty)
    with pytest.raises(DamagedError, match="line 2: what it said is gone"):
        verify(state)
    body = {"data": {"through": 3, "count": 1}}
    log = Log(state / LOG)
    log.append([_make_draft(50, event="entries-expired", source=WRITER, body=body)])
    with pytest.raises(DamagedError, match="what it said is gone"):
        verify(state)
    for tenant, source in (("village", WRITER), ("town", "hub")):
        body = {"data": {"through": 9, "count": 1}}
        log.append([_make_draft(51, event="entries-expired", source=source, tenant=tenant, body=body)])
        with pytest.raises(DamagedError, match="what it said is gone"):
            verify(state)
    log.append([_make_draft(52, event="entries-expired", source=WRITER, body=body)])
    assert verify(state).seq == LINES + 4
    log.close()


def test_a_name_behind_a_pseudonym_cannot_be_another(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    for person in ("anna@town", "berta@town"):
        writer.take("hub", [make_entry("logout", "town", person=person)])
    writer.close()
    assert verify(tmp_path).seq == 2
    with sqlite3.connect(tmp_path / PEOPLE) as database:
        database.execute("UPDATE people SET hub_user = 'carl@town' WHERE hub_user = 'anna@town'")
    database.close()
    with pytest.raises(DamagedError, match="another name"):
        verify(tmp_path)
    writer = Writer(tmp_path)
    shown = [event["data"]["person"] for event in writer.find(Question(None, ["logout"]))]
    assert shown[0] == "berta@town"
    assert shown[1].startswith("p-")
    writer.close()


@pytest.mark.parametrize("rest", [b"{", b'{"seq":13}\n', b"x" * 5000 + b"\n"])
def test_what_a_crash_left_behind_the_last_line_is_moved_aside_and_told(state: Path, rest: bytes) -> None:
    last = sorted((state / LOG).glob("*.jsonl"))[-1]
    with last.open("ab") as file:
        file.write(rest)
    writer = Writer(state)
    assert [event["data"] for event in writer.find(Question(None, ["log-repaired"]))] == [
        {"bytes": len(rest)}
    ]
    (aside,) = (state / LOG / ASIDE).iterdir()
    assert aside.read_bytes() == rest
    writer.close()
    assert verify(state).seq == LINES + 1


def test_a_whole_line_that_was_never_acknowledged_is_no_line(state: Path) -> None:
    head = (state / LOG / "head.json").read_bytes()
    log = Log(state / LOG)
    log.append([_make_draft(99)])
    log.close()
    (state / LOG / "head.json").write_bytes(head)
    with pytest.raises(DamagedError, match="behind the last line"):
        verify(state)
    log = Log(state / LOG)
    assert (log.head.seq, log.moved_bytes > 0) == (LINES, True)
    log.close()


def test_nobody_else_writes_meanwhile(state: Path) -> None:
    log = Log(state / LOG)
    with pytest.raises(DamagedError, match="another process"):
        Log(state / LOG)
    with (state / LOG / log.head.file).open("ab") as file:
        file.write(b"mine\n")
    with pytest.raises(DamagedError, match="somebody else"):
        log.check()
    with pytest.raises(DamagedError, match="somebody else"):
        log.append([_make_draft(99)], START + timedelta(days=7 * (LINES - 1)))
    log.close()


def test_a_link_in_place_of_the_file_is_not_followed(state: Path, tmp_path: Path) -> None:
    log = Log(state / LOG)
    (state / LOG / "2027-01.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        log.append([_make_draft(99)], datetime(2027, 1, 1, tzinfo=UTC))
    assert not (tmp_path / "elsewhere").exists()
    log.close()


def test_a_disk_that_is_full_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    program = (
        "import resource,sys;from pathlib import Path;"
        "from tests.extensions.audit.test_chain import _make_draft;from urbanlab_services.audit.log import Log;"
        "log=Log(Path(sys.argv[1]));log.append([_make_draft(1)]);"
        "import signal;signal.signal(signal.SIGXFSZ,signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE,(1000,resource.RLIM_INFINITY));\n"
        "try: log.append([_make_draft(n) for n in range(2,50)])\n"
        "except OSError: print('full')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE,(resource.RLIM_INFINITY,)*2);log.append([_make_draft(60)])"
    )
    command = [sys.executable, "-c", program, str(tmp_path / LOG)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])
    assert (done.stdout, done.returncode) == ("full\n", 0), done.stderr
    assert verify(tmp_path).seq == 2


def test_an_index_that_is_lost_old_or_another_is_made_again(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.take("hub", [make_entry("logout", "town", person=f"p{number}@town") for number in range(5)])
    writer.close()
    early = (tmp_path / INDEX).read_bytes()
    writer = Writer(tmp_path)
    entry = make_entry("logout", "town", person="late@town")
    writer.take("hub", [entry])
    writer.close()
    question = Question("town", ["logout"])
    for spoil in (lambda path: path.unlink(), lambda path: path.write_bytes(early)):
        spoil(tmp_path / INDEX)
        writer = Writer(tmp_path)
        assert len(writer.find(question)) == 6
        writer.take("hub", [entry])
        assert len(writer.find(question)) == 6
        writer.close()


def test_retention_over_files_tenants_and_days(tmp_path: Path, make_tenant: Callable[..., Tenant]) -> None:
    writer = Writer(tmp_path)
    for number in range(LINES):
        drafts = [
            _make_draft(number * 2 + offset, tenant=tenant) for offset, tenant in enumerate(("town", "gone"))
        ]
        writer.index.add(writer.log.append(drafts, START + timedelta(days=7 * number)))
    tenants = {"town": make_tenant("town", audit_days=30)}
    now = START + timedelta(days=7 * LINES)
    assert writer.expire(tenants, now) == 8
    assert writer.expire(tenants, now) == 0
    counts = [len(writer.find(Question(tenant, ["login-refused"]))) for tenant in ("town", "gone")]
    assert counts == [LINES - 8, LINES]
    assert writer.expire(tenants, now + timedelta(days=10_000)) == LINES - 8 + LINES
    assert writer.find(Question(None, ["login-refused"])) == []
    writer.take("hub", [make_entry("logout", "town", person="anna@town")])
    writer.close()
    assert verify(tmp_path).seq == 2 * LINES + 4
    text = "".join(path.read_text() for path in (tmp_path / LOG).glob("*.jsonl"))
    assert '"reason"' not in text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=50, deadline=None)
@given(body=st.dictionaries(st.text(), json_values))
def test_every_body_comes_back_as_it_went(body: dict[str, Any]) -> None:
    line = make_line(1, "0" * 64, "now", "login", "town", "hub", "1" * 32, body)
    assert decode_line(line.encode()) == line


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null\n",
        b"[]\n",
        b"{}\n",
        b"\xff\n",
        b"[" * 100_000,
        to_canonical({"seq": 1}),
        json.dumps("x").encode(),
    ],
)
def test_what_is_no_line_is_said_to_be_none(raw: bytes) -> None:
    with pytest.raises(ChainError):
        decode_line(raw)


async def test_the_daily_check_says_what_it_finds_until_it_is_put_right(state: Path) -> None:
    check = SelfCheck(state)
    await check.check()
    assert check.problem == ""
    head = (state / LOG / "head.json").read_bytes()
    (state / LOG / "head.json").unlink()
    await check.check()
    assert "head of the audit log is gone" in check.problem
    (state / LOG / "head.json").write_bytes(head)
    await check.check()
    assert check.problem == ""
