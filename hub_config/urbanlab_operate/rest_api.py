"""A small JSON client for our own HTTP interfaces, whose failures are sentences for the operator."""

from __future__ import annotations

from typing import Any

import requests

from urbanlab.contract.secrets import Secret
from urbanlab_operate.changes import ApplyError

TIMEOUT = 60  # seconds; the warehouse may have to wait for running queries


class RestApi:
    """One system at one address, with one credential; `name` is what sentences call it."""

    def __init__(self, name: str, url: str, token: Secret) -> None:
        self._name, self._url = name, url
        self._session = requests.Session()
        # These addresses are our own machine's: a proxy or a .netrc of the operator must not see the token.
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {token.reveal()}"

    def request(self, method: str, path: str, *, fine: tuple[int, ...] = (), **options: Any) -> Any:
        """Return the JSON of the answer, or None where it has none or its status is one of `fine`."""
        try:
            answer = self._session.request(
                method, self._url + path, timeout=TIMEOUT, allow_redirects=False, **options
            )
        except requests.RequestException as error:
            raise ApplyError(
                f"{self._name} does not answer at {self._url}: see `urbanlab status`, or start it by `urbanlab up`"
            ) from error
        if answer.status_code in fine:
            return None
        if answer.status_code in (401, 403):
            raise ApplyError(
                f"{self._name} refuses the operator's token: restart it so that it reads its secrets again"
            )
        if answer.status_code >= 300:
            raise ApplyError(
                f"{self._name} answered {method} {path} with {answer.status_code}: see its file in logs"
            )
        return self._read(answer)

    def _read(self, answer: requests.Response) -> Any:
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise ApplyError(
                f"What answers at {self._url} is not {self._name.lower()}: free that port"
            ) from error
