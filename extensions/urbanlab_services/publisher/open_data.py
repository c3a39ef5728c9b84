"""Carries decisions about data for others to the warehouse's gateway, until it has confirmed them."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import re
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from urbanlab.contract.secrets import Secret
from urbanlab_services.errors import InvalidRequestError, UnavailableError
from urbanlab_services.publisher import data_releases
from urbanlab_services.publisher.data_releases import DataRequest, DataState
from urbanlab_services.publisher.store import Store

logger = logging.getLogger(__name__)

USER = "publisher"
TIMEOUT_SECONDS = 20.0


class OpenData:
    """Releases and withdraws datasets: a decision is kept first, then carried out, again and again if need be."""

    def __init__(self, warehouse_url: str, secret: Secret, store: Store) -> None:
        self._url, self._secret, self._store = warehouse_url, secret, store
        # One after the other, so that a release which is tried again never overtakes its withdrawal.
        self._turn = asyncio.Lock()

    async def find_table(self, tenant: str, name: str) -> str:
        """Return the table that a name means for its tenant, or an empty text where nobody can say."""
        try:
            answer = json.loads(await self._ask("GET", f"/releases/{tenant}/{name}"))
        except (InvalidRequestError, UnavailableError):
            return ""
        return str(answer["table"])

    async def check(self, request: DataRequest) -> DataRequest:
        """Return the request with its row filter as the warehouse writes it.

        Raises `InvalidRequestError` where it could not be released, `UnavailableError` where nobody can say.
        """
        body = data_releases.make_release(request) | {"released_by": request.decided_by or request.requester}
        answer = json.loads(await self._ask("PUT", f"{_find_path(request)}?dry_run=1", body))
        return dataclasses.replace(request, where=str(answer.get("where", request.where)))

    async def list_uses(self, tenant: str, since: str) -> list[dict[str, Any]] | None:
        """Return how much others have used what a tenant lets them read since a day; None where nobody can say."""
        try:
            answer = json.loads(await self._ask("GET", f"/uses/{tenant}?since={since}"))
        except (InvalidRequestError, UnavailableError):
            return None
        return list(answer["uses"])

    async def list_written(self) -> dict[str, str]:
        """Return when the tables behind the open data were last written, by the names under which they are read."""
        answer = json.loads(await self._ask("GET", "/written"))
        return {str(name): str(moment) for name, moment in answer["written"].items()}

    async def list_catalog(self) -> list[dict[str, Any]]:
        """Return the open datasets as the warehouse's catalogue has them; raise where it does not answer."""
        answer = json.loads(await self._ask("GET", "/catalog/open"))
        return list(answer["datasets"])

    async def release(self, decided: DataRequest) -> DataRequest:
        """Carry a release out; raise `InvalidRequestError` where the warehouse refuses it, undecided again.

        Where the warehouse does not answer, the request comes back as `releasing`.
        """
        self._store.save_data_request(decided)
        return await self._carry_out(decided.id)

    async def withdraw(self, decided: DataRequest) -> DataRequest:
        """Carry a withdrawal out; the request comes back as `withdrawing` where the warehouse does not answer."""
        self._store.save_data_request(decided)
        return await self._carry_out(decided.id)

    async def retry(self) -> None:
        """Carry out what has been decided and not been confirmed."""
        for request in self._store.list_data_requests_in(DataState.RELEASING, DataState.WITHDRAWING):
            try:
                await self._carry_out(request.id)
            except InvalidRequestError as error:
                logger.warning("a release was refused", extra={"table": request.table, "reason": str(error)})

    async def is_reachable(self) -> bool:
        """Return whether the gateway answers at all."""
        try:
            await AsyncHTTPClient().fetch(f"{self._url}/ping", request_timeout=5.0)
        except (HTTPClientError, OSError):
            return False
        return True

    async def _carry_out(self, request_id: str) -> DataRequest:
        async with self._turn:
            request = self._store.find_data_request(request_id)
            assert request is not None
            if request.state not in {DataState.RELEASING, DataState.WITHDRAWING}:
                return request
            try:
                await self._tell(request)
            except UnavailableError:
                return request
            except InvalidRequestError as error:
                if request.state is DataState.RELEASING and self._is_as_before(request):
                    self._store.save_data_request(data_releases.reopen(request, error.message))
                raise
            # What was decided meanwhile is carried out in its own turn.
            if not self._is_as_before(request):
                return self._store.find_data_request(request_id) or request
            confirmed = data_releases.confirm(request)
            self._store.save_data_request(confirmed, *self._settle_others(request))
            return confirmed

    def _is_as_before(self, request: DataRequest) -> bool:
        now = self._store.find_data_request(request.id)
        return now is not None and now.state is request.state

    def _settle_others(self, request: DataRequest) -> list[DataRequest]:
        """Return what becomes of the other requests of a view that was made or dropped for `request`."""
        is_made = request.state is DataState.RELEASING
        changes = {DataState.RELEASED: data_releases.replace if is_made else data_releases.end}
        if is_made:
            # Dropped afterwards, it would take the new one away.
            changes[DataState.WITHDRAWING] = data_releases.confirm
        return [
            changes[each.state](each)
            for each in self._store.list_data_requests(request.tenant)
            if each.id != request.id
            and each.state in changes
            and (each.dataset, each.partner) == (request.dataset, request.partner)
        ]

    async def _tell(self, request: DataRequest) -> None:
        path = _find_path(request)
        if request.state is DataState.RELEASING:
            await self._ask("PUT", path, data_releases.make_release(request))
        else:
            await self._ask(
                "DELETE", path, {"withdrawn_by": data_releases.find_last_actor(request)}, also=404
            )

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None, also: int = 0) -> bytes:
        request = HTTPRequest(
            self._url + path,
            method=method,
            body=None if body is None else json.dumps(body, ensure_ascii=False),
            headers={"Content-Type": "application/json"},
            auth_username=USER,
            auth_password=self._secret.reveal(),
            connect_timeout=TIMEOUT_SECONDS,
            request_timeout=TIMEOUT_SECONDS,
            follow_redirects=False,
            allow_nonstandard_methods=True,  # a DELETE that says who
        )
        try:
            response = await AsyncHTTPClient().fetch(request)
            return bytes(response.body)
        except HTTPClientError as error:
            if error.code in {400, 404, 409} and error.code != also:
                reason = error.response.body.decode("utf-8", "replace") if error.response else ""
                raise InvalidRequestError(
                    f"The warehouse cannot release this: {_to_sentence(reason)}", code="release_refused"
                ) from None
            if error.code != also:
                logger.warning("the warehouse did not answer as it should", extra={"status": error.code})
                raise UnavailableError("The warehouse does not answer now.", retry_after=5) from None
            return b""
        except OSError:
            raise UnavailableError("The warehouse does not answer now.", retry_after=5) from None


def _find_path(request: DataRequest) -> str:
    path = f"/releases/{request.tenant}/{request.dataset}"
    return f"{path}/{request.partner}" if request.partner else path


def _to_sentence(text: str) -> str:
    # The gateway speaks as ClickHouse does: `Code: 60. DB::Exception: sentence. (UNKNOWN_TABLE)`.
    text = re.sub(r"^Code: \d+\. DB::Exception: | ?\([A-Z_]+\).*$", "", " ".join(text.split()))
    plain = "".join(letter for letter in text if letter.isprintable())
    return plain[:300] or "it gave no reason."
