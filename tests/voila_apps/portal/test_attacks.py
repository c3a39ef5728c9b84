"""What strangers send and what breaks in the folder: nothing is executed, memory is bounded, answers are clear."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from urbanlab.contract import publications as contract

from ...kafka_broker import wait_until  # noqa: TID252
from .conftest import FRAME, Portal, change, make_publication, publish_footfall

PAGE = "/guetersloh/passantenfrequenz/"
TICKET = "T" * 43
DIGEST = contract.make_digest(FRAME)


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/guetersloh/../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/guetersloh/..%2f..%2fetc%2fpasswd/",
        "/guetersloh/passantenfrequenz%00/",
        "/guetersloh/passantenfrequenz%0a/",
        "/guetersloh%0a/",
        "/guetersloh/pass--anten/",
        "/guetersloh/" + "a" * 5000 + "/",
        "/GUETERSLOH/passantenfrequenz/",
        "/rietberg/passantenfrequenz/",
        "/tenants.json",
        "/publications/guetersloh/",
        f"{PAGE}files/{'0' * 64}.html",
        f"{PAGE}files/{DIGEST}.svg",
        f"{PAGE}files/{DIGEST}.js",
        f"{PAGE}files/{DIGEST}",
        f"{PAGE}files/..%2f..%2ftenants.json",
        f"{PAGE}files/../../../tenants.json",
        f"/rietberg/passantenfrequenz/files/{DIGEST}.html",
        "/preview//",
        "/preview/short/",
        "/preview/..%2f..%2f/",
        f"/preview/{'x' * 5000}/",
        f"/preview/{'A' * 43}/",
        f"/preview/{'A' * 43}/files/{DIGEST}.html",
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/assets/../../constraints.txt",
        "/static/snapshot/",
    ],
)
def test_no_trick_with_paths_leads_anywhere(portal: Portal, path: str) -> None:
    answer = portal.get(path)
    assert answer.status == 404
    assert "root:" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_content_of_a_page_is_no_frame_of_its_own(portal: Portal) -> None:
    page = next((portal.public.root / "pages").iterdir())
    body = contract.decode_page(page.read_bytes()).find(contract.BODY)
    assert body
    assert portal.get(f"{PAGE}files/{body.digest}.html").status == 404


@pytest.mark.parametrize("field", ["title", "summary", "source", "contact", "licence"])
def test_what_people_write_in_a_form_is_text(start_portal: Callable[[], Portal], field: str) -> None:
    portal = start_portal()
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    page = portal.public.add_page()
    portal.public.publish(make_publication({"": page}, slug="seite", **{field: evil}))
    for path in ("/", "/guetersloh/", "/guetersloh/seite/"):
        text = portal.get(path).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text


@pytest.mark.parametrize(
    "contact", ["javascript:alert(1)", "data:text/html,x@y", "a@b?bcc=c@d", "//evil.example"]
)
def test_a_contact_leads_to_nothing_but_mail_and_pages(
    start_portal: Callable[[], Portal], contact: str
) -> None:
    portal = start_portal()
    portal.public.publish(make_publication({"": portal.public.add_page()}, slug="seite", contact=contact))
    text = portal.get("/guetersloh/seite/").text
    assert contact in text
    assert f'href="{contact}' not in text


BROKEN = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe",
    b"{}",
    b'{"tenant": 1}',
    b"[" * 100_000,
    b"9" * 2_000_000,
]


@pytest.mark.parametrize("content", BROKEN, ids=lambda content: repr(content[:12]))
def test_a_broken_record_leaves_the_last_good_page(
    start_portal: Callable[[], Portal], content: bytes
) -> None:
    portal = start_portal()
    publish_footfall(portal.public)
    assert portal.get(PAGE).status == 200
    contract.publication_path(portal.public.root, "guetersloh", "passantenfrequenz").write_bytes(content)
    if content != b"[]":  # which would say that there are no tenants
        contract.tenants_path(portal.public.root).write_bytes(content)
    for _ in range(5):
        assert portal.get(PAGE).status == 200
        assert "Passantenfrequenz" in portal.get("/").text
    portal.kill()
    portal.start()
    assert portal.get(PAGE).status == 404
    assert portal.get("/").status == 200
    warnings = [line for line in portal.log_lines() if line["level"] != "info"]
    assert 0 < len(warnings) <= 4  # once each for each process, not once a visit
    assert not [line for line in warnings if "traceback" in line]


@pytest.mark.parametrize(
    "changes", [{"variants": {"": 7}}, {"variants": []}, {"title": None}, {"slug": "anders"}]
)
def test_a_record_with_values_of_other_types_is_not_public(
    start_portal: Callable[[], Portal], changes: dict[str, object]
) -> None:
    portal = start_portal()
    publication = make_publication({"": portal.public.add_page()}, slug="seite")
    content = contract.encode(change(publication, **changes))
    path = contract.publication_path(portal.public.root, "guetersloh", "seite")
    path.parent.mkdir()
    path.write_bytes(content)
    assert portal.get("/guetersloh/seite/").status == 404
    assert portal.get("/guetersloh/").status == 200


def test_a_page_that_is_half_there_is_not_shown(start_portal: Callable[[], Portal]) -> None:
    portal = start_portal()
    frame = contract.file_path(portal.public.root, DIGEST)
    publication = publish_footfall(portal.public)
    frame.write_bytes(FRAME[:10])
    assert portal.get(PAGE).status == 404
    assert publication.title not in portal.get("/").text
    frame.write_bytes(FRAME)
    assert portal.get(PAGE).status == 200


def test_a_pipe_in_the_folder_keeps_nobody_waiting(start_portal: Callable[[], Portal]) -> None:
    portal = start_portal()
    (portal.public.root / "publications/guetersloh").mkdir()
    os.mkfifo(portal.public.root / "publications/guetersloh/warten.json")
    assert portal.get("/guetersloh/warten/").status == 404
    assert portal.get("/guetersloh/").status == 200


def test_of_many_who_open_a_preview_at_once_one_sees_it(start_portal: Callable[[], Portal]) -> None:
    portal = start_portal()
    path = portal.public.add_ticket(TICKET, publish_footfall(portal.public))
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: portal.get(path).status, range(32)))
    assert sorted(statuses) == [200, *[410] * 31]


def test_a_ticket_opens_no_other_page(start_portal: Callable[[], Portal]) -> None:
    portal = start_portal()
    publish_footfall(portal.public)
    plain = portal.public.add_file("body.html", b"<p>Nur Text</p>")
    draft = make_publication({"": portal.public.add_page(files=(plain,))}, slug="entwurf")
    path = portal.public.add_ticket(TICKET, draft)
    assert portal.get(path).status == 200
    assert portal.get(f"{path}files/{DIGEST}.html").status == 404


def test_ten_thousand_query_strings_cost_no_memory(start_portal: Callable[[], Portal]) -> None:
    portal = start_portal()
    publish_footfall(portal.public)
    assert portal.get(PAGE).status == 200

    def ask(start: int) -> set[int]:
        connection, statuses = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=10), set()
        for number in range(start, start + 2500):
            path = f"{PAGE}?district={number}" if number % 2 else f"/seite{number}/?q={number}"
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            statuses.add(answer.status)
        connection.close()
        return statuses

    ask(90_000)
    before = portal.read_rss()
    with ThreadPoolExecutor(4) as pool:
        assert set().union(*pool.map(ask, range(0, 10_000, 2500))) == {400, 404}
    assert portal.read_rss() - before < 5_000_000
    assert portal.read_rss() < 100_000_000
    assert portal.get(PAGE).status == 200


def publish_large_file(portal: Portal) -> str:
    """Publish a page with a file of 12 MB; return the file's address."""
    large = portal.public.add_file("big.json", b'"' + os.urandom(6_000_000).hex().encode() + b'"')
    body = portal.public.add_file("body.html", b"<p>Nur Text</p>")
    portal.public.publish(make_publication({"": portal.public.add_page(files=(body, large))}, slug="seite"))
    return f"/guetersloh/seite/files/{large.digest}.json"


def test_half_open_connections_and_slow_readers_keep_nobody_waiting(
    start_portal: Callable[[], Portal],
) -> None:
    portal = start_portal()
    large = publish_large_file(portal)
    before = portal.read_rss()
    held = []
    for number in range(300):
        held.append(socket.create_connection(("127.0.0.1", portal.port)))
        if number % 3 == 0:
            held[-1].sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        elif number % 3 == 1:
            held[-1].sendall(f"GET {large} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert portal.get("/guetersloh/seite/").status == 200
    assert portal.read_rss() - before < 30_000_000
    whole = portal.get(large, Accept_Encoding="gzip")
    assert contract.make_digest(whole.body) in large
    for connection in held:
        connection.close()


def test_who_sends_or_takes_nothing_is_left_after_a_while(start_portal: Callable[[], Portal]) -> None:
    portal = start_portal()
    large = publish_large_file(portal)
    silent, slow = (socket.create_connection(("127.0.0.1", portal.port)) for _ in range(2))
    with silent, slow:
        silent.sendall(b"GET / HTTP/1.1\r\n")
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(f"GET {large} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        silent.settimeout(30)
        assert silent.recv(100) == b""
        wait_until(lambda: "urbanlab_portal_connections 1.0" in portal.get("/metrics").text, 15, "closed")
    assert portal.get(large, "HEAD").status == 200
    assert not [line for line in portal.log_lines() if line["level"] != "info"]


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
        b"GET " + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_request_ends_the_connection_and_nothing_else(portal: Portal, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", portal.port)) as connection:
        connection.settimeout(10)
        connection.sendall(raw)
        try:
            answer = connection.recv(1000)
        except ConnectionResetError:  # not all of it was taken
            answer = b""
    assert answer == b"" or b" 400 " in answer.split(b"\r\n")[0]
    assert portal.get("/livez").status == 200


@pytest.mark.parametrize(("target", "status"), [("foo", 404), ("*", 404), ("?a", 404), ("?", 404)])
def test_an_address_without_its_slash_is_told_as_any_other(portal: Portal, target: str, status: int) -> None:
    with socket.create_connection(("127.0.0.1", portal.port)) as connection:
        connection.settimeout(10)
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert connection.recv(100).split()[1] == str(status).encode()
    assert not [line for line in portal.log_lines() if line["level"] == "error"]


def test_killed_at_any_moment_it_serves_the_same_again(start_portal: Callable[[], Portal]) -> None:
    portal = start_portal()
    publish_footfall(portal.public)
    before = portal.get(PAGE)
    thread = threading.Thread(target=lambda: [_ask(portal) for _ in range(200)], daemon=True)
    thread.start()
    time.sleep(0.1)
    portal.kill()
    thread.join()
    portal.start()
    after = portal.get(PAGE)
    assert (after.body, after.headers["etag"]) == (before.body, before.headers["etag"])


def _ask(portal: Portal) -> None:
    with suppress(OSError, http.client.HTTPException):
        portal.get(PAGE)


def test_the_log_names_no_visitor_and_no_ticket(start_portal: Callable[[], Portal]) -> None:
    portal = start_portal()
    preview = portal.public.add_ticket(TICKET, publish_footfall(portal.public))
    for _ in range(2):
        portal.get(preview, X_Forwarded_For="203.0.113.7")
    portal.get("/nichts/?q=geheim")
    with socket.create_connection(("127.0.0.1", portal.port)) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        connection.recv(100)
    portal.stop()
    refused = [(line["kind"], line["status"]) for line in portal.log_lines() if line["message"] == "refused"]
    assert refused == [("preview", 410), ("tenant", 404)]
    log = portal.log.read_text()
    for secret in ("203.0.113.7", "geheim", TICKET, contract.make_digest(TICKET.encode())):
        assert secret not in log
    assert "127.0.0.1" not in log.replace('"bind": "127.0.0.1"', "")


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=0-9"}, {"Range": "bytes=9-0"}, {"Range": "bytes=0-0,5-9,-1"}, {"Range": "pages=1"},
        {"Range": "bytes=0-9", "If_Range": '"x"'}, {"If_None_Match": '"x"'}, {"If_None_Match": "x" * 5000},
        {"If_Modified_Since": "Fri, 31 Dec 9999 23:59:59 GMT"}, {"If_Match": '"x"'},
        {"Accept_Encoding": "gzip;q=0, *;q=0"}, {"Accept_Language": "x" * 5000},
    ],
)  # fmt: skip
def test_odd_conditions_get_the_whole_page_and_head_says_what_get_sends(
    portal: Portal, headers: dict[str, str]
) -> None:
    page = "/guetersloh/passantenfrequenz/?lang=de"
    whole = portal.get(page, **headers)
    assert (whole.status, whole.body) == (200, portal.get(page).body)
    head = portal.get(page, "HEAD", **headers)
    assert (head.status, head.body) == (200, b"")
    for name in ("content-length", "etag", "content-type", "cache-control", "content-security-policy"):
        assert head.headers[name] == whole.headers[name]
    assert portal.get(page, If_None_Match=f'"x", {whole.headers["etag"]}').status == 304
