"""chDB in this process, with the roles of two tenants and a marker in one's table, for the tests of the walls."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from chdb._exceptions import ChdbError
from chdb.state.sqlitelike import Connection

from urbanlab.contract.records import Column, Feed, Report, Tenant
from urbanlab_services.warehouse.arguments import Arguments
from urbanlab_services.warehouse.base_guard import BaseGuard
from urbanlab_services.warehouse.credentials import Identity
from urbanlab_services.warehouse.engine import roles
from urbanlab_services.warehouse.engine.parsing import parse_statement
from urbanlab_services.warehouse.engine_client import Parsed
from urbanlab_services.warehouse.errors import from_engine
from urbanlab_services.warehouse.lineage import Lineage
from urbanlab_services.warehouse.parse_questions import UNSUPPORTED, escape
from urbanlab_services.warehouse.policy import read_tree
from urbanlab_services.warehouse.releases import Releases
from urbanlab_services.warehouse.running import Running
from urbanlab_services.warehouse.statements import Statements
from urbanlab_services.warehouse.wire import Job

MARKER = "b3ta0nly"
_BRACKETS = re.compile("[()]")
_FEED = Feed(
    name="footfall",
    title={},
    description={},
    columns=(Column("sensor", "text", {}),),
    key=("sensor",),
    time="hour",
    licence="",
)
TENANTS = {
    id_: Tenant(
        *(id_, id_.title(), ("de",), "NW", "Europe/Berlin", 52.0, 8.0, "EPSG:25832", 1, "", (_FEED,)),
        reports=(
            Report("monthly", ("footfall", f"lab_{id_}.own")),
            Report("yearly", ("footfall", f"shared_with_{id_}.celle__air")),
        ),
    )
    for id_ in ("alpha", "beta")
}
_TABLES = "(hour DateTime('UTC'), sensor String, people Int64) ENGINE = MergeTree ORDER BY hour"
_PREPARATION = (
    *(
        f"CREATE DATABASE {database}"
        for tenant in TENANTS
        for database in (tenant, f"lab_{tenant}", f"shared_with_{tenant}")
    ),
    "CREATE DATABASE open_data",
    *(f"CREATE TABLE {table} {_TABLES}" for table in ("alpha.footfall", "beta.footfall", "lab_alpha.own")),
    "INSERT INTO alpha.footfall VALUES ('2025-01-01 00:00:00', 'own', 1)",
    "CREATE TABLE beta.secret (a String) ENGINE = MergeTree ORDER BY a",
    f"INSERT INTO beta.secret VALUES ('{MARKER}')",
    "CREATE TABLE beta.joined (k String, a String) ENGINE = Join(ANY, LEFT, k)",
    f"INSERT INTO beta.joined VALUES ('k', '{MARKER}')",
    "CREATE VIEW beta.view AS SELECT a FROM beta.secret",
)


class Engine:
    """A prepared data folder; one at a time in a process, so close it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "users.xml").write_text(roles.render_users(roles.make_roles(TENANTS.values())))
        (folder / "config.xml").write_text(roles.render_config(folder / "users.xml"))
        self._keeper = self.connect()
        for statement in ("SET ROLE operator", *_PREPARATION):
            self._keeper.query(statement)
        self._parser = self.connect()

    def connect(self) -> Connection:
        return Connection(f"{self.folder / 'data'}?config-file={self.folder / 'config.xml'}")

    def close(self) -> None:
        self._parser.close()
        self._keeper.close()

    async def parse(self, text: str) -> Parsed:
        """What `EngineClient.parse` gives, without a socket between."""
        try:
            canonical, tree = parse_statement(self._parser, text)
        except ChdbError as error:
            raise from_engine(str(error)) from None
        return Parsed(canonical, read_tree(tree))

    def judge(self, statement: str, access: str = "analyst", **parameters: str) -> Job:
        """Return what the gateway would run for somebody in `alpha`, or raise `WarehouseError`."""
        statements = Statements(self, lambda: TENANTS, self._make_guard())  # type: ignore[arg-type] - has what is used
        identity = Identity("anna@alpha", "alpha", access)
        return asyncio.run(statements.admit(identity, Arguments(parameters=parameters), statement))

    async def collect(self, job: Job) -> bytes:
        """What `EngineClient.collect` gives for the platform's own questions."""
        return self.run(job.role, job.text, job.format).encode()

    def _make_guard(self) -> BaseGuard:
        lineage = Lineage(self)  # type: ignore[arg-type]
        releases = Releases(self, lambda: TENANTS, Running(), lineage)  # type: ignore[arg-type]
        return BaseGuard(self, lambda: TENANTS, releases, lineage)  # type: ignore[arg-type]

    def find_loss(self, text: str) -> str:
        """Return what the engine makes of the tree of a canonical text, if it is not that text again.

        Brackets do not count: it leaves them out where a lambda has a name.
        """
        question = "SELECT formatQuerySingleLine(formatQueryFromJSON(parseQueryToJSON({text:String})))"
        try:
            again = json.loads(self.run("nobody", question, "JSONCompactEachRow", text=escape(text)))[0]
        except ChdbError as error:
            assert UNSUPPORTED in str(error) or "SYNTAX_ERROR" in str(error), error
            return ""
        return "" if _BRACKETS.sub("", again) == _BRACKETS.sub("", text) else str(again)

    def run(self, role: str, statement: str, format_: str = "TSV", **parameters: str) -> str:
        """Run a statement in a session of its own that takes a role first."""
        with closing(self.connect()) as connection:
            connection.query(f"SET ROLE {role}")
            with suppress(ChdbError):  # of those who may not see it
                connection.query("USE alpha")
            answer = connection.query(statement, format_, params=parameters).bytes()
            return str(answer.decode(errors="replace"))

    def run_allowing_errors(self, role: str, statement: str, **parameters: str) -> str:
        """Return the rows, or the engine's refusal as text."""
        try:
            return self.run(role, statement, **parameters)
        except ChdbError as error:
            return str(error)

    def list_names(self, query: str) -> set[str]:
        return {json.loads(line)[0] for line in self.query_lines(query)}

    def query_lines(self, query: str) -> list[str]:
        return self._keeper.query(query, "JSONCompactEachRow").bytes().decode().splitlines()


@contextmanager
def open_engine(folder: Path) -> Iterator[Engine]:
    engine = Engine(folder)
    try:
        yield engine
    finally:
        engine.close()
