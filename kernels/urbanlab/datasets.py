"""Datasets: what there is, what it means, and how to get at it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from urbanlab import html, reads
from urbanlab.about import About, list_facts, list_warnings, make_about, say_age
from urbanlab.catalogue import fetch_entries
from urbanlab.contract.naming import (
    FOREIGN_MARK,
    OPEN_DATABASE,
    SHARED_PREFIX,
    make_database,
    make_foreign_table,
    make_lab_database,
)
from urbanlab.errors import (
    DatasetNotFoundError,
    NotReleasedError,
    UnknownColumnError,
    UrbanlabError,
    suggest,
)
from urbanlab.publisher_client import ask
from urbanlab.session import Session, current_session

if TYPE_CHECKING:
    import pandas as pd

# In this order a name is looked for.
KINDS = {
    "own": {"de": "eigene Daten", "en": "own data"},
    "lab": {"de": "Werkstatt", "en": "workshop"},
    "shared": {"de": "von Partnern geteilt", "en": "shared by partners"},
    "open": {"de": "offene Daten", "en": "open data"},
}
UNREADABLE = {"de": " (zurzeit nicht lesbar)", "en": " (cannot be read at the moment)"}
_HEADINGS = {
    "de": ("Name", "Titel", "Herkunft", "Zeilen", "Stand", "Spalten"),
    "en": ("Name", "Title", "From", "Rows", "As of", "Columns"),
}
_SAMPLE = {"de": "Einige Zeilen", "en": "Some rows"}
_SEARCH = {"de": "In dieser Tabelle suchen", "en": "Search this table"}
SAMPLE_ROWS = 5


@dataclass(frozen=True)
class Column:
    """A column of a dataset: name, type, unit, and what it means in the session's language."""

    name: str
    type: str
    unit: str
    title: str
    description: str


@dataclass(frozen=True)
class Dataset:
    """A dataset; `table` is its name in SQL, `columns` says what it holds.

    Attributes:
        name: Its short name, as `dataset` takes it.
        owner: The tenant that owns it.
        kind: ``own``, ``lab``, ``shared`` or ``open``.
        table: Its name in SQL, with the database.
        title, description, licence: What the owner says about it.
        columns: Its columns, each with name, type, unit, title and description.
        time: The column that says when, or an empty string.
        refresh: The time between two records, as an ISO 8601 duration, or an empty string.
        simulated: Whether the figures are made up for demonstration.
        rows: About how many rows there are, or `None`.
        broken: Whether it is released, but cannot be read because what is behind it has changed.
        about: What else is known: `urbanlab.about.About`, with owner, subject, age and use.
    """

    name: str
    owner: str
    kind: str
    table: str
    title: str
    description: str
    licence: str
    columns: tuple[Column, ...]
    time: str
    refresh: str
    simulated: bool
    rows: int | None
    broken: bool = False
    about: About = field(default_factory=About)

    def list_pages(self) -> list[tuple[str, str]]:
        """Return your town's public pages that have read it as open data: title and address of each.

        Raises `PublishError` where the publisher does not answer.
        """
        name = (
            self.table
            if self.kind == "open"
            else f"{OPEN_DATABASE}.{make_foreign_table(self.owner, self.name)}"
        )
        pages = ask(current_session(), "GET", "page-uses")["pages"]
        return [(str(page["title"]), str(page["url"])) for page in pages if name in page["tables"]]

    def sample(self, rows: int = SAMPLE_ROWS) -> pd.DataFrame:
        """Return some of its rows, whichever come first.

        Raises `WarehouseError` as `urbanlab.query` does.
        """
        from urbanlab.warehouse import query

        return query(f"SELECT * FROM {self.table} LIMIT {int(rows)}")  # noqa: S608 - a table's name, a number

    def to_frame(
        self,
        columns: Sequence[str] | None = None,
        *,
        where: str = "",
        limit: int | None = None,
        **parameters: Any,
    ) -> pd.DataFrame:
        """Return the dataset, or a part of it, as a frame.

        Args:
            columns: The columns to fetch; all if left out.
            where: A condition in SQL, with placeholders as in `urbanlab.query`.
            limit: At most so many rows.
            **parameters: Values for the placeholders.

        Returns:
            A frame, as `urbanlab.query` gives it, in the order of time where the dataset has one.

        Raises:
            UnknownColumnError: a column that the dataset does not have.
            WarehouseError: as `urbanlab.query` does.

        Example:
            >>> ul.dataset("footfall").to_frame(where="sensor = {sensor}", sensor="kolbeplatz", limit=100)
        """
        from urbanlab.warehouse import query

        chosen = self._check_columns(columns)
        parts = [f"SELECT {', '.join(map(quote, chosen)) or '*'} FROM {self.table}"]  # noqa: S608 - quoted
        parts += [f"WHERE {where}"] if where else []
        parts += [f"ORDER BY {quote(self.time)}"] if self.time else []
        parts += [f"LIMIT {int(limit)}"] if limit is not None else []
        return query("\n".join(parts), **parameters)

    def _check_columns(self, columns: Sequence[str] | None) -> tuple[str, ...]:
        names = [column.name for column in self.columns]
        chosen = (columns,) if isinstance(columns, str) else tuple(columns or ())
        for name in chosen:
            if name not in names:
                raise UnknownColumnError(f"{self.name} has no column {name!r}.{suggest(name, names)}")
        return chosen

    def __repr__(self) -> str:
        lines = [
            f"{self.name}: {self.title}{' (simulated)' if self.simulated else ''}",
            f"  table {self.table}",
        ]
        lines += [
            f"  {column.name} {column.type} {column.unit}  {column.title}".rstrip() for column in self.columns
        ]
        session = current_session()
        lines += [f"  {label}: {text}" for label, text in self._list_facts(session)]
        return "\n".join([*lines, *(f"  {text}" for text in list_warnings(self.about, session))])

    def _list_facts(self, session: Session) -> list[tuple[str, str]]:
        return list_facts(self.about, self.licence, self.refresh, session)

    def _make_sample(self, session: Session) -> str:
        try:
            frame = self.sample()
        except UrbanlabError:
            return ""  # what cannot be read at the moment is described all the same
        rows = [tuple(map(str, row)) for row in frame.itertuples(index=False)]
        return (
            html.table(tuple(map(str, frame.columns)), rows, caption=session.choose(_SAMPLE)) if rows else ""
        )

    def _repr_html_(self) -> str:
        session = current_session()
        language = session.language
        marks = {"de": " (simuliert)", "en": " (simulated)"}
        heads = (
            ("Spalte", "Typ", "Einheit", "Bedeutung")
            if language == "de"
            else ("Column", "Type", "Unit", "Meaning")
        )
        rows = [
            (column.name, column.type, column.unit, column.description or column.title)
            for column in self.columns
        ]
        caption = f"{self.title}{marks.get(language, marks['en']) if self.simulated else ''} – {self.table}"
        facts = " · ".join(f"{label}: {text}" for label, text in self._list_facts(session))
        notes = [self.description, facts, *list_warnings(self.about, session)]
        shown = html.table(heads, rows, caption=caption, notes=[note for note in notes if note])
        return shown + self._make_sample(session)


class Catalog(Sequence[Dataset]):
    """The datasets that you may read, as a table; index it by number or by name."""

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        self._datasets = tuple(datasets)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            session = current_session()
            return find(key, self._datasets, session.tenant, publication=session.is_publication)
        return self._datasets[key]

    def __len__(self) -> int:
        return len(self._datasets)

    def __iter__(self) -> Iterator[Dataset]:
        return iter(self._datasets)

    def _rows(self) -> list[tuple[str, ...]]:
        session = current_session()
        return [
            (
                item.name if item.kind in {"own", "lab"} else item.table,
                f"{item.title}{session.choose(UNREADABLE) if item.broken else ''}",
                f"{session.choose(KINDS.get(item.kind, {}))} ({item.owner})",
                "" if item.rows is None else f"{item.rows:,}".replace(",", "\u202f"),
                say_age(item.about, session),
                ", ".join(column.name for column in item.columns),
            )
            for item in self._datasets
        ]

    def __repr__(self) -> str:
        return html.plain_table(_headings(), self._rows())

    def _repr_html_(self) -> str:
        session = current_session()
        table = html.table(_headings(), self._rows())
        # On a public page nothing of this would work.
        return table if session.is_publication else html.searchable(table, session.choose(_SEARCH))


def catalog(search: str = "", *, tenant: str = "", kind: str = "") -> Catalog:
    """Return the datasets that you may read: your tenant's, your workshop's, shared and open ones.

    Args:
        search: Only those in whose name, title, description, keywords or columns all these words occur.
        tenant: Only those of this owner.
        kind: Only ``own``, ``lab``, ``shared`` or ``open`` ones.

    Returns:
        A `Catalog`: shown as a table, iterable, and indexed by number or name.

    Raises:
        DatasetNotFoundError: there is no such kind.
        SessionError: this Python does not run in Urban Lab.
        WarehouseDownError: the warehouse does not answer.

    Example:
        >>> ul.catalog("rain", kind="open")
    """
    if kind and kind not in KINDS:
        raise DatasetNotFoundError(f"kind={kind!r} is not known; it is one of {', '.join(KINDS)}.")
    words = search.lower().split()
    return Catalog(
        [
            item
            for item in fetch()
            if tenant in ("", item.owner)
            and kind in ("", item.kind)
            and all(word in _searchable(item) for word in words)
        ]
    )


def dataset(name: str) -> Dataset:
    """Return the dataset of that name: your own first, then your workshop's, shared, and open ones.

    Of open ones your tenant's come first. A publication reads open ones only, by the same names.

    Args:
        name: The short name, ``footfall``; or the table, ``open_data.rietberg__footfall``.

    Returns:
        A `Dataset` with `.table` for SQL, `.to_frame()`, `.columns` and its description.

    Raises:
        DatasetNotFoundError: there is none for you; the message names similar ones.
        NotReleasedError: in a publication, it is not released as open data.
        WarehouseDownError: the warehouse does not answer.

    Example:
        >>> footfall = ul.dataset("footfall")
        >>> ul.query(f"SELECT max(persons) FROM {footfall.table}")
    """
    session = current_session()
    found = find(name, fetch(), session.tenant, publication=session.is_publication)
    reads.note(found.table)
    return found


def find(name: str, datasets: Sequence[Dataset], tenant: str = "", *, publication: bool = False) -> Dataset:
    """Return the dataset that `name` means for a tenant among `datasets`.

    Raises `DatasetNotFoundError` with similar names, for a publication `NotReleasedError`.
    """
    order = list(KINDS)

    def rank(item: Dataset) -> tuple[int, bool]:
        return (order.index(item.kind) if item.kind in order else len(order)), item.owner != tenant

    for item in sorted(datasets, key=rank):
        if name in _make_names(item, tenant, publication=publication):
            return item
    names = {item.name for item in datasets} | {
        item.table for item in datasets if item.kind not in {"own", "lab"}
    }
    if publication:
        raise NotReleasedError(name, advice=suggest(name, names))
    raise DatasetNotFoundError(f"There is no dataset {name!r} for you.{suggest(name, names)}")


def _make_names(item: Dataset, tenant: str, *, publication: bool) -> set[str]:
    names = {item.name, item.table, item.table.partition(".")[2], _short_name(item)}
    if publication and item.kind == "open" and item.owner == tenant:
        # Its author calls it by the table that it has in the own data or the workshop.
        names |= {f"{make_database(tenant)}.{item.name}", f"{make_lab_database(tenant)}.{item.name}"}
    return names


def fetch() -> list[Dataset]:
    """Return all datasets that you may read, as the warehouse lists them now."""
    session = current_session()
    return [_to_dataset(values, session) for values in fetch_entries(session)]


def quote(identifier: str) -> str:
    """Return the identifier as SQL takes it, whatever is in it."""
    escaped = identifier.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def _to_dataset(values: dict[str, Any], session: Session) -> Dataset:
    columns = tuple(
        Column(
            column["name"],
            column["type"],
            column.get("unit") or "",
            _text(column.get("title"), session) or column["name"],
            _text(column.get("description"), session),
        )
        for column in values.get("columns", ())
    )
    return Dataset(
        name=values["name"],
        owner=values["owner"],
        kind=values["kind"],
        table=values["table"],
        title=_text(values.get("title"), session) or values["name"],
        description=_text(values.get("description"), session),
        licence=values.get("licence") or "",
        columns=columns,
        time=values.get("time") or "",
        refresh=values.get("refresh") or "",
        simulated=bool(values.get("simulated")),
        rows=values.get("rows"),
        broken=bool(values.get("broken")),
        about=make_about(values, session),
    )


def _text(value: Any, session: Session) -> str:
    return session.choose(value) if isinstance(value, dict) else str(value or "")


def _short_name(item: Dataset) -> str:
    """Return ``footfall`` of ``open_data.rietberg__footfall``."""
    database, _, table = item.table.partition(".")
    foreign = database == OPEN_DATABASE or database.startswith(SHARED_PREFIX)
    return table.partition(FOREIGN_MARK)[2] if foreign else table


def _searchable(item: Dataset) -> str:
    columns = " ".join(f"{column.name} {column.title} {column.description}" for column in item.columns)
    about = f"{item.about.publisher} {' '.join(item.about.keywords)} {item.about.theme} {item.about.spatial}"
    return f"{item.name} {item.owner} {item.title} {item.description} {about} {columns}".lower()


def _headings() -> tuple[str, ...]:
    return _HEADINGS.get(current_session().language, _HEADINGS["en"])
