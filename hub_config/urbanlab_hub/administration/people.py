"""The people of a tenant: roles, and roughly when they were last here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum

from jupyterhub import orm

from urbanlab.contract import naming
from urbanlab_hub.administration.access import list_roles
from urbanlab_hub.instants import read_instant

WEEK_DAYS = 7


class Activity(StrEnum):
    """When somebody was last here: enough to find accounts that nobody uses, too little to watch anybody."""

    TODAY = "today"
    WEEK = "in the last seven days"
    EARLIER = "earlier"
    NEVER = "never"


@dataclass(frozen=True)
class Person:
    """Somebody of the tenant, by the name that they are known by."""

    name: str
    roles: tuple[str, ...]
    activity: Activity


def list_people(members: Iterable[orm.User], tenant: str, now: datetime, zone: tzinfo) -> list[Person]:
    """Return the people among a tenant's hub users who hold a role there."""
    split = [(naming.split_hub_user(user.name)[0], user) for user in members]
    people = [
        Person(name, list_roles(user, tenant), make_activity(user.last_activity, now, zone))
        for name, user in split
        if name not in naming.SERVICE_PERSONS
    ]
    return sorted((person for person in people if person.roles), key=lambda person: person.name)


def make_activity(moment: datetime | None, now: datetime, zone: tzinfo) -> Activity:
    """Return how long ago an instant of the hub's database was, counted in days of the tenant's calendar."""
    if moment is None:
        return Activity.NEVER
    days = (now.astimezone(zone).date() - read_instant(moment).astimezone(zone).date()).days
    if days < 1:
        return Activity.TODAY
    return Activity.WEEK if days < WEEK_DAYS else Activity.EARLIER
