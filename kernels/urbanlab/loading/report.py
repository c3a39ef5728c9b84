"""What became of a loaded table, shown to the analyst in the language of the session."""

from __future__ import annotations

from dataclasses import dataclass

from urbanlab import html

_HEADINGS = {
    "de": ("Spalte", "Überschrift", "Art", "fehlend", "Bemerkung"),
    "en": ("Column", "Heading", "Kind", "missing", "Remark"),
}
_COUNTS = {"de": "{rows} Zeilen, {columns} Spalten", "en": "{rows} rows, {columns} columns"}
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


@dataclass(frozen=True, repr=False)
class LoadReport:
    """A loaded table, and everything that was decided on the way.

    Attributes:
        table: Its name in SQL, with the database.
        rows: How many rows were loaded.
        columns: Its columns, with their headings in the source and how they were understood.
        notes: What was left out or decided for the table as a whole.
        language: The language of the texts.
    """

    table: str
    rows: int
    columns: tuple[LoadedColumn, ...]
    notes: tuple[str, ...]
    language: str = "de"

    def __repr__(self) -> str:
        headings, rows = self._headings(), self._rows()
        return "\n".join(
            [self._caption(), html.plain_table(headings, rows, width=100), *self.notes, self._next()]
        )

    def _repr_html_(self) -> str:
        return html.table(
            self._headings(), self._rows(), caption=self._caption(), notes=[*self.notes, self._next()]
        )

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
