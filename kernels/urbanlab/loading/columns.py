"""A column of text, understood as a whole: numbers, truth values, dates, instants, or text after all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from urbanlab.loading import numbers
from urbanlab.loading.instants import Moments, parse_moments
from urbanlab.loading.notes import Note, note, say_rows, say_words
from urbanlab.loading.wall_time import to_utc

# What people write where there is no value; in columns of numbers and times it counts as missing.
MISSING = frozenset(
    {
        *("", "na", "n/a", "n.a.", "nan", "null", "none", "nil", "#n/a", "#nv", "nv", r"\n"),
        *("-", "--", "---", "–", "—", "-/-", "?", ".", "...", "…"),
        *("k.a.", "k. a.", "ka", "keine angabe", "keine daten", "fehlt", "missing"),
    }
)
TRUE, FALSE = frozenset({"true", "wahr", "ja", "yes"}), frozenset({"false", "falsch", "nein", "no"})
# Remarks such as "technische Störung" hold no number, so little is lost when they become missing; a word
# with a digit, 12a among house numbers, says that the column is something else.
MOST_REMARKS, MOST_MISFITS = 0.2, 0.005
MOST_UNREAD = 1000
UTC = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Reading:
    """How text is to be read: the zone of local times, and whether the file is one of decimal commas."""

    zone: str
    comma: bool = False


@dataclass
class Understood:
    """A column with its type found, and what to say about it."""

    values: Any
    notes: list[Note] = field(default_factory=list)


class TextColumn:
    """A column of text by its different words, so that each is looked at once."""

    def __init__(self, column: Any, lines: Sequence[int]) -> None:
        """Keep the column's words and how often each occurs."""
        encoded = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        encoded = encoded.dictionary_encode()
        self.words = self._originals = encoded.dictionary
        self._codes = encoded.indices
        self.unread: list[tuple[int, str]] = []  # lines with what is not understood and missing now
        self._lines = lines
        codes = self._codes.drop_null().to_numpy()
        self.counts = pa.array(np.bincount(codes, minlength=len(self.words)), pa.int64())
        lower = pc.utf8_lower(pc.utf8_trim_whitespace(self.words))
        self.is_empty = pc.equal(lower, "")
        self.is_missing = pc.or_(self.is_empty, pc.is_in(lower, pa.array(sorted(MISSING))))
        self.lower = lower

    def take_as_missing(self, words: frozenset[str]) -> None:
        """Have further words, in lower case, mean that there is no value."""
        asked = pc.is_in(self.lower, pa.array(sorted(words), pa.string()))
        self.is_missing = pc.or_(self.is_missing, asked)
        self.is_empty = pc.or_(self.is_empty, asked)
        self.words = pc.if_else(asked, "", self.words)

    def count(self, mask: Any) -> int:
        """Return in how many cells the words of `mask` stand."""
        return int(pc.sum(self.counts.filter(mask)).as_py() or 0)

    def spread(self, values: Any) -> Any:
        """Return the column that has `values` in place of the words."""
        return values.take(self._codes)

    def spread_numpy(self, values: Any, fill: Any) -> Any:
        """Return the same as a numpy array, `fill` where the column is empty."""
        codes = pc.fill_null(self._codes, 0).to_numpy()
        empty = pc.is_null(self._codes).to_numpy(zero_copy_only=False)
        return np.where(empty, fill, values[codes]) if len(values) else np.full(len(codes), fill)

    def rows_of(self, mask: Any) -> list[int]:
        """Return the lines in which the words of `mask` stand."""
        return [self._lines[row] for row in np.flatnonzero(self.spread_numpy(_numpy(mask), False)).tolist()]

    def lines_at(self, positions: Any) -> list[int]:
        """Return the lines of these rows."""
        return [self._lines[row] for row in positions]

    def keep_unread(self, mask: Any) -> None:
        """Remember the first lines in which the words of `mask` stand, with the words."""
        rows = np.flatnonzero(self.spread_numpy(_numpy(mask), False))[:MOST_UNREAD].tolist()
        cells = self.spread(self._originals).take(pa.array(rows, pa.int64())).to_pylist()
        self.unread = list(zip(self.lines_at(rows), cells, strict=True))

    def say(self, mask: Any) -> dict[str, object]:
        """Return count, words and rows of the words of `mask`, for a note."""
        return {
            "count": self.count(mask),
            "words": say_words(self._originals.filter(mask).to_pylist()),
            "rows": say_rows(self.rows_of(mask)),
        }


def understand(text: TextColumn, reading: Reading) -> Understood:
    """Return the column as what it is; over the whole of it, no sample."""
    if bool(pc.all(text.is_missing).as_py()):
        said = _say_missing(text)
        return Understood(pa.nulls(len(text.spread(text.words)), pa.string()), [*said, note("nothing")])
    for attempt in (_as_booleans, _as_numbers, _as_moments):
        found = attempt(text, reading)
        if found is not None:
            return found
    return keep_text(text)


def keep_text(text: TextColumn, *notes: Note) -> Understood:
    """Return the column as text; only empty cells are missing."""
    kept = pc.if_else(text.is_empty, pa.scalar(None, pa.string()), text.words)
    return Understood(text.spread(kept), list(notes))


def vote_for_comma(text: TextColumn) -> int:
    """Return how many cells more are numbers with decimal comma only than with decimal point only."""
    votes = numbers.count_votes(text.words, text.counts)
    return votes.comma - votes.point


def _as_booleans(text: TextColumn, reading: Reading) -> Understood | None:
    known = pc.is_in(text.lower, pa.array(sorted(TRUE | FALSE)))
    if not pc.all(pc.or_(known, text.is_missing)).as_py():
        return None
    truth = pc.is_in(text.lower, pa.array(sorted(TRUE)))
    return Understood(text.spread(pc.if_else(known, truth, pa.scalar(None, pa.bool_()))), _say_missing(text))


def _as_numbers(text: TextColumn, reading: Reading) -> Understood | None:
    votes = numbers.count_votes(text.words, text.counts)
    comma = numbers.choose_comma(votes, reading.comma)
    values = numbers.parse_numbers(text.words, comma)
    verdict = _judge(text, pc.is_valid(values), "number")
    if not isinstance(verdict, list):
        return verdict
    codes = numbers.has_leading_zeros(text.words)
    if pc.any(codes).as_py():
        return keep_text(text, note("leading_zeros", words=say_words(text.words.filter(codes).to_pylist())))
    if unit := numbers.find_unit(text.words):
        verdict.append(note("unit", unit=unit))
    if votes.comma and comma:
        verdict.append(note("comma"))
    elif votes.doubtful and not votes.point:
        value = numbers.parse_numbers(pa.array([votes.doubtful]), comma)[0].as_py()
        verdict.append(note("comma_guess" if comma else "point_guess", word=votes.doubtful, value=value))
    return Understood(text.spread(values), verdict)


def _as_moments(text: TextColumn, reading: Reading) -> Understood | None:
    moments = parse_moments(text.words)
    if moments is None:
        return None
    fits = pa.array(moments.is_moment)
    verdict = _judge(text, fits, "time")
    if not isinstance(verdict, list):
        return verdict
    verdict += moments.notes
    if not moments.has_time[moments.is_moment].any():
        days = pa.array(moments.values // 86_400_000_000, pa.int32(), mask=~moments.is_moment)
        return Understood(text.spread(days.cast(pa.date32())), verdict)
    return _place_in_utc(text, moments, reading.zone, verdict)


def _place_in_utc(text: TextColumn, moments: Moments, zone: str, notes: list[Note]) -> Understood:
    values = text.spread_numpy(moments.values, 0)
    filled = text.spread_numpy(moments.is_moment, False)
    is_local = filled & ~text.spread_numpy(moments.has_offset, False)
    if (filled & ~is_local).any():
        notes.append(note("offsets"))
    rows = np.flatnonzero(is_local)
    if len(rows):
        utc, said = place_walls(values[rows], zone, text.lines_at(rows))
        values[rows] = utc
        notes += said
    notes += say_repeated(values[filled], text.lines_at(np.flatnonzero(filled)))
    return Understood(pa.array(values, pa.int64(), mask=~filled).cast(UTC), notes)


def place_walls(walls: Any, zone: str, lines: Sequence[int]) -> tuple[Any, list[Note]]:
    """Return local times in UTC and what to say about them."""
    utc = to_utc(walls, zone)
    notes = [note("local", zone=zone)]
    found = (("skipped_hour", utc.skipped), ("doubled_hour", utc.told), ("doubtful_hour", utc.doubtful))
    for code, places in found:
        if len(places):
            notes.append(note(code, count=len(places), rows=say_rows(lines[place] for place in places)))
    if len(utc.skipped) and len(utc.doubtful) and not len(utc.told):
        # Times that spring skips and that autumn has once: a clock that is never put forward.
        notes.append(note("winter_time"))
    return utc.values, notes


def say_repeated(values: Any, lines: Sequence[int]) -> list[Note]:
    """Return a note if a few instants of an otherwise unique column occur more than once."""
    different, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    repeated = counts > 1
    if not repeated.any() or repeated.sum() > max(1, len(different) // 100):
        return []
    places = np.flatnonzero(repeated[codes]).tolist()
    return [note("repeated", count=int(repeated.sum()), rows=say_rows(lines[place] for place in places))]


def _judge(text: TextColumn, fits: Any, kind: str) -> list[Note] | Understood | None:
    """Return what to say if the column is of this kind, text if it nearly is, `None` if it is not at all."""
    fitting = text.count(fits)
    misfits = pc.and_not(pc.invert(fits), text.is_missing)
    has_digit = pc.match_substring_regex(text.words, r"\d")
    wrong, remarks = text.count(pc.and_(misfits, has_digit)), text.count(pc.and_not(misfits, has_digit))
    filled = fitting + wrong + remarks
    if not fitting:
        return None
    if wrong <= MOST_MISFITS * filled and remarks <= MOST_REMARKS * filled:
        said = _say_missing(text)
        if wrong + remarks:
            text.keep_unread(misfits)
            said.append(note("unfit", **text.say(misfits)))
        return said
    # Worth saying only where most of the column would have been of the kind.
    if 2 * fitting > filled:
        return keep_text(text, note("stays_text", kind=_KIND_WORDS[kind], **text.say(misfits)))
    return None


_KIND_WORDS = {"number": "123", "time": "2015-12-31 23:00"}


def _say_missing(text: TextColumn) -> list[Note]:
    words = pc.and_not(text.is_missing, pc.equal(text.lower, ""))
    return [note("missing_words", **text.say(words))] if text.count(words) else []


def _numpy(array: Any) -> Any:
    return array.to_numpy(zero_copy_only=False)
