"""A catalogue's facts, and the rules that harvesters have for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rdflib import Graph, Literal, URIRef
from rdflib.namespace import DCTERMS, FOAF, OWL, RDF, SKOS

from urbanlab.contract.page_data import DataColumn, PageData
from urbanlab.contract.publications import Page, PageFile, Publication
from urbanlab.contract.records import PortalProfile, Tenant
from urbanlab_services.publisher.harvest.facts import Facts, ShownPage
from urbanlab_services.publisher.harvest.terms import DCAT, DCATDE, VCARD

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
    portal=PortalProfile(contributor="openNRW", municipality_key="05758012"),
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
    (DCAT.Catalog, DCTERMS.spatial, 1, 1, DCTERMS.Location),
    (DCAT.Catalog, DCTERMS.language, 2, 2, "http://publications.europa.eu/resource/authority/language/"),
    (
        DCAT.Catalog,
        DCAT.themeTaxonomy,
        1,
        1,
        "http://publications.europa.eu/resource/authority/data-theme",
    ),
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
    (DCAT.Dataset, DCTERMS.spatial, 1, 2, DCTERMS.Location),
    (
        DCAT.Dataset,
        DCATDE.politicalGeocodingLevelURI,
        1,
        1,
        "http://dcat-ap.de/def/politicalGeocoding/Level/municipality",
    ),
    (DCAT.Dataset, DCTERMS.source, 0, MANY, DCAT.Dataset),
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
    (DCAT.Distribution, DCTERMS.description, 1, 2, Literal),
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
    (DCTERMS.Location, SKOS.prefLabel, 1, 1, Literal),
    (DCTERMS.Location, DCAT.centroid, 0, 1, Literal),
    (DCTERMS.PeriodOfTime, DCAT.startDate, 1, 1, Literal),
    (DCTERMS.PeriodOfTime, DCAT.endDate, 1, 1, Literal),
    (DCTERMS.ProvenanceStatement, URIRef("http://www.w3.org/2000/01/rdf-schema#label"), 1, 2, Literal),
]

# What DCAT-AP.de 3.0 has given up.
GIVEN_UP = (
    *(DCATDE.politicalGeocodingURI, DCATDE.geocodingDescription, DCATDE.legalBasis, DCATDE.qualityProcessURI),
    *(DCATDE.originator, DCATDE.maintainer, OWL.versionInfo, DCTERMS.hasVersion, DCTERMS.isVersionOf),
)


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
    for predicate in GIVEN_UP:
        for node in graph.subjects(predicate):
            yield f"{node} {predicate} is given up"
