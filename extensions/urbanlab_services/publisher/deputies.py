"""Who decides in a gatekeeper's place: somebody until a day, or gatekeepers of a town that the file names."""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Column, Engine, MetaData, String, Table, delete, insert, select

from urbanlab.contract.naming import NamingError, make_hub_user, split_hub_user
from urbanlab_services.errors import ForbiddenError, InvalidRequestError, NotFoundError
from urbanlab_services.publisher.actors import Actor, check_browser, check_decider, check_member
from urbanlab_services.publisher.applications import parse_day
from urbanlab_services.publisher.audit import Audit
from urbanlab_services.publisher.life_span import find_today
from urbanlab_services.publisher.publications import now
from urbanlab_services.records_watcher import RecordsWatcher

LONGEST = timedelta(days=92)
MAX_DEPUTIES = 20
GATEKEEPER = "gatekeeper"
_METADATA = MetaData()
_DEPUTIES = Table(
    "deputies",
    _METADATA,
    *(Column("id", String, primary_key=True), Column("tenant", String, nullable=False)),
    *(Column(name, String, nullable=False) for name in ("hub_user", "named_by", "named_at", "until")),
)


@dataclass(frozen=True)
class Deputy:
    """`hub_user` may decide to the end of the day `until`; all names are hub users."""

    id: str
    tenant: str
    hub_user: str
    named_by: str
    named_at: str
    until: str


class Deputies:
    """The deputies of all tenants."""

    def __init__(self, engine: Engine, records: RecordsWatcher, audit: Audit) -> None:
        self._engine, self._records, self._audit = engine, records, audit
        _METADATA.create_all(engine)

    def extend(self, actor: Actor, acting_for: str = "") -> Actor:
        """Return who acts with the rights that are held in a gatekeeper's place; in `acting_for` where that may be.

        A right that needs a second factor in a town goes only to those who have shown one for a role of theirs.
        """
        if acting_for and acting_for in self.list_towns(actor):
            return Actor(
                actor.hub_user, acting_for, frozenset({GATEKEEPER}), actor.may_decide, is_deputy=True
            )
        if actor.is_gatekeeper or not self._is_named(actor) or not self.is_strong(actor, actor.tenant):
            return actor
        return dataclasses.replace(actor, roles=actor.roles | {GATEKEEPER}, is_deputy=True)

    def is_strong(self, actor: Actor, town: str) -> bool:
        """Return whether somebody has logged in as safely, in the own town, as a gatekeeper of `town` has to."""
        tenants = self._records.tenants()
        if town in tenants and GATEKEEPER not in tenants[town].second_factor:
            return True
        own = tenants.get(actor.tenant)
        return own is not None and not actor.roles.isdisjoint(own.second_factor)

    def list_towns(self, actor: Actor) -> list[str]:
        """Return the other tenants for which a gatekeeper may decide, logged in as safely as each demands."""
        if not actor.is_gatekeeper or actor.is_deputy or not actor.may_decide:
            return []
        tenants = self._records.tenants().items()
        return sorted(
            name
            for name, each in tenants
            if actor.tenant in each.publishing.deputies
            and name != actor.tenant
            and self.is_strong(actor, name)
        )

    def list_deputies(self, actor: Actor) -> list[Deputy]:
        """Return the deputies of the actor's tenant whose time is not over; needs any role."""
        check_member(actor)
        return self._list_current(actor.tenant)

    def name(self, actor: Actor, person: str, until: object) -> Deputy:
        """Let `person` of the same tenant decide, too, to the end of a day; needs a gatekeeper's own login."""
        with self._audit.act(actor, "name_deputy", "") as line:
            _check_own_right(actor)
            deputy = Deputy(
                uuid.uuid4().hex,
                actor.tenant,
                make_person(person, actor),
                actor.hub_user,
                now(),
                self._parse_until(until, actor),
            )
            line["reason"] = f"{deputy.hub_user} until {deputy.until}"
            if len(self._list_current(actor.tenant)) >= MAX_DEPUTIES:
                raise InvalidRequestError(f"There are {MAX_DEPUTIES} deputies already; end one first.")
            with self._engine.begin() as connection:
                connection.execute(insert(_DEPUTIES).values(**vars(deputy)))
            return deputy

    def end(self, actor: Actor, deputy_id: str) -> None:
        """End a deputy's time at once; needs the login of a gatekeeper or administrator."""
        with self._audit.act(actor, "end_deputy", "") as line:
            if "admin" in actor.roles:
                check_browser(actor)
            else:
                _check_own_right(actor)
            found = next((each for each in self._list_current(actor.tenant) if each.id == deputy_id), None)
            if found is None:
                raise NotFoundError("There is no such deputy.")
            line["reason"] = found.hub_user
            with self._engine.begin() as connection:
                connection.execute(delete(_DEPUTIES).where(_DEPUTIES.c.id == deputy_id))

    def delete_tenant(self, tenant: str) -> None:
        """Forget the deputies of a tenant."""
        with self._engine.begin() as connection:
            connection.execute(delete(_DEPUTIES).where(_DEPUTIES.c.tenant == tenant))

    def _is_named(self, actor: Actor) -> bool:
        return any(each.hub_user == actor.hub_user for each in self._list_current(actor.tenant))

    def _list_current(self, tenant: str) -> list[Deputy]:
        today = find_today(self._records.tenants().get(tenant)).isoformat()
        column = _DEPUTIES.c
        query = select(_DEPUTIES).where(column.tenant == tenant, column.until >= today).order_by(column.until)
        with self._engine.connect() as connection:
            rows: list[Any] = list(connection.execute(query).mappings())
        return [Deputy(**row) for row in rows]

    def _parse_until(self, value: object, actor: Actor) -> str:
        try:
            until = parse_day(value)
        except ValueError as error:
            raise InvalidRequestError(f"The day {error}.") from None
        last = find_today(self._records.tenants().get(actor.tenant)) + LONGEST
        if not until or date.fromisoformat(until) > last:
            raise InvalidRequestError(f"Say until when, {LONGEST.days} days ahead at most.")
        return until


def _check_own_right(actor: Actor) -> None:
    check_decider(actor)
    if actor.is_deputy:
        raise ForbiddenError("A deputy names no deputies.")


def make_person(person: str, actor: Actor) -> str:
    """Return the hub user of somebody else in the actor's tenant; raise `InvalidRequestError`."""
    try:
        hub_user = make_hub_user(person.strip().lower(), actor.tenant)
        split_hub_user(hub_user)
    except NamingError:
        raise InvalidRequestError("Name a person as the login does, like anna.") from None
    if hub_user == actor.hub_user:
        raise InvalidRequestError("Name somebody else.")
    return hub_user
