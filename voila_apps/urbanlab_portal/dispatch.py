"""Carries numbers and reports of readers to the publisher; what it does not take is kept and carried again."""

from __future__ import annotations

import asyncio
import logging
import time

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from urbanlab.contract.readers import Counts, Report, encode
from urbanlab.contract.secrets import Secret
from urbanlab_portal.counts import ReaderCounts
from urbanlab_portal.reports import Reports

logger = logging.getLogger(__name__)

SAVE_SECONDS, SEND_SECONDS = 5.0, 60.0
REQUEST_SECONDS = 10.0


class Dispatch:
    """Numbers go once a minute, reports as soon as they are there."""

    def __init__(self, publisher_url: str, secret: Secret, counts: ReaderCounts, reports: Reports) -> None:
        self._url, self._secret = f"{publisher_url.rstrip('/')}/portal", secret
        self.reports, self._counts = reports, counts
        self._hurry = asyncio.Event()
        self._is_away = False

    def hurry(self) -> None:
        """Send now: something has come in."""
        self._hurry.set()

    async def run(self) -> None:
        """Send until this is cancelled."""
        sent_at = float("-inf")
        while True:
            try:
                if self._hurry.is_set() or time.monotonic() - sent_at >= SEND_SECONDS:
                    self._hurry.clear()
                    sent_at = time.monotonic()
                    await self.send()
                await self._counts.save()
            except OSError as error:  # a full disk: pages are shown all the same
                logger.warning("numbers could not be kept", extra={"reason": error.strerror})
            try:
                await asyncio.wait_for(self._hurry.wait(), SAVE_SECONDS)
            except TimeoutError:
                continue

    async def send(self) -> None:
        """Send all that there is, until something is not taken."""
        for report in self.reports.list_kept():
            if not await self._post("reports", report):
                return
            self.reports.settle(report)
        while (sealed := self._counts.seal()) is not None:
            await self._counts.save()  # before it is sent, so that it is never counted twice
            if not await self._post("counts", sealed):
                return
            self._counts.settle()

    async def _post(self, name: str, record: Counts | Report) -> bool:
        """Return whether a record is done with: taken, or of no use."""
        request = HTTPRequest(
            f"{self._url}/{name}",
            method="POST",
            body=encode(record),
            headers={"Authorization": f"Bearer {self._secret.reveal()}", "Content-Type": "application/json"},
            connect_timeout=REQUEST_SECONDS,
            request_timeout=REQUEST_SECONDS,
            follow_redirects=False,
        )
        client = SimpleAsyncHTTPClient(force_instance=True, max_body_size=100_000)
        try:
            code = (await client.fetch(request, raise_error=False)).code
        except (HTTPClientError, OSError, ValueError):
            code = 0
        finally:
            client.close()
        if code == 400:
            logger.error("the publisher refused what was sent", extra={"kind": name, "id": record.id})
        is_away = code not in {204, 400}
        if is_away and not self._is_away:
            logger.warning("the publisher takes no numbers now; they are kept", extra={"status": code})
        self._is_away = is_away
        return not is_away
