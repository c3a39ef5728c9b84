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

    def ending_at(self, moment: str) -> Facts:
        """Return the pages that end then, with what they have read; for an empty text everything that lasts."""
        pages = [shown for shown in self.pages if shown.publication.ends_at == moment]
        read = {table for shown in pages for table in shown.page.datasets}
        entries = [entry for entry in self.entries if not moment or entry["table"] in read]
        return Facts(self.portal, self.towns, entries, pages)

    def of_town(self, town: str) -> Facts:
        """Return what is one town's."""
        return Facts(
            self.portal,
            {town: self.towns[town]},
            [entry for entry in self.entries if entry["owner"] == town],
            [shown for shown in self.pages if shown.publication.tenant == town],
        )
