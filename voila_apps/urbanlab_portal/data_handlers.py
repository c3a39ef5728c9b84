"""The data behind a page, from its own snapshot: to be saved, never to be opened as a page."""

from __future__ import annotations

import json

from urbanlab.contract.page_data import PageData, make_file_name
from urbanlab.contract.publications import FILE_TYPES, Page
from urbanlab.contract.variants import MADE
from urbanlab_portal import policies
from urbanlab_portal.base_handler import LARGE_BYTES
from urbanlab_portal.compression import make_content
from urbanlab_portal.csv_words import MEDIA_TYPE, make_csv_words
from urbanlab_portal.directory import Edition
from urbanlab_portal.errors import NotMadeError, NotPublicError
from urbanlab_portal.licences import make_licence
from urbanlab_portal.page_handlers import PublicationHandler
from urbanlab_portal.parameters import Question, make_query


class DataHandler(PublicationHandler):
    """A table of a page as a file, in the variant that the address asks for."""

    kind = "data"

    async def get(self, *names: str) -> None:
        """Send it, or a page that waits for it."""
        tenant, slug, name, form = names
        edition, question = self.find_edition(tenant, slug), self.parse_question()
        page = await self.find_page(edition, question)
        if page is None:
            return
        file = page.find(make_file_name(name, form)) if _find_data(page, name) else None
        if file is None:
            raise NotPublicError
        headers = {
            **policies.FILE,
            "Content-Disposition": f'attachment; filename="{slug}-{name}.{form}"',
            "Link": ", ".join(_list_links(edition, question, name, form)),
        }
        media_type = FILE_TYPES[form]
        if file.size > LARGE_BYTES:
            with self.portal.pages.open_file(file) as large:
                typed = {**headers, "Content-Type": media_type}
                await self.send_large(large, file, typed, policies.ASK_AGAIN)
        else:
            content = await self.portal.pages.get_file(file, media_type)
            await self.send(content, headers, policies.ASK_AGAIN)
        self.count("download")

    def find_edition(self, tenant: str, slug: str) -> Edition:
        """Return what is public there; raise `NotPublicError` where nothing is."""
        self.edition = self.portal.directory.find_edition(tenant, slug)
        if self.edition is None:
            raise NotPublicError
        return self.edition

    async def find_page(self, edition: Edition, question: Question) -> Page | None:
        """Return the page of the variant, or send one that waits for it and return None."""
        pages = self.portal.pages
        try:
            return pages.find_page(edition.publication, question)
        except NotMadeError:
            progress = await self.ask_for(edition.publication, question)
        if progress.state == MADE:
            return pages.find_page(edition.publication, question)
        await self.wait(edition, question, progress.position, policies.PAGE, is_embedded=False)
        return None


class DataWordsHandler(DataHandler):
    """What the columns of a table mean, for programs: the metadata of its CSV file."""

    async def get(self, *names: str) -> None:
        """Send them."""
        tenant, slug, name = names
        edition, question = self.find_edition(tenant, slug), self.parse_question()
        page = await self.find_page(edition, question)
        if page is None:
            return
        data = _find_data(page, name)
        if data is None:
            raise NotPublicError
        town = self.portal.directory.list_tenants()[tenant]
        address = f"{name}.csv{make_query(question.values, '')}"
        words = make_csv_words(data, page, edition.publication, town, address)
        body = json.dumps(words, ensure_ascii=False, indent=1).encode()
        await self.send(make_content(body, MEDIA_TYPE), policies.FILE, policies.ASK_AGAIN)


def _find_data(page: Page, name: str) -> PageData | None:
    return next((each for each in page.data if each.name == name), None)


def _list_links(edition: Edition, question: Question, name: str, form: str) -> list[str]:
    licence = make_licence(edition.publication.licence).url
    links = [f'<{licence}>; rel="license"'] if licence else []
    if form == "csv":
        address = f"{name}.csv-metadata.json{make_query(question.values, '')}"
        links.append(f'<{address}>; rel="describedby"; type="{MEDIA_TYPE}"')
    return links
