"""Asks the publisher for seats and the runner for pages: little at a time, and never for long."""

from __future__ import annotations

import asyncio
import json

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from urbanlab.contract.live import LiveSeat, decode_seat
from urbanlab.contract.secrets import Secret
from urbanlab_portal.live.errors import BusyError, EndedError

SECONDS = 5.0
PAGE_SECONDS = 20.0
MAX_CLIENTS = 16  # in use at a time, for all visitors
MAX_WAITING = 64  # who comes on top of these is told to come back
MAX_PAGE_BYTES = 20_000_000


class LiveClient:
    """A pool of connections of its own, so that no other visitor waits for it."""

    def __init__(self, publisher_url: str, secret: Secret) -> None:
        self._url, self._secret = f"{publisher_url.rstrip('/')}/api/live/seats", secret
        self._turn, self._waiting = asyncio.Semaphore(MAX_CLIENTS), 0
        self._client: AsyncHTTPClient | None = None

    async def take(self, tenant: str, slug: str, variant: str) -> LiveSeat:
        """Return a new seat; raise `BusyError` where none is free, `EndedError` where there is no such view."""
        body = json.dumps({"tenant": tenant, "slug": slug, "variant": variant})
        return self._read(await self._ask_publisher("POST", "", body))

    async def get(self, seat_id: str) -> LiveSeat:
        """Return a seat; raise `EndedError` for one that is gone, `BusyError` where nobody answers."""
        return self._read(await self._ask_publisher("GET", f"/{seat_id}"))

    async def release(self, seat_id: str) -> None:
        """Give a seat up; raise `BusyError` where nobody answers."""
        await self._ask_publisher("DELETE", f"/{seat_id}")

    async def open_page(self, seat: LiveSeat, page: str) -> bytes:
        """Return a session's page, which spends the ticket; raise `EndedError` or `BusyError`."""
        request = HTTPRequest(
            f"{seat.runner}live/open/{seat.ticket}?page={page}",
            request_timeout=PAGE_SECONDS,
            follow_redirects=False,
        )
        answer = await self.fetch(request)
        if answer.code != 200:
            raise EndedError("spent" if answer.code == 410 else "gone")
        return answer.body

    async def _ask_publisher(self, method: str, path: str, body: str | None = None) -> HTTPResponse:
        request = HTTPRequest(
            self._url + path,
            method=method,
            body=body,
            headers={"Authorization": f"Bearer {self._secret.reveal()}"},
            connect_timeout=SECONDS,
            request_timeout=SECONDS,
            follow_redirects=False,
        )
        return await self.fetch(request)

    async def fetch(self, request: HTTPRequest) -> HTTPResponse:
        """Return an answer, whatever its status; raise `BusyError` where there is none."""
        if self._waiting >= MAX_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            async with self._turn:
                return await self._get_client().fetch(request, raise_error=False)
        except (HTTPClientError, OSError, ValueError):
            raise BusyError from None
        finally:
            self._waiting -= 1

    def _get_client(self) -> AsyncHTTPClient:
        if self._client is None:  # it belongs to the loop that runs, of which there is none before
            self._client = SimpleAsyncHTTPClient(
                force_instance=True, max_clients=MAX_CLIENTS, max_body_size=MAX_PAGE_BYTES
            )
        return self._client

    def _read(self, answer: HTTPResponse) -> LiveSeat:
        if answer.code == 404:
            raise EndedError("ended")
        if answer.code == 429:
            raise BusyError("full")
        try:
            if answer.code in {200, 201}:
                return decode_seat(answer.body)
        except (ValueError, TypeError):
            pass
        raise BusyError
