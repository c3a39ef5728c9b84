"""Data for one partner: asked for, decided by four eyes, accepted there, given back, over; and who learns what."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from urbanlab.contract.audit_sender import AuditSender
from urbanlab.contract.records import Tenant, write_tenant
from urbanlab.contract.secrets import Secret
from urbanlab_services.errors import ServiceError
from urbanlab_services.publisher import data_releases
from urbanlab_services.publisher.actors import Actor
from urbanlab_services.publisher.audit import Audit
from urbanlab_services.publisher.data_desk import DataDesk
from urbanlab_services.publisher.open_data import OpenData
from urbanlab_services.publisher.publications import now
from urbanlab_services.publisher.store import Store
from urbanlab_services.records_watcher import RecordsWatcher

from .conftest import GERD, ActError, Person
from .desk_process import to_plain
from .hub_runner_gateway import SECRET, HubRunnerGateway

OLGA = Person("olga@town", ("analyst",), may_decide=False)
VERA = Person("vera@village", ("steward",))
KARL = Person("karl@village", ("analyst", "publisher", "admin"))
ASKED = {
    "dataset": "footfall",
    "partner": "village",
    "title": "Passanten",
    "columns": ["persons"],
    "where": "persons  >  0",
    "note": "for our neighbours",
}
AT = "2026-06-01T12:00:00+00:00"


@dataclass
class Desk:
    """The acts on data, on a real store, and a program that answers like the warehouse."""

    data: DataDesk
    town: HubRunnerGateway
    state: Path
    records: Path

    def act(self, person: Person, act: str, *args: Any, **options: Any) -> Any:
        """Let somebody do something."""
        result = getattr(self.data, act)(make_actor(person), *args, **options)
        return to_plain(asyncio.run(result) if inspect.isawaitable(result) else result)

    def read_audit(self) -> list[dict[str, Any]]:
        """Return what there is to say to the audit log, the oldest first."""
        lines = [
            json.loads(path.read_text())["data"] for path in sorted((self.state / "audit").glob("*.json"))
        ]
        return [{**line, "who": line.get("person", "publisher")} for line in lines]


def make_actor(person: Person) -> Actor:
    """Return somebody as the rules see them."""
    return Actor(person.hub_user, person.tenant, frozenset(person.roles), person.may_decide)


@pytest.fixture
def desk(town: HubRunnerGateway, make_tenant: Callable[..., Tenant], tmp_path: Path) -> Desk:
    records = tmp_path / "records"
    records.mkdir()
    for tenant in ("town", "village"):
        write_tenant(records, make_tenant(tenant))
    store = Store(tmp_path / "publisher.sqlite")
    audit = Audit(AuditSender(None, tmp_path / "audit", "publisher"))
    open_data = OpenData(f"http://127.0.0.1:{town.port}", Secret(SECRET), store)
    data = DataDesk(store, open_data, audit, RecordsWatcher(records, interval=0))
    return Desk(data, town, tmp_path, records)


def offer(desk: Desk, **changes: Any) -> Any:
    request = desk.act(OLGA, "request_data", {**ASKED, **changes})
    return desk.act(GERD, "decide_data", request["id"], release=True)


def list_offers(desk: Desk, person: Person = VERA) -> dict[str, str]:
    return {each["id"]: each["state"] for each in desk.act(person, "list_offers")}


def list_states(desk: Desk) -> dict[str, str]:
    return {each["id"]: each["state"] for each in desk.act(GERD, "list_data_requests")}


def test_a_partner_has_it_from_its_acceptance_to_the_withdrawal(desk: Desk) -> None:
    request = desk.act(OLGA, "request_data", ASKED)
    assert (request["state"], request["where"]) == ("requested", "persons > 0")
    assert list_offers(desk) == {}
    decided = desk.act(GERD, "decide_data", request["id"], release=True)
    assert decided["state"] == "offered"
    assert desk.town.releases == {}
    assert list_offers(desk) == {request["id"]: "offered"}
    assert desk.act(VERA, "accept_data", request["id"])["state"] == "released"
    released = desk.town.releases["town/footfall/village"]
    assert (released["columns"], released["where"], released["released_by"]) == (
        ["persons"],
        "persons > 0",
        "gerd@town",
    )
    assert desk.act(GERD, "withdraw_data", request["id"])["state"] == "withdrawn"
    assert (desk.town.releases, desk.town.withdrawn_by) == ({}, ["gerd@town"])
    acts = [(line["who"], line["action"], line["outcome"]) for line in desk.read_audit()]
    assert acts == [
        ("olga@town", "request_data", "done"),
        ("gerd@town", "share_data", "done"),
        ("vera@village", "accept_data", "done"),
        ("publisher", "accept_data", "done"),
        ("gerd@town", "unshare_data", "done"),
    ]
    lines = desk.read_audit()
    assert {line["partner"] for line in lines} == {"village", "town"}
    assert lines[2]["object"] == "shared_with_village.town__footfall" and lines[2]["partner"] == "town"


def test_asking_and_deciding_say_nothing_about_whether_there_is_a_partner(desk: Desk) -> None:
    own = {"id", "requested_at", "decided_at", "partner", "dataset", "table"}
    asked, decided = [], []
    for name, partner in itertools.product(("footfall", "nonsuch"), ("village", "nowhere", "detmold")):
        request = desk.act(OLGA, "request_data", {"dataset": name, "partner": partner})
        answer = desk.act(GERD, "decide_data", request["id"], release=True)
        assert (answer["partner"], answer["dataset"]) == (partner, name)
        asked.append({name: value for name, value in request.items() if name not in own})
        decided.append({name: value for name, value in answer.items() if name not in own})
    assert all(answer == asked[0] for answer in asked)
    assert all(answer == decided[0] for answer in decided)
    assert decided[0]["state"] == "offered" and decided[0]["answered_at"] == ""


@pytest.mark.parametrize("named", ["village.footfall", "nowhere.footfall", "lab_village.x", "system.tables"])
def test_nobody_asks_for_what_another_town_has(desk: Desk, named: str) -> None:
    with pytest.raises(ServiceError, match=f"'{named}' is no table of yours"):
        desk.act(OLGA, "request_data", {"dataset": named, "partner": "village"})


@pytest.mark.parametrize(
    ("person", "code"),
    [
        (KARL, "forbidden"),
        (Person("vera@village", ("steward",), may_decide=False), "login_needed"),
        (Person("gerd@village", ("gatekeeper",)), "four_eyes"),  # who decided for the owner
        (Person("nora@village", ()), "forbidden"),
        (Person("vera@harbour", ("steward",)), "not_found"),
        (GERD, "not_found"),
    ],
)
def test_who_does_not_accept(desk: Desk, person: Person, code: str) -> None:
    request = offer(desk)
    with pytest.raises(ServiceError) as refused:
        desk.act(person, "accept_data", request["id"])
    assert refused.value.code == code
    assert "gerd" not in refused.value.message and "olga" not in refused.value.message
    assert desk.town.releases == {}
    assert desk.read_audit()[-1]["outcome"] == code


def test_four_eyes_are_those_of_two_people_whatever_their_tenants(desk: Desk) -> None:
    gatekeeper = Person("olga@town", ("gatekeeper", "analyst"))
    request = desk.act(OLGA, "request_data", ASKED)
    with pytest.raises(ServiceError, match="another gatekeeper"):
        desk.act(gatekeeper, "decide_data", request["id"], release=True)
    for stranger in (VERA, Person("gerd@village", ("gatekeeper",))):
        for act in ("decide_data", "withdraw_data"):
            options = {"release": True} if act == "decide_data" else {}
            with pytest.raises(ServiceError, match="no such request"):
                desk.act(stranger, act, request["id"], **options)


def test_a_kernel_asks_and_each_side_sees_nobody_of_the_other(publisher: Any) -> None:
    body = {**ASKED, "table": "lab_town.secret_name", "until": "2090-12-31"}
    request = publisher.ask(OLGA, "POST", "/api/data-releases", body)
    assert (request["state"], request["until"]) == ("requested", "2090-12-31T23:00:00+00:00")
    assert request["url"].endswith(f"/data-releases/{request['id']}")
    publisher.act(GERD, "decide_data", request["id"], release=True)
    for path in (
        "data-offers",
        f"data-offers/{request['id']}/accept",
        f"data-releases/{request['id']}/release",
    ):
        with pytest.raises(ActError):
            publisher.ask(VERA, "POST", f"/api/{path}", {})
    assert publisher.town.releases == {}
    publisher.act(VERA, "accept_data", request["id"])
    (offered,) = publisher.ask(KARL, "GET", "/api/data-offers")["offers"]
    assert (offered["owner"], offered["table"]) == ("town", "shared_with_village.town__footfall")
    assert (offered["columns"], offered["filtered"]) == (["persons"], True)
    for word in ("olga", "gerd", "neighbours", "lab_town", "secret_name", "persons > 0"):
        assert word not in str(offered)
    (asked,) = publisher.ask(OLGA, "GET", "/api/data-releases")["requests"]
    assert "vera" not in str(asked) and asked["answered_at"]
    assert publisher.ask(OLGA, "GET", "/api/data-offers")["offers"] == []
    assert publisher.ask(KARL, "GET", "/api/data-releases")["requests"] == []


def test_what_was_refused_or_withdrawn_before_an_answer_was_never_offered(desk: Desk) -> None:
    request = desk.act(OLGA, "request_data", ASKED)
    desk.act(GERD, "decide_data", request["id"], release=False, reason="no")
    taken = offer(desk)
    desk.act(GERD, "withdraw_data", taken["id"])
    assert list_offers(desk) == {}
    with pytest.raises(ServiceError, match="no such offer"):
        desk.act(VERA, "accept_data", taken["id"])


def test_an_offer_is_declined_and_what_was_accepted_given_back(desk: Desk) -> None:
    declined = offer(desk)
    assert desk.act(VERA, "decline_data", declined["id"], reason="too coarse")["state"] == "declined"
    assert desk.act(GERD, "get_data_request", declined["id"])["reason"] == "too coarse"
    with pytest.raises(ServiceError, match="This offer is declined"):
        desk.act(VERA, "accept_data", declined["id"])
    accepted = offer(desk)
    desk.act(VERA, "accept_data", accepted["id"])
    assert desk.act(VERA, "decline_data", accepted["id"], reason="not used")["state"] == "withdrawn"
    assert desk.town.releases == {}
    assert desk.town.withdrawn_by == ["vera@village"]
    assert desk.act(GERD, "get_data_request", accepted["id"])["reason"] == "not used"
    assert [each["state"] for each in desk.act(GERD, "list_data_requests")] == ["withdrawn", "declined"]


def test_a_partners_file_may_accept_everything(desk: Desk, make_tenant: Callable[..., Tenant]) -> None:
    assert offer(desk)["state"] == "offered"
    write_tenant(desk.records, make_tenant("village", accept_shares="automatic"))
    assert offer(desk, dataset="weather")["state"] == "released"
    assert sorted(list_offers(desk).values()) == ["offered", "released"]


def test_other_terms_are_a_new_request_that_takes_the_old_ones_place(desk: Desk) -> None:
    first = offer(desk)
    assert desk.act(OLGA, "request_data", ASKED)["id"] == first["id"]
    with pytest.raises(ServiceError, match="on other terms"):
        desk.act(OLGA, "request_data", {**ASKED, "until": "2090-01-01"})
    desk.act(VERA, "accept_data", first["id"])
    second = offer(desk, until="2090-01-01")
    assert second["id"] != first["id"]
    desk.act(VERA, "accept_data", second["id"])
    assert list_offers(desk) == {second["id"]: "released", first["id"]: "replaced"}
    for_all = desk.act(OLGA, "request_data", {"dataset": "footfall"})
    assert (for_all["state"], for_all["partner"]) == ("requested", "")


def test_an_unanswered_offer_is_withdrawn_without_the_share_that_is_there(desk: Desk) -> None:
    first = offer(desk)
    desk.act(VERA, "accept_data", first["id"])
    second = offer(desk, until="2090-01-01")
    desk.town.gateway_status = 500  # it is not even asked
    assert desk.act(GERD, "withdraw_data", second["id"])["state"] == "withdrawn"
    assert list_states(desk) == {first["id"]: "released", second["id"]: "withdrawn"}
    assert "town/footfall/village" in desk.town.releases


def test_what_is_withdrawn_before_it_is_made_takes_the_one_before_with_it(desk: Desk) -> None:
    first = offer(desk)
    desk.act(VERA, "accept_data", first["id"])
    second = offer(desk, until="2090-01-01")
    desk.town.gateway_status = 500
    assert desk.act(VERA, "accept_data", second["id"])["state"] == "releasing"
    assert desk.act(GERD, "withdraw_data", second["id"])["state"] == "withdrawing"
    desk.town.gateway_status = 200
    asyncio.run(desk.data.open_data.retry())
    assert list_states(desk) == {first["id"]: "withdrawn", second["id"]: "withdrawn"}
    assert desk.town.releases == {}


@pytest.mark.parametrize("is_retried", [True, False])
def test_a_withdrawal_that_waits_does_not_take_away_what_came_after_it(desk: Desk, is_retried: bool) -> None:
    first = offer(desk)
    desk.act(VERA, "accept_data", first["id"])
    desk.town.gateway_status = 500
    assert desk.act(GERD, "withdraw_data", first["id"])["state"] == "withdrawing"
    desk.town.gateway_status = 200
    second = offer(desk, until="2090-01-01")
    if is_retried:
        desk.town.gateway_status = 500
    desk.act(VERA, "accept_data", second["id"])
    desk.town.gateway_status = 200
    asyncio.run(desk.data.open_data.retry())
    assert list_states(desk) == {first["id"]: "withdrawn", second["id"]: "released"}
    assert desk.town.releases["town/footfall/village"]["until"]


async def test_what_is_withdrawn_while_it_is_made_is_gone(desk: Desk) -> None:
    asked = data_releases.parse_request({"dataset": "footfall"}, make_actor(OLGA), "1", AT)
    decided = data_releases.release(asked, make_actor(GERD), AT)
    making = asyncio.create_task(desk.data.open_data.release(decided))
    await asyncio.sleep(0)  # it has been sent, and nobody has answered
    withdrawn = data_releases.withdraw(decided, make_actor(GERD), "", AT)
    states = [each.state for each in await asyncio.gather(making, desk.data.open_data.withdraw(withdrawn))]
    assert states == ["withdrawing", "withdrawn"]
    assert desk.town.releases == {}


def test_what_is_over_is_ended_and_not_decided(desk: Desk) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=2)).isoformat()
    request = offer(desk, until=soon)
    desk.act(VERA, "accept_data", request["id"])
    asked = desk.act(OLGA, "request_data", {**ASKED, "dataset": "weather", "until": soon})
    for each in (request, asked):
        change_record(desk, each["id"], until="2026-01-01T00:00:00+00:00")
    desk.data.end_over(now())
    assert desk.act(GERD, "get_data_request", request["id"])["state"] == "expired"
    assert [line["action"] for line in desk.read_audit()].count("expire_data") == 1
    with pytest.raises(ServiceError, match="over already"):
        desk.act(GERD, "decide_data", asked["id"], release=True)


def change_record(desk: Desk, request_id: str, **changes: Any) -> None:
    """Turn the clock for one request: two minutes are too long to wait for."""
    with closing(sqlite3.connect(desk.state / "publisher.sqlite")) as connection, connection:
        query = "SELECT record FROM data_requests WHERE id = ?"
        ((record,),) = connection.execute(query, (request_id,)).fetchall()
        changed = json.dumps({**json.loads(record), **changes})
        connection.execute("UPDATE data_requests SET record = ? WHERE id = ?", (changed, request_id))


def test_what_was_meant_for_a_town_that_was_deleted_is_not_for_the_next_of_its_name(desk: Desk) -> None:
    offered, asked = offer(desk), desk.act(OLGA, "request_data", {**ASKED, "dataset": "weather"})
    desk.data.forget_partner("village")
    assert list_offers(desk) == {}
    assert list_states(desk) == {offered["id"]: "withdrawn", asked["id"]: "withdrawn"}


def test_what_cannot_be_made_is_told_to_the_owner_and_not_to_the_partner(desk: Desk) -> None:
    request = offer(desk)
    desk.town.gateway_status = 404
    with pytest.raises(ServiceError) as refused:
        desk.act(VERA, "accept_data", request["id"])
    assert "no such table" not in refused.value.message
    mended = desk.act(GERD, "get_data_request", request["id"])
    assert mended["state"] == "requested" and "no such table" in mended["reason"]
    assert list_offers(desk) == {}


def test_terms_that_the_warehouse_refuses_are_not_asked_for(desk: Desk) -> None:
    desk.town.gateway_status = 400
    with pytest.raises(ServiceError, match="cannot release this"):
        desk.act(OLGA, "request_data", ASKED)
    desk.town.gateway_status = 500
    with pytest.raises(ServiceError) as refused:
        desk.act(OLGA, "request_data", ASKED)
    assert refused.value.status == 503
    assert desk.act(GERD, "list_data_requests") == []
