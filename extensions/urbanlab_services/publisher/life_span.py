"""How long a page holds: the day by which somebody reviews it, and the last day on which it is public."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from urbanlab.contract.records import Tenant
from urbanlab_services.publisher import publications
from urbanlab_services.publisher.audit import SERVICE, Audit
from urbanlab_services.publisher.publications import State, Submission, now
from urbanlab_services.publisher.shelving import Shelving
from urbanlab_services.publisher.store import Store
from urbanlab_services.records_watcher import RecordsWatcher

AHEAD = timedelta(days=14)  # for which somebody is reminded before a page's day
OVER = "Its last day was over."


def find_today(tenant: Tenant | None) -> date:
    """Return the day that it is where a tenant is."""
    return datetime.now(ZoneInfo(tenant.time_zone if tenant else "Europe/Berlin")).date()


def list_days(submission: Submission, today: date) -> list[tuple[str, str]]:
    """Return ``review`` and ``expires`` with their days where they have come or come soon."""
    days = (("review", submission.review_by), ("expires", submission.expires))
    return [(kind, day) for kind, day in days if day and date.fromisoformat(day) - AHEAD <= today]


def list_ending(submissions: Iterable[Submission], today: date) -> list[tuple[Submission, str, str]]:
    """Return the public pages that are to be reviewed or end soon, each with kind and day, the nearest first."""
    released = [each for each in submissions if each.state is State.RELEASED]
    found = [(each, kind, day) for each in released for kind, day in list_days(each, today)]
    return sorted(found, key=lambda each: each[2])


@dataclass(frozen=True)
class Endings:
    """Withdraws pages whose last day is over; the portal shows them no more by itself, from the same moment on."""

    store: Store
    shelving: Shelving
    audit: Audit
    records: RecordsWatcher

    def look(self) -> None:
        """Withdraw what is over; safe to repeat at any time."""
        for submission in self.store.list_all_submissions(State.RELEASED):
            tenant = self.records.tenants().get(submission.tenant)
            ends_at = publications.find_end(submission, tenant.time_zone) if tenant else ""
            if ends_at and ends_at <= (at := now()):
                ended = publications.expire(submission, OVER, at)
                self.store.save_submissions(ended)
                self.shelving.show(ended.tenant, ended.slug)
                thing = f"{ended.tenant}/{ended.slug}/{ended.version}"
                self.audit.record(SERVICE, ended.tenant, "expire", thing, "done")
