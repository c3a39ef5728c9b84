"""Puts pages together: a content inserted into the frame, in a variant and a language, once for everybody."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any, BinaryIO

from markupsafe import Markup

from urbanlab.contract.live import LiveSeat
from urbanlab.contract.publications import (
    BODY,
    STATE,
    Page,
    PageFile,
    Publication,
    PublicTenant,
    Ticket,
    make_variant,
)
from urbanlab.contract.ranges import find_today
from urbanlab_portal.compression import Content, Contents, make_content
from urbanlab_portal.directory import Directory, Edition
from urbanlab_portal.errors import NotMadeError, NotPublicError
from urbanlab_portal.layout import Layout
from urbanlab_portal.parameters import Question, choose
from urbanlab_portal.search import Shelf, find, list_newest, list_topics, parse_search
from urbanlab_portal.turns import Turns

HTML = "text/html; charset=utf-8"
NEWEST = 6  # pages on the start page, before the towns
STATEMENTS = ("imprint", "privacy", "accessibility")


class Pages:
    """Everything that is shown, as contents ready to be sent."""

    def __init__(self, directory: Directory, contents: Contents, layout: Layout) -> None:
        self._directory, self._contents, self._layout = directory, contents, layout
        self._searches = Turns("search-busy")

    def list_shelves(self, tenant: str = "") -> tuple[Shelf, ...]:
        """Return each town, or the one, with what it has published."""
        return tuple(
            (each, tuple(self._directory.list_editions(each.id)))
            for each in self._directory.list_tenants().values()
            if tenant in ("", each.id)
        )

    async def get_start(self, language: str, question: Question) -> Content:
        """Return the page of all tenants, or what is found there."""
        return await self._get_list("start.html", self.list_shelves(), language, question)

    async def get_tenant(self, name: str, language: str, question: Question) -> Content:
        """Return the page of a tenant; raise `NotPublicError` if there is none of that name."""
        shelves = self.list_shelves(name)
        if not name or not shelves:
            raise NotPublicError
        return await self._get_list("tenant.html", shelves, language, question, tenant=shelves[0][0])

    async def _get_list(
        self,
        template: str,
        shelves: tuple[Shelf, ...],
        language: str,
        question: Question,
        tenant: PublicTenant | None = None,
    ) -> Content:
        search = parse_search(question)
        typed = {name: text for name, text in question.values.items() if text.strip()}

        def make() -> Content:
            shown = find(search, shelves) if search else shelves
            html = self._layout.render(
                template,
                language,
                question.language,
                tenant=tenant,
                choices=typed,
                search=search,
                shelves=shown,
                newest=list_newest(shown, NEWEST),
                topics=list_topics(shelves),
                picture=self.find_picture,
            )
            return make_content(html, HTML)

        if search.text:  # there is no end to what can be asked for: none of it is kept
            return await self._searches.take(make)
        key = (template, tenant, language, question.language, search.topic, _make_key(shelves))
        return await self._contents.get(key, make)

    async def get_statement(self, kind: str, language: str, question: Question, tenant: str = "") -> Content:
        """Return the imprint, or what is said about privacy and accessibility; of the portal or of a town."""
        choose_nothing(question)
        tenants = tuple(self._directory.list_tenants().values())
        town = self._directory.list_tenants().get(tenant)
        if tenant and town is None:
            raise NotPublicError
        key = ("statement", kind, town, language, question.language, tenants)
        values = {"tenants": tenants, "tenant": town, "statement": getattr(town, kind) if town else {}}
        return await self._get(key, f"{kind}.html", language, question, **values)

    def find_picture(self, edition: Edition) -> str:
        """Return the address of a picture for a list: the first one of the page; empty where it has none."""
        publication = edition.publication
        digests = publication.variants.values()
        page = self._directory.find_page(next(iter(digests), ""))
        cover = page.find_cover() if page else None
        if cover is None:
            return ""
        return f"/{publication.tenant}/{publication.slug}/files/{cover.digest}.{cover.ending}"

    def list_embedding_origins(self, edition: Edition) -> tuple[str, ...]:
        """Return the web sites that may show a page in theirs: those it names, if its town allows them."""
        tenant = self._directory.list_tenants()[edition.publication.tenant]
        return tuple(origin for origin in edition.publication.embed_in if origin in tenant.embed_in)

    async def get_logo(self, tenant: PublicTenant, media_type: str) -> Content:
        """Return a tenant's mark; raise `NotPublicError` if it is gone."""

        def make() -> Content:
            return make_content(self._directory.read_logo(tenant.logo), media_type)

        try:
            return await self._contents.get(("logo", tenant.logo), make)
        except OSError:
            raise NotPublicError from None

    async def get_publication(
        self, edition: Edition, language: str, question: Question, is_embedded: bool = False
    ) -> Content:
        """Return a publication in the variant that is asked for, `is_embedded` without the portal's frame.

        Raises `ParameterError` for what it does not offer, `NotMadeError` where there is no page of it yet.
        """
        publication = edition.publication
        values = choose(publication, question.values)
        digest, page = self._find_variant(publication, values)
        tenant = self._directory.list_tenants()[publication.tenant]
        kind = "embedded" if is_embedded else "page"
        asked = (make_variant(values), language, question.language)
        # What may be asked for tomorrow is something else.
        key = (kind, edition.digest, digest, *asked, tenant, find_today())
        content = self._contents.find(key)
        if content is not None:
            return content
        render = functools.partial(
            self._make_publication,
            origins=self.list_embedding_origins(edition),
            template="embedded.html" if is_embedded else "publication.html",
        )
        make = render(publication, page, values, tenant, language, question.language)
        return await self._contents.get(key, make)

    async def get_preview(self, ticket: Ticket, language: str, question: Question) -> Content:
        """Return what the public would see; raise as `get_publication` does. It is not kept."""
        publication = ticket.publication
        values = choose(publication, question.values)
        _, page = self._find_variant(publication, values)
        unlisted = PublicTenant(publication.tenant, publication.tenant, (), "")
        tenant = self._directory.list_tenants().get(publication.tenant, unlisted)
        make = self._make_publication(
            publication, page, values, tenant, language, question.language, is_preview=True
        )
        return await asyncio.to_thread(make)

    def make_live(
        self, edition: Edition, language: str, asked: str, values: dict[str, str], seat: LiveSeat
    ) -> Content:
        """Return the page around an interactive view, or of the place in its queue. It is not kept."""
        return self._make_around(
            edition,
            "live.html",
            language,
            asked,
            choices=values,
            seat=seat,
        )

    def make_waiting(
        self, edition: Edition, language: str, question: Question, position: int, is_embedded: bool
    ) -> Content:
        """Return what is shown while a variant is being made. It is not kept."""
        return self._make_around(
            edition,
            "waiting.html",
            language,
            question.language,
            choices=choose(edition.publication, question.values),
            position=position,
            is_embedded=is_embedded,
        )

    def find_page(self, publication: Publication, question: Question) -> Page:
        """Return the page in the variant that is asked for; raise as `get_publication` does."""
        return self._find_variant(publication, choose(publication, question.values))[1]

    def make_variant(self, publication: Publication, question: Question) -> str:
        """Return the variant that is asked for; raise `ParameterError` for what the page does not offer."""
        return make_variant(choose(publication, question.values))

    def is_old(self, publication: Publication, question: Question) -> bool:
        """Return whether a variant that is shown was made before the page was last renewed."""
        variant = self.make_variant(publication, question)
        if variant in publication.variants:
            return False
        made = self._directory.find_made(publication, variant)
        return made is not None and made.updated_at != publication.updated_at

    def make_report(
        self, edition: Edition, language: str, asked: str, state: str, typed: dict[str, str]
    ) -> Content:
        """Return the form for reports with what was `typed`, or thanks. It is not kept."""
        return self._make_around(
            edition,
            "report.html",
            language,
            asked,
            state=state,
            typed=typed,
        )

    def _make_around(
        self, edition: Edition, template: str, language: str, asked: str, **values: Any
    ) -> Content:
        """Return a page that belongs to a publication and is made for one visitor."""
        publication = edition.publication
        tenant = self._directory.list_tenants()[publication.tenant]
        values = {"tenant": tenant, "publication": publication, **values}
        return make_content(self._layout.render(template, language, asked, **values), HTML)

    def get_error(self, kind: str, language: str, asked: str = "", edition: Edition | None = None) -> Content:
        """Return a page that says in plain words what is wrong; nothing that was sent stands on it."""
        key = ("error", kind, language, asked, edition.digest if edition else "")
        content = self._contents.find(key)
        if content is None:
            publication = edition.publication if edition else None
            html = self._layout.render("error.html", language, asked, kind=kind, publication=publication)
            content = make_content(html, HTML)
            self._contents.keep(key, content)
        return content

    def find_file(self, publication: Publication, digest: str, ending: str) -> PageFile | None:
        """Return the file of that address, if it belongs to one of a publication's pages."""
        for page in self._directory.list_pages(publication):
            for file in page.files:
                if file.digest == digest and file.name != BODY and file.name.endswith(f".{ending}"):
                    return file
        return None

    async def get_file(self, file: PageFile, media_type: str) -> Content:
        """Return a page's file, ready to be sent; raise `NotPublicError` if it is gone."""

        def make() -> Content:
            return make_content(self._directory.read_file(file.digest), media_type)

        try:
            return await self._contents.get(("file", file.digest, media_type), make)
        except OSError:
            raise NotPublicError from None

    def open_file(self, file: PageFile) -> BinaryIO:
        """Return a page's file, opened, for one that is too large to be kept; raise `NotPublicError`."""
        try:
            return self._directory.file_path(file.digest).open("rb")
        except OSError:
            raise NotPublicError from None

    def _find_variant(self, publication: Publication, values: dict[str, str]) -> tuple[str, Page]:
        variant = make_variant(values)
        digest = publication.variants.get(variant, "")
        made = None if digest else self._directory.find_made(publication, variant)
        digest = made.page if made else digest
        page = self._directory.find_page(digest)
        if page is None:
            raise NotMadeError
        return digest, page

    def _make_publication(
        self,
        publication: Publication,
        page: Page,
        values: dict[str, str],
        tenant: PublicTenant,
        language: str,
        asked: str,
        is_preview: bool = False,
        origins: tuple[str, ...] = (),
        template: str = "publication.html",
    ) -> Callable[[], Content]:
        is_ahead = make_variant(values) in publication.variants
        body = page.find(BODY)
        assert body is not None  # the directory shows no page without

        def make() -> Content:
            # The one place where something is inserted as it is: what the gatekeeper has seen.
            content = Markup(self._directory.read_file(body.digest).decode("utf-8", "replace"))  # noqa: S704
            html = self._layout.render(
                template,
                language,
                asked,
                tenant=tenant,
                publication=publication,
                page=page,
                choices=values,
                content=content,
                updated_at=publication.updated_at if is_ahead else page.made_at,
                has_widgets=page.find(STATE) is not None,
                is_preview=is_preview,
                origins=origins,
                picture="" if is_preview else self.find_picture(Edition(publication, "")),
            )
            return make_content(html, HTML)

        return make

    async def _get(
        self, key: Any, template: str, language: str, question: Question, **values: Any
    ) -> Content:
        def make() -> Content:
            return make_content(self._layout.render(template, language, question.language, **values), HTML)

        return await self._contents.get(key, make)


def choose_nothing(question: Question) -> None:
    """Raise `ParameterError` for whatever is asked of a page that offers no choice."""
    choose(_NOTHING, question.values)


_NOTHING = Publication("", "", 0, "", "", "", "", "", "", "", "", {})


def _make_key(shelves: tuple[Shelf, ...]) -> Any:
    return tuple((tenant, tuple(edition.digest for edition in editions)) for tenant, editions in shelves)
