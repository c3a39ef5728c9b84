"""Names derived from names: valid for their system, and no two the same."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from urbanlab.contract import naming
from urbanlab.contract.naming import NamingError

PERSONS = st.text(min_size=1, max_size=40)
TENANTS = st.from_regex(naming.TENANT_ID, fullmatch=True).filter(
    lambda name: name not in naming.RESERVED_TENANT_IDS and not name.startswith("lab")
)


@pytest.mark.parametrize("tenant", ["guetersloh", "ab", "a1", "x" * 21])
def test_tenant_ids_that_are_accepted(tenant: str) -> None:
    assert naming.check_tenant_id(tenant) == tenant


@pytest.mark.parametrize(
    "tenant",
    [
        *(
            "",
            "a",
            "x" * 22,
            "Guetersloh",
            "gütersloh",
            "gueters-loh",
            "1a",
            "a_b",
            "a.b",
            "a/b",
            "../a",
            "a\n",
            "a b",
        ),
        *("open", "default", "system", "shared", "lab", "root", "publications", "reports", "livez", "static"),
        *("information_schema", "labguetersloh", "preview"),
    ],
)
def test_tenant_ids_that_are_refused_with_a_reason(tenant: str) -> None:
    with pytest.raises(NamingError, match="tenant's id"):
        naming.check_tenant_id(tenant)


@pytest.mark.parametrize(
    ("person", "hub_user"),
    [
        ("anna", "anna@detmold"),
        ("Anna.Schmidt", "anna.schmidt@detmold"),
        ("a@b", "a~40b@detmold"),
        ("a/b", "a~2fb@detmold"),
        ("a~b", "a~7eb@detmold"),
        ("müller", "m~c3~bcller@detmold"),
        ("mueller", "mueller@detmold"),
        ("mu\u0308ller", "m~c3~bcller@detmold"),  # the same name, spelt with a combining mark
        ("anna\u202e", "anna~e2~80~ae@detmold"),
        ("a b", "a~20b@detmold"),
    ],
)
def test_hub_users(person: str, hub_user: str) -> None:
    assert naming.make_hub_user(person, "detmold") == hub_user


@pytest.mark.parametrize("person", ["", "publications", "Reports", "x" * 201, "ü" * 70])
def test_persons_that_are_refused(person: str) -> None:
    with pytest.raises(NamingError):
        naming.make_hub_user(person, "detmold")


@pytest.mark.parametrize(
    "hub_user", ["anna", "@detmold", "anna@", "anna@DETMOLD", "a~zz@detmold", "~41@detmold", "~ff@detmold"]
)
def test_strangers_are_no_hub_users(hub_user: str) -> None:
    with pytest.raises(NamingError):
        naming.split_hub_user(hub_user)


@given(PERSONS, TENANTS)
def test_hub_users_are_plain_and_come_apart_again(person: str, tenant: str) -> None:
    try:
        hub_user = naming.make_hub_user(person, tenant)
    except NamingError:
        return
    assert re.fullmatch(r"[a-z0-9._~-]+@[a-z][a-z0-9]*", hub_user)
    again, in_tenant = naming.split_hub_user(hub_user)
    assert in_tenant == tenant
    assert naming.make_hub_user(again, tenant) == hub_user


@given(PERSONS, PERSONS, TENANTS, TENANTS)
def test_two_people_never_share_a_hub_user_or_an_account(one: str, other: str, here: str, there: str) -> None:
    try:
        users = [naming.make_hub_user(one, here), naming.make_hub_user(other, there)]
    except NamingError:
        return
    people = [(naming.split_hub_user(user)) for user in users]
    assume(people[0] != people[1])
    assert users[0] != users[1]
    accounts = {naming.make_account(user, "0af3") for user in users}
    assert len(accounts) == 2
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{0,30}", account) for account in accounts)


def test_two_installations_share_no_account() -> None:
    assert naming.make_account("engine", "0000") != naming.make_account("engine", "0001")
    with pytest.raises(NamingError):
        naming.make_account("engine", "../x")


@pytest.mark.parametrize(
    "dataset", ["", "Footfall", "a__b", "_a", "a_", "1a", "a-b", "a.b", "ä", "x" * 61, "a b", "a`b"]
)
def test_datasets_that_are_refused(dataset: str) -> None:
    with pytest.raises(NamingError, match="dataset"):
        naming.check_dataset_name(dataset)


def test_names_in_warehouse_and_streams() -> None:
    assert naming.make_lab_database("detmold") == "lab_detmold"
    assert naming.make_shared_database("detmold") == "shared_with_detmold"
    assert naming.make_foreign_table("detmold", "air_quality") == "detmold__air_quality"
    assert naming.make_topic("detmold", "footfall") == "detmold.footfall"
    assert naming.make_rejected_topic("detmold", "footfall") == "detmold.footfall.rejected"
    assert naming.make_open_topic("detmold", "footfall") == "open.detmold.footfall"
    assert naming.make_group_path("detmold", "analyst") == "/tenants/detmold/analyst"


@given(TENANTS, TENANTS)
def test_databases_of_tenants_never_meet(one: str, other: str) -> None:
    assume(one != other)
    makers = (naming.make_database, naming.make_lab_database, naming.make_shared_database)
    names = [make(tenant) for tenant in (one, other) for make in makers]
    assert len({*names, naming.OPEN_DATABASE, "system", "default", "information_schema"}) == 10


def test_service_users() -> None:
    assert naming.make_service_user("reports", "detmold") == "reports@detmold"
    with pytest.raises(NamingError):
        naming.make_service_user("anna", "detmold")
    with pytest.raises(NamingError):
        naming.make_group_path("detmold", "owner")
