"""Asks the publisher for variants that nobody has asked for before: once for all who wait, and never for long."""

from __future__ import annotations

import asyncio
import json
import time

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from urbanlab.contract.publications import Publication
from urbanlab.contract.secrets import Secret
from urbanlab.contract.variants import FAILED, Progress, decode_progress
from urbanlab_portal.errors import VariantError

SECONDS = 5.0
FRESH_SECONDS = 1.0  # how long an answer is good for all who ask
RENEW_SECONDS = 20.0  # how often it is asked for a page that is old
MAX_CLIENTS = 8
MAX_ASKING = 64  # who comes on top of these is told to come back
MAX_KNOWN = 1000


class Variants:
    """A pool of connections of its own, so that no other visitor waits for it."""

    def __init__(self, publisher_url: str, secret: Secret) -> None:
        self._url, self._secret = f"{publisher_url.rstrip('/')}/portal/variants", secret
        self._client: AsyncHTTPClient | None = None
        self._asking: dict[tuple[str, str, str], asyncio.Task[Progress]] = {}
        self._known: dict[tuple[str, str, str], tuple[float, Progress]] = {}

    async def ask(self, publication: Publication, variant: str) -> Progress:
        """Return how it goes; raise `VariantError` where it has failed, too many wait, or nobody answers."""
        key = (publication.tenant, publication.slug, variant)
        known = self._known.get(key)
        if known is None or time.monotonic() - known[0] > FRESH_SECONDS:
            progress = await asyncio.shield(self._begin(key))
        else:
            progress = known[1]
        if progress.state == FAILED:
            raise VariantError("variant-failed")
        return progress

    def renew(self, publication: Publication, variant: str) -> None:
        """Have an old page made anew, while it is shown."""
        key = (publication.tenant, publication.slug, variant)
        known = self._known.get(key)
        is_asked = known is not None and time.monotonic() - known[0] < RENEW_SECONDS
        if not is_asked and len(self._asking) < MAX_ASKING:
            self._begin(key).add_done_callback(lambda done: done.exception())  # the old page is there

    def _begin(self, key: tuple[str, str, str]) -> asyncio.Task[Progress]:
        task = self._asking.get(key)
        if task is None:
            if len(self._asking) >= MAX_ASKING:
                raise VariantError("variant-busy")
            task = self._asking[key] = asyncio.create_task(self._ask(key))
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return task

    async def _ask(self, key: tuple[str, str, str]) -> Progress:
        request = HTTPRequest(
            self._url,
            method="POST",
            body=json.dumps(dict(zip(("tenant", "slug", "variant"), key, strict=True))),
            headers={"Authorization": f"Bearer {self._secret.reveal()}"},
            connect_timeout=SECONDS,
            request_timeout=SECONDS,
            follow_redirects=False,
        )
        if self._client is None:  # it belongs to the loop that runs
            self._client = SimpleAsyncHTTPClient(
                force_instance=True, max_clients=MAX_CLIENTS, max_body_size=100_000
            )
        try:
            answer = await self._client.fetch(request, raise_error=False)
            if answer.code != 200:
                raise VariantError("variant-busy" if answer.code == 429 else "variant-away")
            progress = decode_progress(answer.body)
        except (HTTPClientError, OSError, ValueError, TypeError):
            raise VariantError("variant-away") from None
        self._known.pop(key, None)
        self._known[key] = (time.monotonic(), progress)
        while len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]
        return progress
