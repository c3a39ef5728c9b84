"""A catalogue in parts gives back what holds, and no text in it is taken for its first line."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urbanlab.contract.catalogs import encode_catalog, list_held, read_catalog, read_ends

EARLY, LATE = "2026-12-31T23:00:00.000+00:00", "2027-12-31T23:00:00.000+00:00"
PARTS = {"": b"<a> <b> <c> .\n", EARLY: b"<d> <e> <f> .\n", LATE: b"<g> <h> <i> .\n"}


@pytest.mark.parametrize(
    ("now", "held"),
    [
        ("2026-12-31T22:59:59.999999+00:00", ["", EARLY, LATE]),
        ("2026-12-31T23:00:00+00:00", ["", LATE]),
        ("2027-12-31T22:59:59+00:00", ["", LATE]),
        ("2028-01-01T00:00:00+01:00", [""]),
    ],
)
def test_a_part_holds_until_its_moment(now: str, held: list[str]) -> None:
    moment, file = datetime.fromisoformat(now), encode_catalog(PARTS)
    assert list_held(read_ends(io.BytesIO(file)), moment) == tuple(held)
    assert read_catalog(io.BytesIO(file), "ttl", moment) == b"\n".join(PARTS[name] for name in held)


@pytest.mark.parametrize("content", [PARTS[""], b"", b'[{"ends":[]}]', b"[]"])
def test_what_lasts_as_a_whole_is_the_file_itself(content: bytes) -> None:
    assert encode_catalog({"": content}) == content
    assert read_ends(io.BytesIO(content)) == ()
    assert read_catalog(io.BytesIO(content), "jsonld", datetime.now(UTC)) == content


@given(
    st.lists(
        st.lists(st.dictionaries(st.text(), st.text() | st.integers()), max_size=3), min_size=2, max_size=4
    )
)
def test_lists_of_any_nodes_are_one_list(lists: list[list[dict[str, object]]]) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    moments = ["", *((now + timedelta(days=day)).isoformat() for day in range(1, len(lists)))]
    parts = {each: json.dumps(nodes, indent=1).encode() for each, nodes in zip(moments, lists, strict=True)}
    joined = read_catalog(io.BytesIO(encode_catalog(parts)), "jsonld", now)
    assert json.loads(joined) == [node for nodes in lists for node in nodes]
    assert (
        json.loads(
            read_catalog(io.BytesIO(encode_catalog(parts)), "jsonld", datetime.max.replace(tzinfo=UTC))
        )
        == lists[0]
    )


@pytest.mark.parametrize("lost", [1, 14, 40])
def test_a_file_that_has_lost_its_end_is_none(lost: int) -> None:
    with pytest.raises(ValueError, match="lost bytes"):
        read_catalog(io.BytesIO(encode_catalog(PARTS)[:-lost]), "ttl", datetime.now(UTC))
