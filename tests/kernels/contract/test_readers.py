"""Numbers and reports of readers: what is written is read again, and nothing else is believed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urbanlab.contract.readers import (
    MAX_TEXT,
    Count,
    Counts,
    Report,
    clean_text,
    decode_counts,
    decode_report,
    encode,
)

COUNT = Count("guetersloh", "passantenfrequenz", "2026-11-24", "view", 3)
COUNTS = Counts("a" * 32, (COUNT, dataclasses.replace(COUNT, kind="download")))
REPORT = Report(
    "b" * 32,
    "guetersloh",
    "baeume",
    2,
    "de",
    "2026-11-24T10:00:00+00:00",
    "Äh: die Zahl\nfehlt.",
    "a@b.example",
)


def test_records_come_back_as_they_were() -> None:
    assert decode_counts(encode(COUNTS)) == COUNTS
    assert decode_report(encode(REPORT)) == REPORT


@pytest.mark.parametrize(
    ("decode", "record", "changes"),
    [
        (decode_counts, COUNTS, {"id": "../../etc"}),
        (decode_counts, COUNTS, {"counts": "many"}),
        (decode_counts, COUNTS, {"more": 1}),
        *((decode_counts, COUNTS, {"counts": [{**dataclasses.asdict(COUNT), **wrong}]}) for wrong in (
            {"tenant": "../x"}, {"slug": "a/b"}, {"slug": ""}, {"kind": "address"}, {"number": 0},
            {"number": True}, {"number": "3"}, {"number": 10**12}, {"day": "yesterday"}, {"ip": "192.0.2.1"},
        )),
        *((decode_report, REPORT, wrong) for wrong in (
            {"id": "x"}, {"tenant": "Stadt"}, {"slug": "report"}, {"version": "2"}, {"language": "<b>"},
            {"at": "2026-11-24T10:00:00"}, {"at": "now"}, {"text": ""}, {"text": "a\x00b"},
            {"text": "x" * (MAX_TEXT + 1)}, {"text": 7}, {"answer_to": "a\nb\x1b"}, {"agent": "Mozilla"},
        )),
    ],
)  # fmt: skip
def test_anything_else_is_refused(
    decode: Callable[[bytes], object], record: Counts | Report, changes: dict[str, Any]
) -> None:
    values = {**dataclasses.asdict(record), **changes}
    with pytest.raises((ValueError, TypeError, AttributeError)):
        decode(json.dumps(values).encode())


@given(st.text(max_size=300))
def test_what_is_cleaned_is_clean(text: str) -> None:
    cleaned = clean_text(text, 100)
    assert cleaned == clean_text(cleaned, 100)
    assert len(cleaned) <= 100
    assert all(letter.isprintable() or letter == "\n" for letter in cleaned)
