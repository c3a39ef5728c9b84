"""The parts of a catalogue's graph, each with an address below the portal's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rdflib import Graph, Literal, URIRef
from rdflib.namespace import DCTERMS, FOAF, RDF, RDFS, SKOS, XSD

from urbanlab_services.publisher.harvest.facts import Facts, ShownPage
from urbanlab_services.publisher.harvest.terms import (
    CONTRIBUTORS,
    DCAT,
    DCATDE,
    FILE_TYPES,
    GEOCODING,
    LANGUAGES,
    LOCAL_AUTHORITY,
    MEDIA_TYPES,
    OTHER_LICENCE,
    PUBLIC,
    VCARD,
    WKT,
    find_licence,
)

Texts = Mapping[str, str]
# What may stand in a graph as an address: anything else would break the text that it is written in.
_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,200}")
_URL = re.compile(r"https?://[A-Za-z0-9.\-_~:/?#@!$&()*+,;=%]{1,500}")
_CONTRIBUTOR = re.compile(r"[A-Za-z0-9_-]{1,80}")
_MUNICIPALITY = re.compile(r"[0-9]{8}")


class Nodes:
    """Adds to one graph; what is added twice stands there once."""

    def __init__(self, graph: Graph, facts: Facts) -> None:
        self.graph, self._facts, self._portal = graph, facts, facts.portal
        graph.bind("dcatde", DCATDE)
        graph.bind("vcard", VCARD)

    def make_catalog(self, town: str) -> URIRef:
        """Add a catalogue's own node."""
        node = URIRef(f"{self._home(town)}catalog.ttl#catalog")
        self.graph.add((node, RDF.type, DCAT.Catalog))
        self.graph.add((node, FOAF.homepage, self.add_document(self._home(town))))
        return node

    def make_dataset(self, town: str, name: str) -> URIRef:
        """Return the address of a dataset of the warehouse."""
        return URIRef(f"{self._home(town)}catalog.ttl#dataset-{name}")

    def make_table(self, town: str, slug: str, name: str) -> URIRef:
        """Return the address of a table that a page offers."""
        return URIRef(f"{self._home(town)}catalog.ttl#page-{slug}-data-{name}")

    def add_dataset(self, node: URIRef, town: str, title: Texts, description: Texts, contact: str) -> URIRef:
        """Add what every dataset has, and return its node."""
        add = self.graph.add
        add((node, RDF.type, DCAT.Dataset))
        self.add_texts(node, DCTERMS.title, title)
        self.add_texts(node, DCTERMS.description, choose_texts(description, title))
        add((node, DCTERMS.publisher, self.add_publisher(town)))
        add((node, DCAT.contactPoint, self._add_contact(node, town, contact)))
        add((node, DCTERMS.accessRights, PUBLIC))
        contributor = self._facts.towns[town].portal.contributor
        if _CONTRIBUTOR.fullmatch(contributor):
            add((node, DCATDE.contributorID, URIRef(f"{CONTRIBUTORS}{contributor}")))
        if self._find_key(town):
            add((node, DCATDE.politicalGeocodingLevelURI, GEOCODING["Level/municipality"]))
        return node

    def add_publisher(self, town: str) -> URIRef:
        """Add who publishes: a town, or the portal where there is no `town`."""
        node = URIRef(f"{self._home(town)}catalog.ttl#publisher")
        self.graph.add((node, RDF.type, FOAF.Agent))
        name = self._facts.towns[town].title if town else "Urban Lab"
        self.graph.add((node, FOAF.name, Literal(name)))
        self.graph.add((node, DCTERMS.type, LOCAL_AUTHORITY))
        return node

    def add_page(self, shown: ShownPage) -> URIRef:
        """Add a page of the portal as a document."""
        return self.add_document(f"{self._home(shown.publication.tenant)}{shown.publication.slug}/")

    def add_document(self, address: str) -> URIRef:
        """Add a page as what one can read."""
        self.graph.add((URIRef(address), RDF.type, FOAF.Document))
        return URIRef(address)

    def add_distribution(self, dataset: URIRef, address: str, licence: str, source: str = "") -> URIRef:
        """Add a way to a dataset, on a licence; `source` is whom to name."""
        node, add = URIRef(address), self.graph.add
        add((dataset, DCAT.distribution, node))
        add((node, RDF.type, DCAT.Distribution))
        known = find_licence(licence)
        add((node, DCTERMS.license, known or OTHER_LICENCE))
        if known is None and licence:
            rights = URIRef(f"{address}-rights")
            add((node, DCTERMS.rights, rights))
            add((rights, RDF.type, DCTERMS.RightsStatement))
            add((rights, RDFS.label, Literal(licence)))
        if source:
            add((node, DCATDE.licenseAttributionByText, Literal(source, lang="de")))
        return node

    def add_format(self, node: URIRef, file_type: str, media_type: str) -> None:
        """Say what kind of file it is."""
        self.graph.add((node, DCTERMS["format"], URIRef(f"{FILE_TYPES}{file_type}")))
        self.graph.add((node, DCAT.mediaType, URIRef(f"{MEDIA_TYPES}{media_type}")))

    def add_size(self, node: URIRef, size: int) -> None:
        """Say how many bytes it has."""
        self.graph.add((node, DCAT.byteSize, Literal(size, datatype=XSD.nonNegativeInteger)))

    def add_texts(self, node: URIRef, predicate: URIRef, texts: Texts) -> None:
        """Say something in each language that it is written in."""
        for code, text in texts.items():
            if text and code in LANGUAGES:
                self.graph.add((node, predicate, Literal(text, lang=code)))

    def add_words(self, node: URIRef, words: Mapping[str, list[str]]) -> None:
        """Add keywords."""
        for code, each in words.items():
            for word in each:
                if code in LANGUAGES and word:
                    self.graph.add((node, DCAT.keyword, Literal(word, lang=code)))

    def add_term(self, node: URIRef, predicate: URIRef, term: URIRef | None) -> None:
        """Add a term of a vocabulary, if there is one."""
        if term is not None:
            self.graph.add((node, predicate, term))

    def add_instant(self, node: URIRef, predicate: URIRef, instant: str) -> None:
        """Say when, if that is an instant."""
        if value := _to_instant(instant):
            self.graph.add((node, predicate, value))

    def add_period(self, node: URIRef, first: str, last: str) -> None:
        """Say which time it covers."""
        begin, end = _to_instant(first), _to_instant(last)
        if begin and end:
            period = URIRef(f"{node}-period")
            self.graph.add((node, DCTERMS.temporal, period))
            self.graph.add((period, RDF.type, DCTERMS.PeriodOfTime))
            self.graph.add((period, DCAT.startDate, begin))
            self.graph.add((period, DCAT.endDate, end))

    def add_place(self, node: URIRef, town: str, name: str) -> None:
        """Say which area it covers: the town, and what its people call the part of it."""
        add = self.graph.add
        add((node, DCTERMS.spatial, self.add_town(town)))
        if name and name != self._facts.towns[town].title:
            place = URIRef(f"{node}-place")
            add((node, DCTERMS.spatial, place))
            add((place, RDF.type, DCTERMS.Location))
            add((place, SKOS.prefLabel, Literal(name, lang="de")))

    def add_town(self, town: str) -> URIRef:
        """Add a town's area, by its official key and with its centre where the key is known."""
        record, key, add = self._facts.towns[town], self._find_key(town), self.graph.add
        place = GEOCODING[f"municipalityKey/{key}"] if key else URIRef(f"{self._home(town)}catalog.ttl#place")
        add((place, RDF.type, DCTERMS.Location))
        add((place, SKOS.prefLabel, Literal(record.title, lang="de")))
        # Without the key the centre may be what every new town has: that of the state.
        if key:
            centre = f"POINT({record.longitude} {record.latitude})"
            add((place, DCAT.centroid, Literal(centre, datatype=WKT)))
        return place

    def add_provenance(self, node: URIRef, texts: Texts) -> None:
        """Say where it comes from."""
        statement = URIRef(f"{node}-provenance")
        self.graph.add((node, DCTERMS.provenance, statement))
        self.graph.add((statement, RDF.type, DCTERMS.ProvenanceStatement))
        self.add_texts(statement, RDFS.label, texts)

    def _add_contact(self, dataset: URIRef, town: str, contact: str) -> URIRef:
        """Add whom to ask: by mail, at an address, or else by the town's imprint."""
        node, add = URIRef(f"{dataset}-contact"), self.graph.add
        record = self._facts.towns[town]
        said = contact or record.contact
        add((node, RDF.type, VCARD.Kind))
        add((node, VCARD.fn, Literal(record.title)))
        if _MAIL.fullmatch(said):
            add((node, VCARD.hasEmail, URIRef(f"mailto:{said}")))
        else:
            url = said if _URL.fullmatch(said) else f"{self._home(town)}imprint/"
            add((node, VCARD.hasURL, URIRef(url)))
        return node

    def _find_key(self, town: str) -> str:
        key = self._facts.towns[town].portal.municipality_key
        return key if _MUNICIPALITY.fullmatch(key) else ""

    def _home(self, town: str) -> str:
        return f"{self._portal}/{town}/" if town else f"{self._portal}/"


def choose_texts(texts: Texts, otherwise: Texts) -> Texts:
    """Return texts, or others where there is none in a language that a catalogue has."""
    return texts if any(texts.get(code) for code in LANGUAGES) else otherwise


def _to_instant(text: Any) -> Literal | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return Literal(moment.isoformat(), datatype=XSD.dateTime) if moment.tzinfo else None
