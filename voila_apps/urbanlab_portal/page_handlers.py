"""A page, its files, how another web site shows it, and its preview."""

from __future__ import annotations

from collections.abc import Mapping

from urbanlab.contract.publications import FILE_TYPES, Publication
from urbanlab.contract.variants import MADE, WAITING, Progress
from urbanlab_portal import policies
from urbanlab_portal.base_handler import LARGE_BYTES, BaseHandler
from urbanlab_portal.directory import Edition
from urbanlab_portal.errors import NotMadeError, NotPublicError, PrefetchError
from urbanlab_portal.parameters import Question

SOON, LATER = 2, 5  # seconds until a page that waits for a variant asks again


class PublicationHandler(BaseHandler):
    """A page, in the variant that the address asks for."""

    kind = "page"

    async def get(self, *names: str) -> None:
        """Show it."""
        self.edition = self.portal.directory.find_edition(names[0], names[1])
        if self.edition is None:
            raise NotPublicError
        await self.show(self.edition)
        if self.get_status() != 202:
            self.count("view")

    async def show(
        self, edition: Edition, headers: Mapping[str, str] = policies.PAGE, is_embedded: bool = False
    ) -> None:
        """Send the variant that is asked for, or a page that waits for it."""
        question, pages = self.parse_question(), self.portal.pages
        language = self.find_language(question.language)
        try:
            content = await pages.get_publication(edition, language, question, is_embedded)
        except NotMadeError:
            progress = await self.ask_for(edition.publication, question)
            if progress.state != MADE:
                await self.wait(edition, question, progress.position, headers, is_embedded)
                return
            content = await pages.get_publication(edition, language, question, is_embedded)
        await self.send_page(content, headers)
        if self.portal.variants and not self.is_look() and pages.is_old(edition.publication, question):
            self.portal.variants.renew(edition.publication, pages.make_variant(edition.publication, question))

    async def ask_for(self, publication: Publication, question: Question) -> Progress:
        """Have a variant made; a look at the headers and a browser ahead of its user cause no work."""
        if self.portal.variants is None:
            raise NotPublicError
        if self.is_look():
            return Progress(WAITING)
        variant = self.portal.pages.make_variant(publication, question)
        return await self.portal.variants.ask(publication, variant)

    async def wait(
        self,
        edition: Edition,
        question: Question,
        position: int,
        headers: Mapping[str, str],
        is_embedded: bool,
    ) -> None:
        """Send a page that asks again by itself."""
        seconds = str(SOON if position <= 1 else LATER)
        content = self.portal.pages.make_waiting(
            edition, self.find_language(question.language), question, position, is_embedded
        )
        self.set_status(202)
        again = {"Refresh": seconds, "Retry-After": seconds, "X-Robots-Tag": "noindex"}
        await self.send_page(content, {**headers, **again}, policies.NEVER)


class EmbeddedHandler(PublicationHandler):
    """A page without the portal's frame, for the web sites that it names and its town allows."""

    kind = "embedded"

    async def get(self, *names: str) -> None:
        """Show it."""
        self.edition = self.portal.directory.find_edition(names[0], names[1])
        origins = self.portal.pages.list_embedding_origins(self.edition) if self.edition else ()
        if self.edition is None or not origins:
            raise NotPublicError
        await self.show(self.edition, policies.make_embedded_policy(origins), is_embedded=True)
        if self.get_status() != 202:
            self.count("embedded")


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
        now = self.portal.directory.clock()
        cache = policies.NEVER if is_preview else policies.make_file_cache(publication.ends_at, now)
        if file.size > LARGE_BYTES or media_type.startswith(("audio/", "video/")):
            with self.portal.pages.open_file(file) as content:
                await self.send_large(content, file, {**headers, "Content-Type": media_type}, cache)
        else:
            await self.send(await self.portal.pages.get_file(file, media_type), headers, cache)


class PreviewHandler(BaseHandler):
    """A page that is not public yet, for the one visit of a ticket."""

    kind = "preview"

    async def get(self, *names: str) -> None:
        """Show it and spend the ticket; a look at the headers alone spends nothing."""
        if self.is_ahead():
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
