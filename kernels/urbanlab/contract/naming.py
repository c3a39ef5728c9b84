"""Every name that is derived from another name.

The promises, which `tests/kernels/contract/test_naming.py` holds to:

* what comes out is valid for the system it is meant for, whatever goes in, or `NamingError` is raised;
* two different inputs never give the same name.

Tenants, roles and datasets are chosen by the operator and are refused when they are not plain.
People come from Keycloak and may have any name; they are escaped, reversibly.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

ROLES = ("analyst", "steward", "publisher", "gatekeeper", "admin")
SERVICE_PERSONS = ("publications", "reports")
OPEN_DATABASE = "open_data"
SENSORS_TABLE = "sensors"  # of every tenant, beside the tables of its feeds
SHARED_PREFIX = "shared_with_"  # of the database that holds what partners share with a tenant
FOREIGN_MARK = "__"  # between owner and dataset, in shared and open data

# Databases, topics and accounts of the platform itself, and the top-level paths of the portal.
RESERVED_TENANT_IDS = frozenset(
    {
        *("open", "default", "system", "shared", "lab", "root"),
        *("publications", "reports", "ingest", "operator", "simulator"),
        *(
            "livez",
            "readyz",
            "metrics",
            "static",
            "preview",
            "catalog",
            "sitemap",
            "robots",
            "search",
            "feed",
        ),
        *("api", "data", "hub", "embed", "imprint", "privacy", "accessibility"),
    }
)
TENANT_ID = re.compile(r"[a-z][a-z0-9]{1,20}")
_DATASET = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_PLAIN_PERSON = re.compile(rb"[a-z0-9._-]")
_ACCOUNT_PREFIX = re.compile(r"[0-9a-f]{4}")


class NamingError(ValueError):
    """A name that cannot be used; the message says what is allowed and is safe to show."""


def check_tenant_id(tenant: str) -> str:
    """Return `tenant` if it may name a tenant; raise `NamingError` with the reason otherwise."""
    if not TENANT_ID.fullmatch(tenant):
        raise NamingError(
            f"{tenant!r} cannot be a tenant's id: use 2 to 21 of the letters a-z and digits, a letter first"
        )
    # `lab` + id would collide with nothing today, but reads like the workshop of another tenant.
    if tenant in RESERVED_TENANT_IDS or tenant.startswith("lab"):
        raise NamingError(f"{tenant!r} cannot be a tenant's id: the platform uses that name itself")
    return tenant


def check_dataset_name(dataset: str) -> str:
    """Return `dataset` if it may name a dataset, a feed or a table; raise `NamingError` otherwise."""
    if len(dataset) > 60 or not _DATASET.fullmatch(dataset):
        raise NamingError(
            f"{dataset!r} cannot name a dataset: use up to 60 of a-z, 0-9 and single underscores, a letter first"
        )
    return dataset


def check_feed_name(feed: str) -> str:
    """Return `feed` if it may name a feed, which is a dataset with a topic; raise `NamingError` otherwise."""
    # Kafka takes `.` and `_` for the same: the topic would meet that of another feed's rejected records.
    if feed.endswith("_rejected"):
        raise NamingError(f"{feed!r} cannot name a feed: the platform uses the ending _rejected itself")
    return check_dataset_name(feed)


def check_role(role: str) -> str:
    """Return `role` if it is one of `ROLES`; raise `NamingError` otherwise."""
    if role not in ROLES:
        raise NamingError(f"{role!r} is no role; the roles are {', '.join(ROLES)}")
    return role


def make_hub_user(person: str, tenant: str) -> str:
    """Return the hub's user for a person in a tenant: ``anna@guetersloh``.

    Bytes other than a-z, 0-9, dot, underscore and hyphen become ``~`` and two hex digits, so that neither
    ``@`` nor ``/`` can forge a border. Raises `NamingError` for an empty or overlong name and for the
    names of the service users.
    """
    check_tenant_id(tenant)
    name = _canonical(person)
    if name in SERVICE_PERSONS:
        raise NamingError(f"nobody can be called {name!r}: that is a service user's name")
    escaped = _escape(name)
    if not escaped or len(escaped) > 200:
        raise NamingError("a person's name must have between 1 and 200 characters")
    return f"{escaped}@{tenant}"


def make_service_user(purpose: str, tenant: str) -> str:
    """Return the hub's service user for a purpose (one of `SERVICE_PERSONS`) in a tenant."""
    if purpose not in SERVICE_PERSONS:
        raise NamingError(f"{purpose!r} is no purpose of a service user")
    return f"{purpose}@{check_tenant_id(tenant)}"


def split_hub_user(hub_user: str) -> tuple[str, str]:
    """Return ``(person, tenant)`` of a hub user, the person unescaped; raise `NamingError` if it is none."""
    escaped, at, tenant = hub_user.rpartition("@")
    if not at or not escaped:
        raise NamingError(f"{hub_user!r} is no user of this hub")
    check_tenant_id(tenant)
    try:
        person = re.sub(rb"~([0-9a-f]{2})", lambda hit: bytes([int(hit[1], 16)]), escaped.encode()).decode()
    except UnicodeDecodeError as error:
        raise NamingError(f"{hub_user!r} is no user of this hub") from error
    if _escape(_canonical(person)) != escaped:
        raise NamingError(f"{hub_user!r} is no user of this hub")
    return person, tenant


def make_group_path(tenant: str, role: str) -> str:
    """Return the Keycloak group, and hub group, of a role in a tenant: ``/tenants/guetersloh/analyst``."""
    return f"/tenants/{check_tenant_id(tenant)}/{check_role(role)}"


def make_account(owner: str, installation: str) -> str:
    """Return the Unix account of a hub user or a service, at most 31 characters.

    `installation` is four hex digits, so that two installations on one machine share no account. Every account
    of the machine can list accounts, so the name of a person's tells nobody whose it is.
    """
    if not _ACCOUNT_PREFIX.fullmatch(installation):
        raise NamingError("an installation is named by four hex digits")
    purpose, at, _ = owner.partition("@")
    digest = hashlib.sha256(owner.encode()).hexdigest()
    if at and purpose not in SERVICE_PERSONS:
        return f"ul{installation}-user-{digest[:19]}"
    slug = re.sub(r"[^a-z0-9]+", "-", purpose.lower()).strip("-")[:12].rstrip("-") or "x"
    return f"ul{installation}-{slug}-{digest[:10]}"


def make_folder_group(tenant: str, folder: str, access: str) -> str:
    """Return what the Unix group is for whose members may `read` or `write` in a tenant's shared folder.

    Every account of the machine can list groups, so the name tells nobody which folders there are.
    """
    digest = hashlib.sha256(f"{check_tenant_id(tenant)}/{folder}".encode()).hexdigest()[:10]
    return f"share-{digest}-{access}"


def make_subdomain(hub_user: str) -> str:
    """Return the label of the host name at which a hub user's server is another origin than everybody else's.

    The digest is long enough that nobody finds, or makes, a second name that gives the same.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", hub_user.lower()).strip("-")[:24].rstrip("-") or "x"
    return f"u-{slug}-{hashlib.sha256(hub_user.encode()).hexdigest()[:32]}"


def make_database(tenant: str) -> str:
    """Return the warehouse database that holds a tenant's data."""
    return check_tenant_id(tenant)


def make_lab_database(tenant: str) -> str:
    """Return the database in which a tenant's analysts create and drop."""
    return f"lab_{check_tenant_id(tenant)}"


def make_shared_database(tenant: str) -> str:
    """Return the database that holds what partners share with a tenant."""
    return f"{SHARED_PREFIX}{check_tenant_id(tenant)}"


def make_foreign_table(owner: str, dataset: str) -> str:
    """Return the name of an owner's dataset among shared or open data: ``guetersloh__footfall``."""
    return f"{check_tenant_id(owner)}{FOREIGN_MARK}{check_dataset_name(dataset)}"


def make_report_table(tenant: str, dataset: str) -> str:
    """Return the table that a tenant's report names: own data by its name, all else with its database.

    Raises `NamingError` for a database that is not the tenant's.
    """
    database, dot, table = dataset.rpartition(".")
    own = (make_database(tenant), make_lab_database(tenant), make_shared_database(tenant))
    if dot and database not in own:
        raise NamingError(
            f"{dataset!r} is no dataset of {tenant}: name one alone or behind {', '.join(own)} and a dot"
        )
    owner, mark, name = table.partition("__")
    if mark and database == make_shared_database(tenant):
        return f"{database}.{make_foreign_table(owner, name)}"
    return f"{database or make_database(tenant)}.{check_dataset_name(table)}"


def make_topic(tenant: str, feed: str) -> str:
    """Return the topic of a feed."""
    return f"{check_tenant_id(tenant)}.{check_feed_name(feed)}"


def make_topic_prefix(tenant: str) -> str:
    """Return what the names of all topics and consumer groups of a tenant begin with: ``guetersloh.``."""
    return f"{check_tenant_id(tenant)}."


def make_rejected_topic(tenant: str, feed: str) -> str:
    """Return the topic that takes a feed's records that could not be mapped."""
    return f"{make_topic(tenant, feed)}.rejected"


def make_open_topic(tenant: str, feed: str) -> str:
    """Return the topic to which a released feed is mirrored."""
    return f"open.{make_topic(tenant, feed)}"


def make_kafka_principal(tenant: str, access: str) -> str:
    """Return the name by which Kafka knows a tenant's kind of access: ``guetersloh.read``."""
    return f"{check_tenant_id(tenant)}.{access}"


def make_kafka_client(tenant: str, access: str) -> str:
    """Return the Keycloak client whose tokens Kafka accepts for a tenant's kind of access."""
    return f"kafka-{access}-{check_tenant_id(tenant)}"


def make_warehouse_role(tenant: str, access: str) -> str:
    """Return the warehouse role of a tenant's kind of access: ``guetersloh_analyst``."""
    return f"{check_tenant_id(tenant)}_{access}"


def _canonical(person: str) -> str:
    # Lower case may take a name apart again, so it is put together afterwards.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", person).lower())


def _escape(name: str) -> str:
    encoded = name.encode("utf-8", "surrogatepass")
    return b"".join(
        bytes([byte]) if _PLAIN_PERSON.match(bytes([byte])) else b"~%02x" % byte for byte in encoded
    ).decode()


def make_staging_name(dataset: str, began: float, number: int) -> str:
    """Return the name under which a dataset of the workshop is filled before it takes its place.

    It says in seconds since 1970 when that began, and holds a number below 65536 against collisions.
    """
    # No dataset's name has two underscores, so these are free.
    return f"{check_dataset_name(dataset)}{FOREIGN_MARK}{int(began):08x}{number:04x}"


def find_staging_begin(table: str) -> int | None:
    """Return when the filling of a table of the workshop began, or `None` for a table that is no such."""
    found = re.fullmatch(r"[a-z0-9_]+__([0-9a-f]{8})[0-9a-f]{4}", table)
    return int(found[1], 16) if found else None
