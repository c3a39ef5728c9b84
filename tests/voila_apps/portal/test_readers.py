"""What the portal learns of its readers: how many, and what they write; and that the publisher gets it, once."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest

from urbanlab.contract import environment, live
from urbanlab.contract.publications import PublicTenant
from urbanlab.contract.readers import MAX_TEXT, Report, decode_counts, decode_report
from urbanlab.contract.secrets import Secret
from urbanlab_portal import reports as limits
from urbanlab_portal.counts import ReaderCounts
from urbanlab_portal.dispatch import Dispatch
from urbanlab_portal.errors import FormError, TooManyReportsError
from urbanlab_portal.reports import Reports, parse_form

from ...kafka_broker import wait_until  # noqa: TID252
from .conftest import Answer, Portal, make_publication, publish_footfall

SECRET = "secret-of-portal-and-publisher-0123456789"
TOWN = PublicTenant("guetersloh", "Gütersloh", ("de",), "")
PAGE = "/guetersloh/passantenfrequenz/"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"


class Publisher:
    """A program that takes what the portal sends as the contract says; `status` is what it answers."""

    def __init__(self) -> None:
        self.status = 204
        self.counts: Counter[tuple[str, str]] = Counter()
        self.reports: list[Report] = []
        self.asked = 0
        seen: set[str] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Authorization"] == f"Bearer {SECRET}"
                outer.asked += 1
                if outer.status == 204:
                    outer.take(self.path, body, seen)
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/services/publisher"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, path: str, body: bytes, seen: set[str]) -> None:
        if path == "/services/publisher/portal/counts":
            parcel = decode_counts(body)
            if parcel.id not in seen:
                self.counts.update({(each.slug, each.kind): each.number for each in parcel.counts})
            seen.add(parcel.id)
        elif path == "/services/publisher/portal/reports":
            self.reports.append(decode_report(body))

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    place = Publisher()
    yield place
    place.stop()


@pytest.fixture(scope="module")
def read_portal(publisher: Publisher, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal that tells a publisher about its readers."""
    place = Portal(tmp_path_factory.mktemp("portal"))
    publish_footfall(place.public)
    place.kill()
    secrets = place.folder / "secrets"
    secrets.mkdir()
    (secrets / live.SECRET).write_text(SECRET)
    place.environ |= {environment.PUBLISHER_URL: publisher.url, environment.SECRETS: str(secrets)}
    place.start()
    yield place
    place.kill()


def post(portal: Portal, form: dict[str, str] | bytes, path: str = PAGE, **headers: str) -> Answer:
    """Send a form as a browser does that says where it comes from."""
    body = form if isinstance(form, bytes) else urlencode(form).encode()
    sent = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=10)
    try:
        connection.request("POST", f"{path}report/", body, sent)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read())
    finally:
        connection.close()


def test_a_report_reaches_the_publisher_and_numbers_go_with_it(
    read_portal: Portal, publisher: Publisher
) -> None:
    for headers in ({}, {"If_None_Match": read_portal.get(PAGE, User_Agent=BROWSER).headers["etag"]}):
        assert read_portal.get(PAGE, User_Agent=BROWSER, **headers).status in {200, 304}
    # None of these is somebody who reads a page.
    read_portal.get(PAGE, "HEAD", User_Agent=BROWSER)
    read_portal.get(PAGE, User_Agent=BROWSER, Sec_Purpose="prefetch;prerender")
    read_portal.get(PAGE, User_Agent="Mozilla/5.0 (compatible; Searchbot/2.1)")
    assert read_portal.get(f"{PAGE}?district=nowhere", User_Agent=BROWSER).status == 400
    read_portal.get(f"{PAGE}embed", User_Agent=BROWSER)

    link = f"{PAGE}report/?lang=en"
    assert f'href="{link}"' in read_portal.get(f"{PAGE}?lang=en").text
    form = read_portal.get(link)
    assert (form.status, form.headers["cache-control"]) == (200, "no-store")
    assert "set-cookie" not in form.headers
    answer = post(read_portal, {"text": " Die Zahl\r\nfehlt. <b>\x00 ", "answer_to": "", "website": ""})
    assert (answer.status, answer.headers["location"]) == (303, f"{PAGE}report/thanks/")
    assert "Vielen Dank" in read_portal.get(answer.headers["location"]).text
    wait_until(lambda: publisher.counts, 20, "the publisher has got both")
    (report,) = publisher.reports
    assert (report.tenant, report.slug, report.version) == ("guetersloh", "passantenfrequenz", 3)
    assert (report.text, report.answer_to) == ("Die Zahl\nfehlt. <b>", "")
    # Three of the visits, and the one that looked for the link and named no browser.
    assert publisher.counts == {("passantenfrequenz", "view"): 4, ("passantenfrequenz", "embedded"): 1}
    wait_until(lambda: not list((read_portal.folder / "state" / "reports").iterdir()), 10, "nothing is left")
    assert "127.0.0.1" not in (read_portal.folder / "state" / "counts.json").read_text()


@pytest.mark.parametrize(
    ("form", "headers", "status"),
    [
        (
            {"text": "Werbung", "website": "https://spam.example"},
            {},
            303,
        ),  # a program: thanks, and nothing kept
        ({"text": "   "}, {}, 400),
        ({"text": "x", "to": "somebody@else.example"}, {}, 400),
        (b"text=a&text=b", {}, 400),
        (b"text=%ff%fe", {}, 400),
        (b'{"text": "x"}', {"Content_Type": "application/json"}, 400),
        ({"text": "x" * 40_000}, {}, 400),
        ({"text": "x"}, {"Sec_Fetch_Site": "cross-site"}, 403),
        ({"text": "x"}, {"Sec_Fetch_Site": "", "Origin": "https://evil.example"}, 403),
    ],
)
def test_what_is_no_report_of_a_person_is_not_kept(
    read_portal: Portal,
    publisher: Publisher,
    form: dict[str, str] | bytes,
    headers: dict[str, str],
    status: int,
) -> None:
    before, asked = len(publisher.reports), publisher.asked
    answer = post(read_portal, form, **headers)
    assert answer.status == status
    assert not list((read_portal.folder / "state" / "reports").iterdir())
    assert (len(publisher.reports), publisher.asked) == (before, asked)
    assert b"spam.example" not in answer.body


def test_only_pages_that_are_public_have_a_form(read_portal: Portal, portal: Portal) -> None:
    assert post(read_portal, {"text": "x"}, "/guetersloh/nicht-da/").status == 404
    assert post(read_portal, {"text": "x"}, "/rietberg/passantenfrequenz/").status == 404
    # A portal without a publisher would keep what is written for ever.
    assert portal.get(f"{PAGE}report/").status == 404
    assert "report/" not in portal.get(PAGE).text


def test_what_was_typed_comes_back_with_what_is_wrong(read_portal: Portal) -> None:
    answer = post(read_portal, {"text": "", "answer_to": '"><script>'})
    assert 'aria-invalid="true"' in answer.text
    assert "&#34;&gt;&lt;script&gt;" in answer.text
    assert "<script>" not in answer.text


def test_many_reports_are_held_back_and_nobody_loses_what_they_wrote(tmp_path: Path) -> None:
    reports = Reports(tmp_path)
    footfall, trees = make_publication({}), make_publication({}, slug="baeume")
    for _ in range(limits.PER_PAGE):
        reports.take(footfall, "de", "kaputt", "")
    with pytest.raises(TooManyReportsError):
        reports.take(footfall, "de", "kaputt", "")
    reports.take(trees, "de", "auch kaputt", "a@b.example")  # another page is not touched by it
    assert len(Reports(tmp_path).list_kept()) == limits.PER_PAGE + 1


def test_a_full_folder_takes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_KEPT", 2)
    for _ in range(2):
        Reports(tmp_path).take(make_publication({}), "de", "x", "")
    with pytest.raises(TooManyReportsError):
        Reports(tmp_path).take(make_publication({}), "de", "x", "")


@pytest.mark.parametrize(
    "body", [b"\xff", b"text=%zz%ff", b"a=1", b"&".join([b"text=x"] * 2), b"&" * 20 + b"x=1"]
)
def test_a_form_is_ours_or_none(body: bytes) -> None:
    with pytest.raises(FormError):
        parse_form(body)


def test_a_long_text_is_cut() -> None:
    assert len(parse_form(b"text=" + b"x" * 3000)["text"]) == MAX_TEXT


def test_numbers_outlive_a_restart_and_an_absent_publisher(tmp_path: Path, publisher: Publisher) -> None:
    async def send(times: int) -> None:
        counts = ReaderCounts(tmp_path)  # as a portal that starts anew
        dispatch = Dispatch(publisher.url, Secret(SECRET), counts, Reports(tmp_path))
        for _ in range(times):
            counts.note(TOWN, "baeume", "view")
        await dispatch.send()
        await counts.save()

    publisher.counts.clear()
    publisher.status = 503
    asyncio.run(send(3))
    asyncio.run(send(2))
    kept = json.loads((tmp_path / "counts.json").read_text())
    assert (kept["sealed"]["counts"][0]["number"], kept["open"][0][-1]) == (3, 2)
    assert not publisher.counts
    publisher.status = 204
    asyncio.run(send(1))
    assert publisher.counts == {("baeume", "view"): 6}
    asyncio.run(send(0))
    assert publisher.counts == {("baeume", "view"): 6}


def test_an_answer_that_was_lost_counts_nothing_twice(tmp_path: Path, publisher: Publisher) -> None:
    async def send() -> None:
        dispatch = Dispatch(publisher.url, Secret(SECRET), ReaderCounts(tmp_path), Reports(tmp_path))
        await dispatch.send()

    async def count() -> None:
        counts = ReaderCounts(tmp_path)
        counts.note(TOWN, "baeume", "live")
        counts.seal()
        await counts.save()

    publisher.counts.clear()
    asyncio.run(count())
    asyncio.run(send())
    asyncio.run(send())  # the portal was killed before it wrote down that the numbers had arrived
    assert publisher.counts == {("baeume", "live"): 1}


def test_kept_numbers_that_cannot_be_read_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / "counts.json").write_bytes(b'{"open": [[1]]')
    assert ReaderCounts(tmp_path).seal() is None
