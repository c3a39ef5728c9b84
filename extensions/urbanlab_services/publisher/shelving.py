"""Keeps the shelf in line with the store: the store says what is public, the shelf shows it."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from urbanlab.contract.publications import PublicTenant
from urbanlab.contract.records import Tenant
from urbanlab_services.publisher.publications import KEPT, State, make_publication
from urbanlab_services.publisher.shelf import Shelf
from urbanlab_services.publisher.store import Store
from urbanlab_services.records_watcher import RecordsWatcher

logger = logging.getLogger(__name__)


class Shelving:
    """Carries from the store to the shelf what has been decided there; safe to repeat at any time."""

    def __init__(self, store: Store, shelf: Shelf, records: RecordsWatcher) -> None:
        self._store, self._shelf, self._records = store, shelf, records

    def show(self, tenant: str, slug: str) -> None:
        """Show the released version of a publication, or nothing where none is released."""
        released = self._store.list_submissions(tenant, State.RELEASED)
        submission = next((each for each in released if each.slug == slug), None)
        record = self._records.tenants().get(tenant)
        if submission is None:
            self._shelf.hide(tenant, slug)
        elif record is not None:  # otherwise as in `show_all`: nothing is taken away
            self._shelf.show(make_publication(submission, record))

    def show_all(self) -> None:
        """Bring the whole shelf in line; this makes good what a crash has left open."""
        known = self._records.tenants()
        if not known:
            return  # an installation without tenants, or records that cannot be read: nothing is taken away
        released = self._store.list_all_submissions(State.RELEASED)
        shown = {(each.tenant, each.slug): each for each in released if each.tenant in known}
        for submission in shown.values():
            self._shelf.show(make_publication(submission, known[submission.tenant]))
        for tenant, slug in self._shelf.list_shown() - shown.keys():
            self._shelf.hide(tenant, slug)
        self._shelf.write_tenants([self._make_public(tenant) for _, tenant in sorted(known.items())])

    def delete_pages(self, digests: Iterable[str]) -> None:
        """Delete pages at once, but for those that another version still holds."""
        self._shelf.delete_pages(digests, self._list_referenced())

    def collect(self) -> None:
        """Delete what no version refers to any more."""
        if count := self._shelf.collect(self._list_referenced()):
            logger.info("files deleted that nothing refers to", extra={"count": count})

    def _list_referenced(self) -> set[str]:
        kept = self._store.list_all_submissions(*KEPT)
        made = (
            each.page for variants in self._shelf.list_made().values() for each in variants.variants.values()
        )
        return {*(digest for submission in kept for digest in submission.pages.values()), *made}

    def _make_public(self, tenant: Tenant) -> PublicTenant:
        profile = tenant.portal
        return PublicTenant(
            id=tenant.id,
            title=tenant.title,
            languages=tenant.languages,
            contact=tenant.contact,
            time_zone=tenant.time_zone,
            imprint=profile.imprint,
            privacy=profile.privacy,
            accessibility=profile.accessibility,
            colour=profile.colour,
            logo=self._shelf.write_logo(profile.logo) if profile.logo else "",
            host_names=profile.host_names,
            embed_in=profile.embed_in,
        )
