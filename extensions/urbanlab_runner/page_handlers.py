"""Addresses of pages; who may call them is decided by the server's own login (a token of the hub)."""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError, authenticated

from urbanlab_runner.pages import PageRun, Pages, PageTask, TooManyPagesError
from urbanlab_runner.runs import RunError, check_parameters

MAX_BODY_BYTES = 8_000_000
MAX_SECONDS = 900.0
DEFAULT_SECONDS = 300.0
_CHUNK = 1_000_000
_FIELDS = {"notebook", "parameters", "title", "language", "licence", "source", "seconds"}


class _Handler(APIHandler):  # type: ignore[misc]
    def initialize(self, pages: Pages) -> None:
        """Take the pages."""
        self.pages = pages

    def find_page(self, page_id: str) -> PageRun:
        """Return the run or answer 404."""
        run = self.pages.find_page(page_id)
        if run is None:
            raise HTTPError(404, "there is no such page")
        return run


class PagesHandler(_Handler):
    """…/pages: begin one."""

    @authenticated
    async def post(self) -> None:
        """Begin a page."""
        if len(self.request.body) > MAX_BODY_BYTES:
            raise HTTPError(413, "the notebook is too large")
        try:
            run = self.pages.start_page(parse_page_task(self.get_json_body()))
        except RunError as error:
            raise HTTPError(400, str(error)) from error
        except TooManyPagesError:
            raise HTTPError(429, "too many pages are being made; try again in a moment") from None
        self.set_status(202)
        self.finish(json.dumps({"id": run.id}))


class PageHandler(_Handler):
    """…/pages/ID: how a page goes."""

    @authenticated
    async def get(self, page_id: str) -> None:
        """Show it."""
        self.finish(make_page_model(self.find_page(page_id)))

    @authenticated
    async def delete(self, page_id: str) -> None:
        """Forget it, and end it if it is still being made."""
        await self.pages.delete_page(self.find_page(page_id).id)
        self.set_status(204)
        self.finish()


class PageFileHandler(_Handler):
    """…/pages/ID/page: what was made."""

    @authenticated
    async def get(self, page_id: str) -> None:
        """Send the ZIP."""
        result = self.find_page(page_id).result
        if result is None:
            raise HTTPError(404, "this page has not been made")
        self.set_header("Content-Type", "application/zip")
        self.set_header("Content-Disposition", f'attachment; filename="{page_id}.zip"')
        place = 0
        # Each reader keeps its own place in the file, which may be closed meanwhile.
        while not result.closed:
            result.seek(place)
            if not (content := result.read(_CHUNK)):
                break
            place += len(content)
            self.write(content)
            await self.flush()
        self.finish()


def parse_page_task(body: Any) -> PageTask:
    """Return the task of a request; raise `RunError` where it is of another form."""
    if not isinstance(body, dict) or not set(body) <= _FIELDS:
        raise RunError(f"send an object with {', '.join(sorted(_FIELDS))}")
    seconds = body.get("seconds", DEFAULT_SECONDS)
    task = PageTask(
        notebook=_take(body, "notebook", dict, None),
        parameters=_take(body, "parameters", dict, {}),
        title=_take(body, "title", str, ""),
        language=_take(body, "language", str, "de"),
        licence=_take(body, "licence", str, ""),
        source=_take(body, "source", str, ""),
        seconds=float(_take(body, "seconds", int | float, DEFAULT_SECONDS)),
    )
    if not 0 < task.seconds <= MAX_SECONDS or isinstance(seconds, bool):
        raise RunError(f"`seconds` is a number up to {MAX_SECONDS:g}")
    check_parameters(task.parameters)
    return task


def _take(body: dict[str, Any], name: str, kind: Any, default: Any) -> Any:
    value = body.get(name, default)
    if not isinstance(value, kind):
        raise RunError(f"`{name}` is missing or of the wrong type")
    return value


def make_page_model(run: PageRun) -> dict[str, Any]:
    """Return a run as callers see it."""
    return {
        "id": run.id,
        "state": run.state,
        "error": run.error,
        "failed_cell": run.failed_cell,
        "needs": list(run.needs),
        "seconds": run.seconds,
    }
