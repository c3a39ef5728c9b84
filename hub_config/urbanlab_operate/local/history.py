"""Whether the history of the simulated feeds has arrived in the warehouse."""

from __future__ import annotations

from collections.abc import Iterator

import requests

from urbanlab.contract import naming
from urbanlab.contract.records import Feed, read_tenants
from urbanlab.contract.secrets import read_secret
from urbanlab_hub.settings import Settings

# A counter may be silent for some hours: that is part of the simulation.
CURRENT_HOURS = 12
TIMEOUT = 10  # seconds


def find_missing_history(settings: Settings) -> str | None:
    """Return which simulated tables do not reach up to today yet, or None if all do."""
    tables = list(_list_tables(settings))
    if not tables:
        return None
    queries = [_make_query(table, feed.time) for table, feed in tables]
    answer = _ask(settings, " UNION ALL ".join(queries))
    if answer is None:
        return "could not be asked for: the warehouse does not answer"
    missing = answer.split()
    return f"is still being loaded: {', '.join(missing)}" if missing else None


def _make_query(table: str, time: str) -> str:
    """Return a query that answers the table's name if its last record is too old; all names are checked ones."""
    old = f"(SELECT max({time}) FROM {table}) < now() - toIntervalHour({CURRENT_HOURS})"  # noqa: S608
    return f"SELECT '{table}' WHERE {old}"


def _list_tables(settings: Settings) -> Iterator[tuple[str, Feed]]:
    for tenant in read_tenants(settings.records).values():
        for feed in tenant.feeds:
            # What is kept for some days only has no history.
            if feed.simulated and not feed.keep_days and tenant.sensors:
                yield f"{naming.make_database(tenant.id)}.{naming.check_dataset_name(feed.name)}", feed


def _ask(settings: Settings, sql: str) -> str | None:
    password = read_secret(settings.master_secrets, "warehouse-operator").reveal()
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.post(
                settings.warehouse_url, data=sql.encode(), auth=("operator", password), timeout=TIMEOUT
            )
        except requests.RequestException:
            return None
    return answer.text if answer.status_code == 200 else None
