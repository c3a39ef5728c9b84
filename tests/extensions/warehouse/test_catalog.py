"""What the catalogue says of a dataset: the owner's words, what the system knows, and who reads what."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.extensions.warehouse.conftest import Warehouse, make_town
from tests.extensions.warehouse.test_operator import list_catalog
from tests.extensions.warehouse.test_releases import ask, change_as_operator, list_releases, release
from tests.extensions.warehouse.test_releases import withdraw as withdraw_open
from tests.extensions.warehouse.test_shares import list_shares, share, withdraw
from urbanlab_services.publisher.harvest.facts import Facts
from urbanlab_services.publisher.harvest.graph import make_graph
from urbanlab_services.publisher.harvest.listing import is_known, to_turtle
from urbanlab_services.warehouse.catalog import find, make_entry
from urbanlab_services.warehouse.freshness import State
from urbanlab_services.warehouse.inventory import Table
from urbanlab_services.warehouse.table_notes import TableNotes, read_notes

NOTES = {
    "title": {"de": "Bäume", "en": "Trees"},
    "description": {"de": 'Mit "Anführung" und \\ Strich'},
    "keywords": {"de": ["Grün", "Stadt"]},
    "theme": "ENVI",
    "licence": "dl-de/by-2.0",
    "spatial": "Nordstadt",
    "time": "seen",
    "columns": {"height": {"unit": "m", "title": {"de": "Höhe"}}},
}
TREES = "(seen DateTime('UTC'), height Float64) ENGINE = MergeTree ORDER BY seen"


@pytest.fixture
def town(warehouse: Warehouse) -> Iterator[Warehouse]:
    """The warehouse with a described table of the workshop, a view of it, and two rows of a feed."""
    rows = "('a', '2026-01-01 10:00:00', 5), ('b', '2026-03-01 11:30:00', 7)"
    assert warehouse.post("alba", f"INSERT INTO alba.footfall VALUES {rows}", "steward").ok
    make = f"CREATE OR REPLACE TABLE lab_alba.trees {TREES} AS SELECT toDateTime('2026-05-05 05:00:00', 'UTC'), 9"
    assert warehouse.post("alba", make).ok
    text = json.dumps(NOTES).replace("\\", "\\\\").replace("'", "\\'")
    assert warehouse.post("alba", f"ALTER TABLE lab_alba.trees MODIFY COMMENT '{text}'").ok
    view = "CREATE OR REPLACE VIEW lab_alba.tall AS SELECT height FROM lab_alba.trees WHERE height > 5"
    assert warehouse.post("alba", view).ok
    yield warehouse
    for each in list_shares(warehouse).values():
        if each["partner"]:
            withdraw(warehouse, each["dataset"], each["partner"])
    for name in list_releases(warehouse):
        withdraw_open(warehouse, name.partition("__")[2])
    warehouse.post("alba", "DROP VIEW IF EXISTS lab_alba.tall")
    assert warehouse.post("alba", "DROP TABLE lab_alba.trees").ok
    change_as_operator(warehouse, "TRUNCATE TABLE alba.footfall")


def test_a_feed_has_its_rows_period_and_age_kept_by_the_system(town: Warehouse) -> None:
    entry = list_catalog(town, "alba")["alba.footfall"]
    assert (entry["rows"], entry["feed"], entry["publisher"]) == (2, "footfall", "Alba")
    assert (entry["first"], entry["last"]) == ("2026-01-01T10:00:00+00:00", "2026-03-01T11:30:00+00:00")
    assert entry["modified"].endswith("+00:00") and entry["contact"] == "info@example.org"
    sensors = list_catalog(town, "alba")["alba.sensors"]
    assert (sensors["rows"], sensors["feed"], sensors["last"]) == (2, "", "")


def test_a_loaded_table_has_what_was_said_of_it(town: Warehouse) -> None:
    entry = list_catalog(town, "alba")["lab_alba.trees"]
    said = {name: entry[name] for name in ("title", "description", "keywords", "theme", "licence", "spatial")}
    assert said == {name: NOTES[name] for name in said}
    assert (entry["time"], entry["rows"]) == ("seen", 1)
    assert entry["first"] == entry["last"] == "2026-05-05T05:00:00+00:00"
    height = next(column for column in entry["columns"] if column["name"] == "height")
    assert (height["unit"], height["title"]) == ("m", {"de": "Höhe"})


def test_a_view_names_what_it_reads_and_a_table_who_reads_it(town: Warehouse) -> None:
    catalog = list_catalog(town, "alba")
    assert catalog["lab_alba.tall"]["sources"] == ["lab_alba.trees"]
    assert catalog["lab_alba.trees"]["used_by"] == ["lab_alba.tall"]
    assert catalog["lab_alba.tall"]["rows"] == 1
    assert catalog["alba.footfall"]["used_by"] == []


def test_what_is_shared_brings_its_notes_and_says_nothing_of_what_is_hidden(town: Warehouse) -> None:
    assert share(town, table="lab_alba.trees", dataset="trees", columns=["height", "seen"]).ok
    assert share(town, "celle", dataset="part", columns=["sensor"], where="persons > 5").ok
    entry = list_catalog(town, "bern")["shared_with_bern.alba__trees"]
    assert (entry["theme"], entry["spatial"], entry["rows"]) == ("ENVI", "Nordstadt", 1)
    assert entry["last"] == "2026-05-05T05:00:00+00:00" and entry["workshop"] is True
    assert entry["title"] == {"de": "Fußgänger"}  # what the release says goes before
    assert next(each for each in entry["columns"] if each["name"] == "height")["unit"] == "m"
    assert entry["sources"] == entry["used_by"] == [] and "lab_alba" not in str(entry)
    part = list_catalog(town, "celle")["shared_with_celle.alba__part"]
    assert (part["rows"], part["last"], part["workshop"]) == (1, "", False)
    assert "alba.footfall" not in str(part)


def test_what_is_open_counts_as_its_table_does(town: Warehouse) -> None:
    assert release(town).ok
    entry = list_catalog(town, "bern", "publications")["open_data.alba__footfall"]
    assert (entry["rows"], entry["last"]) == (2, "2026-03-01T11:30:00+00:00")
    assert entry["publisher"] == "Alba" and entry["feed"] == ""


def test_the_publisher_alone_gets_what_is_open_for_harvesters(town: Warehouse) -> None:
    assert ask(town, "GET", "/catalog/open").json() == {"datasets": []}
    assert release(town).ok
    assert share(town, table="lab_alba.trees", dataset="trees").ok
    (entry,) = ask(town, "GET", "/catalog/open").json()["datasets"]
    assert is_known(entry) and entry["table"] == "open_data.alba__footfall"
    facts = Facts("https://portal.example", {"alba": make_town("alba")}, [entry], [])
    assert b"2026-03-01T11:30:00" in to_turtle(make_graph(facts, "alba"))
    for user in ("ingest", "operator"):
        assert ask(town, "GET", "/catalog/open", user).status_code == 403


@pytest.mark.parametrize(
    "comment",
    [
        "plain words",
        "[1, 2]",
        "{" * 9000,
        json.dumps({"title": "x", "keywords": ["a"], "columns": [1], "theme": ["ENVI"], "time": 5}),
        json.dumps({"title": {"de": 5, "fr": "x"}, "keywords": {"de": "a"}, "columns": {"a": "b"}}),
        json.dumps({"theme": "NOPE", "spatial": None, "columns": {"a": {"unit": [], "title": "x"}}}),
        "x" * 70_000,
    ],
)
def test_a_comment_of_another_form_says_nothing_wrong(comment: str) -> None:
    notes = read_notes(comment)
    assert dataclasses.replace(notes, description={}, columns={}) == TableNotes()
    assert json.dumps(dataclasses.asdict(notes))


@pytest.mark.parametrize("field", ["keywords", "theme", "spatial"])
def test_what_a_tenants_file_says_of_a_feed_is_told(field: str) -> None:
    said: dict[str, Any] = {"keywords": {"de": ["Takt"]}, "theme": "TRAN", "spatial": "Markt"}
    alba = make_town("alba")
    feeds = (dataclasses.replace(alba.feeds[0], **said), *alba.feeds[1:])
    tenants = {"alba": dataclasses.replace(alba, feeds=feeds)}
    found = find(Table("alba", "footfall", {"sensor": "String"}), "alba", tenants)
    assert make_entry(found, tenants, State())[field] == said[field]
