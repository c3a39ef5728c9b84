"""Writing a table into the workshop: first beside it, then in its place by one statement."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from urbanlab.contract.naming import find_staging_begin, make_staging_name
from urbanlab.errors import LoadError, WarehouseError
from urbanlab.loading.kinds import accepts, choose_kind, to_insert, unwrap
from urbanlab.warehouse_errors import translate

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_BATCH_ROWS = 500_000
_LONGEST_LOAD_SECONDS = 6 * 3600
_EXISTS = 57  # ClickHouse's number of "table already exists"


@dataclass(frozen=True)
class Workshop:
    """The database in which a tenant's analysts create and drop, and a client that may."""

    client: Client
    database: str

    def write(
        self, table: pa.Table, name: str, mode: str, find_comment: Callable[[], str] = lambda: "''"
    ) -> list[str]:
        """Put `table` in the workshop and return its columns' types; readers see all of it or nothing.

        Where it takes the place of another, it does so with the quoted comment that `find_comment` returns then.

        Raises `LoadError` if the table does not fit or may not be replaced, `WarehouseError` if the
        warehouse cannot do it.
        """
        exists = mode != "replace" and self._has(name)
        if exists and mode == "fail":
            raise _already_there(name)
        kinds = [choose_kind(column) for column in table.columns]
        if exists:
            kinds = self._make_room(table, name, kinds)
        with _translated(), self._staged(table, name, kinds) as staging:
            if exists:
                self._add(staging, name, table)
            else:
                self._put(staging, name, table, kinds, find_comment if mode == "replace" else None)
        return kinds

    @contextlib.contextmanager
    def _staged(self, table: pa.Table, name: str, kinds: list[str]) -> Iterator[str]:
        self._collect_left_over()
        staging = make_staging_name(name, time.time(), secrets.randbelow(1 << 16))
        self.client.command(f"CREATE TABLE {self._say(staging)} {_define(table, kinds)}")
        try:
            rows = to_insert(table, kinds)
            for start in range(0, rows.num_rows, _BATCH_ROWS):
                self._send(staging, rows.slice(start, _BATCH_ROWS))
            yield staging
        finally:
            self.client.command(f"DROP TABLE IF EXISTS {self._say(staging)}")

    def _send(self, staging: str, rows: pa.Table) -> None:
        self.client.insert_arrow(staging, rows, database=self.database)

    def _add(self, staging: str, name: str, table: pa.Table) -> None:
        columns = ", ".join(_quote(column) for column in table.column_names)
        self.client.command(f"INSERT INTO {self._say(name)} ({columns}) {self._select(staging, table)}")

    def _select(self, staging: str, table: pa.Table) -> str:
        columns = ", ".join(_quote(column) for column in table.column_names)
        return f"SELECT {columns} FROM {self._say(staging)}"  # noqa: S608 - plain names, see _quote

    def _put(
        self,
        staging: str,
        name: str,
        table: pa.Table,
        kinds: list[str],
        find_comment: Callable[[], str] | None,
    ) -> None:
        # One statement: the engine fills the new table and then exchanges it, so nobody sees a part of it, nor one
        # without its description.
        create = "CREATE TABLE" if find_comment is None else "CREATE OR REPLACE TABLE"
        comment = "''" if find_comment is None else find_comment()
        rows = self._select(staging, table)
        try:
            self.client.command(
                f"{create} {self._say(name)} {_define(table, kinds)} COMMENT {comment} AS {rows}"
            )
        except _client_errors() as error:
            translated = translate(error)
            if isinstance(translated, WarehouseError) and translated.code == _EXISTS:
                raise _already_there(name) from None
            raise

    def _collect_left_over(self) -> None:
        """Drop what loads left behind that were killed, whoever's they were."""
        for name in self._list():
            began = find_staging_begin(name)
            if began is not None and began < time.time() - _LONGEST_LOAD_SECONDS:
                self.client.command(f"DROP TABLE IF EXISTS {self._say(name)}")

    def _has(self, name: str) -> bool:
        with _translated():
            return name in self._list()

    def _list(self) -> list[str]:
        found = self.client.query(f"SHOW TABLES FROM {_quote(self.database)}")
        return [str(row[0]) for row in found.result_rows]

    def _make_room(self, table: pa.Table, name: str, kinds: list[str]) -> list[str]:
        """Return the types with which `table` fits the existing one, which may have to allow missing values."""
        with _translated():
            there = self.client.query(f"SELECT * FROM {self._say(name)} LIMIT 0")  # noqa: S608 - as above
        existing = dict(zip(there.column_names, (kind.name for kind in there.column_types), strict=True))
        _check_columns(table, name, existing)
        chosen = []
        for column, kind in zip(table.column_names, kinds, strict=True):
            has_values = table[column].null_count < table.num_rows
            if has_values and not accepts(unwrap(existing[column]), unwrap(kind), table[column]):
                raise LoadError(
                    f"The column {column} of {name} is {unwrap(existing[column])}, here it is {unwrap(kind)}. "
                    'Correct the file, or load all of it anew with mode="replace".'
                )
            chosen.append(kind if has_values else f"Nullable({unwrap(existing[column])})")
            if table[column].null_count and "Nullable" not in existing[column]:
                self._allow_missing(name, column, existing[column])
        return chosen

    def _allow_missing(self, name: str, column: str, kind: str) -> None:
        wider = f"Nullable({unwrap(kind)})"
        wider = f"LowCardinality({wider})" if kind.startswith("LowCardinality") else wider
        with _translated():
            self.client.command(f"ALTER TABLE {self._say(name)} MODIFY COLUMN {_quote(column)} {wider}")

    def _say(self, name: str) -> str:
        return f"{_quote(self.database)}.{_quote(name)}"


def _check_columns(table: pa.Table, name: str, existing: dict[str, str]) -> None:
    new, old = set(table.column_names) - set(existing), set(existing) - set(table.column_names)
    if new or old:
        parts = [f"not in the table: {', '.join(sorted(new))}"] if new else []
        parts += [f"not in what is to be added: {', '.join(sorted(old))}"] if old else []
        raise LoadError(
            f"The columns differ from those of {name} ({'; '.join(parts)}). Rename them, "
            'or load all of it anew with mode="replace".'
        )


def _define(table: pa.Table, kinds: list[str]) -> str:
    columns = ", ".join(
        f"{_quote(name)} {kind}" for name, kind in zip(table.column_names, kinds, strict=True)
    )
    # Time is what most questions narrow down; what may be missing cannot be sorted by.
    times = [name for name, kind in zip(table.column_names, kinds, strict=True) if kind.startswith("Date")]
    order = _quote(times[0]) if times else "tuple()"
    return f"({columns}) ENGINE = MergeTree ORDER BY {order}"


def _quote(name: str) -> str:
    """Quote a name that is plain already: the names of datasets and columns are made so."""
    return f"`{name}`"


def _already_there(name: str) -> LoadError:
    return LoadError(
        f"There is a table {name} in the workshop already. Choose another name, "
        'or replace it with mode="replace", or add to it with mode="append".'
    )


def _client_errors() -> tuple[type[Exception], ...]:
    import urllib3
    from clickhouse_connect.driver.exceptions import Error

    return (Error, OSError, urllib3.exceptions.HTTPError, pa.ArrowException)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _client_errors() as error:
        raise translate(error) from None
