"""What the portal tells the publisher about readers: numbers, and what they write; nothing about who they are.

The portal sends with its secret (`live.SECRET`) as bearer token. Both are answered 204; the `id` makes the same
thing sent twice count once, for an answer may be lost. What is answered 400 is not sent again, all else is.

* ``POST /portal/counts`` – `Counts`
* ``POST /portal/reports`` – a `Report`
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from urbanlab.contract.naming import TENANT_ID
from urbanlab.contract.publications import check_slug

# What is counted: a page read, the same in another web site, a file of its data fetched, an interactive view begun,
# and one that had to wait in the queue.
KINDS = ("view", "embedded", "download", "live", "waiting")
ID = re.compile(r"[0-9a-f]{32}")
MAX_COUNTS = 5000
MAX_NUMBER = 10**9
MAX_TEXT, MAX_ANSWER_TO = 2000, 200


@dataclass(frozen=True)
class Count:
    """How often something happened on a day of the town's (``YYYY-MM-DD``); `kind` is one of `KINDS`."""

    tenant: str
    slug: str
    day: str
    kind: str
    number: int


@dataclass(frozen=True)
class Counts:
    """What was counted since the last ones; to be added to what is known."""

    id: str
    counts: tuple[Count, ...]


@dataclass(frozen=True)
class Report:
    """What a reader says is wrong on a page; `answer_to` is what they gave to be answered at, often nothing."""

    id: str
    tenant: str
    slug: str
    version: int  # that was public then
    language: str  # of the portal when they wrote
    at: str  # ISO 8601, UTC
    text: str
    answer_to: str = ""


def encode(record: Counts | Report) -> bytes:
    """Return a record as JSON."""
    return json.dumps(dataclasses.asdict(record), ensure_ascii=False).encode()


def decode_counts(content: bytes) -> Counts:
    """Return the counts that `encode` wrote; raise `ValueError` or `TypeError` for anything else."""
    values = _to_object(content)
    listed = values.get("counts")
    if not isinstance(listed, list) or len(listed) > MAX_COUNTS:
        raise ValueError(f"not a list of at most {MAX_COUNTS} counts")
    counts = Counts(**{**values, "counts": tuple(Count(**each) for each in listed)})
    _check(ID.fullmatch(counts.id), "id")
    for each in counts.counts:
        _check_page(each.tenant, each.slug)
        _check(each.kind in KINDS, "kind")
        _check(type(each.number) is int and 0 < each.number <= MAX_NUMBER, "number")
        date.fromisoformat(each.day)
    return counts


def decode_report(content: bytes) -> Report:
    """Return the report that `encode` wrote; raise `ValueError` or `TypeError` for anything else."""
    report = Report(**_to_object(content))
    _check(ID.fullmatch(report.id), "id")
    _check_page(report.tenant, report.slug)
    _check(type(report.version) is int, "version")
    _check(re.fullmatch("[a-z]{2}", report.language), "language")
    _check(datetime.fromisoformat(report.at).tzinfo, "at")
    _check(report.text and report.text == clean_text(report.text, MAX_TEXT), "text")
    _check(report.answer_to == clean_text(report.answer_to, MAX_ANSWER_TO), "answer_to")
    return report


def clean_text(text: str, longest: int) -> str:
    """Return what a reader typed as it can be shown: visible letters and line ends, cut to `longest`."""
    lines = (
        "".join(letter if letter.isprintable() else " " for letter in line) for line in text.splitlines()
    )
    return "\n".join(line.rstrip() for line in lines).strip()[:longest].rstrip()


def _check_page(tenant: str, slug: str) -> None:
    _check(TENANT_ID.fullmatch(tenant), "tenant")
    check_slug(slug)


def _check(is_right: object, name: str) -> None:
    if not is_right:
        raise ValueError(f"{name} is not as agreed")


def _to_object(content: bytes) -> dict[str, Any]:
    values = json.loads(content)
    if not isinstance(values, dict):
        raise TypeError("not an object")
    return values
