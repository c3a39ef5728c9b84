"""What the publisher keeps of a tenant that left, and its end: for the operator's command alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from urbanlab.contract.naming import TENANT_ID
from urbanlab.contract.records import has_tenant
from urbanlab.contract.secrets import Secret
from urbanlab.contract.variants import MadeVariants
from urbanlab_services.errors import ConflictError, UnavailableError
from urbanlab_services.publisher.callers import check_caller
from urbanlab_services.publisher.desk import Desk
from urbanlab_services.publisher.publications import KEPT, Submission
from urbanlab_services.service import BaseHandler, Route, ServiceSettings

SECRET = "publisher-operator"  # noqa: S105 - a secret's name; operator and publisher hold it


class Erasure:
    """Deletes pages, notebooks, submissions and requests of a tenant, and nothing that another one uses too."""

    def __init__(self, desk: Desk, records: Path) -> None:
        self._desk = desk
        self._records = records

    def count(self, tenant: str) -> dict[str, int]:
        """Return how much there is of each kind."""
        submissions = self._desk.store.list_submissions(tenant)
        return {
            "submissions": len(submissions),
            "pages": len(_list_pages(submissions) | _list_made(self._desk.shelf.list_made(tenant).values())),
            "requests": len(self._desk.store.list_data_requests(tenant)),
        }

    async def erase(self, tenant: str) -> None:
        """Delete it for good, as often as one likes.

        Raises `ConflictError` while the tenant has a record, and `UnavailableError` where nobody can tell.
        """
        self._check_left(tenant)
        desk = self._desk
        desk.records.look_again()
        mine = desk.store.list_submissions(tenant)
        # What is being executed would be kept again when it ends.
        await desk.work.cancel({submission.id for submission in mine})
        pages = _list_pages(mine) | _list_made(desk.shelf.list_made(tenant).values())
        for slug in {submission.slug for submission in mine}:
            desk.shelf.hide(tenant, slug)
        others = [each for each in desk.store.list_all_submissions() if each.tenant != tenant]
        kept = _list_pages(each for each in others if each.state in KEPT)
        desk.shelf.delete_pages(pages, kept | _list_made(desk.shelf.list_made().values()))
        notebooks = {submission.notebook for submission in mine}
        desk.bundles.delete(notebooks - {submission.notebook for submission in others})
        desk.data.forget_partner(tenant)
        desk.deputies.delete_tenant(tenant)
        desk.work.mails.delete_tenant(tenant)
        desk.readers.delete_tenant(tenant)
        # Last: whoever is killed before this finds everything again by the submissions.
        desk.store.delete_tenant(tenant)

    def _check_left(self, tenant: str) -> None:
        # Not what the desk knows of tenants: it answers from memory, and knows none until it could read them.
        try:
            is_there = has_tenant(self._records, tenant)
        except OSError as error:
            message = f"Nothing is deleted: whether {tenant} is a tenant cannot be told ({error.strerror})."
            raise UnavailableError(message) from None
        if is_there:
            raise ConflictError(f"{tenant} is a tenant: only what is left of one is deleted.")


def _list_pages(submissions: Iterable[Submission]) -> set[str]:
    return {digest for submission in submissions for digest in submission.pages.values()}


def _list_made(pages: Iterable[MadeVariants]) -> set[str]:
    """Return the pages that were made on demand."""
    return {each.page for made in pages for each in made.variants.values() if each.page}


class TenantHandler(BaseHandler):
    """``/operator/tenants/TENANT``: what there is of a tenant that left, and its end."""

    def initialize(self, erasure: Erasure, secret: Secret) -> None:
        """Take who deletes and what the operator shows."""
        self._erasure, self._secret = erasure, secret

    def prepare(self) -> None:
        """Let nobody in but the operator."""
        check_caller(self.request, self._secret, "Only the operator may do this.")

    def get(self, tenant: str) -> None:
        """Tell how much there is."""
        self.write_json(self._erasure.count(tenant))

    async def delete(self, tenant: str) -> None:
        """Answer once it is deleted."""
        await self._erasure.erase(tenant)
        self.write_json(self._erasure.count(tenant))


def make_erasure_routes(settings: ServiceSettings, desk: Desk) -> list[Route]:
    """Return the address; raise `ServiceSettingsError` without the operator's secret."""
    options: dict[str, Any] = {"erasure": Erasure(desk, settings.records), "secret": settings.secret(SECRET)}
    return [(f"/operator/tenants/({TENANT_ID.pattern})", TenantHandler, options)]
