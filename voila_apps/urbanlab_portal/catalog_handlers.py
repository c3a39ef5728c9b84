"""The catalogue of the open data for harvesters: what holds of the publisher's files, as it stands there."""

from __future__ import annotations

from urbanlab.contract.publications import CATALOG_TYPES
from urbanlab_portal import policies
from urbanlab_portal.base_handler import BaseHandler
from urbanlab_portal.compression import make_content
from urbanlab_portal.errors import NotPublicError


class CatalogHandler(BaseHandler):
    """The catalogue of all towns, or of one."""

    kind = "catalog"

    async def get(self, *names: str) -> None:
        """Send it; at a town's own host name, the town's."""
        *tenants, form = names
        tenant = tenants[0] if tenants else self.town
        if tenant and tenant not in self.portal.directory.list_tenants():
            raise NotPublicError
        media_type = CATALOG_TYPES[form]
        try:
            changed = self.portal.directory.find_catalog_change(tenant, form)
            content = await self.portal.contents.get(
                ("catalog", tenant, form, changed),
                lambda: make_content(self.portal.directory.read_catalog(tenant, form), media_type),
            )
        except (OSError, ValueError, TypeError, RecursionError):  # none, or a broken one
            raise NotPublicError from None
        await self.send(content, policies.FILE, policies.ASK_AGAIN)
