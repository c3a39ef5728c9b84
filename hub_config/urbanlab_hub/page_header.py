"""What the header of each page of the hub says: the tenant that somebody works for, and their others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from urbanlab.contract import naming
from urbanlab_hub.administration.access import find_administered_tenant
from urbanlab_hub.known_tenants import get_known_tenants


@dataclass(frozen=True)
class PageHeader:
    """The tenant's title, the person by their own name, and the other tenants: id and title."""

    town: str
    person: str
    is_administrator: bool
    others: tuple[tuple[str, str], ...]


def make_page_header(records: Path) -> Callable[[Any], PageHeader | None]:
    """Return what the hub calls for each page; for those who are not logged in there is no header."""
    known = get_known_tenants(records)

    def describe(user: Any) -> PageHeader | None:
        try:
            person, tenant = naming.split_hub_user(user.name if user else "")
        except naming.NamingError:
            return None
        tenants = known.load_tenants()
        others = (getattr(user, "user_info", None) or {}).get("other_tenants", ())
        titles = sorted((tenants[other].title, other) for other in others if other in tenants)
        return PageHeader(
            town=tenants[tenant].title if tenant in tenants else tenant,
            person=person,
            is_administrator=find_administered_tenant(user, tenants) is not None,
            others=tuple((other, title) for title, other in titles),
        )

    return describe
