"""A page whose time is over is public no more, whoever has it and whether or not the publisher is there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from urbanlab.contract.catalogs import encode_catalog
from urbanlab.contract.publications import Publication, catalog_path, encode, make_digest, publication_path
from urbanlab.contract.secrets import Secret
from urbanlab.contract.variants import MadeVariant, MadeVariants, encode_variants, variants_path
from urbanlab_portal.app import make_application, make_portal
from urbanlab_portal.policies import IMMUTABLE, make_file_cache
from urbanlab_portal.settings import PortalSettings

from .conftest import CHART, DISTRICT, SITE, PublicFolder, add_page_with_data, make_publication

END = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
BEFORE = END - timedelta(microseconds=1)
ENDING, LASTING = "Nur bis Silvester", "Bleibt"
PAGE = "/guetersloh/ende/"
# Where something of the page is had, and what is answered while it is public.
ADDRESSES = {
    PAGE: 200,
    f"{PAGE}?district=isselhorst&lang=en": 200,
    f"{PAGE}?district=anderswo": 400,
    f"{PAGE}embed": 200,
    f"{PAGE}report/": 200,
    f"{PAGE}files/{make_digest(CHART)}.svg": 200,
    f"{PAGE}data/trees.csv": 200,
    f"{PAGE}data/trees.parquet": 200,
    f"{PAGE}data/trees.csv-metadata.json": 200,
    f"{PAGE}live/": 503,  # this portal has none
}
LISTS = (
    *("/", "/guetersloh/", "/?q=silvester", "/?topic=TRAN", "/guetersloh/?q=silvester"),
    *("/feed.xml", "/guetersloh/feed.xml", "/sitemap.xml"),
    *("/catalog.ttl", "/catalog.jsonld", "/guetersloh/catalog.ttl"),
)


@dataclass
class Place:
    """A portal in this process, whose clock is set by the test; there is no publisher anywhere."""

    public: PublicFolder
    url: str
    now: datetime = BEFORE

    async def get(self, path: str, **headers: str) -> HTTPResponse:
        """Ask for this path; `headers` with underscores for hyphens."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await AsyncHTTPClient().fetch(
            self.url + path, headers=sent, raise_error=False, follow_redirects=False
        )


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    public = PublicFolder(tmp_path / "public")
    away = {"publisher_url": "http://127.0.0.1:9", "publisher_secret": Secret("of-nobody")}
    portal = make_portal(PortalSettings("127.0.0.1", 0, public.root, tmp_path / "state", **away))  # type: ignore[arg-type]
    server = HTTPServer(make_application(portal))
    socket, port = bind_unused_port()
    server.add_socket(socket)
    found = Place(public, f"http://127.0.0.1:{port}")
    portal.directory.clock = lambda: found.now
    publish(public)
    yield found
    server.stop()
    await server.close_all_connections()


def publish(public: PublicFolder) -> Publication:
    """Publish a page that ends and one that does not, with their catalogues; return the first."""
    pages = {f"district={name}": add_page_with_data(public) for name in ("innenstadt", "isselhorst")}
    pages["district=isselhorst"] = public.add_page()  # with a picture
    values = {"parameters": (DISTRICT,), "embed_in": (SITE,), "topics": ("TRAN",), "live": True}
    ending = make_publication(pages, slug="ende", title=ENDING, ends_at=END.isoformat(), **values)
    public.publish(ending)
    public.publish(make_publication({"": public.add_page("Bleibt.")}, slug="bleibt", title=LASTING))
    for tenant, form in (("", "ttl"), ("", "jsonld"), ("guetersloh", "ttl")):
        path = catalog_path(public.root, tenant, form)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_catalog(make_parts(form)))
    return ending


def make_parts(form: str) -> dict[str, bytes]:
    texts = {"": LASTING, END.isoformat(): ENDING}
    if form == "jsonld":
        return {
            moment: json.dumps([{"@id": f"x:{moment}", "x:t": text}]).encode()
            for moment, text in texts.items()
        }
    return {moment: f'<x:a{moment}> <x:t> "{text}" .\n'.encode() for moment, text in texts.items()}


@pytest.mark.parametrize(
    ("later", "is_public"),
    [
        (timedelta(days=-3650), True),
        (timedelta(microseconds=-1), True),
        (timedelta(0), False),
        (timedelta(seconds=1), False),
        (timedelta(days=3650), False),
    ],
)
async def test_everything_of_a_page_is_there_until_its_moment(
    place: Place, later: timedelta, is_public: bool
) -> None:
    place.now = END + later
    found = {address: (await place.get(address)).code for address in ADDRESSES}
    assert found == (ADDRESSES if is_public else dict.fromkeys(ADDRESSES, 404))
    for address in LISTS:
        answer = await place.get(address)
        assert (answer.code, ENDING in answer.body.decode() or "/ende/" in answer.body.decode()) == (
            200,
            is_public,
        )
    assert (await place.get("/guetersloh/bleibt/")).code == 200


async def test_no_cache_gives_it_away_at_the_end(place: Place) -> None:
    kept = {address: (await place.get(address)).headers.get("ETag", "") for address in (*ADDRESSES, *LISTS)}
    for address, tag in kept.items():
        if tag:
            assert (await place.get(address, If_None_Match=tag)).code == 304
    place.now = END
    for address, tag in kept.items():
        for headers in ({}, {"If_None_Match": tag}, {"If_None_Match": "*"}, {"Accept_Encoding": "gzip"}):
            answer = await place.get(address, **headers)
            if address in ADDRESSES:
                assert answer.code == 404
            else:
                body = answer.body.decode()
                assert (
                    answer.code in {200, 304} if headers.get("If_None_Match") == "*" else answer.code == 200
                )
                assert ENDING not in body and "/ende/" not in body
    place.now = BEFORE  # a clock that was set right
    assert (await place.get(PAGE)).code == 200


async def test_what_was_made_on_demand_ends_with_its_page(place: Place) -> None:
    ending = make_publication({}, slug="ende", parameters=(DISTRICT,), ends_at=END.isoformat())
    place.public.publish(ending)
    path = variants_path(place.public.root, "guetersloh", "ende")
    path.parent.mkdir(parents=True)
    made = MadeVariant(place.public.add_page("Auf Wunsch."), ending.updated_at, ending.updated_at)
    path.write_bytes(encode_variants(MadeVariants(3, {"district=innenstadt": made})))
    assert (await place.get(PAGE)).code == 200
    place.now = END
    assert (await place.get(PAGE)).code == 404


async def test_a_record_of_before_is_read_and_never_ends(place: Place) -> None:
    record = json.loads(encode(publish(place.public)))
    del record["ends_at"]
    publication_path(place.public.root, "guetersloh", "ende").write_text(json.dumps(record))
    place.now = END + timedelta(days=3650)
    assert (await place.get(PAGE)).code == 200


@pytest.mark.parametrize(
    "moment", ["soon", "2026-12-31", "2026-12-31T23:00:00", "9" * 400, 7, None, ["2026"]]
)
async def test_what_is_no_moment_leaves_the_last_good_record(place: Place, moment: object) -> None:
    record = json.loads(encode(publish(place.public)))
    path = publication_path(place.public.root, "guetersloh", "ende")
    assert (await place.get(PAGE)).code == 200
    path.write_text(json.dumps({**record, "ends_at": moment}))
    assert (await place.get(PAGE)).code == 200
    place.now = END
    assert (await place.get(PAGE)).code == 404
    other = publication_path(place.public.root, "guetersloh", "kaputt")
    other.write_text(json.dumps({**record, "slug": "kaputt", "ends_at": moment}))
    place.now = BEFORE
    assert (await place.get("/guetersloh/kaputt/")).code == 404


@pytest.mark.parametrize(
    "content",
    [
        b'{"ends":', b'{"ends": 7}\n', b'{"ends": [["", 3]]}\n[', b'{"ends": [["soon", 1]]}\n[]',
        b'{"ends": [["", -1]]}\n[]', b'{"ends": [[7, 2]]}\n[]', b'{"ends": [["", true]]}\n[]',
        b'{"ends":' + b"[" * 5000,
    ],
)  # fmt: skip
async def test_a_broken_catalogue_is_none(place: Place, content: bytes) -> None:
    catalog_path(place.public.root, "", "jsonld").write_bytes(content)
    assert (await place.get("/catalog.jsonld")).code == 404


@pytest.mark.parametrize(
    ("ends_at", "cache"),
    [
        ("", IMMUTABLE),
        ("2026-12-31T23:00:00+00:00", "public, max-age=3600, immutable"),
        ("2036-12-31T23:00:00+00:00", IMMUTABLE),
        ("2026-12-31T21:00:00+00:00", "public, max-age=0, immutable"),
    ],
)
def test_no_file_is_kept_for_longer_than_its_page_is_public(ends_at: str, cache: str) -> None:
    assert make_file_cache(ends_at, END - timedelta(hours=1)) == cache
