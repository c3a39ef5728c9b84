"""HTTP connections to the warehouse whose every request carries a credential that still counts."""

from __future__ import annotations

from typing import Any

import urllib3

from urbanlab import reads
from urbanlab.credentials import Credentials

# What the gateway answers to a credential that has ended, for example after the machine slept.
_REFUSED = {401, 403}
_AUTHENTICATION_FAILED = "516"


def make_pool(credentials: Credentials) -> urllib3.PoolManager:
    """Return a pool for `clickhouse_connect`, which itself asks for a token only once."""
    return _SignedPool(credentials)


class _SignedPool(urllib3.PoolManager):
    def __init__(self, credentials: Credentials) -> None:
        super().__init__(num_pools=4, maxsize=8, retries=False)
        self._credentials = credentials

    def urlopen(self, method: str, url: str, redirect: bool = True, **kwargs: Any) -> Any:  # type: ignore[override]
        """Send a request; once more with a new credential if the first was refused."""
        response = self._send(method, url, kwargs)
        if self._was_refused(response) and _can_repeat(kwargs.get("body")):
            response.drain_conn()
            self._credentials.forget("warehouse")
            response = self._send(method, url, kwargs)
        return response

    def _send(self, method: str, url: str, kwargs: dict[str, Any]) -> Any:
        token = self._credentials.get("warehouse").reveal()
        headers = {**(kwargs.get("headers") or {}), "Authorization": f"Bearer {token}"}
        # Never to another address than the one that was asked.
        response = super().urlopen(method, url, redirect=False, **{**kwargs, "headers": headers})
        reads.note_answer(response.headers)
        return response

    @staticmethod
    def _was_refused(response: Any) -> bool:
        code = response.headers.get("X-ClickHouse-Exception-Code")
        return response.status in _REFUSED and code in {None, _AUTHENTICATION_FAILED}


def _can_repeat(body: object) -> bool:
    return body is None or isinstance(body, bytes | bytearray | str)
