"""What there is: the start page, towns, statements, and the same for feed readers and search engines."""

from __future__ import annotations

from urbanlab_portal import policies
from urbanlab_portal.base_handler import BaseHandler
from urbanlab_portal.compression import make_content
from urbanlab_portal.errors import NotPublicError
from urbanlab_portal.feeds import ATOM, XML, make_feed, make_sitemap
from urbanlab_portal.statics import MEDIA_TYPES


class StartHandler(BaseHandler):
    """All tenants and what they have published."""

    kind = "start"

    async def get(self, *names: str) -> None:
        """Show them."""
        question = self.parse_question()
        language = self.find_language(question.language)
        if self.town:
            await self.send_page(await self.portal.pages.get_tenant(self.town, language, question))
        else:
            await self.send_page(await self.portal.pages.get_start(language, question))


class StatementHandler(BaseHandler):
    """Imprint, privacy, accessibility: of the portal, or of a town."""

    kind = "statement"

    async def get(self, *names: str) -> None:
        """Show one."""
        question = self.parse_question()
        language = self.find_language(question.language)
        *tenant, kind = names
        await self.send_page(
            await self.portal.pages.get_statement(kind, language, question, *(tenant or [self.town]))
        )


class TenantHandler(BaseHandler):
    """What one tenant has published."""

    kind = "tenant"

    async def get(self, *names: str) -> None:
        """Show it."""
        question = self.parse_question()
        language = self.find_language(question.language)
        await self.send_page(await self.portal.pages.get_tenant(names[0], language, question))


class FeedHandler(BaseHandler):
    """The newest pages for feed readers, of all towns or of one."""

    kind = "feed"

    async def get(self, *names: str) -> None:
        """Send them."""
        pages, directory = self.portal.pages, self.portal.directory
        name = names[0] if names else self.town
        tenant = directory.list_tenants().get(name)
        if name and tenant is None:
            raise NotPublicError
        shelves = pages.list_shelves(name)
        title = tenant.title if tenant else "Urban Lab"
        body = make_feed(self.portal.homes, shelves, tenant, title)
        await self.send(make_content(body, ATOM), policies.FILE, policies.ASK_AGAIN)


class SitemapHandler(BaseHandler):
    """Every page for search engines."""

    kind = "feed"

    async def get(self, *names: str) -> None:
        """Send it."""
        shelves = self.portal.pages.list_shelves(self.town)
        body = make_sitemap(self.portal.homes, shelves, bool(self.town))
        await self.send(make_content(body, XML), policies.FILE, policies.ASK_AGAIN)


class LogoHandler(BaseHandler):
    """A town's mark, to be kept for ever: its name says what is in it."""

    kind = "file"

    async def get(self, *names: str) -> None:
        """Send it."""
        tenant = self.portal.directory.list_tenants().get(names[0])
        name = f"{names[1]}.{names[2]}"
        if tenant is None or tenant.logo != name:
            raise NotPublicError
        content = await self.portal.pages.get_logo(tenant, MEDIA_TYPES[names[2]])
        await self.send(content, policies.FILE, policies.IMMUTABLE)
