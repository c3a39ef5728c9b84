"""One thing that is left of a tenant: what the operator reads, and what deletes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Remnant:
    """`sentence` names it with its size; `delete` may be called again where it was broken off."""

    sentence: str
    delete: Callable[[], object]
