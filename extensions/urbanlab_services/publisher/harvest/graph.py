"""A catalogue as a graph by DCAT-AP.de: every node has an address, so that the same facts give the same text."""

from __future__ import annotations

from collections.abc import Iterable

from rdflib import Graph, Literal, URIRef
from rdflib.namespace import DCTERMS, FOAF, RDF, SKOS

from urbanlab.contract.naming import FOREIGN_MARK, OPEN_DATABASE
from urbanlab.contract.page_data import PageData, make_file_name
from urbanlab.contract.publications import PageFile
from urbanlab_services.publisher.harvest.facts import Entry, Facts, ShownPage
from urbanlab_services.publisher.harvest.nodes import Nodes, choose_texts
from urbanlab_services.publisher.harvest.terms import (
    DCAT,
    FORMATS,
    LANGUAGES,
    THEME_TAXONOMY,
    find_frequency,
    find_theme,
)

_TITLE = {"de": "Offene Daten", "en": "Open data"}
_DESCRIPTION = {
    "de": "Offene Daten und die Daten hinter veröffentlichten Seiten: {towns}.",
    "en": "Open data, and the data behind published pages: {towns}.",
}
_PAGE = {"de": "Seite mit Daten: {title}", "en": "Page with data: {title}"}
_COLUMNS = {"de": "Zeilen: {rows}. Spalten: {columns}", "en": "Rows: {rows}. Columns: {columns}"}
_MOST_COLUMNS = 30  # that are named
_SIMULATED = {
    "de": "Simulierte Daten: sie beschreiben kein wirkliches Geschehen.",
    "en": "Simulated data: they describe no real event.",
}


def make_parts(facts: Facts, town: str = "") -> dict[str, Graph]:
    """Return the catalogue of all towns, or of one, in parts by the moment at which their pages end.

    The one that lasts is called ``""`` and is whole by itself; each of the others is what it adds to it.
    """
    moments = {shown.publication.ends_at for shown in facts.pages} | {""}
    graphs = {moment: make_graph(facts.ending_at(moment), town) for moment in sorted(moments)}
    lasting = graphs.pop("")
    catalog = next(lasting.subjects(RDF.type, DCAT.Catalog))
    # When it changed last stands there once.
    changes = [
        each for graph in (lasting, *graphs.values()) for each in graph.objects(catalog, DCTERMS.modified)
    ]
    for graph in graphs.values():
        graph.remove((catalog, DCTERMS.modified, None))
    if changes:
        lasting.set((catalog, DCTERMS.modified, max(changes, key=str)))
    added = {moment: graph - lasting for moment, graph in graphs.items()}
    return {"": lasting, **{moment: graph for moment, graph in added.items() if graph}}


def make_graph(facts: Facts, town: str = "") -> Graph:
    """Return the catalogue of all towns, or of one."""
    here = facts.of_town(town) if town else facts
    graph = Graph()
    for prefix, space in (("dcat", DCAT), ("dcterms", DCTERMS), ("foaf", FOAF), ("skos", SKOS)):
        graph.bind(prefix, space)
    nodes = Nodes(graph, facts)
    catalog = nodes.make_catalog(town)
    towns = ", ".join(each.title for each in here.towns.values())
    nodes.add_texts(catalog, DCTERMS.title, {code: f"{text}: {towns}" for code, text in _TITLE.items()})
    nodes.add_texts(
        catalog, DCTERMS.description, {code: text.format(towns=towns) for code, text in _DESCRIPTION.items()}
    )
    graph.add((catalog, DCTERMS.publisher, nodes.add_publisher(town)))
    graph.add((catalog, DCAT.themeTaxonomy, THEME_TAXONOMY))
    for each in here.towns:
        graph.add((catalog, DCTERMS.spatial, nodes.add_town(each)))
    for language in LANGUAGES.values():
        graph.add((catalog, DCTERMS.language, language))
    for entry in here.entries:
        graph.add((catalog, DCAT.dataset, _add_dataset(nodes, facts, entry)))
    for shown in here.pages:
        for data in shown.page.data:
            graph.add((catalog, DCAT.dataset, _add_table(nodes, facts, shown, data)))
    modified = [value for value in graph.objects(predicate=DCTERMS.modified) if isinstance(value, Literal)]
    if modified:
        graph.add((catalog, DCTERMS.modified, max(modified, key=str)))
    return graph


def _add_dataset(nodes: Nodes, facts: Facts, entry: Entry) -> URIRef:
    """Add a dataset of the warehouse, with the pages that show it."""
    owner, name = entry["owner"], entry["name"]
    node = nodes.add_dataset(
        nodes.make_dataset(owner, name),
        owner,
        choose_texts(entry["title"], {"de": name}),
        entry["description"],
        entry["contact"],
    )
    graph = nodes.graph
    graph.add((node, DCTERMS.identifier, Literal(f"{owner}/{name}")))
    nodes.add_words(node, entry["keywords"])
    nodes.add_term(node, DCAT.theme, find_theme(entry["theme"]))
    nodes.add_place(node, owner, entry["spatial"])
    nodes.add_period(node, entry["first"], entry["last"])
    nodes.add_term(node, DCTERMS.accrualPeriodicity, find_frequency(entry["refresh"]))
    nodes.add_instant(node, DCTERMS.issued, entry["released_at"])
    nodes.add_instant(node, DCTERMS.modified, entry["modified"] or entry["last"] or entry["released_at"])
    if entry["simulated"]:
        nodes.add_provenance(node, _SIMULATED)
    table = f"{OPEN_DATABASE}.{owner}{FOREIGN_MARK}{name}"
    readers = [shown for shown in facts.pages if table in shown.page.datasets]
    for shown in readers:
        graph.add((node, DCAT.landingPage, nodes.add_page(shown)))
    if not readers:
        graph.add((node, DCAT.landingPage, nodes.add_document(f"{facts.portal}/{owner}/")))
    for shown in readers:
        if shown.page.data:
            _add_access(nodes, node, shown, entry["licence"])
    return node


def _add_access(nodes: Nodes, dataset: URIRef, shown: ShownPage, licence: str) -> None:
    """Add a page as the way to a dataset: where nothing is downloaded directly, its address stands there twice."""
    publication = shown.publication
    node = nodes.add_distribution(dataset, f"{dataset}-{publication.tenant}-{publication.slug}", licence)
    title = {code: text.format(title=publication.title) for code, text in _PAGE.items()}
    nodes.add_texts(node, DCTERMS.title, title)
    nodes.add_texts(node, DCTERMS.description, {publication.language: publication.summary})
    nodes.graph.add((node, DCAT.accessURL, nodes.add_page(shown)))
    nodes.add_format(node, *FORMATS["html"])


def _add_table(nodes: Nodes, facts: Facts, shown: ShownPage, data: PageData) -> URIRef:
    """Add a table that a page offers, with a distribution for each of its files."""
    publication, graph = shown.publication, nodes.graph
    town, slug = publication.tenant, publication.slug
    title = {
        code: f"{publication.title}: {data.title.get(code) or data.name}"
        for code in dict.fromkeys([publication.language, *data.title])
    }
    said = data.description or {publication.language: publication.summary}
    node = nodes.add_dataset(nodes.make_table(town, slug, data.name), town, title, said, publication.contact)
    graph.add((node, DCTERMS.identifier, Literal(f"{town}/{slug}/{data.name}")))
    graph.add((node, DCAT.landingPage, nodes.add_page(shown)))
    for code in publication.topics:
        nodes.add_term(node, DCAT.theme, find_theme(code))
    nodes.add_term(node, DCTERMS.language, LANGUAGES.get(publication.language))
    nodes.add_term(node, DCTERMS.accrualPeriodicity, find_frequency(publication.refresh))
    nodes.add_instant(node, DCTERMS.issued, publication.released_at)
    nodes.add_instant(node, DCTERMS.modified, publication.updated_at)
    nodes.add_place(node, town, facts.towns[town].title)
    if shown.page.simulated:
        nodes.add_provenance(node, _SIMULATED)
    for entry in _list_sources(facts.entries, shown):
        graph.add((node, DCTERMS.source, nodes.make_dataset(entry["owner"], entry["name"])))
        nodes.add_words(node, entry["keywords"])
    for form in FORMATS:
        file = shown.page.find(make_file_name(data.name, form))
        if file:
            _add_file(nodes, node, shown, data, form, file)
    return node


def _add_file(
    nodes: Nodes, dataset: URIRef, shown: ShownPage, data: PageData, form: str, file: PageFile
) -> None:
    publication, name = shown.publication, data.name
    node = nodes.add_distribution(dataset, f"{dataset}-{form}", publication.licence, publication.source)
    code, media_type = FORMATS[form]
    address = URIRef(f"{nodes.add_page(shown)}data/{name}.{form}")
    nodes.graph.add((node, DCTERMS.title, Literal(f"{name} ({code})", lang=publication.language)))
    nodes.add_texts(node, DCTERMS.description, _describe_columns(data))
    nodes.graph.add((node, DCAT.accessURL, address))
    nodes.graph.add((node, DCAT.downloadURL, address))
    nodes.add_format(node, code, media_type)
    nodes.add_size(node, file.size)
    nodes.add_instant(node, DCTERMS.modified, publication.updated_at)


def _describe_columns(data: PageData) -> dict[str, str]:
    names = [column.name for column in data.columns[:_MOST_COLUMNS]]
    more = ["…"] if len(data.columns) > len(names) else []
    columns = ", ".join([*names, *more])
    return {code: text.format(rows=data.rows, columns=columns) for code, text in _COLUMNS.items()}


def _list_sources(entries: Iterable[Entry], shown: ShownPage) -> list[Entry]:
    return [entry for entry in entries if entry["table"] in shown.page.datasets]
