"""One thing that is left of a tenant: what the operator reads, and what deletes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

UNITS = ("kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class Remnant:
    """`sentence` names it with its size; `delete` may be called again where it was broken off."""

    sentence: str
    delete: Callable[[], object]


def show_size(size: float) -> str:
    """Return a number of bytes as people read it."""
    if size < 1000:
        return f"{size:.0f} bytes"
    for unit in UNITS:
        size /= 1000
        if size < 1000 or unit == UNITS[-1]:
            break
    return f"{size:.1f} {unit}"
