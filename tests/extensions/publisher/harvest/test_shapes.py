"""The catalogue against the published SHACL shapes, where somebody has them: they are others' work and not here."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pyshacl
import pytest
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import DCTERMS, RDF, SH

from urbanlab.contract.publications import PageFile
from urbanlab_services.publisher.harvest.facts import Facts, ShownPage
from urbanlab_services.publisher.harvest.graph import make_graph
from urbanlab_services.publisher.harvest.listing import to_turtle
from urbanlab_services.publisher.harvest.terms import DCAT, DCATDE, FORMATS

from .rules import ENTRY, FACTS, PAGE, PORTAL, PUBLICATION, TOWN

SHAPES = os.environ.get("URBANLAB_SHAPES", "")
BARE = {**ENTRY, "table": "open_data.town__other", "name": "other", "theme": "", "keywords": {}, "first": ""}
FILES = tuple(PageFile(f"data-hours.{form}", "a" * 64, 9) for form in FORMATS if form != "html")
EVERYTHING = Facts(
    *(PORTAL, {"town": TOWN}, [ENTRY, BARE]),
    [ShownPage(PUBLICATION, dataclasses.replace(PAGE, files=FILES, simulated=True))],
)
NOTHING = Facts(PORTAL, {"town": TOWN}, [], [])


@pytest.fixture(scope="module")
def shapes() -> Graph:
    """Return all shapes of the folder."""
    if not SHAPES:
        pytest.skip("no shapes of DCAT-AP.de; set URBANLAB_SHAPES to a folder with their *.ttl")
    return read_all(Path(SHAPES))


@pytest.fixture(scope="module")
def vocabularies(shapes: Graph) -> Graph:
    """Return what the lists of terms say, to which shapes with `skos:inScheme` look."""
    return read_all(Path(SHAPES) / "vocabularies")


def read_all(folder: Path) -> Graph:
    graph = Graph()
    for path in sorted(folder.glob("*.ttl")):
        graph.parse(path)
    assert len(graph), f"nothing in {folder}"
    return graph


def list_violations(graph: Graph, shapes: Graph) -> Iterator[str]:
    _, report, _ = pyshacl.validate(graph, shacl_graph=shapes)
    assert isinstance(report, Graph)
    for result in report.subjects(SH.resultSeverity, SH.Violation):
        yield f"{report.value(result, SH.focusNode)}: {report.value(result, SH.resultMessage)}"


@pytest.mark.parametrize("town", ["", "town"])
@pytest.mark.parametrize("facts", [FACTS, EVERYTHING, NOTHING], ids=["usual", "everything", "nothing"])
def test_the_shapes_object_to_nothing(facts: Facts, town: str, shapes: Graph, vocabularies: Graph) -> None:
    graph = Graph().parse(data=to_turtle(make_graph(facts, town)), format="turtle")
    assert list(list_violations(graph + vocabularies, shapes)) == []


@pytest.mark.parametrize(
    ("predicate", "value"),
    [
        (DCTERMS.title, None),
        (DCTERMS.publisher, None),
        (DCAT.accessURL, None),
        (RDF.type, None),
        (DCTERMS.spatial, Literal("here")),
        (DCTERMS.license, Literal("free")),
        (DCAT.byteSize, Literal("ten")),
    ],
)
def test_the_shapes_see_what_is_wrong(
    predicate: URIRef, value: Literal | None, shapes: Graph, vocabularies: Graph
) -> None:
    graph = make_graph(FACTS)
    for node in list(graph.subjects(predicate)):
        # Without its type the publisher is what no shape looks at, but what refers to it is looked at.
        if predicate != RDF.type or str(node).endswith("#publisher"):
            graph.remove((node, predicate, None))
            if value is not None:
                graph.add((node, predicate, value))
    assert list(list_violations(graph + vocabularies, shapes)) != []


def test_only_a_town_that_delivers_to_govdata_has_its_id(shapes: Graph, vocabularies: Graph) -> None:
    """The one thing that a town has to say: who delivers its data."""
    silent = dataclasses.replace(TOWN, portal=dataclasses.replace(TOWN.portal, contributor=""))
    graph = make_graph(dataclasses.replace(FACTS, towns={"town": silent}))
    asked = {str(path) for path in shapes.objects(predicate=SH.path)}
    violations = list(list_violations(graph + vocabularies, shapes))
    assert bool(violations) is (str(DCATDE.contributorID) in asked)
