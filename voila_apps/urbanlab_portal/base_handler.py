"""What all addresses share: contents, in the form that the visitor can read, and every error as a page."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

from urbanlab.contract.publications import PageFile
from urbanlab_portal import metrics, policies
from urbanlab_portal.compression import Content, Contents
from urbanlab_portal.counts import ReaderCounts
from urbanlab_portal.directory import Directory, Edition
from urbanlab_portal.dispatch import Dispatch
from urbanlab_portal.errors import NotPublicError, PortalError
from urbanlab_portal.homes import Homes
from urbanlab_portal.languages import LANGUAGES, choose_language
from urbanlab_portal.pages import Pages
from urbanlab_portal.parameters import Question, parse_query
from urbanlab_portal.parts import find_part
from urbanlab_portal.previews import Previews
from urbanlab_portal.statics import Statics
from urbanlab_portal.variants import Variants

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
    homes: Homes
    counts: ReaderCounts
    dispatch: Dispatch | None = None  # where there is a publisher to tell about readers
    variants: Variants | None = None  # and to make what nobody has asked for before


class BaseHandler(RequestHandler):
    """Answers contents, and every error as a page, in this one place."""

    kind: ClassVar[str] = "other"
    SUPPORTED_METHODS = ("GET", "HEAD")

    def initialize(self, portal: Portal) -> None:
        """Take what all handlers share."""
        self.portal = portal
        self.edition: Edition | None = None  # what the visitor asks for, for pages that say what is wrong
        self.town = ""  # whose host name the visitor used

    def prepare(self) -> None:
        """Show nothing of other towns at a town's own host name."""
        self.town = self.portal.homes.find_town(self.request.host_name)
        first = self.request.path.removeprefix("/").partition("/")[0]
        if self.town not in ("", first) and first in self.portal.directory.list_tenants():
            raise NotPublicError
        if self.portal.homes.is_encrypted:
            self.set_header("Strict-Transport-Security", policies.ENCRYPTED)

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

    def count(self, kind: str) -> None:
        """Count what a person has asked for: no look at the headers, no browser ahead of its user, no program."""
        if self.edition is None or self.portal.dispatch is None or self.request.method != "GET":
            return
        headers = self.request.headers
        if self.is_ahead() or _PROGRAM.search(headers.get("User-Agent", "")[:500]):
            return
        publication = self.edition.publication
        tenant = self.portal.directory.list_tenants()[publication.tenant]
        self.portal.counts.note(tenant, publication.slug, kind)

    def is_ahead(self) -> bool:
        """Return whether a browser asks for what its user may want next."""
        headers = self.request.headers
        return headers.get("Sec-Purpose", headers.get("Purpose", "")).startswith("prefetch")

    def is_look(self) -> bool:
        """Return whether nobody reads the answer: a look at the headers, or a browser ahead of its user."""
        return self.request.method == "HEAD" or self.is_ahead()

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
        """Send a file, or the part that is asked for, from the disk as it is.

        Packing it for each visitor would be work that anybody can cause.
        """
        etag = f'"{file.digest[:32]}"'
        self._set_headers({**headers, "Cache-Control": cache, "ETag": etag, "Accept-Ranges": "bytes"})
        if self.check_etag_header():
            self.set_status(304)
            return
        asked = self.request.headers
        part = range(file.size)
        if self.request.method == "GET" and asked.get("If-Range", etag) == etag:
            part = find_part(asked.get("Range", ""), file.size)
        if len(part) < file.size:
            self.set_status(206)
            self.set_header("Content-Range", f"bytes {part.start}-{part.stop - 1}/{file.size}")
        self.set_header("Content-Length", str(len(part)))
        if self.request.method != "HEAD":
            content.seek(part.start)
            starts = range(part.start, part.stop, PIECE_BYTES)
            await self._send_pieces(content.read(min(PIECE_BYTES, part.stop - start)) for start in starts)

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


# What says of itself that nobody reads what it fetches.
_PROGRAM = re.compile("bot|crawl|spider|monitor|preview", re.IGNORECASE)

# Errors that are tornado's own.
_KINDS = {400: "address", 404: "absent", 405: "method"}


def _accepts_gzip(header: str) -> bool:
    for part in header[:500].lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in {"gzip", "*"}:
            return not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight)
    return False
