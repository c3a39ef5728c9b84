"""The catalogues for harvesters: the publisher's bytes, at the portal's addresses."""

from __future__ import annotations

import pytest

from urbanlab.contract.publications import catalog_path

from .conftest import Portal

TURTLE = b"<https://portal.example/catalog.ttl#catalog> a <http://www.w3.org/ns/dcat#Catalog> .\n"


@pytest.fixture(scope="module")
def catalogs(portal: Portal) -> Portal:
    for tenant in ("", "guetersloh", "detmold"):
        for form in ("ttl", "jsonld"):
            path = catalog_path(portal.public.root, tenant, form)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(TURTLE + tenant.encode())
    return portal


@pytest.mark.parametrize(
    ("path", "host", "status", "kind", "ends"),
    [
        ("/catalog.ttl", "localhost", 200, "text/turtle; charset=utf-8", b".\n"),
        ("/catalog.jsonld", "localhost", 200, "application/ld+json", b".\n"),
        ("/guetersloh/catalog.ttl", "localhost", 200, "text/turtle; charset=utf-8", b"guetersloh"),
        ("/catalog.ttl", "daten.guetersloh.example", 200, "text/turtle; charset=utf-8", b"guetersloh"),
        ("/rietberg/catalog.ttl", "localhost", 404, "text/html; charset=utf-8", b""),
        ("/rietberg/catalog.ttl", "daten.guetersloh.example", 404, "text/html; charset=utf-8", b""),
        ("/detmold/catalog.ttl", "localhost", 404, "text/html; charset=utf-8", b""),
        ("/catalog.xml", "localhost", 404, "text/html; charset=utf-8", b""),
    ],
)
def test_a_catalogue_is_had_as_the_publisher_wrote_it(
    catalogs: Portal, path: str, host: str, status: int, kind: str, ends: bytes
) -> None:
    answer = catalogs.get(path, Host=host)
    assert (answer.status, answer.headers["content-type"]) == (status, kind)
    assert answer.body.endswith(ends)


def test_it_is_asked_for_again_and_changes_at_once(catalogs: Portal) -> None:
    first = catalogs.get("/catalog.ttl")
    assert catalogs.get("/catalog.ttl", If_None_Match=first.headers["etag"]).status == 304
    path = catalog_path(catalogs.public.root, "", "ttl")
    path.write_bytes(TURTLE * 2)
    assert catalogs.get("/catalog.ttl").body == TURTLE * 2
    path.write_bytes(TURTLE)
