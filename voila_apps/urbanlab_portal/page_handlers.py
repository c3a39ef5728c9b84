"""A page, its files, how another web site shows it, and its preview."""

from __future__ import annotations

from urbanlab.contract.publications import FILE_TYPES, Publication
from urbanlab_portal import policies
from urbanlab_portal.base_handler import LARGE_BYTES, BaseHandler
from urbanlab_portal.errors import NotPublicError, PrefetchError


class PublicationHandler(BaseHandler):
    """A page, in the variant that the address asks for."""

    kind = "page"

    async def get(self, *names: str) -> None:
        """Show it."""
        self.edition = self.portal.directory.find_edition(names[0], names[1])
        if self.edition is None:
            raise NotPublicError
        question = self.parse_question()
        language = self.find_language(question.language)
        await self.send_page(await self.portal.pages.get_publication(self.edition, language, question))


class EmbeddedHandler(BaseHandler):
    """A page without the portal's frame, for the web sites that it names and its town allows."""

    kind = "embedded"

    async def get(self, *names: str) -> None:
        """Show it."""
        self.edition = self.portal.directory.find_edition(names[0], names[1])
        origins = self.portal.pages.list_embedding_origins(self.edition) if self.edition else ()
        if self.edition is None or not origins:
            raise NotPublicError
        question = self.parse_question()
        language = self.find_language(question.language)
        content = await self.portal.pages.get_publication(self.edition, language, question, is_embedded=True)
        await self.send_page(content, policies.make_embedded_policy(origins))


class PublicationFileHandler(BaseHandler):
    """A file of a page that is public now."""

    kind = "file"

    async def get(self, *names: str) -> None:
        """Send it, to be kept for ever: its name says what is in it."""
        tenant, slug, digest, ending = names
        edition = self.portal.directory.find_edition(tenant, slug)
        if edition is None:
            raise NotPublicError
        origins = self.portal.pages.list_embedding_origins(edition)
        await self.send_file(edition.publication, digest, ending, origins=origins)

    async def send_file(
        self,
        publication: Publication,
        digest: str,
        ending: str,
        is_preview: bool = False,
        origins: tuple[str, ...] = (),
    ) -> None:
        """Send a file if it belongs to the publication."""
        file = self.portal.pages.find_file(publication, digest, ending)
        if file is None:
            raise NotPublicError
        media_type = FILE_TYPES[ending]
        headers = policies.make_file_policy(media_type, is_preview, origins)
        cache = policies.NEVER if is_preview else policies.IMMUTABLE
        if file.size > LARGE_BYTES:
            with self.portal.pages.open_file(file) as content:
                await self.send_large(content, file, {**headers, "Content-Type": media_type}, cache)
        else:
            await self.send(await self.portal.pages.get_file(file, media_type), headers, cache)


class PreviewHandler(BaseHandler):
    """A page that is not public yet, for the one visit of a ticket."""

    kind = "preview"

    async def get(self, *names: str) -> None:
        """Show it and spend the ticket; a look at the headers alone spends nothing."""
        if self.request.headers.get("Sec-Purpose", "").startswith("prefetch"):
            raise PrefetchError
        question = self.parse_question()
        previews, language = self.portal.previews, self.find_language(question.language)
        ticket = previews.check(names[0])
        content = await self.portal.pages.get_preview(ticket, language, question)
        if self.request.method != "HEAD":
            previews.spend(names[0])  # last, so that an address with a mistake in it costs no visit
        await self.send_page(content, policies.PREVIEW, policies.NEVER)


class PreviewFileHandler(PublicationFileHandler):
    """A file of a page whose ticket was spent a little while ago."""

    kind = "preview"

    async def get(self, *names: str) -> None:
        """Send it."""
        ticket, digest, ending = names
        await self.send_file(self.portal.previews.check_files(ticket).publication, digest, ending, True)
