"""What an interactive view refuses: tickets used again or elsewhere, code, other origins, too much of anything."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.session import Session, new_id
from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from urbanlab.contract import live
from urbanlab.contract.publications import decode_publication, publication_path
from urbanlab.contract.records import PublishingRules, read_tenants, write_tenant
from urbanlab_services.publisher.publications import State, now
from urbanlab_services.publisher.store import Store

from ....kafka_broker import wait_until  # noqa: TID252
from ..conftest import change  # noqa: TID252
from .conftest import HUB_TOKEN, SERVICE_TOKEN, SPARES, Town, make_notebook

PROTOCOL: Any = "v1.kernel.websocket.jupyter.org"
# What ipykernel and Voilà add to the environment that a kernel is given.
ADDED = {
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "FORCE_COLOR",
    "GIT_PAGER",
    "JPY_PARENT_PID",
    "MPLBACKEND",
    "PAGER",
    "TERM",
}
ADDED |= {"PYDEVD_USE_FRAME_EVAL", "VOILA_KERNEL_ID"}
GIVEN = {"HOME", "JUPYTER_RUNTIME_DIR", "LANG", "PATH", "PYTHONNOUSERSITE", "USER"}


@pytest.fixture(autouse=True)
def _end_all(town: Town) -> Any:
    yield
    town.end_all()


class Visitor:
    """A visitor without a browser, who has opened a view."""

    def __init__(self, town: Town, start: str = "/town/regler/live/") -> None:
        self.town = town
        self.seat = town.start(start)
        self.view = town.wait_until_ready(self.seat)
        self.page = town.portal.get(self.view)
        assert self.page.status == 200
        config = re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', self.page.text, re.DOTALL)
        assert config
        values = json.loads(config[1])
        self.base, self.kernel = values["baseUrl"], values["kernelId"]

    @contextmanager
    def connect(self, base: str = "", **headers: str) -> Iterator[ClientConnection]:
        """Open the connection of messages."""
        address = f"{base or self.base}api/kernels/{self.kernel}/channels"
        url = f"ws://127.0.0.1:{self.town.portal.port}{address}"
        with connect(url, subprotocols=[PROTOCOL], additional_headers=headers) as socket:
            yield socket


def _make(kind: str, content: dict[str, Any], channel: str = "shell") -> bytes:
    session = Session(key=b"")
    header = session.msg_header(kind)
    parts = [session.pack(part) for part in (header, {}, {}, content)]
    return bytes(serialize_msg_to_ws_v1(parts, channel))


def _wait_for(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the content of the next message of that kind; fail where code was executed before it."""
    while True:
        _, parts = deserialize_msg_from_ws_v1(socket.recv(timeout=15))
        header = json.loads(parts[0])
        assert header["msg_type"] not in {"execute_input", "execute_reply"}
        if header["msg_type"] == kind:
            return dict(json.loads(parts[3]))


def _read_printed(page: str) -> dict[str, Any]:
    text = html.unescape(page)
    return dict(json.JSONDecoder().raw_decode(text[text.index('{"environ"') :])[0])


def test_a_ticket_is_good_once_and_for_its_page_alone(town: Town) -> None:
    seat = town.start()
    view = town.wait_until_ready(seat)
    assert town.portal.get(view.replace("regler", "zweite")).status == 410
    assert town.portal.get(view, "HEAD").status == 404
    assert town.portal.get(view).status == 200
    again = town.portal.get(view, Accept_Language="de")
    assert (again.status, "bereits geöffnet" in again.text) == (410, True)
    assert town.portal.get(seat).status == 410


def test_a_runner_gives_no_page_for_a_ticket_of_another_page(town: Town) -> None:
    seat = town.wait_for(town.take_seat())
    path = f"/urbanlab/runner/live/open/{seat['ticket']}?page=town/"
    assert [town.runner.fetch(path + page, token="")[0] for page in ("zweite", "regler", "regler")] == [
        410,
        200,
        410,
    ]


def test_a_session_made_ahead_has_no_ticket_before_it_is_handed_out_and_is_handed_out_once(
    town: Town,
) -> None:
    task = {
        "page": "town/regler",
        "notebook": make_notebook(),
        "parameters": {},
        "title": "",
        "language": "de",
    }
    _, made = town.runner.fetch_json("/urbanlab/runner/live", {**task, "spare": True})
    path = f"/urbanlab/runner/live/{made['id']}"

    def show() -> dict[str, str]:
        return dict(town.runner.fetch_json(path)[1])

    wait_until(lambda: show()["state"] == "ready", 40, "the session is ready")
    assert set(show()) == {"state", "reason"}
    assert town.runner.fetch(path, {}, token="wrong")[0] == 403
    assert [town.runner.fetch(path, {})[0] for _ in range(2)] == [204, 410]
    view = f"/urbanlab/runner/live/open/{show()['ticket']}?page=town/regler"
    assert [town.runner.fetch(view, token="")[0] for _ in range(2)] == [200, 410]
    town.runner.fetch(path, method="DELETE")


def test_nobody_but_the_publisher_prepares_sessions_and_nobody_but_the_portal_gets_seats(town: Town) -> None:
    assert town.runner.fetch("/urbanlab/runner/live", {}, token="wrong")[0] == 403
    assert town.ask_seat("POST", body={}, secret="wrong")[0] == 401
    assert town.ask_seat("POST", body={"tenant": "town", "slug": "regler", "variant": "factor=9"})[0] == 404
    assert town.ask_seat("POST", body={"tenant": "town", "slug": "absent", "variant": ""})[0] == 404
    assert town.portal.get("/town/regler/live/?factor=9").status == 400
    assert town.portal.get("/town/regler/live/", Sec_Purpose="prefetch").status == 503


def test_a_kernel_finds_nothing_but_its_credential_in_its_environment(town: Town) -> None:
    environ = _read_printed(Visitor(town).page.text)["environ"]
    own = {name for name in environ if name not in ADDED | GIVEN}
    assert own == {"URBANLAB_PERSON", "URBANLAB_TENANT", "URBANLAB_TOKENS_URL"}
    assert environ["URBANLAB_TOKENS_URL"].startswith("unix://")
    assert not {HUB_TOKEN, SERVICE_TOKEN, "not for notebooks"} & set(environ.values())


@pytest.mark.parametrize(
    ("kind", "channel", "content"),
    [
        ("execute_request", "shell", {"code": "open(PATH, 'w')", "silent": False, "store_history": False}),
        ("execute_request", "control", {"code": "open(PATH, 'w')", "silent": True, "store_history": False}),
        ("comm_open", "shell", {"comm_id": new_id(), "target_name": "jupyter.widget", "data": {}}),
        ("shutdown_request", "control", {"restart": False}),
        ("shutdown_request", "shell", {"restart": False}),
    ],
)
def test_what_is_no_message_of_a_widget_never_reaches_the_kernel(
    town: Town, tmp_path: Path, kind: str, channel: str, content: dict[str, Any]
) -> None:
    path = tmp_path / "written"
    if "code" in content:
        content = {**content, "code": content["code"].replace("PATH", repr(str(path)))}
    with Visitor(town).connect() as socket:
        socket.send(_make(kind, content, channel))
        socket.send(json.dumps({"channel": channel, "header": {"msg_type": kind}, "content": content}))
        socket.send(b"\xff" * 40)
        socket.send(_make("kernel_info_request", {}))
        assert _wait_for(socket, "kernel_info_reply")["implementation"] == "ipython"
    assert not path.exists()


def test_a_connection_needs_the_key_of_its_page_and_our_own_origin(town: Town) -> None:
    visitor = Visitor(town)
    for base, headers in (
        (visitor.base.replace("regler", "zweite"), {}),
        (visitor.base[:-5] + "aaaa/", {}),
        ("", {"Origin": "https://elsewhere.example"}),
    ):
        with pytest.raises(InvalidStatus) as refused, visitor.connect(base, **headers):
            pass
        assert refused.value.response.status_code in {403, 404}


@pytest.mark.parametrize("flood", ["large", "many"])
def test_a_browser_that_sends_too_much_is_cut_off(town: Town, flood: str) -> None:
    with Visitor(town).connect() as socket, pytest.raises(ConnectionClosed):
        for _ in range(1 if flood == "large" else 2000):
            socket.send(b"x" * (1_100_000 if flood == "large" else 10))
        while True:
            socket.recv(timeout=10)


def test_no_answer_sets_a_cookie_and_none_is_passed_on(town: Town) -> None:
    visitor = Visitor(town)
    kernel = town.portal.get(f"{visitor.base}api/kernels/{visitor.kernel}", Cookie="_xsrf=1; jupyter=2")
    start = town.portal.get("/town/regler/live/")
    town.seats.append(start.headers["location"].split("/")[-2])
    answers = [start, town.portal.get(visitor.seat), visitor.page, kernel]
    assert kernel.status == 200
    for answer in answers:
        assert "set-cookie" not in answer.headers
        assert "tornado" not in answer.headers.get("server", "").lower()
    assert "unsafe-eval" not in visitor.page.headers["content-security-policy"]


def test_who_comes_fourth_waits_and_goes_on_when_somebody_leaves(town: Town) -> None:
    visitors = [Visitor(town) for _ in range(3)]
    fourth = town.start()
    waiting = town.portal.get(fourth, Accept_Language="de")
    assert "Sie sind Nummer 1 in der Warteschlange." in waiting.text
    assert waiting.headers["refresh"] == "3"
    with visitors[0].connect() as socket:
        socket.send(_make("kernel_info_request", {}))
        _wait_for(socket, "kernel_info_reply")
        socket.close(1001)
    assert town.wait_until_ready(fourth)


def test_a_connection_that_breaks_frees_the_seat_within_a_minute(town: Town) -> None:
    visitor = Visitor(town)
    kernel = _read_printed(visitor.page.text)["pid"]
    assert kernel in town.list_kernels()
    with suppress(ConnectionClosed), visitor.connect() as socket:
        socket.send(_make("kernel_info_request", {}))
        _wait_for(socket, "kernel_info_reply")
        socket.socket.shutdown(2)
    wait_until(lambda: kernel not in town.list_kernels(), 60, "the kernel has ended")
    assert town.portal.get(visitor.seat).status == 410


def test_pages_go_on_while_publisher_or_runner_are_away(town: Town) -> None:
    town.publisher.kill()
    town.orphans.update(town.list_kernels())
    away = town.portal.get("/town/regler/live/", Accept_Language="de")
    assert (away.status, "gerade nicht verfügbar" in away.text) == (503, True)
    assert town.portal.get("/town/regler/").status == 200
    town.publisher.start()
    town.publisher.wait_until_ready()
    seat = town.wait_for(town.take_seat())
    assert re.fullmatch(live.SEAT, seat["ticket"])


def test_a_session_made_ahead_ends_when_its_page_is_withdrawn(town: Town) -> None:
    for slug in ("regler", "zweite"):
        town.wait_for(town.take_seat(slug))
    wait_until(lambda: town.read_metric(SPARES) == 2, 40, "a session is made ahead for both")
    kernels = set(town.list_kernels())
    store = Store(town.state / "publisher.sqlite")
    released = store.list_submissions("town", State.RELEASED)
    second = next(each for each in released if each.slug == "zweite")
    store.save_submissions(dataclasses.replace(second, state=State.WITHDRAWN))
    try:
        # In its place there may be another one of the page that is still public.
        wait_until(
            lambda: len(kernels - set(town.list_kernels())) == 2, 20, "it and the visitor's have ended"
        )
    finally:
        store.save_submissions(second)
        store.engine.dispose()


def _read_end(socket: ClientConnection) -> tuple[int, str]:
    """Return with which code and reason a connection is closed by the portal."""
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            socket.recv(timeout=20)
    assert caught.value.rcvd
    return caught.value.rcvd.code, caught.value.rcvd.reason


def test_a_view_ends_with_its_page_though_the_publisher_is_away(town: Town) -> None:
    visitor = Visitor(town)
    kernel = _read_printed(visitor.page.text)["pid"]
    path = publication_path(town.public, "town", "regler")
    publication = decode_publication(path.read_bytes())
    try:
        with visitor.connect() as socket:
            socket.send(_make("kernel_info_request", {}))
            _wait_for(socket, "kernel_info_reply")
            town.publisher.kill()
            town.portal.public.publish(change(publication, ends_at=now()))
            assert _read_end(socket) == (live.CLOSED_BY_US, "ended")
        for address in ("/town/regler/", "/town/regler/live/", visitor.seat, visitor.view):
            assert town.portal.get(address).status == 404
        wait_until(lambda: kernel not in town.list_kernels(), 20, "the kernel has ended")
        town.orphans.update(town.list_kernels())
    finally:
        town.publisher.start()
        town.publisher.wait_until_ready()
    wait_until(
        lambda: town.portal.get("/town/regler/").status == 200, 20, "the publisher's word counts again"
    )


def test_a_tenants_file_turns_views_off_and_on_while_all_run(town: Town) -> None:
    visitor = Visitor(town)
    record = read_tenants(town.records)["town"]
    link = 'href="/town/regler/live/'
    assert link in town.portal.get("/town/regler/").text
    with visitor.connect() as socket:
        write_tenant(town.records, dataclasses.replace(record, publishing=PublishingRules(live_views=0)))
        assert _read_end(socket) == (live.CLOSED_BY_US, "ended")
    wait_until(lambda: link not in town.portal.get("/town/regler/").text, 20, "the page offers none")
    assert town.portal.get("/town/regler/live/").status == 404
    asked = {"tenant": "town", "slug": "regler", "variant": "factor=2"}
    wait_until(lambda: town.ask_seat("POST", body=asked)[0] == 404, 20, "the publisher gives no seat")
    wait_until(lambda: not set(town.list_kernels()) - town.orphans, 20, "spares have ended, too")
    write_tenant(town.records, dataclasses.replace(record, publishing=PublishingRules(live_views=1)))
    wait_until(lambda: link in town.portal.get("/town/regler/").text, 20, "it offers them again")
    Visitor(town)
    second = town.start("/town/zweite/live/")
    assert (
        town.portal.get(second, Accept_Language="de").headers["refresh"] == "3"
    )  # it waits: there is one place
    write_tenant(town.records, record)
    assert town.wait_until_ready(second)
