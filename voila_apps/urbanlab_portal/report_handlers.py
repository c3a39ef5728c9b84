"""“Report a problem”: a form on each page, the only thing that this portal takes in."""

from __future__ import annotations

from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest
from tornado.web import stream_request_body

from urbanlab_portal import policies
from urbanlab_portal.base_handler import BaseHandler
from urbanlab_portal.directory import Edition
from urbanlab_portal.errors import ForeignFormError, FormError, NotPublicError, TooManyReportsError
from urbanlab_portal.pages import choose_nothing
from urbanlab_portal.parameters import make_query
from urbanlab_portal.reports import TRAP, parse_form

MAX_BODY_BYTES = 30_000  # the longest text, each letter as its bytes in hex
FORM = "application/x-www-form-urlencoded"


@stream_request_body
class ReportHandler(BaseHandler):
    """The form, and where it is sent to. The body is bounded here: elsewhere there is none."""

    kind = "report"
    SUPPORTED_METHODS = ("GET", "HEAD", "POST")  # type: ignore[assignment]

    def prepare(self) -> None:
        """Find the page; of a form, check whose it is before it is read."""
        super().prepare()
        self._body = bytearray()
        self.edition = self.portal.directory.find_edition(self.path_args[0], self.path_args[1])
        if self.edition is None or self.portal.dispatch is None:
            raise NotPublicError
        if self.request.method == "POST":
            check_own_form(self.request)
            assert self.request.connection is not None
            self.request.connection.set_max_body_size(MAX_BODY_BYTES)  # type: ignore[attr-defined]

    def data_received(self, chunk: bytes) -> None:
        """Take a part of the form; its length is bounded by the connection."""
        self._body += chunk

    async def get(self, *names: str) -> None:
        """Show the form, empty."""
        await self.show("form")

    async def post(self, *names: str) -> None:
        """Take what was typed, or show it again with what is wrong."""
        edition, dispatch = self.get_edition(), self.portal.dispatch
        assert dispatch is not None
        question = self.parse_question()
        choose_nothing(question)
        typed = parse_form(bytes(self._body))
        if not typed["text"]:
            self.set_status(400)
            await self.show("empty", typed)
            return
        if not typed[TRAP]:  # whoever fills that in is a program, and need not know that we know
            try:
                language = self.find_language(question.language)
                dispatch.reports.take(edition.publication, language, typed["text"], typed["answer_to"])
            except (TooManyReportsError, OSError):
                self.set_status(503)
                await self.show("many", typed)
                return
            dispatch.hurry()
        # Somewhere else, so that looking at the answer again does not send it again.
        self.set_header("Cache-Control", policies.NEVER)
        self.redirect(f"{self.request.path}thanks/{make_query({}, question.language)}", status=303)

    async def show(self, state: str, typed: dict[str, str] | None = None) -> None:
        """Send the form's page."""
        question = self.parse_question()
        choose_nothing(question)
        language = self.find_language(question.language)
        content = self.portal.pages.make_report(
            self.get_edition(), language, question.language, state, typed or {}
        )
        await self.send_page(content, {**policies.PAGE, "X-Robots-Tag": "noindex"}, policies.NEVER)

    def get_edition(self) -> Edition:
        """Return the page that the report is about."""
        assert self.edition is not None  # see prepare
        return self.edition


class ThanksHandler(ReportHandler):
    """Where the form leads to."""

    SUPPORTED_METHODS = ("GET", "HEAD")  # type: ignore[assignment]

    async def get(self, *names: str) -> None:
        """Say thanks."""
        await self.show("thanks")


def check_own_form(request: HTTPServerRequest) -> None:
    """Raise `ForeignFormError` for what another web site sends, `FormError` for what is no form."""
    site, origin = request.headers.get("Sec-Fetch-Site", ""), request.headers.get("Origin", "")
    if site:
        is_own = site in {"same-origin", "none"}
    else:  # older browsers; ours say "null", because our pages tell nobody where somebody comes from
        is_own = origin in {"", "null"} or urlsplit(origin).netloc == request.host
    if not is_own:
        raise ForeignFormError
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != FORM:
        raise FormError("another media type")
