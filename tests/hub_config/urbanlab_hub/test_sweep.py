"""Who stays and who must leave: a real hub's database and authenticator, and a program that answers for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from jupyterhub import orm
from jupyterhub.utils import utcnow

from urbanlab.contract.records import write_tenant
from urbanlab_hub.confirmation import KEY, reconcile_auth_state
from urbanlab_hub.owners import find_owner, is_anothers

from .small_hub import Keycloak, SleepySpawner, SmallHub, has_anything

ANNA, ALPHA = "anna@alpha", ["/tenants/alpha/analyst"]


@pytest.fixture
async def hub(tmp_path: Path, make_tenant: Callable[..., Any]) -> AsyncIterator[SmallHub]:
    """A hub with two tenants in which anna and bert are known."""
    for tenant in ("alpha", "beta"):
        write_tenant(tmp_path, make_tenant(tenant))
    async with Keycloak({"anna": ALPHA, "bert": ALPHA}).serving() as keycloak:
        hub = SmallHub(keycloak, tmp_path)
        yield hub
        await hub.settle()


async def read_known(user: Any) -> dict[str, Any]:
    known: dict[str, Any] = (await user.get_auth_state())[KEY]
    return known


async def shift(user: Any, **changes: float) -> None:
    """Let something that is kept of a login have happened so many seconds earlier."""
    state = await user.get_auth_state()
    for name, seconds in changes.items():
        state[KEY][name] -= seconds
    await user.save_auth_state(state)


async def begin_to_look(hub: SmallHub) -> tuple[asyncio.Event, asyncio.Task[None]]:
    """Begin a round of the sweep; Keycloak answers it once the event is set."""
    gate = hub.keycloak.gate = asyncio.Event()
    hub.keycloak.asked.clear()
    task = asyncio.create_task(hub.sweep.look_around())
    while not hub.keycloak.asked:  # noqa: ASYNC110 - another program is waited for
        await asyncio.sleep(0.01)
    hub.keycloak.gate = None
    return gate, task


# what happens -> whether anna stays
CASES: dict[str, tuple[Callable[[SmallHub], Any], bool]] = {
    "nothing": (lambda hub: None, True),
    "disabled": (lambda hub: hub.keycloak.groups.pop("anna"), False),
    "session ended": (lambda hub: hub.keycloak.ended.add("s1"), False),
    "another's session ended": (lambda hub: hub.keycloak.ended.add("s2"), True),
    "no group left": (lambda hub: hub.keycloak.groups.update(anna=[]), False),
    "a role in another tenant only": (
        lambda hub: hub.keycloak.groups.update(anna=["/tenants/beta/publisher"]),
        False,
    ),
    "another role": (lambda hub: hub.keycloak.groups.update(anna=["/tenants/alpha/publisher"]), True),
    "the tenant was removed": (lambda hub: (hub.records / "alpha.json").unlink(), False),
    "another tenant was removed": (lambda hub: (hub.records / "beta.json").unlink(), True),
    "a record is damaged": (lambda hub: (hub.records / "beta.json").write_text("{"), True),
    "Keycloak fails": (lambda hub: setattr(hub.keycloak, "status", 500), True),
    "Keycloak is busy": (lambda hub: setattr(hub.keycloak, "status", 429), True),
    "the realm is not there yet": (lambda hub: setattr(hub.keycloak, "status", 404), True),
    "another program answers": (lambda hub: setattr(hub.keycloak, "status", 201), True),
    "Keycloak hangs": (lambda hub: hub.lose_patience(), True),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seconds", [300, -1], ids=["token counts", "token is over"])
async def test_who_stays(hub: SmallHub, case: str, seconds: float) -> None:
    user = await hub.log_in(ANNA)
    if seconds < 0:
        state = await user.get_auth_state()
        tokens = hub.keycloak.make_tokens("anna", "s1", seconds)
        await user.save_auth_state(
            {**state, "access_token": tokens["access_token"], "token_response": tokens}
        )
    happen, stays = CASES[case]
    happen(hub)
    cookie = user.cookie_id

    await hub.sweep.look_around()
    await hub.settle()

    assert has_anything(user) is stays
    assert (user.cookie_id == cookie) is stays
    assert hub.proxy.deleted == ([] if stays else [ANNA])
    assert [notice["hub_user"] for notice in hub.keycloak.notices] == ([] if stays else [ANNA])


@pytest.mark.parametrize(
    ("refusal", "stays"),
    [
        ((400, '{"error": "invalid_grant"}'), False),
        ((400, '{"error": "invalid_client"}'), True),  # our own secret is wrong
        ((401, '{"error": "unauthorized_client"}'), True),
        ((400, '["invalid_grant"]'), True),
        ((400, "invalid_grant"), True),
        ((403, '{"error": "invalid_grant"}'), True),
        ((503, '{"error": "invalid_grant"}'), True),
    ],
)
async def test_only_keycloaks_own_word_ends_a_login(
    hub: SmallHub, refusal: tuple[int, str], stays: bool
) -> None:
    user = await hub.log_in(ANNA)
    hub.keycloak.ended.add("s1")
    hub.keycloak.refusal = refusal
    await hub.sweep.look_around()
    await hub.settle()
    assert has_anything(user) is stays


async def test_a_name_stays_whose_it_was_whatever_is_revoked(hub: SmallHub) -> None:
    user = await hub.log_in(ANNA)
    assert not is_anothers(user, "id-of-anna")
    user.user_info = None  # of a hub made before names were bound
    await hub.sweep.look_around()
    assert find_owner(user) == "id-of-anna"
    hub.revoker.revoke(user, "a test")
    await hub.settle()
    assert not has_anything(user)
    again = orm.User.find(hub.db, ANNA)
    assert (is_anothers(again, "id-of-another"), is_anothers(again, "id-of-anna")) == (True, False)


async def test_roles_follow_keycloak_at_once(hub: SmallHub) -> None:
    user = await hub.log_in(ANNA)
    hub.keycloak.groups["anna"] = ["/tenants/alpha/steward", "/tenants/beta/publisher"]
    await hub.sweep.look_around()
    assert [group.name for group in user.groups] == ["/tenants/alpha/steward"]
    assert user.user_info["other_tenants"] == ["beta"]


@pytest.mark.parametrize(("minutes", "stays"), [(59, True), (61, False)])
async def test_keycloaks_absence_is_forgiven_for_the_grace_and_no_longer(
    hub: SmallHub, minutes: float, stays: bool
) -> None:
    user = await hub.log_in(ANNA)
    await shift(user, confirmed=minutes * 60)
    hub.keycloak.status = 502
    await hub.sweep.look_around()
    await hub.settle()
    assert has_anything(user) is stays


async def test_the_last_good_answer_is_kept_over_a_restart_of_the_hub(hub: SmallHub) -> None:
    user = await hub.log_in(ANNA)
    await shift(user, confirmed=50 * 60)
    await hub.sweep.look_around()
    assert time.time() - (await read_known(user))["confirmed"] < 10
    again = hub.users.from_orm(user.orm_user)  # as the next process of the hub reads it
    assert (await read_known(again))["sessions"] == ["s1"]


async def test_a_good_answer_that_is_no_news_is_seldom_written(hub: SmallHub) -> None:
    user = await hub.log_in(ANNA)
    before = user.encrypted_auth_state
    hub.keycloak.asked.clear()
    await hub.sweep.look_around()
    assert hub.keycloak.asked == ["userinfo"]
    assert user.encrypted_auth_state == before


@pytest.mark.parametrize(
    ("server", "idle", "stays"), [(False, 7300, False), (False, 7100, True), (True, 90_000, True)]
)
async def test_a_login_that_nobody_uses_ends_though_keycloak_was_asked_all_the_time(
    hub: SmallHub, server: bool, idle: float, stays: bool
) -> None:
    user = await hub.log_in(ANNA, server=server)
    await shift(user, began=idle)
    user.orm_user.last_activity = None
    await hub.sweep.look_around()
    await hub.settle()
    assert has_anything(user) is stays


async def test_whoever_uses_their_login_keeps_it(hub: SmallHub) -> None:
    user = await hub.log_in(ANNA, server=False)
    await shift(user, began=90_000)
    user.orm_user.last_activity = utcnow(with_tz=False)
    await hub.sweep.look_around()
    assert has_anything(user)


async def test_a_person_in_two_tenants_leaves_the_one_and_stays_in_the_other(hub: SmallHub) -> None:
    hub.keycloak.groups["anna"] = ["/tenants/alpha/analyst", "/tenants/beta/analyst"]
    alpha, beta = await hub.log_in(ANNA), await hub.log_in("anna@beta")
    hub.keycloak.groups["anna"] = ["/tenants/beta/analyst"]
    await hub.sweep.look_around()
    await hub.settle()
    assert (has_anything(alpha), has_anything(beta)) == (False, True)
    hub.keycloak.ended.add("s1")
    await hub.sweep.look_around()
    await hub.settle()
    assert not has_anything(beta)


async def test_service_users_are_no_persons(hub: SmallHub) -> None:
    user = hub.make_user("reports@alpha")
    user.orm_user.new_api_token(note="server")
    await hub.sweep.look_around()
    assert has_anything(user)
    assert hub.keycloak.asked == []


async def test_whoever_has_tokens_without_a_login_loses_them(hub: SmallHub) -> None:
    user = hub.make_user(ANNA)
    user.orm_user.new_api_token(note="left over")
    await hub.sweep.look_around()
    assert not has_anything(user)


async def test_a_server_that_hangs_delays_nobody_and_no_round(hub: SmallHub) -> None:
    anna, bert = await hub.log_in(ANNA), await hub.log_in("bert@alpha", "s2")
    gate = SleepySpawner.gates[ANNA] = asyncio.Event()
    hub.keycloak.groups.clear()
    await hub.sweep.look_around()
    while has_anything(bert):
        await hub.sweep.look_around()  # finds anna's server ending and leaves it alone
        await asyncio.sleep(0.01)
    assert any(spawner.active for spawner in anna.spawners.values())
    assert not (anna.orm_user.api_tokens or anna.encrypted_auth_state)
    gate.set()
    await hub.settle()
    assert not has_anything(anna)
    assert SleepySpawner.stopped.count(ANNA) == 1


async def test_a_server_that_is_starting_ends_too(hub: SmallHub) -> None:
    user = await hub.log_in(ANNA, server=False)
    user.spawners[""]._spawn_pending = True
    hub.revoker.revoke(user, "test")
    await hub.settle()
    assert SleepySpawner.stopped == [ANNA]
    assert not has_anything(user)


async def test_a_proxy_that_is_away_keeps_no_server_alive(hub: SmallHub) -> None:
    user = await hub.log_in(ANNA)
    hub.proxy.is_away = True
    hub.revoker.revoke(user, "test")
    await hub.settle()
    assert not has_anything(user)


async def test_whoever_logs_in_anew_while_the_old_login_is_asked_about_stays(hub: SmallHub) -> None:
    user = await hub.log_in(ANNA)
    hub.keycloak.ended.add("s1")
    gate, task = await begin_to_look(hub)
    await hub.log_in(ANNA, "s2")
    gate.set()
    await task
    assert has_anything(user)
    assert (await read_known(user))["sessions"] == ["s1", "s2"]


async def test_a_revoked_person_is_not_brought_back_by_an_answer_that_was_under_way(hub: SmallHub) -> None:
    user = await hub.log_in(ANNA)
    hub.keycloak.groups["anna"] = ["/tenants/alpha/publisher"]
    gate, task = await begin_to_look(hub)
    hub.revoker.revoke(user, "test")
    gate.set()
    await task
    await hub.settle()
    assert not has_anything(user)


async def test_a_gateway_that_is_away_is_told_later_and_delays_nothing(hub: SmallHub) -> None:
    user = await hub.log_in(ANNA)
    hub.keycloak.notice_status = 503
    began = time.time()
    hub.revoker.revoke(user, "test")
    await hub.revoker.wait()
    assert not has_anything(user)
    assert hub.keycloak.notices == []
    hub.keycloak.notice_status = 200
    await hub.settle()
    (notice,) = hub.keycloak.notices
    assert notice["hub_user"] == ANNA
    assert 0 <= notice["before"] - began < 2  # when everything was taken away, and not when it was told


async def test_refreshing_says_the_same_as_the_sweep(hub: SmallHub) -> None:
    user = await hub.log_in(ANNA)
    model = await hub.authenticator.refresh_user(user)
    assert (model["name"], model["groups"]) == (ANNA, ALPHA)
    hub.keycloak.status = 500
    assert await hub.authenticator.refresh_user(user) is True
    hub.keycloak.status = 200
    hub.keycloak.groups.clear()
    assert await hub.authenticator.refresh_user(user) is False
    assert await hub.authenticator.refresh_user(hub.make_user("reports@alpha")) is True


def test_what_was_revoked_is_not_kept_by_a_refresh() -> None:
    assert reconcile_auth_state(None, {"auth_state": {"access_token": "x"}}, None) is None
