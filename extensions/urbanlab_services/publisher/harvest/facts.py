"""What a catalogue is made of: towns, open datasets as the warehouse has them, and pages with their data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from urbanlab.contract.publications import Page, Publication
from urbanlab.contract.records import Tenant

Entry = Mapping[str, Any]  # of the warehouse's catalogue


@dataclass(frozen=True)
class ShownPage:
    """A publication and its page as it is shown first."""

    publication: Publication
    page: Page


@dataclass(frozen=True)
class Facts:
    """All that is public; `portal` is where browsers find it, without a slash at the end."""

    portal: str
    towns: Mapping[str, Tenant]
    entries: Sequence[Entry]
    pages: Sequence[ShownPage]

    def of_town(self, town: str) -> Facts:
        """Return what is one town's."""
        return Facts(
            self.portal,
            {town: self.towns[town]},
            [entry for entry in self.entries if entry["owner"] == town],
            [shown for shown in self.pages if shown.publication.tenant == town],
        )
