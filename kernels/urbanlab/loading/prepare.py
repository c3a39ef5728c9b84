"""From a raw table to one the warehouse takes: rows checked, columns named and understood."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from urbanlab.errors import LoadError
from urbanlab.loading.columns import (
    UTC,
    Reading,
    TextColumn,
    Understood,
    keep_text,
    place_walls,
    say_repeated,
    understand,
    vote_for_comma,
)
from urbanlab.loading.headings import check_headings, make_column_names
from urbanlab.loading.notes import Note, note
from urbanlab.loading.number_times import find_days, find_digits
from urbanlab.loading.raw import RawTable
from urbanlab.loading.rows import leave_out_rows
from urbanlab.loading.second_headings import leave_out_second_headings
from urbanlab.loading.zone_words import find_zone


@dataclass(frozen=True)
class Options:
    """What the analyst said about the source.

    Attributes:
        zone: Time zone of local times.
        zone_is_asked: Whether the analyst named it; else the source may name another.
        missing: Further words, in lower case, that mean that there is no value.
        text: Headings or names of columns that stay text.
    """

    zone: str
    missing: Collection[str] = frozenset()
    text: Collection[str] = frozenset()
    zone_is_asked: bool = False


@dataclass(frozen=True)
class Prepared:
    """A table with plain names and plain types, and all there is to say about it."""

    table: Any
    headings: Sequence[str]
    column_notes: Sequence[Sequence[Note]]
    notes: Sequence[Note] = field(default_factory=list)
    unread: Sequence[tuple[int, str, str]] = ()  # line, column, and what stands there and is missing now


def prepare(raw: RawTable, options: Options) -> Prepared:
    """Return the table with its columns understood; raise `LoadError` if there is nothing in it."""
    check_headings(raw.names)
    names = make_column_names(raw.names)
    _check_text_columns(options.text, raw.names, names)
    if raw.parse:
        raw.columns = [_to_plain_text(column) for column in raw.columns]
        leave_out_second_headings(raw)
        leave_out_rows(raw)
    if not len(raw.lines) or not names:
        raise LoadError("The table has no rows, so there is nothing to load; check the filter or the export.")
    texts = {
        place: TextColumn(column, raw.lines)
        for place, column in enumerate(raw.columns)
        if raw.parse and pa.types.is_string(column.type)
    }
    for text in texts.values():
        text.take_as_missing(frozenset(options.missing))
    comma = _choose_file_comma(raw, list(texts.values()))
    found = []
    for place, column in enumerate(raw.columns):
        zone, said = _choose_zone(raw, raw.names[place], options)
        asked = {raw.names[place], names[place]} & set(options.text)
        understood = _understand(texts.get(place), column, Reading(zone, comma), raw, asked)
        if raw.parse and not asked:
            understood = _find_times(understood, raw, raw.names[place], zone)
        if said is not None and understood.values.type == UTC:
            understood.notes.append(said)
        found.append(understood)
    table = pa.table([column.values for column in found], names=names)
    unread = [(line, names[place], word) for place, text in texts.items() for line, word in text.unread]
    return Prepared(table, raw.names, [column.notes for column in found], raw.notes, sorted(unread))


def _to_plain_text(column: Any) -> Any:
    is_long = pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type)
    return column.cast(pa.string()) if is_long else column


def _check_text_columns(text: Collection[str], headings: Sequence[str], names: Sequence[str]) -> None:
    unknown = sorted(set(text) - set(headings) - set(names))
    if unknown:
        raise LoadError(
            f"There is no column {', '.join(map(repr, unknown))}; there are {', '.join(headings)}."
        )


def _choose_file_comma(raw: RawTable, texts: list[TextColumn]) -> bool:
    """Return which decimal sign a column has that does not say itself: the other columns', else the separator's."""
    balance = sum(vote_for_comma(text) for text in texts)
    return balance > 0 if balance else raw.comma is not False


def _choose_zone(raw: RawTable, heading: str, options: Options) -> tuple[str, Note | None]:
    """Return the zone of a column's local times, and what to say if it is not the analyst's."""
    if options.zone_is_asked:
        return options.zone, None
    named = find_zone(heading) or find_zone(raw.zone)
    return (named[1], note("zone_said", word=named[0])) if named else (options.zone, None)


def _find_times(found: Understood, raw: RawTable, heading: str, zone: str) -> Understood:
    """Return numbers that are dates as such, everything else as it is."""
    times = find_digits(found.values, heading) or (
        find_days(found.values, heading) if raw.has_day_numbers else None
    )
    if times is None:
        return found
    converted = _convert(times[0], zone, raw.lines)
    return Understood(converted.values, [*found.notes, times[1], *converted.notes])


def _understand(
    text: TextColumn | None, column: Any, reading: Reading, raw: RawTable, stays_text: Collection[str]
) -> Understood:
    if text is None:
        return _convert(column, reading.zone, raw.lines)
    if stays_text:
        return keep_text(text, note("kept_text"))
    return understand(text, reading)


def _convert(column: Any, zone: str, lines: Sequence[int]) -> Understood:
    """Return a column of known type as one of the few types that the workshop keeps."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _convert(column.cast(kind.value_type), zone, lines)
    if pa.types.is_timestamp(kind):
        return _convert_instants(column, zone, lines)
    if pa.types.is_decimal(kind):
        return Understood(column.cast(pa.float64()), [note("as_float")])
    if pa.types.is_floating(kind):
        # What is not a number is missing, as pandas means it.
        numbers = column.cast(pa.float64())
        return Understood(pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers))
    if pa.types.is_uint64(kind) or pa.types.is_boolean(kind):
        return Understood(column)
    if pa.types.is_integer(kind):
        return Understood(column.cast(pa.int64()))
    if pa.types.is_date(kind):
        return Understood(column.cast(pa.date32()))
    if pa.types.is_nested(kind):
        return Understood(pa.array(map(_to_json, column.to_pylist()), pa.string()), [note("as_json")])
    return _convert_words(column)


def _to_json(cell: Any) -> str | None:
    return None if cell is None else json.dumps(cell, ensure_ascii=False, default=str)


def _convert_words(column: Any) -> Understood:
    kind = column.type
    if pa.types.is_null(kind):
        return Understood(column.cast(pa.string()), [note("nothing")])
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return Understood(column.cast(pa.string()))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        raise LoadError(
            "A column holds binary data, which cannot be loaded; leave it out or turn it into text."
        )
    words = [None if cell is None else str(cell) for cell in column.to_pylist()]
    return Understood(pa.array(words, pa.string()), [note("as_text")])


def _convert_instants(column: Any, zone: str, lines: Sequence[int]) -> Understood:
    try:
        micros = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    except pa.ArrowInvalid:
        return Understood(column.cast(pa.string()), [note("as_text")])
    if column.type.tz is not None:
        return Understood(micros.cast(UTC), [note("offsets")])
    filled = pc.is_valid(micros).to_numpy(zero_copy_only=False)
    values = pc.fill_null(micros.cast(pa.int64()), 0).to_numpy().copy()
    places = [lines[row] for row in filled.nonzero()[0]]
    values[filled], notes = place_walls(values[filled], zone, places)
    notes += say_repeated(values[filled], places)
    return Understood(pa.array(values, pa.int64(), mask=~filled).cast(UTC), notes)
