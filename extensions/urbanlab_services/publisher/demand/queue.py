"""The rules of what is made next for visitors, and what of it is kept. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from urbanlab.contract.variants import ASK_SECONDS, MadeVariant, MadeVariants

Page = tuple[str, str]  # tenant and slug
KEPT_OF_PAGE, KEPT_OF_TENANT = 100, 400
BYTES_OF_PAGE, BYTES_OF_TENANT = 200_000_000, 800_000_000


class FullError(Exception):
    """Too many wait."""


@dataclass(frozen=True)
class Wanted:
    """One variant of a version that somebody waits for."""

    tenant: str
    slug: str
    variant: str
    submission_id: str

    @property
    def page(self) -> Page:
        """The publication that it belongs to."""
        return self.tenant, self.slug


@dataclass(frozen=True)
class Caps:
    """How many variants may wait for one page, one tenant and in all, and how many are made at a time."""

    page: int = 10
    tenant: int = 20
    together: int = 60
    making_of_tenant: int = 1
    making: int = 2


class Queue:
    """Each variant stands there once, however many wait for it; pages take turns."""

    def __init__(self, caps: Caps | None = None) -> None:
        self._caps = caps or Caps()
        self._asked: dict[Wanted, float] = {}  # when somebody asked last
        self._making: list[Wanted] = []
        self._served: dict[Page, int] = {}  # the turn in which a page was served last
        self._turn = 0

    def ask(self, wanted: Wanted, now: float) -> int:
        """Return its place in the queue, counted from 1, or 0 while it is being made; raise `FullError`."""
        if wanted in self._making:
            return 0
        self._forget(now)
        if wanted not in self._asked:
            caps, waiting = self._caps, list(self._asked)
            if (
                sum(each.page == wanted.page for each in waiting) >= caps.page
                or sum(each.tenant == wanted.tenant for each in waiting) >= caps.tenant
                or len(waiting) >= caps.together
            ):
                raise FullError
        self._asked[wanted] = now
        return 1 + list(self._asked).index(wanted)

    def begin(self, now: float) -> Wanted | None:
        """Return what is to be made now, or None: of the page that has waited longest for a turn."""
        self._forget(now)
        busy = Counter(each.tenant for each in self._making)
        free = [each for each in self._asked if busy[each.tenant] < self._caps.making_of_tenant]
        if not free or len(self._making) >= self._caps.making:
            return None
        wanted = min(free, key=lambda each: self._served.get(each.page, 0))
        del self._asked[wanted]
        self._making.append(wanted)
        self._turn += 1
        self._served[wanted.page] = self._turn
        return wanted

    def end(self, wanted: Wanted) -> None:
        """Note that it is made, or never will be."""
        self._making.remove(wanted)
        if not self._asked and not self._making:
            self._served.clear()

    def _forget(self, now: float) -> None:
        """Let go of what nobody asks for any more."""
        self._asked = {each: at for each, at in self._asked.items() if now - at <= ASK_SECONDS}


def keep(
    made: Mapping[Page, MadeVariants], page: Page, variant: str, entry: MadeVariant, version: int
) -> dict[Page, MadeVariants]:
    """Return what is to be written for the tenant whose pages `made` holds, a new variant among it.

    Who is beyond the share of a page loses that page's oldest; who is beyond the tenant's, the oldest of the page
    that has most.
    """
    own = made.get(page)
    kept = dict(own.variants) if own and own.version == version else {}
    kept[variant] = entry
    while len(kept) > KEPT_OF_PAGE or (len(kept) > 1 and _measure(kept) > BYTES_OF_PAGE):
        _drop_oldest(kept, variant)
    changed = {page: MadeVariants(version, kept)}
    everything = {**made, **changed}
    while (
        sum(len(each.variants) for each in everything.values()) > KEPT_OF_TENANT
        or sum(_measure(each.variants) for each in everything.values()) > BYTES_OF_TENANT
    ):
        largest = max(everything, key=lambda name: (_measure(everything[name].variants), name))
        rest = dict(everything[largest].variants)
        if set(rest) <= {variant} and largest == page:
            break
        _drop_oldest(rest, variant if largest == page else "")
        everything[largest] = changed[largest] = MadeVariants(everything[largest].version, rest)
    return changed


def _measure(variants: Mapping[str, MadeVariant]) -> int:
    # Many small ones weigh, too.
    return sum(max(each.size, 10_000) for each in variants.values())


def _drop_oldest(variants: dict[str, MadeVariant], spared: str) -> None:
    del variants[min((name for name in variants if name != spared), key=lambda name: variants[name].made_at)]
