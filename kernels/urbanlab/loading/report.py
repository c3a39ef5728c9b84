"""What became of a loaded table, shown to the analyst in the language of the session."""

from __future__ import annotations

from dataclasses import dataclass

from urbanlab import html

_HEADINGS = {
    "de": ("Spalte", "Überschrift", "Art", "fehlend", "Bemerkung"),
    "en": ("Column", "Heading", "Kind", "missing", "Remark"),
}
_COUNTS = {"de": "{rows} Zeilen, {columns} Spalten", "en": "{rows} rows, {columns} columns"}
_UNREAD = {"de": ("Zeile", "Spalte", "Inhalt"), "en": ("Line", "Column", "Content")}
_UNREAD_CAPTIONS = {"de": "Nicht verstanden, nun fehlend", "en": "Not understood, missing now"}
_SHOWN_UNREAD = 10
_NEXT = {"de": "Weiter mit: ", "en": "Go on with: "}


@dataclass(frozen=True)
class LoadedColumn:
    """A column of a loaded table.

    Attributes:
        name: Its name in SQL.
        heading: What it was called in the source.
        type: Its type in the warehouse.
        missing: How many cells have no value.
        remarks: How it was understood, in the session's language.
    """

    name: str
    heading: str
    type: str
    missing: int
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnreadCell:
    """A cell that was not understood: its line, its column's name in SQL, and what stands there."""

    line: int
    column: str
    text: str


@dataclass(frozen=True, repr=False)
class LoadReport:
    """A loaded table, and everything that was decided on the way.

    Attributes:
        table: Its name in SQL, with the database.
        rows: How many rows were loaded.
        columns: Its columns, with their headings in the source and how they were understood.
        notes: What was left out or decided for the table as a whole.
        language: The language of the texts.
        unread: The cells that were not understood and are missing now, the first thousand of each column.
    """

    table: str
    rows: int
    columns: tuple[LoadedColumn, ...]
    notes: tuple[str, ...]
    language: str = "de"
    unread: tuple[UnreadCell, ...] = ()

    def __repr__(self) -> str:
        headings, rows = self._headings(), self._rows()
        parts = [self._caption(), html.plain_table(headings, rows, width=100), *self.notes]
        if self.unread:
            unread = html.plain_table(_UNREAD[self._text_language()], self._unread_rows(), width=60)
            parts += [self._unread_caption(), unread]
        return "\n".join([*parts, self._next()])

    def _repr_html_(self) -> str:
        unread = (
            html.table(_UNREAD[self._text_language()], self._unread_rows(), caption=self._unread_caption())
            if self.unread
            else ""
        )
        return unread + html.table(
            self._headings(), self._rows(), caption=self._caption(), notes=[*self.notes, self._next()]
        )

    def _unread_rows(self) -> list[tuple[object, ...]]:
        return [(cell.line, cell.column, cell.text[:200]) for cell in self.unread[:_SHOWN_UNREAD]]

    def _unread_caption(self) -> str:
        more = len(self.unread) > _SHOWN_UNREAD
        text = _UNREAD_CAPTIONS[self._text_language()]
        return text + (f" ({_SHOWN_UNREAD} / {self._say(len(self.unread))}: report.unread)" if more else "")

    def _headings(self) -> tuple[str, ...]:
        return _HEADINGS[self._text_language()]

    def _rows(self) -> list[tuple[object, ...]]:
        return [
            (column.name, column.heading, column.type, self._say(column.missing), "; ".join(column.remarks))
            for column in self.columns
        ]

    def _caption(self) -> str:
        counts = _COUNTS[self._text_language()]
        return f"{self.table}: {counts.format(rows=self._say(self.rows), columns=len(self.columns))}"

    def _next(self) -> str:
        return f'{_NEXT[self._text_language()]}ul.query("SELECT * FROM {self.table} LIMIT 10")'  # noqa: S608 - shown, not run

    def _say(self, number: int) -> str:
        text = f"{number:,}"
        return text.replace(",", ".") if self._text_language() == "de" else text

    def _text_language(self) -> str:
        return "de" if self.language == "de" else "en"
