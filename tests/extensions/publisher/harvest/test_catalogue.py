"""The catalogue that harvesters get: what DCAT-AP.de 3.0 and GovData's conventions ask for, from what is public."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import DCTERMS, FOAF, RDF

from urbanlab.contract.page_data import DataColumn, PageData
from urbanlab.contract.publications import Page, PageFile, Publication, encode, make_digest
from urbanlab.contract.records import PortalProfile, Tenant
from urbanlab_services.errors import UnavailableError
from urbanlab_services.publisher.harvest.facts import Facts, ShownPage
from urbanlab_services.publisher.harvest.graph import make_graph
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

PORTAL = "https://portal.example"
TOWN = Tenant(
    *(
        "town",
        "Town",
        ("de", "en"),
        "NW",
        "Europe/Berlin",
        51.9,
        8.4,
        "EPSG:25832",
        1000,
        "data@town.example",
    ),
    portal=PortalProfile(contributor="openNRW"),
)
ENTRY: dict[str, Any] = {
    "name": "footfall",
    "owner": "town",
    "table": "open_data.town__footfall",
    "title": {"de": 'Passanten <je> "Stunde"\n', "en": "Pedestrians"},
    "description": {"de": "Gezählt", "en": "Counted"},
    "licence": "dl-de/zero-2.0",
    "keywords": {"de": ["Fußverkehr"], "en": ["walking"]},
    "theme": "TRAN",
    "spatial": "Innenstadt",
    "contact": "data@town.example",
    "refresh": "PT1H",
    "simulated": True,
    "first": "2026-01-01T00:00:00+00:00",
    "last": "2026-03-01T00:00:00+00:00",
    "modified": "2026-03-01T00:05:00+00:00",
    "released_at": "2026-02-01T00:00:00+00:00",
}
PAGE = Page(
    *("Walking", "de", "2026-03-01T00:10:00+00:00"),
    files=(PageFile("data-hours.csv", "a" * 64, 12), PageFile("data-hours.xlsx", "b" * 64, 9)),
    datasets=("open_data.town__footfall",),
    data=(PageData("hours", 1, (DataColumn("a", "integer"),), {"de": "Stunden"}),),
)
PUBLICATION = Publication(
    *("town", "walking", 1, "Walking", "Who walks", "de", "", "dl-de/by-2.0", "Town of Town"),
    *("2026-02-02T00:00:00+00:00", "2026-03-01T00:10:00+00:00", {"": "c" * 64}),
    refresh="P1D",
    topics=("TRAN", "NONE"),
)
FACTS = Facts(PORTAL, {"town": TOWN}, [ENTRY], [ShownPage(PUBLICATION, PAGE)])

# What must (least) and may (most) stand there, by class: the mandatory properties of DCAT-AP 3.0, the conventions
# 1, 12, 13, 30, 31, 32 and 36 of DCAT-AP.de, and what GovData recommends.
MANY = 1000
RULES = [
    (DCAT.Catalog, DCTERMS.title, 1, MANY, Literal),
    (DCAT.Catalog, DCTERMS.description, 1, MANY, Literal),
    (DCAT.Catalog, DCTERMS.publisher, 1, 1, FOAF.Agent),
    (DCAT.Catalog, DCAT.dataset, 1, MANY, DCAT.Dataset),
    (DCAT.Catalog, DCTERMS.modified, 1, 1, Literal),
    (DCAT.Catalog, FOAF.homepage, 1, 1, FOAF.Document),
    (DCAT.Dataset, DCTERMS.title, 1, 2, Literal),
    (DCAT.Dataset, DCTERMS.description, 1, 2, Literal),
    (DCAT.Dataset, DCATDE.contributorID, 1, 1, "http://dcat-ap.de/def/contributors/"),
    (DCAT.Dataset, DCTERMS.publisher, 1, 1, FOAF.Agent),
    (DCAT.Dataset, DCAT.contactPoint, 1, 1, VCARD.Kind),
    (DCAT.Dataset, DCAT.theme, 1, MANY, "http://publications.europa.eu/resource/authority/data-theme/"),
    (DCAT.Dataset, DCAT.keyword, 1, MANY, Literal),
    (DCAT.Dataset, DCAT.landingPage, 1, MANY, FOAF.Document),
    (DCAT.Dataset, DCAT.distribution, 1, MANY, DCAT.Distribution),
    (DCAT.Dataset, DCTERMS.issued, 1, 1, Literal),
    (DCAT.Dataset, DCTERMS.modified, 1, 1, Literal),
    (DCAT.Dataset, DCTERMS.identifier, 1, 1, Literal),
    (DCAT.Dataset, DCTERMS.spatial, 1, 1, DCTERMS.Location),
    (DCAT.Dataset, DCTERMS.temporal, 0, 1, DCTERMS.PeriodOfTime),
    (
        DCAT.Dataset,
        DCTERMS.accrualPeriodicity,
        1,
        1,
        "http://publications.europa.eu/resource/authority/frequency/",
    ),
    (
        DCAT.Dataset,
        DCTERMS.accessRights,
        1,
        1,
        "http://publications.europa.eu/resource/authority/access-right/",
    ),
    (DCAT.Distribution, DCTERMS.title, 1, 2, Literal),
    (DCAT.Distribution, DCAT.accessURL, 1, 1, f"{PORTAL}/town/walking/"),
    (DCAT.Distribution, DCAT.downloadURL, 0, 1, f"{PORTAL}/town/walking/data/hours."),
    (DCAT.Distribution, DCTERMS.license, 1, 1, "http://dcat-ap.de/def/licenses/"),
    (
        DCAT.Distribution,
        DCTERMS["format"],
        1,
        1,
        "http://publications.europa.eu/resource/authority/file-type/",
    ),
    (DCAT.Distribution, DCAT.mediaType, 1, 1, "https://www.iana.org/assignments/media-types/"),
    (DCAT.Distribution, DCAT.byteSize, 0, 1, Literal),
    (FOAF.Agent, FOAF.name, 1, 1, Literal),
    (FOAF.Agent, DCTERMS.type, 1, 1, "http://purl.org/adms/publishertype/"),
    (VCARD.Kind, VCARD.fn, 1, 1, Literal),
    (DCTERMS.PeriodOfTime, DCAT.startDate, 1, 1, Literal),
    (DCTERMS.PeriodOfTime, DCAT.endDate, 1, 1, Literal),
    (DCTERMS.ProvenanceStatement, URIRef("http://www.w3.org/2000/01/rdf-schema#label"), 1, 2, Literal),
]


def list_breaches(graph: Graph) -> Iterator[str]:
    """Yield what a harvester would object to."""
    for kind, predicate, least, most, wanted in RULES:
        for node in graph.subjects(RDF.type, kind):
            values = list(graph.objects(node, predicate))
            if not least <= len(values) <= most:
                yield f"{node} has {len(values)} {predicate}"
            for value in values:
                if wanted is Literal:
                    fits = isinstance(value, Literal)
                elif isinstance(wanted, URIRef):
                    fits = (value, RDF.type, wanted) in graph
                else:
                    fits = str(value).startswith(wanted)
                if not fits:
                    yield f"{node} {predicate} {value}"
    for contact in graph.subjects(RDF.type, VCARD.Kind):
        if not [*graph.objects(contact, VCARD.hasEmail), *graph.objects(contact, VCARD.hasURL)]:
            yield f"{contact} can be reached by nobody"


@pytest.mark.parametrize("town", ["", "town"])
@pytest.mark.parametrize(("form", "write"), [("turtle", to_turtle), ("json-ld", to_json)])
def test_a_harvester_finds_nothing_to_object_to(town: str, form: str, write: Any) -> None:
    graph = Graph().parse(data=write(make_graph(FACTS, town)), format=form)
    assert list(list_breaches(graph)) == []
    assert len(list(graph.subjects(RDF.type, DCAT.Dataset))) == 2
    assert len(list(graph.subjects(RDF.type, DCAT.Distribution))) == 3


def test_the_rules_see_what_is_missing() -> None:
    for predicate in (DCTERMS.license, DCATDE.contributorID, VCARD.hasEmail):
        graph = make_graph(FACTS)
        graph.remove((None, predicate, None))
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
