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
DATASETS = st.from_regex(r"[a-z][a-z0-9]{0,8}(_[a-z0-9]{1,8}){0,3}", fullmatch=True).filter(
    lambda name: not name.endswith("_rejected")
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


def test_a_persons_account_tells_nobody_whose_it_is() -> None:
    account = naming.make_account("erika.muster@alpha", "0af3")
    assert not {"erika", "muster", "alpha", "er", "al"} & set(re.split(r"[^a-z]+", account))
    assert "publications" in naming.make_account("publications@alpha", "0af3")


# Names that simpler schemes bring together: by slugging, by leaving out, by cutting, by looking alike.
LOOK_ALIKES = [
    *("müller", "mueller", "muller", "mu-ller", "mu_ller", "mu.ller", "m", "m-", "-m", "m.", "m--", "m_"),
    *(
        "a-b",
        "a_b",
        "a.b",
        "a b",
        "ab",
        "a/b",
        "a\\b",
        "a@b",
        "a~b",
        "a~2fb",
        "a%2fb",
        "a--b",
        "a\nb",
        "a\x00b",
    ),
    *("anna", "anna\u202e", "\u200fanna", "anna\u00ad", "аnna", "ａnna", "anna ", " anna", "anna\n", "annа"),
    *(
        "x" * 200,
        "x" * 199 + "y",
        "straße",
        "strasse",
        "ﬁ",
        "fi",
        "ı",
        "i",
        "ſ",
        "s",
        "1",
        "٣",
        "3",
        "..",
        ".",
        "~",
    ),
    *("xn--mller-kva", "root", "admin", "u-anna-detmold", "publications~", "reports-", "report"),
]


def test_people_who_look_alike_share_nothing() -> None:
    users = [
        naming.make_hub_user(person, tenant) for person in LOOK_ALIKES for tenant in ("detmold", "rietberg")
    ]
    makers = (str, lambda user: naming.make_account(user, "0af3"), naming.make_subdomain)
    for make in makers:
        assert len({make(user) for user in users}) == 2 * len(LOOK_ALIKES)


@pytest.mark.parametrize(
    ("one", "other"), [("Anna", "anna"), ("MÜLLER", "mu\u0308ller"), ("\u212bsa", "åsa"), ("ẞ", "ß")]
)
def test_one_name_spelt_otherwise_is_the_same_person(one: str, other: str) -> None:
    assert naming.make_hub_user(one, "detmold") == naming.make_hub_user(other, "detmold")


@given(PERSONS, PERSONS, TENANTS, TENANTS)
def test_two_people_never_share_a_host_name(one: str, other: str, here: str, there: str) -> None:
    try:
        users = {naming.make_hub_user(one, here), naming.make_hub_user(other, there)}
    except NamingError:
        return
    labels = {naming.make_subdomain(user) for user in users}
    assert len(labels) == len(users)
    for label in labels:
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", label)
        assert "--" not in label  # neither an international name nor the hub's own scheme


@given(PERSONS, TENANTS)
def test_accounts_say_nothing_about_people(person: str, tenant: str) -> None:
    try:
        account = naming.make_account(naming.make_hub_user(person, tenant), "0af3")
    except NamingError:
        return
    assert re.fullmatch(r"ul0af3-user-[0-9a-f]{19}", account)


@given(st.lists(st.tuples(TENANTS, DATASETS), min_size=2, max_size=2, unique=True))
def test_topics_are_valid_and_never_meet(feeds: list[tuple[str, str]]) -> None:
    makers = (naming.make_topic, naming.make_rejected_topic, naming.make_open_topic)
    topics = [make(tenant, feed) for tenant, feed in feeds for make in makers]
    assert all(re.fullmatch(r"[a-z0-9._-]{1,249}", topic) for topic in topics)
    # Kafka takes `.` and `_` for the same where it looks whether a topic exists.
    assert len({topic.replace(".", "_") for topic in topics}) == len(topics)


@given(TENANTS, TENANTS, DATASETS)
def test_a_tenants_prefix_holds_its_own_topics_only(owner: str, other: str, feed: str) -> None:
    assume(owner != other)
    for make in (naming.make_topic, naming.make_rejected_topic):
        assert make(owner, feed).startswith(naming.make_topic_prefix(owner))
        assert not make(other, feed).startswith(naming.make_topic_prefix(owner))
    assert not naming.make_open_topic(other, feed).startswith(naming.make_topic_prefix(owner))


@given(st.lists(st.tuples(TENANTS, DATASETS), min_size=2, max_size=2, unique=True))
def test_foreign_tables_are_valid_and_come_from_one_owner(tables: list[tuple[str, str]]) -> None:
    names = [naming.make_foreign_table(*table) for table in tables]
    assert names[0] != names[1]
    assert [tuple(name.split("__")) for name in names] == tables


@pytest.mark.parametrize(
    ("dataset", "table"),
    [
        ("footfall", "detmold.footfall"),
        ("detmold.footfall", "detmold.footfall"),
        ("lab_detmold.limits", "lab_detmold.limits"),
        ("shared_with_detmold.rietberg__air", "shared_with_detmold.rietberg__air"),
    ],
)
def test_a_report_names_the_tenants_own_databases(dataset: str, table: str) -> None:
    assert naming.make_report_table("detmold", dataset) == table


@pytest.mark.parametrize(
    "dataset",
    [
        *("rietberg.footfall", "lab_rietberg.x", "shared_with_rietberg.detmold__air"),
        *("open_data.detmold__air", "system.parts", "", ".", "detmold.", ".footfall", "a.b.c"),
        *("detmold.*", "*", "foot fall", "x`; y"),
        *("shared_with_detmold.rietberg__", "shared_with_detmold.__x", "Footfall", "a__b"),
    ],
)
def test_a_report_names_nothing_else(dataset: str) -> None:
    with pytest.raises(naming.NamingError):
        naming.make_report_table("detmold", dataset)


@given(st.lists(TENANTS, min_size=2, max_size=2, unique=True), st.sampled_from(["read", "open"]))
def test_principals_clients_and_roles_of_tenants_never_meet(tenants: list[str], access: str) -> None:
    makers = (naming.make_kafka_principal, naming.make_kafka_client, naming.make_warehouse_role)
    for make in makers:
        assert make(tenants[0], access) != make(tenants[1], access)


@given(
    st.lists(
        st.tuples(TENANTS, st.text(max_size=20), st.sampled_from(["read", "write"])), min_size=2, max_size=2
    )
)
def test_groups_of_shared_folders_never_meet(folders: list[tuple[str, str, str]]) -> None:
    assume(folders[0] != folders[1])
    names = [naming.make_folder_group(*folder) for folder in folders]
    assert names[0] != names[1]
    # With the installation before it: a Unix group has up to 31 characters.
    assert all(re.fullmatch(r"ul0af3-[a-z0-9-]{1,24}", f"ul0af3-{name}") for name in names)


def test_two_installations_share_no_account() -> None:
    assert naming.make_account("engine", "0000") != naming.make_account("engine", "0001")
    with pytest.raises(NamingError):
        naming.make_account("engine", "../x")


@pytest.mark.parametrize(
    "dataset",
    [
        "",
        "Footfall",
        "a__b",
        "_a",
        "a_",
        "1a",
        "a-b",
        "a.b",
        "ä",
        "x" * 61,
        "a b",
        "a`b",
        "a\n",
    ],
)
def test_datasets_that_are_refused(dataset: str) -> None:
    with pytest.raises(NamingError, match="dataset"):
        naming.check_dataset_name(dataset)


def test_no_feed_takes_the_topic_of_anothers_rejected_records() -> None:
    assert naming.check_dataset_name("footfall_rejected") == "footfall_rejected"
    assert naming.check_feed_name("rejected") == "rejected"
    for make in (naming.check_feed_name, lambda feed: naming.make_topic("detmold", feed)):
        with pytest.raises(NamingError, match="_rejected"):
            make("footfall_rejected")


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


@pytest.mark.parametrize("dataset", ["small", "a", "zaehlstelle_2016"])
def test_what_is_being_filled_says_since_when(dataset: str) -> None:
    staging = naming.make_staging_name(dataset, 1792890000.5, 65535)
    assert naming.find_staging_begin(staging) == 1792890000 and staging.startswith(f"{dataset}__")
    with pytest.raises(naming.NamingError):
        naming.check_dataset_name(staging)
    assert naming.find_staging_begin(dataset) is None
