"""Statements of a grammar against both walls: what is admitted reaches nothing and changes nothing elsewhere.

What the policy admits is run as the engine's operator, whom no role holds back; what it refuses is run as a bare
role. Each statement follows from the seed and its number: the message of a failure has both.

URBANLAB_FUZZ_STATEMENTS, URBANLAB_FUZZ_SEED: how many, and which.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from chdb._exceptions import ChdbError

from urbanlab_services.warehouse.errors import WarehouseError
from urbanlab_services.warehouse.wire import Job

from .engine_parse import MARKER, Engine, open_engine
from .statement_grammar import Places, make_statement
from .statement_words import PARAMETERS

STATEMENTS = int(os.environ.get("URBANLAB_FUZZ_STATEMENTS", "1500"))
SEED = os.environ.get("URBANLAB_FUZZ_SEED", "1")
FILE_MARKER, TEXT_MARKER, DRAFT_MARKER = "inAf1le0nly", "inAv1ew0nly", "inTheDr4ft"
MARKERS = (MARKER, FILE_MARKER, TEXT_MARKER, DRAFT_MARKER)
COLUMNS = "a String, sensor String, people Int64, hour DateTime('UTC')"
PREPARATION = (
    # All have the same columns, so that most of what the grammar writes can be run.
    "ALTER TABLE alpha.footfall ADD COLUMN a String DEFAULT 'own'",
    f"CREATE OR REPLACE TABLE beta.secret ({COLUMNS}) ENGINE = MergeTree ORDER BY a",
    f"INSERT INTO beta.secret VALUES ('{MARKER}', '{MARKER}', 1, 0)",
    "CREATE TABLE lab_beta.draft (a String) ENGINE = MergeTree ORDER BY a",
    f"INSERT INTO lab_beta.draft VALUES ('{DRAFT_MARKER}')",
    "CREATE VIEW open_data.beta__public SQL SECURITY NONE AS "
    "SELECT 'public' AS a, 'p' AS sensor, 1 AS people, hour FROM beta.secret "
    f"WHERE a != '{TEXT_MARKER}'",
)
WORKSHOP = (
    f"CREATE TABLE lab_alpha.own ({COLUMNS}) ENGINE = MergeTree ORDER BY hour",
    "INSERT INTO lab_alpha.own VALUES ('own', 'own', 1, '2025-01-01 00:00:00')",
)
OUTSIDE = ("alpha", "beta", "lab_beta", "shared_with_alpha", "shared_with_beta", "open_data", "default")
# What only the allow-list stops, see test_roles.py: of no use against the bare roles.
NOT_BY_ROLES = re.compile(
    r"file|outfile|infile|set\s+role|security|definer|system|show|url|remote|mysql|explain|kill|executable|detach",
    re.IGNORECASE,
)
READING = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
JOINED_KEY = re.compile(r"(order|partition|primary|sample)\s+by.*joinGet", re.IGNORECASE | re.DOTALL)
LIMITS = "max_execution_time = 3, max_result_rows = 1000, result_overflow_mode = 'break', max_threads = 1"


@dataclass
class Ground:
    """An engine with marks in it and around it."""

    engine: Engine
    places: Places
    connections: list[object]
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for statement in PREPARATION:
            self.engine.run("operator", statement)
        self.clear_lab()
        self.outside = self.describe_outside()

    def describe_outside(self) -> str:
        """Everything that no analyst of alpha may change."""
        databases = ", ".join(f"'{name}'" for name in OUTSIDE)
        tables = self.engine.run(
            "operator",
            "SELECT database, name, create_table_query, total_rows, comment FROM system.tables "
            f"WHERE database IN ({databases}) ORDER BY 1, 2",
        )
        rows = "SELECT * FROM alpha.footfall ORDER BY ALL;SELECT * FROM beta.secret ORDER BY ALL"
        found = [self.engine.run("operator", text) for text in rows.split(";")]
        return "\n".join([tables, *found, self.engine.run("operator", "SHOW DATABASES")])

    def list_lab(self) -> list[str]:
        return self.engine.run("operator", "SHOW TABLES FROM lab_alpha").split()

    def read_lab(self) -> str:
        """What an analyst could read of what was made in the workshop, as it stands on the disk."""
        tables = self.list_lab()
        answers = [
            self.engine.run_allowing_errors("alpha_analyst", f"SELECT * FROM lab_alpha.`{name}`")
            for name in tables
        ]
        parts = "SELECT partition FROM system.parts WHERE database = 'lab_alpha'"
        return "\n".join([*answers, self.engine.run("operator", parts)])

    def clear_lab(self) -> None:
        """Make the workshop what it was."""
        with closing(self.engine.connect()) as connection:
            connection.query("SET ROLE operator")
            for name in self.list_lab():
                connection.query(f"DROP TABLE lab_alpha.`{name}`")
            for statement in WORKSHOP:
                connection.query(statement)

    def run(self, role: str, text: str) -> str:
        """Run a statement as the gateway's engine does, in a session with limits; a refusal is an answer too."""
        with closing(self.engine.connect()) as connection:
            connection.query(f"SET ROLE {role}")
            connection.query("USE alpha")
            connection.query(f"SET {LIMITS}")
            with suppress(ChdbError):
                answer = connection.query(text, "TSV", params=PARAMETERS).bytes()
                return str(answer.decode(errors="replace"))
        return ""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "lines").write_text(f"{FILE_MARKER}\n")
    (folder / "engine").mkdir()
    connections: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listener, open_engine(folder / "engine") as engine:
        threading.Thread(target=_count, args=(listener, connections), daemon=True).start()
        places = Places(str(folder / "lines"), str(folder / "out"), listener.getsockname()[1])
        yield Ground(engine, places, connections)


def _count(listener: socket.socket, connections: list[object]) -> None:
    with suppress(OSError):  # it is closed in the end
        while True:
            connection, address = listener.accept()
            connections.append(address)
            connection.close()


@pytest.mark.timeout(120 + STATEMENTS / 5)
def test_what_is_admitted_reaches_nothing_and_what_is_refused_is_stopped_by_the_role_too(
    ground: Ground,
) -> None:
    for number in range(STATEMENTS):
        statement = make_statement(f"{SEED}/{number}", ground.places)
        name = f"seed {SEED}/{number}: {statement}"
        try:
            job = ground.engine.judge(statement, **PARAMETERS)
        except WarehouseError:
            ground.counts["refused"] += 1
            _check_role(ground, statement, name)
            continue
        ground.counts[job.kind] += 1
        _check_admitted(ground, job, name)
    # The walls were met: neither is everything refused, nor does the grammar shoot beside the target.
    assert ground.counts["read"] > STATEMENTS / 40
    assert ground.counts["change"] > STATEMENTS / 200
    assert ground.counts["marked as operator"] > STATEMENTS / 500


def _check_admitted(ground: Ground, job: Job, name: str) -> None:
    assert not ground.engine.find_loss(job.text), name
    if job.kind == "insert":  # what follows are rows
        assert job.fills == "lab_alpha", name
        return
    answer = ground.run("operator", job.text)
    if job.kind == "change":
        answer += ground.read_lab()
        assert ground.describe_outside() == ground.outside, name
        ground.clear_lab()
    assert not [marker for marker in MARKERS if marker in answer], f"{name}\n{job.text}\n{answer}"
    assert not ground.connections, name
    assert not Path(ground.places.out).exists(), name


def _check_role(ground: Ground, statement: str, name: str) -> None:
    """A role that has no policy before it reads no other tenant's rows either."""
    if NOT_BY_ROLES.search(statement) or JOINED_KEY.search(statement) or ";" in statement:
        return
    ground.counts["bare"] += 1
    answer = ground.run("alpha_analyst", statement)
    is_reading = READING.match(statement)
    if not is_reading:
        answer += ground.read_lab()
        ground.clear_lab()
    assert not [marker for marker in (MARKER, DRAFT_MARKER) if marker in answer], f"{name}\n{answer}"
    if is_reading:
        ground.counts["marked as operator"] += MARKER in ground.run("operator", statement)
