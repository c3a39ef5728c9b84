"""What the pages about data show that the rules do not say: what somebody can do, and how much data is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from urbanlab.contract.naming import make_lab_database
from urbanlab_services.publisher import data_releases
from urbanlab_services.publisher.actors import Actor
from urbanlab_services.publisher.data_desk import DataDesk, make_view
from urbanlab_services.publisher.data_releases import DataRequest
from urbanlab_services.publisher.publications import now
from urbanlab_services.publisher.web.views import Acts, try_acts

SINCE = timedelta(days=30)


@dataclass(frozen=True)
class Count:
    """How much a release was used on one day, or since a day."""

    day: str
    queries: int
    rows: int


def list_data_acts(request: DataRequest, actor: Actor) -> Acts:
    """Return what somebody can do with a dataset's request."""
    tries: dict[str, Callable[[], object]] = {
        "release": lambda: data_releases.release(request, actor, now()),
        "refuse": lambda: data_releases.refuse(request, actor, "x", now()),
        "withdraw": lambda: data_releases.withdraw(request, actor, "", now()),
    }
    return try_acts(tries, request.state in data_releases.OPEN_STATES)


def list_offer_acts(offer: DataRequest, actor: Actor) -> Acts:
    """Return what somebody can answer to another tenant's offer."""
    tries: dict[str, Callable[[], object]] = {
        "accept": lambda: data_releases.accept(offer, actor, now()),
        "decline": lambda: data_releases.decline(offer, actor, "", now()),
    }
    return try_acts(tries, offer.state in data_releases.OPEN_STATES)


def is_of_workshop(request: DataRequest) -> bool:
    """Whether analysts go on writing where the data comes from."""
    return request.table.startswith(f"{make_lab_database(request.tenant)}.")


async def find_uses(data: DataDesk, tenant: str) -> dict[str, Count] | None:
    """Return how much each view of a tenant's data was used in the last days; None where nobody can say."""
    since = _find_day()
    uses = await data.open_data.list_uses(tenant, since)
    if uses is None:
        return None
    sums: dict[str, Count] = {}
    for use in uses:
        before = sums.get(use["view"], Count(since, 0, 0))
        sums[use["view"]] = Count(since, before.queries + use["queries"], before.rows + use["rows"])
    return sums


async def find_counts(data: DataDesk, request: DataRequest) -> list[Count] | None:
    """Return how much a release was used, day by day, the newest first; None where nobody can say."""
    if not request.decided_at:
        return []
    uses = await data.open_data.list_uses(request.tenant, _find_day())
    view = make_view(request)
    return (
        None
        if uses is None
        else [Count(use["day"], use["queries"], use["rows"]) for use in uses if use["view"] == view]
    )


def _find_day() -> str:
    return (datetime.now(UTC) - SINCE).date().isoformat()
