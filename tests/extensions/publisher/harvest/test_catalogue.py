"""The catalogue that harvesters get: what DCAT-AP.de 3.0 and GovData's conventions ask for, from what is public."""

from __future__ import annotations

import dataclasses
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import DCTERMS, RDF, SKOS

from urbanlab.contract.catalogs import encode_catalog, read_catalog
from urbanlab.contract.page_data import DataColumn, PageData
from urbanlab.contract.publications import Publication, encode, make_digest
from urbanlab.contract.records import PortalProfile, Tenant
from urbanlab_services.errors import UnavailableError
from urbanlab_services.publisher.harvest.facts import Facts, ShownPage
from urbanlab_services.publisher.harvest.graph import make_graph, make_parts
from urbanlab_services.publisher.harvest.listing import Listing, to_json, to_turtle
from urbanlab_services.publisher.harvest.terms import (
    DCAT,
    DCATDE,
    VCARD,
    find_frequency,
    find_licence,
    find_theme,
)
from urbanlab_services.publisher.shelf import Shelf

from .rules import ENTRY, FACTS, GIVEN_UP, PAGE, PORTAL, PUBLICATION, TOWN, list_breaches


@pytest.mark.parametrize("town", ["", "town"])
@pytest.mark.parametrize(("form", "write"), [("turtle", to_turtle), ("json-ld", to_json)])
def test_a_harvester_finds_nothing_to_object_to(town: str, form: str, write: Any) -> None:
    graph = Graph().parse(data=write(make_graph(FACTS, town)), format=form)
    assert list(list_breaches(graph)) == []
    assert len(list(graph.subjects(RDF.type, DCAT.Dataset))) == 2
    assert len(list(graph.subjects(RDF.type, DCAT.Distribution))) == 3


def test_the_rules_see_what_is_missing() -> None:
    for predicate in (DCTERMS.license, DCATDE.contributorID, VCARD.hasEmail, DCTERMS.spatial):
        graph = make_graph(FACTS)
        graph.remove((None, predicate, None))
        assert list(list_breaches(graph)) != [], predicate
    for predicate in GIVEN_UP:
        graph = make_graph(FACTS)
        graph.add((URIRef(PORTAL), predicate, Literal("x")))
        assert list(list_breaches(graph)) != [], predicate
    graph = make_graph(FACTS)
    graph.remove((None, RDF.type, None))
    assert list(list_breaches(graph)) == []  # nothing is left to look at


def test_it_says_what_the_warehouse_and_the_page_say() -> None:
    graph = make_graph(FACTS)
    node = URIRef(f"{PORTAL}/town/catalog.ttl#dataset-footfall")
    assert Literal(ENTRY["title"]["de"], lang="de") in graph.objects(node, DCTERMS.title)
    assert (node, DCTERMS.provenance, URIRef(f"{node}-provenance")) in graph
    table = URIRef(f"{PORTAL}/town/catalog.ttl#page-walking-data-hours")
    assert (table, DCTERMS.source, node) in graph
    csv = URIRef(f"{table}-csv")
    assert (csv, DCTERMS.license, find_licence("dl-de/by-2.0")) in graph
    assert Literal("Town of Town", lang="de") in graph.objects(csv, DCATDE.licenseAttributionByText)


@pytest.mark.parametrize("key", ["", "0575801", "05758012>", "http://x"])
def test_where_a_town_is_stands_there_by_its_official_key(key: str) -> None:
    node = URIRef(f"{PORTAL}/town/catalog.ttl#dataset-footfall")
    named = URIRef(f"{node}-place")
    place = URIRef("http://dcat-ap.de/def/politicalGeocoding/municipalityKey/05758012")
    graph = make_graph(FACTS)
    assert set(graph.objects(node, DCTERMS.spatial)) == {place, named}
    assert str(graph.value(place, DCAT.centroid)) == "POINT(8.4 51.9)"
    town = dataclasses.replace(TOWN, portal=PortalProfile(municipality_key=key))
    graph = make_graph(Facts(PORTAL, {"town": town}, [{**ENTRY, "spatial": "Town"}], []))
    place = URIRef(f"{PORTAL}/town/catalog.ttl#place")
    assert list(graph.objects(node, DCTERMS.spatial)) == [place]
    assert str(graph.value(place, SKOS.prefLabel)) == "Town"
    # What nobody has said does not stand there: the centre may be the state's.
    assert not list(graph.subject_objects(DCAT.centroid))
    assert not list(graph.subject_objects(DCATDE.politicalGeocodingLevelURI))


def test_a_dataset_without_words_in_a_known_language_has_its_name_for_title() -> None:
    bare = {**ENTRY, "title": {"fr": "Piétons"}, "description": {"de": "", "fr": "Comptage"}}
    graph = make_graph(Facts(PORTAL, {"town": TOWN}, [bare], FACTS.pages))
    node = URIRef(f"{PORTAL}/town/catalog.ttl#dataset-footfall")
    for predicate in (DCTERMS.title, DCTERMS.description):
        assert list(graph.objects(node, predicate)) == [Literal("footfall", lang="de")]
    assert list(list_breaches(graph)) == []


def test_a_file_says_what_is_in_it() -> None:
    csv = URIRef(f"{PORTAL}/town/catalog.ttl#page-walking-data-hours-csv")
    said = {str(text) for text in make_graph(FACTS).objects(csv, DCTERMS.description)}
    assert said == {"Zeilen: 1. Spalten: a", "Rows: 1. Columns: a"}
    columns = tuple(DataColumn(f"c{number}", "integer") for number in range(200))
    wide = dataclasses.replace(PAGE, data=(PageData("hours", 3, columns),))
    graph = make_graph(Facts(PORTAL, {"town": TOWN}, [], [ShownPage(PUBLICATION, wide)]))
    assert all(str(text).endswith("c29, …") for text in graph.objects(csv, DCTERMS.description))


def test_the_same_facts_give_the_same_bytes() -> None:
    assert to_turtle(make_graph(FACTS)) == to_turtle(make_graph(FACTS))
    assert to_json(make_graph(FACTS)) == to_json(make_graph(FACTS))


@pytest.mark.parametrize(
    "contact",
    ["", "Rathaus, Zimmer 3", "javascript:alert(1)", "a@b>.\n<x> <y> <z>", "https://town.example/?q=1"],
)
def test_what_people_write_never_breaks_it(contact: str) -> None:
    hostile = {
        **ENTRY,
        "title": {"de": '"""\\ <x> .', "xx": "none"},
        "description": {},
        "licence": "Nur für <uns>",
        "theme": "x> .",
        "refresh": "often",
        "keywords": {"de": ["@prefix x: <y> ."]},
        "contact": contact,
        "first": "long ago",
    }
    town = dataclasses.replace(TOWN, contact="", portal=PortalProfile(contributor="a> <b"))
    graph = make_graph(Facts(PORTAL, {"town": town}, [hostile], FACTS.pages))
    read = Graph().parse(data=to_turtle(graph), format="turtle")
    assert len(read) == len(graph) == len(Graph().parse(data=to_json(graph), format="json-ld"))
    assert not list(graph.objects(predicate=DCATDE.contributorID))
    assert list(graph.objects(predicate=VCARD.hasURL))


SOON = dataclasses.replace(PUBLICATION, slug="soon", ends_at="2029-12-31T23:00:00.000+00:00")
LATE = dataclasses.replace(
    PUBLICATION, slug="late", ends_at="2030-12-31T23:00:00.000+00:00", updated_at="2026-09-01T00:00:00+00:00"
)


@pytest.mark.parametrize("form", ["ttl", "jsonld"])
@pytest.mark.parametrize("town", ["", "town"])
@pytest.mark.parametrize("pages", [[PUBLICATION, SOON, LATE], [SOON, LATE], [LATE]])
def test_what_holds_of_a_catalogue_is_the_catalogue_of_the_pages_that_have_not_ended(
    pages: list[Publication], town: str, form: str
) -> None:
    def make_facts(publications: list[Publication]) -> Facts:
        return Facts(PORTAL, {"town": TOWN}, [ENTRY], [ShownPage(each, PAGE) for each in publications])

    write = to_turtle if form == "ttl" else to_json
    parts = make_parts(make_facts(pages), town)
    file = encode_catalog({moment: write(graph) for moment, graph in parts.items()})
    for year, ended in ((2029, []), (2030, [SOON]), (2031, [SOON, LATE])):
        content = read_catalog(io.BytesIO(file), form, datetime(year, 1, 1, tzinfo=UTC))
        graph = Graph().parse(data=content, format="turtle" if form == "ttl" else "json-ld")
        rest = [each for each in pages if each not in ended]
        wanted = make_graph(make_facts(rest), town)
        # The town's own page stands there besides, for when the last page has ended; and one date of all.
        extra = {str(subject) + str(predicate) for subject, predicate, _ in graph - wanted}
        assert not wanted - graph - _list_changes(wanted)
        assert {each for each in extra if "landingPage" not in each and "modified" not in each} <= {
            f"{PORTAL}/town/{RDF.type}"
        }
        assert not any(each.slug.encode() + b"/" in content for each in ended)
        assert len(list(graph.objects(None, DCAT.dataset))) == 1 + len(rest)
        assert len(_list_changes(graph)) == 1


def _list_changes(graph: Graph) -> Graph:
    changes = Graph()
    for catalog in graph.subjects(RDF.type, DCAT.Catalog):
        for triple in graph.triples((catalog, DCTERMS.modified, None)):
            changes.add(triple)
    return changes


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *(
            ("PT1M", "UPDATE_CONT"),
            ("PT1H", "HOURLY"),
            ("P1D", "DAILY"),
            ("P7D", "WEEKLY"),
            ("P1W", "WEEKLY"),
        ),
        *(
            ("P1M", "MONTHLY"),
            ("P3M", "QUARTERLY"),
            ("P1Y", "ANNUAL"),
            ("P9Y", "IRREG"),
            ("often", ""),
            ("", ""),
        ),
    ],
)
def test_how_often_is_a_term(text: str, name: str) -> None:
    assert str(find_frequency(text) or "").rpartition("/")[2] == name


def test_only_known_terms_are_terms() -> None:
    assert str(find_licence("CC BY 4.0")) == "http://dcat-ap.de/def/licenses/cc-by/4.0"
    assert find_licence("ask us") is None and find_theme("XXXX") is None


class Records:
    def __init__(self, **tenants: Tenant) -> None:
        self.now: dict[str, Tenant] = tenants

    def tenants(self) -> dict[str, Tenant]:
        return self.now


class Warehouse:
    """Answers with entries, or not at all where there are none."""

    entries: list[Any] | None = None

    async def list_catalog(self) -> list[Any]:
        if self.entries is None:
            raise UnavailableError("away")
        return self.entries


async def test_the_files_follow_what_is_public(tmp_path: Path) -> None:
    shelf, warehouse, records = Shelf(tmp_path), Warehouse(), Records(town=TOWN)
    listing = Listing(warehouse, shelf, records, f"{PORTAL}/")  # type: ignore[arg-type]
    await listing.list_all()
    assert not (tmp_path / "catalog.ttl").exists()
    content = encode(PAGE)
    (tmp_path / "pages" / f"{make_digest(content)}.json").write_bytes(content)
    shelf.show(dataclasses.replace(PUBLICATION, variants={"": make_digest(content)}))
    broken: list[Any] = [{"name": "x"}, None, {**ENTRY, "owner": "gone"}, {**ENTRY, "name": "x> <y"}]
    warehouse.entries = [ENTRY, *broken]
    await listing.list_all()
    graph = Graph().parse(tmp_path / "catalogs" / "town.jsonld", format="json-ld")
    assert len(list(graph.subjects(RDF.type, DCAT.Dataset))) == 2
    # One that has ended while this service was away is in none, though it still lies there.
    over = dataclasses.replace(SOON, variants={"": make_digest(content)}, ends_at="2026-03-02T00:00:00+00:00")
    shelf.show(over)
    before = (tmp_path / "catalog.ttl").stat()
    await listing.list_all()
    assert (tmp_path / "catalog.ttl").stat().st_mtime_ns == before.st_mtime_ns
    shelf.hide("town", "walking")
    warehouse.entries = None
    await listing.list_all()
    assert (tmp_path / "catalog.ttl").stat().st_mtime_ns == before.st_mtime_ns
    warehouse.entries = []
    records.now = {"other": dataclasses.replace(TOWN, id="other")}
    await listing.list_all()
    assert [path.name for path in sorted((tmp_path / "catalogs").iterdir())] == ["other.jsonld", "other.ttl"]
