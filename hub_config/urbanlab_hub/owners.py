"""Whose a hub user is: Keycloak gives a name again once its account is deleted, but nobody else the same `sub`.

The first login binds the hub user, in the hub's database; only removing the hub user ends that.
"""

from __future__ import annotations

from typing import Any

SUB = "sub"  # in what the hub keeps openly of a person, which outlives every login


def find_owner(user: Any) -> str:
    """Return Keycloak's `sub` of the person whose hub user it is, or nothing where nobody has logged in yet."""
    return str((user.user_info or {}).get(SUB, ""))


def is_anothers(user: Any, sub: str) -> bool:
    """Return whether a hub user belongs to another person than `sub`."""
    return find_owner(user) not in ("", sub)
