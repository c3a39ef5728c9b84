"""The portal's addresses: HTTP and nothing else."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

from urbanlab.contract.publications import FILE_TYPES, PageFile, Publication
from urbanlab_portal import metrics, policies
from urbanlab_portal.compression import Content, Contents, make_content
from urbanlab_portal.directory import Directory, Edition
from urbanlab_portal.errors import NotPublicError, PortalError, PrefetchError
from urbanlab_portal.languages import LANGUAGES, choose_language
from urbanlab_portal.pages import Pages
from urbanlab_portal.parameters import Question, parse_query
from urbanlab_portal.previews import Previews
from urbanlab_portal.statics import Statics, make_cache_control

logger = logging.getLogger(__name__)

LARGE_BYTES = 4_000_000  # what is larger is not kept in memory
PIECE_BYTES = 65536  # what a slow reader makes us hold
PIECE_SECONDS = 20  # within which it must have taken a piece


@dataclass(frozen=True)
class Portal:
    """What the handlers ask."""

    directory: Directory
    contents: Contents
    pages: Pages
    previews: Previews
    statics: Statics


class BaseHandler(RequestHandler):
    """Answers contents, and every error as a page, in this one place."""

    kind: ClassVar[str] = "other"
    SUPPORTED_METHODS = ("GET", "HEAD")

    def initialize(self, portal: Portal) -> None:
        """Take what all handlers share."""
        self.portal = portal
        self.edition: Edition | None = None  # what the visitor asks for, for pages that say what is wrong

    def set_default_headers(self) -> None:
        """Say what holds for every answer, and nothing about the program that gives it."""
        self.clear_header("Server")
        for name, value in policies.COMMON.items():
            self.set_header(name, value)

    async def head(self, *names: str) -> None:
        """Answer as `get` does; tornado keeps the content back."""
        await self.get(*names)

    async def get(self, *names: str) -> None:
        """Answer; whoever has no answer of its own has none."""
        raise NotPublicError

    def parse_question(self) -> Question:
        """Return what the address asks for; raise `ParameterError`."""
        return parse_query(self.request.query)

    def find_language(self, asked: str = "") -> str:
        """Return the language to answer in."""
        return choose_language(asked, self.request.headers.get("Accept-Language", ""))

    async def send_page(
        self,
        content: Content,
        headers: Mapping[str, str] = policies.PAGE,
        cache: str = policies.ASK_AGAIN,
    ) -> None:
        """Send a page in the language of the visitor."""
        await self.send(content, headers, cache, "Accept-Encoding, Accept-Language")

    async def send(
        self, content: Content, headers: Mapping[str, str], cache: str, varies: str = "Accept-Encoding"
    ) -> None:
        """Send a content in the form that the visitor can read, or nothing where it is known already."""
        body = self._start(content, {**headers, "Vary": varies}, cache)
        if cache != policies.NEVER:
            self.set_header("ETag", f'"{content.digest}{"" if body is content.body else "-gzip"}"')
            if self.check_etag_header():
                self.set_status(304)
                return
        self.set_header("Content-Length", str(len(body)))
        if self.request.method != "HEAD":
            await self._send_body(body)

    def _start(self, content: Content, headers: Mapping[str, str], cache: str) -> bytes:
        """Set the headers of a content and return its bytes, packed if that is understood."""
        self._set_headers({**headers, "Content-Type": content.media_type, "Cache-Control": cache})
        if content.packed and _accepts_gzip(self.request.headers.get("Accept-Encoding", "")):
            self.set_header("Content-Encoding", "gzip")
            return content.packed
        return content.body

    async def send_large(
        self, content: BinaryIO, file: PageFile, headers: Mapping[str, str], cache: str
    ) -> None:
        """Send a file from the disk as it is: packing it for each visitor would be work that anybody can cause."""
        self._set_headers({**headers, "Cache-Control": cache, "ETag": f'"{file.digest[:32]}"'})
        if self.check_etag_header():
            self.set_status(304)
            return
        self.set_header("Content-Length", str(file.size))
        if self.request.method != "HEAD":
            await self._send_pieces(iter(lambda: content.read(PIECE_BYTES), b""))

    async def _send_body(self, body: bytes) -> None:
        if len(body) <= PIECE_BYTES:
            self.write(body)
        else:
            starts = range(0, len(body), PIECE_BYTES)
            await self._send_pieces(body[start : start + PIECE_BYTES] for start in starts)

    async def _send_pieces(self, pieces: Iterable[bytes]) -> None:
        """Send piece by piece, each when the one before has been taken."""
        try:
            for piece in pieces:
                self.write(piece)
                await asyncio.wait_for(self.flush(), PIECE_SECONDS)
        except TimeoutError:
            self.detach().close()  # whoever takes so long has gone, or wants to fill our memory

    def _set_headers(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            self.set_header(name, value)

    def compute_etag(self) -> str | None:
        """Leave it to `send`, which knows better than to look at all bytes."""
        return None

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Let a `PortalError` choose its status."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        super().send_error(error.status if isinstance(error, PortalError) else status_code, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write a page that says what is wrong."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        kind = error.kind if isinstance(error, PortalError) else _KINDS.get(status_code, "broken")
        asked = self.request.arguments.get("lang", [b""])[0].decode("ascii", "replace")
        asked = asked if asked in LANGUAGES else ""
        content = self.portal.pages.get_error(kind, self.find_language(asked), asked, self.edition)
        if status_code == 405:
            self.set_header("Allow", ", ".join(self.SUPPORTED_METHODS))
        self.write(self._start(content, policies.PAGE, policies.NEVER))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Keep tracebacks for what nobody expected."""
        if not isinstance(value, HTTPError | PortalError | StreamClosedError):
            logger.error("request failed", extra={"kind": self.kind}, exc_info=(typ, value, tb))

    def on_finish(self) -> None:
        """Count."""
        metrics.REQUESTS.labels(self.kind, f"{self.get_status() // 100}xx").inc()
        metrics.SECONDS.labels(self.kind).observe(self.request.request_time())


# Errors that are tornado's own.
_KINDS = {400: "address", 404: "absent", 405: "method"}


def _accepts_gzip(header: str) -> bool:
    for part in header[:500].lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in {"gzip", "*"}:
            return not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight)
    return False


class StartHandler(BaseHandler):
    """All tenants and what they have published."""

    kind = "start"

    async def get(self, *names: str) -> None:
        """Show them."""
        question = self.parse_question()
        language = self.find_language(question.language)
        await self.send_page(await self.portal.pages.get_start(language, question))


class StatementHandler(BaseHandler):
    """Imprint, privacy, accessibility."""

    kind = "statement"

    async def get(self, *names: str) -> None:
        """Show one."""
        question = self.parse_question()
        language = self.find_language(question.language)
        await self.send_page(await self.portal.pages.get_statement(names[0], language, question))


class TenantHandler(BaseHandler):
    """What one tenant has published."""

    kind = "tenant"

    async def get(self, *names: str) -> None:
        """Show it."""
        question = self.parse_question()
        language = self.find_language(question.language)
        await self.send_page(await self.portal.pages.get_tenant(names[0], language, question))


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


class PublicationFileHandler(BaseHandler):
    """A file of a page that is public now."""

    kind = "file"

    async def get(self, *names: str) -> None:
        """Send it, to be kept for ever: its name says what is in it."""
        tenant, slug, digest, ending = names
        edition = self.portal.directory.find_edition(tenant, slug)
        if edition is None:
            raise NotPublicError
        await self.send_file(edition.publication, digest, ending)

    async def send_file(
        self, publication: Publication, digest: str, ending: str, is_preview: bool = False
    ) -> None:
        """Send a file if it belongs to the publication."""
        file = self.portal.pages.find_file(publication, digest, ending)
        if file is None:
            raise NotPublicError
        media_type = FILE_TYPES[ending]
        headers = policies.make_file_policy(media_type, is_preview)
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


class StaticHandler(BaseHandler):
    """Style, widgets' bundle, files of maps."""

    kind = "static"

    async def get(self, *names: str) -> None:
        """Send one of the files that were there when the portal started."""
        static = self.portal.statics.find(names[0])
        if static is None:
            raise NotPublicError
        content = await self.portal.contents.get(
            ("static", names[0]), lambda: make_content(static.path.read_bytes(), static.media_type)
        )
        version = self.request.query.removeprefix("v=")
        await self.send(content, policies.FILE, make_cache_control(static, version))


class SlashHandler(BaseHandler):
    """An address without its last slash."""

    async def get(self, *names: str) -> None:
        """Lead to the one that has it, whether there is something or not."""
        self.set_header("Cache-Control", policies.A_DAY)
        query = f"?{self.request.query}" if self.request.query else ""
        self.redirect(f"/{'/'.join(names)}/{query}", status=308)


class RobotsHandler(BaseHandler):
    """What search engines may read."""

    async def get(self, *names: str) -> None:
        """Say so."""
        body = b"User-agent: *\nDisallow: /preview/\nDisallow: /*/live/\n"
        await self.send(make_content(body, "text/plain; charset=utf-8"), policies.FILE, policies.A_DAY)


class LivezHandler(BaseHandler):
    """The process lives."""

    async def get(self, *names: str) -> None:
        """Say so."""
        self.set_header("Cache-Control", policies.NEVER)
        self.write({"status": "alive"})


class ReadyzHandler(BaseHandler):
    """Whether the portal can show what is public."""

    async def get(self, *names: str) -> None:
        """Answer 200, or 503 and what is missing."""
        self.set_header("Cache-Control", policies.NEVER)
        if self.portal.directory.is_readable():
            self.write({"status": "ready"})
        else:
            self.set_status(503)
            missing = {"public": "the folder of what is public cannot be read"}
            self.write({"status": "not ready", "missing": missing})


class MetricsHandler(BaseHandler):
    """The metrics of this process for Prometheus."""

    async def get(self, *names: str) -> None:
        """Write them in Prometheus' text format."""
        metrics.KEPT_BYTES.set(self.portal.contents.size)
        self.set_header("Cache-Control", policies.NEVER)
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.write(generate_latest())
