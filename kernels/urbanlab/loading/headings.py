"""Headings as people write them, made into plain names of columns."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from urbanlab.errors import LoadError
from urbanlab.loading.raw import MOST_COLUMNS

LONGEST, LONGEST_HEADING = 60, 2000
_LETTERS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "µ": "u", "μ": "u"}
)


def check_width(columns: int) -> None:
    """Raise `LoadError` for a table that is too wide."""
    if columns > MOST_COLUMNS:
        raise LoadError(
            f"The table has {columns} columns; at most {MOST_COLUMNS} can be loaded. If the columns are dates "
            "or places, turn them into rows first (pandas: frame.melt(...)), else choose the columns you need."
        )


def check_headings(names: Sequence[str]) -> None:
    """Raise `LoadError` for a table that is too wide or has one heading twice."""
    check_width(len(names))
    if any(len(name) > LONGEST_HEADING for name in names):
        raise LoadError(
            f"A heading has more than {LONGEST_HEADING} characters: the first line holds no headings."
        )
    twice = sorted(name for name, times in Counter(names).items() if name and times > 1)
    if twice:
        raise LoadError(
            f"Several columns are called {', '.join(map(repr, twice))}. Give each a heading of its own, "
            "so that SQL can tell them apart, and load again."
        )


def make_column_names(headings: Iterable[str]) -> list[str]:
    """Return a plain name for each heading, in lower case, no two alike.

    >>> make_column_names(["Straße (gesamt)", "2015", ""])
    ['strasse_gesamt', 'c_2015', 'column_3']
    """
    taken: set[str] = set()
    names = []
    for number, heading in enumerate(headings, start=1):
        plain = _make_plain(heading) or f"column_{number}"
        name, count = plain, 1
        while name in taken:
            count += 1
            name = f"{plain[: LONGEST - 4]}_{count}"
        taken.add(name)
        names.append(name)
    return names


def _make_plain(heading: str) -> str:
    text = unicodedata.normalize("NFC", heading).lower().translate(_LETTERS)
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^a-z0-9]+", "_", ascii_only).strip("_")[:LONGEST].rstrip("_")
    return f"c_{plain}"[:LONGEST] if plain[:1].isdigit() else plain
