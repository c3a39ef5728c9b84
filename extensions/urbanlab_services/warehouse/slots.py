"""How many statements run at once: places for each tenant and person, and a short queue that is fair to both."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count

from prometheus_client import Gauge

from urbanlab.contract.naming import make_database, make_lab_database
from urbanlab.contract.records import Tenant, WarehouseLimits
from urbanlab_services.warehouse.credentials import Identity
from urbanlab_services.warehouse.errors import TOO_MANY_QUERIES, WarehouseError
from urbanlab_services.warehouse.limits import explain_queue

RUNNING = Gauge("urbanlab_warehouse_running", "Statements that are being worked on")
WAITING = Gauge("urbanlab_warehouse_waiting", "Statements that wait until others have ended")
MOST_RUNNING = 48  # of all tenants; the engine has threads for more
MOST_WAITING = 128  # of one tenant
MOST_WAITING_EACH = 32  # of one person
_OF_SERVICES = WarehouseLimits(queries=8, queries_each=8)


@dataclass(eq=False)
class _Ticket:
    """A statement that has its place, or waits for one."""

    tenant: str
    person: str
    limits: WarehouseLimits
    number: int
    granted: asyncio.Future[None]


class Slots:
    """Lets statements run as long as there is room; who comes too late waits a little before being refused.

    A place that becomes free goes to the tenant with the fewest running, among its people to the one with the
    fewest, and among equals to whoever was served the longest ago.
    """

    def __init__(self, tenants: Callable[[], Mapping[str, Tenant]], most: int = MOST_RUNNING) -> None:
        self._tenants = tenants
        self._most = most
        self._running: set[_Ticket] = set()
        self._waiting: list[_Ticket] = []
        self._served: dict[str, int] = {}  # when a tenant or person was given a place last
        self._numbers = count(1)

    @asynccontextmanager
    async def hold(self, identity: Identity) -> AsyncIterator[None]:
        """Hold a place for a statement; raise `WarehouseError` where none becomes free in time."""
        ticket = self._make_ticket(identity)
        self._waiting.append(ticket)
        try:
            self._fill()
            if not ticket.granted.done():
                await self._wait(ticket)
            with RUNNING.track_inprogress():
                yield
        finally:
            self._leave(ticket)

    def list_load(self, sizes: Mapping[str, int]) -> dict[str, dict[str, int]]:
        """Return for each tenant what runs, waits and is stored, beside its limits.

        The platform's own services are in it as well; `sizes` has the megabytes of each database.
        """
        running, waiting = (Counter(t.tenant for t in each) for each in (self._running, self._waiting))
        tenants = self._tenants()
        load = {
            name: {"running": running[name], "waiting": waiting[name], "limit": _OF_SERVICES.queries}
            for name in sorted({*tenants, *running, *waiting})
        }
        for name, tenant in tenants.items():
            limits = tenant.warehouse
            load[name] |= {
                "limit": limits.queries,
                "data_mb": sizes.get(make_database(name), 0),
                "data_limit_mb": limits.data_mb,
                "lab_mb": sizes.get(make_lab_database(name), 0),
                "lab_limit_mb": limits.lab_mb,
            }
        return load

    def _make_ticket(self, identity: Identity) -> _Ticket:
        tenant = self._tenants().get(identity.tenant)
        limits = tenant.warehouse if tenant is not None else _OF_SERVICES
        granted = asyncio.get_running_loop().create_future()
        owner = identity.tenant or identity.access
        return _Ticket(owner, identity.subject, limits, next(self._numbers), granted)

    async def _wait(self, ticket: _Ticket) -> None:
        rivals = [other for other in self._waiting if other.tenant == ticket.tenant]
        own = [other for other in rivals if other.person == ticket.person]
        if len(rivals) > MOST_WAITING or len(own) > MOST_WAITING_EACH:
            raise self._refuse(ticket, None)
        try:
            # Not wait_for: it swallows a cancellation that comes in the same moment as the place.
            async with asyncio.timeout(ticket.limits.wait_seconds):
                with WAITING.track_inprogress():
                    await ticket.granted
        except TimeoutError:
            raise self._refuse(ticket, ticket.limits.wait_seconds) from None

    def _refuse(self, ticket: _Ticket, seconds: float | None) -> WarehouseError:
        own = self._count_person(ticket) >= ticket.limits.queries_each
        return WarehouseError(TOO_MANY_QUERIES, explain_queue(ticket.limits, own=own, seconds=seconds))

    def _leave(self, ticket: _Ticket) -> None:
        self._running.discard(ticket)
        if ticket in self._waiting:
            self._waiting.remove(ticket)
        if not any(other.tenant == ticket.tenant for other in (*self._running, *self._waiting)):
            self._served.pop(ticket.tenant, None)
        if not any(other.person == ticket.person for other in (*self._running, *self._waiting)):
            self._served.pop(ticket.person, None)
        self._fill()

    def _fill(self) -> None:
        """Give places as long as there are some."""
        while len(self._running) < self._most:
            able = [ticket for ticket in self._waiting if self._has_room(ticket)]
            if not able:
                return
            chosen = min(able, key=self._rank)
            self._waiting.remove(chosen)
            self._running.add(chosen)
            self._served[chosen.tenant] = self._served[chosen.person] = next(self._numbers)
            if not chosen.granted.done():  # else nobody waits for it any more, and it leaves in a moment
                chosen.granted.set_result(None)

    def _has_room(self, ticket: _Ticket) -> bool:
        return (
            self._count_tenant(ticket) < ticket.limits.queries
            and self._count_person(ticket) < ticket.limits.queries_each
        )

    def _rank(self, ticket: _Ticket) -> tuple[int, ...]:
        tenant, person = self._count_tenant(ticket), self._count_person(ticket)
        served = self._served.get
        return tenant, served(ticket.tenant, 0), person, served(ticket.person, 0), ticket.number

    def _count_tenant(self, ticket: _Ticket) -> int:
        return sum(other.tenant == ticket.tenant for other in self._running)

    def _count_person(self, ticket: _Ticket) -> int:
        return sum(other.tenant == ticket.tenant and other.person == ticket.person for other in self._running)
