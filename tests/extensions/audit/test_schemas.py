"""What the schemas promise together: each event has one, says all that it may hold, and marks what is personal."""

from __future__ import annotations

from typing import Any

import pytest

from urbanlab.contract import audit
from urbanlab.contract.audit import make_entry
from urbanlab_services.audit.schemas import (
    FOLDER,
    READS,
    SPEAKS,
    RefusedEntryError,
    check_entry,
    load_schemas,
)

SCHEMAS = load_schemas()


def test_each_event_has_one_schema_and_one_kind_of_speaker() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(audit.EVENTS) == set(SCHEMAS)
    assert {event for events in SPEAKS.values() for event in events} == set(audit.EVENTS)
    shared = [event for event in audit.EVENTS if sum(event in events for events in SPEAKS.values()) > 1]
    assert shared == [audit.CREDENTIAL_REFUSED]
    assert set(READS) < set(SPEAKS)


@pytest.mark.parametrize("event", audit.EVENTS)
def test_a_schema_takes_nothing_else_and_nothing_without_a_bound(event: str) -> None:
    schema: dict[str, Any] = SCHEMAS[event].event._schema
    assert schema["additionalProperties"] is False
    assert set(schema.get("required", ())) <= set(schema["properties"])
    assert schema["title"]
    assert schema["description"]
    for name, spec in schema["properties"].items():
        for each in (spec, spec.get("items", {})):
            if each.get("type") == "string":
                assert "maxLength" in each or each["pattern"].endswith("\\Z"), f"{event}.{name}"
        assert spec.get("type") != "array" or "maxItems" in spec


@pytest.mark.parametrize("event", audit.EVENTS)
def test_whoever_is_named_is_marked_as_personal(event: str) -> None:
    for name, spec in SCHEMAS[event].event._schema["properties"].items():
        if "@" in spec.get("pattern", ""):
            assert SCHEMAS[event].personal[name] == "name"
        if name in ("person", "subject"):
            assert "@" in spec["pattern"]


OBJECTS = [
    (audit.PAGE_ACT, "release", "town/a-page/1", True),
    (audit.PAGE_ACT, "release", "", True),
    (audit.PAGE_ACT, "release", "town/a-page/1\n", False),
    (audit.PAGE_ACT, "release", "town/Anna Muster/1", False),
    (audit.PAGE_ACT, "release", "../a/1", False),
    (audit.PAGE_ACT, "stare", "", False),
    (audit.DATA_ACT, "release_data", "lab_town.plots", True),
    (audit.DATA_ACT, "release_data", "town.plots; --", False),
    (audit.DATA_ACT, "release_data", "x" * 400, False),
]


@pytest.mark.parametrize(("event", "action", "thing", "fits"), OBJECTS)
def test_things_have_names_and_nothing_else(event: str, action: str, thing: str, fits: bool) -> None:
    entry = make_entry(event, "town", person="anna@town", action=action, object=thing, outcome="done")
    if fits:
        check_entry("publisher", entry)
    else:
        with pytest.raises(RefusedEntryError) as refused:
            check_entry("publisher", entry)
        assert "Muster" not in str(refused.value)
