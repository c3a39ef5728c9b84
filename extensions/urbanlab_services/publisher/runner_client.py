"""The runner server of a tenant's publications: started through the hub, handed a notebook, asked for the page."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from urbanlab.contract.naming import make_service_user
from urbanlab.contract.secrets import Secret
from urbanlab_services.publisher.pages import MAX_ZIP_BYTES
from urbanlab_services.publisher.publications import Failure

logger = logging.getLogger(__name__)

START_SECONDS = 120.0
PAGE_SECONDS = 300
GRACE_SECONDS = 60.0  # beyond the page's time, for rendering and waiting for a turn
REQUEST_SECONDS = 15.0
TRANSFER_SECONDS = 60.0
MAX_ANSWER_BYTES = 1_000_000
_RUNNER_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NEED = re.compile(r"[a-z][a-z0-9_]{0,80}(\.[a-z][a-z0-9_]{0,80})?")


class RunnerGoneError(Exception):
    """The runner does not answer, or not as a runner does; trying again may help."""


class PageFailedError(Exception):
    """The notebook gave no page; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True)
class Task:
    """What the runner is asked for: a notebook executed with these values, as a page."""

    notebook: dict[str, Any]
    parameters: dict[str, Any]
    language: str
    title: str
    licence: str = ""
    source: str = ""

    def to_body(self) -> bytes:
        """Return the request."""
        body = {
            "notebook": self.notebook,
            "parameters": self.parameters,
            "language": self.language,
            "title": self.title,
            "licence": self.licence,
            "source": self.source,
            "seconds": PAGE_SECONDS,
        }
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")


class RunnerClient:
    """Talks to the hub and to the runner servers with the service's token; follows no redirect with it."""

    def __init__(self, hub_api_url: str, hub_url: str, token: Secret) -> None:
        self._hub_api_url, self._hub_url, self._token = hub_api_url, hub_url, token

    async def make_page(self, tenant: str, task: Task) -> bytes:
        """Return the page as the runner packed it; raise `PageFailedError` or `RunnerGoneError`."""
        base = await self._start(tenant)
        page_id = await self._begin(base, task)
        try:
            await self._wait(base, page_id)
            page = await self._fetch("GET", f"{base}pages/{page_id}/page", limit=MAX_ZIP_BYTES)
            if page.code != 200:
                raise RunnerGoneError(f"the runner answered {page.code}")
            return page.body
        finally:
            with suppress(RunnerGoneError):
                await self._fetch("DELETE", f"{base}pages/{page_id}")

    async def _start(self, tenant: str) -> str:
        """Return the runner's address once its server is ready; start it where it does not run."""
        user = f"{self._hub_api_url}/users/{quote(make_service_user('publications', tenant), safe='@')}"
        deadline = time.monotonic() + START_SECONDS
        asked = False
        while time.monotonic() < deadline:
            server = await self._find_server(user)
            if server and server.get("ready"):
                # The hub says the path; it is reached through the proxy, where everybody reaches it.
                return urljoin(self._hub_url + "/", str(server["url"])).rstrip("/") + "/urbanlab/runner/"
            if server is None and asked:
                raise RunnerGoneError("the runner's server did not start")
            if server is None:
                answer = await self._fetch("POST", f"{user}/server", b"{}")
                if answer.code not in {201, 202, 400}:  # 400: somebody else has just asked
                    raise RunnerGoneError(f"the hub answered {answer.code} when asked to start a runner")
                asked = answer.code != 400
            await asyncio.sleep(0.25)
        raise RunnerGoneError("the runner was not ready in time")

    async def _find_server(self, user: str) -> dict[str, Any] | None:
        answer = await self._fetch("GET", user)
        if answer.code != 200:
            raise RunnerGoneError(f"the hub answered {answer.code} when asked for a runner")
        servers = _to_object(answer).get("servers") or {}
        return servers.get("")

    async def _begin(self, base: str, task: Task) -> str:
        answer = await self._fetch("POST", f"{base}pages", task.to_body())
        model = _to_object(answer)
        if answer.code in {400, 413, 422}:
            raise PageFailedError(Failure(_to_sentence(model.get("message")) or "The runner refused it."))
        page_id = str(model.get("id", ""))
        if answer.code != 202 or not _RUNNER_ID.fullmatch(page_id):
            raise RunnerGoneError(f"the runner answered {answer.code}")
        return page_id

    async def _wait(self, base: str, page_id: str) -> None:
        deadline = time.monotonic() + PAGE_SECONDS + GRACE_SECONDS
        pause = 0.1
        while time.monotonic() < deadline:
            answer = await self._fetch("GET", f"{base}pages/{page_id}")
            if answer.code != 200:
                raise RunnerGoneError(f"the runner answered {answer.code}")
            model = _to_object(answer)
            if model.get("state") == "succeeded":
                return
            if model.get("state") != "running":
                raise PageFailedError(read_failure(model))
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 1.3)
        raise PageFailedError(Failure(f"The notebook was still running after {PAGE_SECONDS} seconds."))

    async def _fetch(
        self, method: str, url: str, body: bytes | None = None, limit: int = MAX_ANSWER_BYTES
    ) -> HTTPResponse:
        seconds = TRANSFER_SECONDS if limit > MAX_ANSWER_BYTES or body else REQUEST_SECONDS
        request = HTTPRequest(
            url,
            method=method,
            body=body,
            headers={"Authorization": f"token {self._token.reveal()}", "Content-Type": "application/json"},
            connect_timeout=REQUEST_SECONDS,
            request_timeout=seconds,
            follow_redirects=False,
            allow_nonstandard_methods=True,
        )
        # A client of its own for each request: its limit is on what comes in, whatever the header says.
        client: AsyncHTTPClient = SimpleAsyncHTTPClient(
            force_instance=True, max_body_size=limit, max_buffer_size=limit + 1_000_000
        )
        try:
            return await client.fetch(request, raise_error=False)
        except (HTTPClientError, OSError, ValueError) as error:
            raise RunnerGoneError(f"no answer ({type(error).__name__})") from None
        finally:
            client.close()


def read_failure(model: dict[str, Any]) -> Failure:
    """Return what the runner says about a notebook that gave no page, cut to what may be shown."""
    cell, needs = model.get("failed_cell"), model.get("needs")
    is_number = isinstance(cell, int) and not isinstance(cell, bool) and 0 < cell < 10_000
    listed = needs if isinstance(needs, list) else []
    names = [name for name in listed if isinstance(name, str) and _NEED.fullmatch(name)]
    return Failure(
        message=_to_sentence(model.get("error")) or "The notebook gave no page.",
        failed_cell=cell if is_number else None,
        needs=tuple(dict.fromkeys(names))[:20],
    )


def _to_object(answer: HTTPResponse) -> dict[str, Any]:
    try:
        model = json.loads(answer.body or b"{}")
    except (ValueError, RecursionError):
        model = None
    if not isinstance(model, dict):
        raise RunnerGoneError("the answer was no JSON object")
    return model


def _to_sentence(value: object) -> str:
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return "".join(letter for letter in text if letter.isprintable())[:500]
