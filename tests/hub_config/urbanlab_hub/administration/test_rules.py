"""The rules behind the page, over a hub's real database."""

from __future__ import annotations

import asyncio
import csv
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jupyterhub import orm
from tornado import locale
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from urbanlab.contract import naming
from urbanlab.contract.records import Quotas, Tenant, write_tenant
from urbanlab.contract.secrets import Secret
from urbanlab_hub import administration, audit
from urbanlab_hub.administration import access, events, people
from urbanlab_hub.administration.languages import Words, load_languages
from urbanlab_hub.administration.pending import Pending, Publisher
from urbanlab_hub.administration.people import Activity, Person, make_activity
from urbanlab_hub.administration.quotas import BYTES, list_quotas
from urbanlab_hub.administration.servers import Server, make_server
from urbanlab_hub.page_header import PageHeader, make_page_header
from urbanlab_hub.usage import Usage

PACKAGE = Path(next(iter(administration.__path__)))
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
FOREIGN = ("ben@beta", "zoe@alphabeta", "alpha", "publications@beta")


@pytest.fixture
def db() -> Any:
    return orm.new_session_factory("sqlite:///:memory:")()


def add_user(db: Any, name: str, *groups: str) -> orm.User:
    user = orm.User(name=name)
    user.groups = [orm.Group.find(db, group) or orm.Group(name=group) for group in groups]
    db.add(user)
    db.commit()
    return user


def paths(tenant: str, *roles: str) -> list[str]:
    return [naming.make_group_path(tenant, role) for role in roles]


@pytest.mark.parametrize(
    ("name", "groups", "administered"),
    [
        ("anna@alpha", paths("alpha", "admin"), "alpha"),
        ("anna@alpha", paths("alpha", "gatekeeper", "admin"), "alpha"),
        ("anna@alpha", paths("alpha", "analyst", "steward", "publisher", "gatekeeper"), None),
        ("anna@alpha", [], None),
        ("anna@alpha", paths("beta", "admin"), None),  # the own name decides, whatever the groups say
        ("anna@gone", paths("gone", "admin"), None),  # a tenant that has been removed
        ("anna@alpha", ["/tenants/alpha/admin/extra", "/other/tenants/alpha/admin", "admin"], None),
        ("anna@alpha", ["/tenants/ALPHA/admin", "/tenants/alpha/admin "], None),
        ("anna@beta@alpha", paths("alpha", "admin"), None),  # no name that the hub's users have
        ("anna", paths("alpha", "admin"), None),
        ("publications@alpha", paths("alpha", "admin"), None),
    ],
)
def test_the_own_name_and_the_role_in_that_tenant_decide_and_nothing_else(
    db: Any, make_tenant: Callable[..., Tenant], name: str, groups: list[str], administered: str | None
) -> None:
    tenants = {tenant: make_tenant(tenant) for tenant in ("alpha", "beta")}
    found = access.find_administered_tenant(add_user(db, name, *groups), tenants)
    assert (found.id if found else None) == administered


def test_members_are_those_of_the_tenant_and_nobody_else(db: Any) -> None:
    for name in ("karl@alpha", "anna@alpha", "publications@alpha", "ANNA@ALPHA", *FOREIGN):
        add_user(db, name)
    assert [user.name for user in access.list_members(db, "alpha")] == [
        "anna@alpha",
        "karl@alpha",
        "publications@alpha",
    ]


@pytest.mark.parametrize(
    "asked", ["ben@beta", "ben", "", "@", "ben@beta@alpha", "%", "ANNA", "anna ", "anna\x00"]
)
def test_nobody_else_is_found_by_any_name(db: Any, asked: str) -> None:
    for name in ("anna@alpha", "ben@beta"):
        add_user(db, name)
    assert access.find_member(db, asked, "alpha") is None
    assert access.find_member(db, "anna", "alpha") is not None


@pytest.mark.parametrize(
    ("moment", "activity"),
    [
        (None, Activity.NEVER),
        (datetime(2026, 3, 12, 8, 59), Activity.TODAY),
        (datetime(2026, 3, 11, 23, 0), Activity.TODAY),  # midnight in Berlin
        (datetime(2026, 3, 11, 22, 59), Activity.WEEK),
        (datetime(2026, 3, 5, 23, 0), Activity.WEEK),
        (datetime(2026, 3, 5, 22, 59), Activity.EARLIER),
        (datetime(2026, 3, 12, 9, 30), Activity.TODAY),  # a clock that was put back
    ],
)
def test_activity_is_told_in_days_of_the_town(moment: datetime | None, activity: Activity) -> None:
    assert make_activity(moment, NOW, BERLIN) is activity


def test_people_are_those_with_a_role_by_the_names_that_they_are_known_by(db: Any) -> None:
    add_user(db, naming.make_hub_user("Jörg <b>", "alpha"), *paths("alpha", "steward", "analyst"))
    add_user(db, "anna@alpha", *paths("alpha", "admin"), *paths("beta", "gatekeeper"))
    add_user(db, "former@alpha")
    add_user(db, "publications@alpha", "/services/publications")
    assert people.list_people(access.list_members(db, "alpha"), "alpha", NOW, BERLIN) == [
        Person("anna", ("admin",), Activity.NEVER),
        Person("jörg <b>", ("analyst", "steward"), Activity.NEVER),
    ]


@pytest.mark.parametrize(
    ("pending", "state", "can_stop"),
    [(None, "runs", True), ("spawn", "starts", False), ("stop", "stops", False), ("check", "starts", False)],
)
def test_a_server_can_be_stopped_while_nothing_is_done_with_it(
    pending: str | None, state: str, can_stop: bool
) -> None:
    record = SimpleNamespace(started=datetime(2026, 3, 12, 7, 30))
    user = SimpleNamespace(
        name="j~c3~b6rg@alpha", spawner=SimpleNamespace(pending=pending, orm_spawner=record)
    )
    server = make_server(user, NOW)
    assert (server.owner, server.name, server.is_runner) == ("j~c3~b6rg", "jörg", False)
    assert (server.state, server.can_stop, server.age) == (state, can_stop, timedelta(hours=1, minutes=30))


def test_quotas_show_who_takes_most_and_runners_take_nobodys_place() -> None:
    servers = [
        make_running("anna", 300),
        make_running("karl", 100),
        make_running("publications", 900, is_runner=True),
        make_running("new", None),
    ]
    used = {quota.name: (quota.used, quota.allowed) for quota in list_quotas(Quotas(servers=7), servers)}
    assert used["Servers of people at once"] == (3, 7)
    assert used["Memory of each person"] == (300, 4096)
    assert used["Files in each person's home"] == (600, 5000)
    assert {quota.used for quota in list_quotas(Quotas(), [])} == {0, None}


def make_running(name: str, megabytes: int | None, is_runner: bool = False) -> Server:
    usage = None if megabytes is None else Usage(megabytes * BYTES, 1)
    return Server(name, name, is_runner, "runs", "", None, usage, usage and 2 * usage.memory_bytes)


# --- the audit log ---


def make_entry(event: str, **data: Any) -> dict[str, Any]:
    return {"seq": 1, "time": "2026-03-12T08:00:00.000+00:00", "event": event, "source": "hub", "data": data}


def test_the_log_tells_decisions_and_nothing_of_when_somebody_works() -> None:
    entries = [
        make_entry("login", person="anna@alpha", roles=[], second_factor=True),
        make_entry("server-started", person="anna@alpha"),
        make_entry("roles-changed", person="j~c3~b6rg@alpha", added=["admin", "steward"], removed=[]),
        make_entry("admin-act", person="anna@alpha", action="stop-server", subject="j~c3~b6rg@alpha"),
        make_entry("page-act", person="anna@alpha", action="preview", object="alpha/x/1", outcome="done"),
        make_entry("page-act", person="ben@beta", action="release", object="alpha/x/1", outcome="done"),
        make_entry("something-new", person="anna@alpha"),
    ]
    shown = [
        (each.name, each.person, [(detail.label, detail.words) for detail in each.details])
        for each in events.make_events(entries, "alpha")
    ]
    assert shown == [
        ("Roles changed", "jörg", [("given", ("admin", "steward"))]),
        ("Act of an administrator", "anna", [("", ("stop-server",)), ("", ("jörg",))]),
        ("Page", "", [("", ("release",)), ("", ("alpha/x/1",))]),  # nobody of another tenant is named
    ]
    assert [detail.is_name for detail in events.make_events(entries, "alpha")[1].details] == [False, True]
    many = [make_entry("query-refused", person="anna@alpha")] * 100
    assert len(events.make_events(many, "alpha")) == events.LIMIT


async def test_a_log_that_is_away_is_nothing_to_fail_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_senders", [])
    assert await events.find_events("alpha") is None


# --- languages ---


@pytest.fixture
def german() -> Words:
    load_languages()
    return Words(locale.get("de"))


@pytest.mark.parametrize(
    ("tag", "code"), [("de-AT", "de"), ("en-GB", "en"), ("en", "en"), ("fr", "de"), ("EN-us", "en")]
)
def test_each_language_leads_to_one_of_ours(german: Words, tag: str, code: str) -> None:
    assert Words(locale.get(tag)).code == code


def test_amounts_are_written_as_people_write_them(german: Words) -> None:
    english = Words(locale.get("en"))
    for age, texts in {
        timedelta(seconds=5): ("unter einer Minute", "under a minute"),
        timedelta(minutes=1): ("1 Minute", "1 minute"),
        timedelta(hours=26): ("1 Tag", "1 day"),
        timedelta(days=3): ("3 Tagen", "3 days"),
    }.items():
        assert (german.age(age), english.age(age)) == texts
    assert [german.size(mb) for mb in (0.4, 312, 4096, 5000)] == ["0 MB", "312 MB", "4 GB", "4,9 GB"]
    assert (german.number(1.5), english.number(1.5), german.number(40)) == ("1,5", "1.5", "40")
    assert german.instant("2026-03-12T23:30:00+00:00", BERLIN) == "13.03.2026, 00:30"


def test_texts_of_others_are_never_taken_for_a_pattern(german: Words) -> None:
    assert german.t("{0.__class__} {x}") == "{0.__class__} {x}"
    assert german.t("Administration of {town}", town="{x}") == "Verwaltung von {x}"


def list_texts() -> Iterable[str]:
    for template in ("tenant.html", "stop_server.html"):
        text = (PACKAGE.parent / "templates" / template).read_text(encoding="utf-8")
        yield from re.findall(r'\bt\("([^"]+)"', text)
        for pair in re.findall(r'\bn\("([^"]+)", "([^"]+)"', text):
            yield from pair
    yield from (each.value for each in Activity)
    yield from (quota.name for quota in list_quotas(Quotas(), []))
    yield from naming.ROLES
    yield from (name for name, _ in events.SHOWN.values())
    yield from events.LABELS.values()


def test_every_text_has_its_german_one() -> None:
    with (PACKAGE / "locale" / "de.csv").open(encoding="utf-8", newline="") as file:
        known = {row[0]: row[1] for row in csv.reader(file)}
    texts = set(list_texts())
    assert len(texts) > 40
    assert texts <= known.keys()
    for text, translated in known.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", translated)), text


# --- the header of all pages ---


@pytest.fixture
def describe(tmp_path: Path, make_tenant: Callable[..., Tenant]) -> Callable[[Any], PageHeader | None]:
    for tenant in ("alpha", "beta", "ceta"):
        write_tenant(tmp_path, make_tenant(tenant))
    return make_page_header(tmp_path)


def test_the_header_names_the_tenant_and_the_others_of_the_same_person(
    db: Any, describe: Callable[[Any], PageHeader | None]
) -> None:
    user = add_user(db, "j~c3~b6rg@alpha", *paths("alpha", "admin"))
    assert describe(user) == PageHeader("Alpha", "jörg", True, ())
    user.user_info = {"other_tenants": ["ceta", "gone", "beta"]}
    assert describe(user) == PageHeader("Alpha", "jörg", True, (("beta", "Beta"), ("ceta", "Ceta")))


@pytest.mark.parametrize("user", [None, SimpleNamespace(name="no user of ours"), SimpleNamespace(name="")])
def test_nobody_has_no_header(user: Any, describe: Callable[[Any], PageHeader | None]) -> None:
    assert describe(user) is None


# --- what waits at the publisher ---


class AnswerHandler(RequestHandler):
    """Answers as it is told by the path: with a body, or not at all."""

    async def get(self, answer: str) -> None:
        if answer == "hangs":
            await asyncio.Event().wait()
        elif answer == "elsewhere":
            self.redirect("/right")
        elif answer == "refuses":
            self.send_error(401)
        else:
            self.write({"right": {"pages": 2, "datasets": 1}, "odd": {"pages": "x"}}.get(answer, "[]"))


@pytest.mark.parametrize(
    ("answer", "pending"),
    [
        *[("right", Pending(2, 1)), ("odd", None), ("other", None), ("hangs", None)],
        *[("elsewhere", None), ("refuses", None), ("closed", None)],
    ],
)
async def test_what_waits_is_unknown_while_the_publisher_is_away(
    answer: str, pending: Pending | None
) -> None:
    (socket,) = bind_sockets(0, "127.0.0.1")
    port = socket.getsockname()[1]
    server = HTTPServer(Application([("/([a-z]+)/api/pending/alpha", AnswerHandler)]))
    if answer == "closed":
        socket.close()
    else:
        server.add_socket(socket)
    publisher = Publisher(f"http://127.0.0.1:{port}/{answer}", Secret("x"))
    try:
        assert await asyncio.wait_for(publisher.find_pending("alpha"), 10) == pending
    finally:
        server.stop()
