"""What counts as drift between what a system has and what is wanted, and how the one is laid over the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def find_different(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Return the names of what is otherwise than wanted."""
    return sorted(name for name in wanted if not agrees(found.get(name), wanted[name]))


def agrees(found: Any, wanted: Any) -> bool:
    """Say whether what a system has is what is wanted; it may know more about an object, but has no more items."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(agrees(found.get(name), wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        if len(found or []) != len(wanted):
            return False
        return all(any(agrees(item, one) for item in found or []) for one in wanted)
    return bool(found == wanted)


def lay_over(found: Any, wanted: Any) -> Any:
    """Return what is wanted, with what the system knows besides about an object."""
    return {**found, **wanted} if isinstance(found, dict) and isinstance(wanted, dict) else wanted
