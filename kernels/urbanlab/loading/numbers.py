"""Words into numbers: German and English ways of writing them, told apart over a whole column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

# More digits than these do not fit 64 bits; what has them is an identifier.
_DIGITS = r"\d{1,18}"
_GROUPS = r"[1-9]\d{0,2}(?:(?:%s\d{3})+|(?:[ \x{00a0}\x{202f}\x{2009}]\d{3})+|(?:['’]\d{3})+)"
_NUMBER = r"^[+-]?(?:(?:%s|%s)(?:%s\d+)?|%s\d+)(?:[eE][+-]?\d{1,3})?$"
COMMA = _NUMBER % (_DIGITS, _GROUPS % r"\.", ",", ",")
POINT = _NUMBER % (_DIGITS, _GROUPS % ",", r"\.", r"\.")
_UNIT = r"\s*(€|EUR|%)$"
_BLANKS = r"[ \x{00a0}\x{202f}\x{2009}'’]"


@dataclass(frozen=True)
class Votes:
    """How many cells are numbers in only one way of writing, and one that is a number in both."""

    comma: int
    point: int
    doubtful: str = ""
    has_long_plain: bool = False  # 1234 beside 1.234: then the point does not separate thousands


def tidy(words: Any) -> Any:
    """Return the words with blanks around them, typographic minus signs and units taken off."""
    plain = pc.replace_substring(pc.utf8_trim_whitespace(words), "−", "-")
    return pc.replace_substring_regex(plain, _UNIT, "")


def find_unit(words: Any) -> str:
    """Return the unit that words end in, or an empty string."""
    found = pc.extract_regex(pc.utf8_trim_whitespace(words), r"(?P<unit>€|EUR|%)$")
    units = pc.unique(pc.struct_field(found.drop_null(), "unit")).to_pylist()
    return ", ".join(units)


def count_votes(words: Any, counts: Any) -> Votes:
    """Return which way of writing the words speak for; `counts` says how often each occurs."""
    plain = tidy(words)
    comma, point = _matches(plain, COMMA), _matches(plain, POINT)
    separated = pc.match_substring_regex(plain, r"[.,]")
    doubtful = plain.filter(pc.fill_null(pc.and_(pc.and_(comma, point), separated), False))
    return Votes(
        _sum(counts, pc.and_not(comma, point)),
        _sum(counts, pc.and_not(point, comma)),
        doubtful[0].as_py() if len(doubtful) else "",
        bool(pc.any(pc.match_substring_regex(plain, r"^[+-]?\d{4,}$")).as_py()),
    )


def choose_comma(votes: Votes, file_comma: bool) -> bool:
    """Return whether a comma separates the decimals of this column."""
    if votes.comma != votes.point:
        return votes.comma > votes.point
    if votes.doubtful and votes.has_long_plain:
        return "," in votes.doubtful
    return file_comma


def parse_numbers(words: Any, comma: bool) -> Any:
    """Return whole numbers if all words are, else floats; missing where a word is no number."""
    plain = tidy(words)
    fits = _matches(plain, COMMA if comma else POINT)
    kept = pc.if_else(fits, plain, pa.scalar(None, pa.string()))
    kept = pc.replace_substring_regex(kept, _BLANKS, "")
    kept = pc.replace_substring(kept, "." if comma else ",", "")
    kept = pc.replace_substring(pc.replace_substring(kept, ",", "."), "+", "")
    if pc.any(pc.match_substring_regex(kept, r"[.eE]")).as_py():
        return pc.cast(kept, pa.float64())
    return pc.cast(kept, pa.int64())


def has_leading_zeros(words: Any) -> Any:
    """Return for each word whether it is digits that begin with zeros: a code, no number."""
    return _matches(words, r"^0\d+$")


def _matches(words: Any, pattern: str) -> Any:
    return pc.fill_null(pc.match_substring_regex(words, pattern), False)


def _sum(counts: Any, mask: Any) -> int:
    return int(pc.sum(counts.filter(mask)).as_py() or 0)
