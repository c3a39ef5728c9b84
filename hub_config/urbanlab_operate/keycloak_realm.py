"""The realm `urban` through Keycloak's admin API: paths and plain values in, plain values out."""

from __future__ import annotations

import json
from typing import Any

from keycloak import KeycloakOpenIDConnection
from keycloak.exceptions import KeycloakAuthenticationError, KeycloakError

from urbanlab.contract.secrets import read_secret
from urbanlab_hub.settings import Settings
from urbanlab_operate.changes import ApplyError

REALM = "urban"
ADMIN = "admin"
TIMEOUT = 20  # seconds


class Realm:
    """The realm with the rights of the administrator; every method raises `ApplyError` with one sentence."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.keycloak_url
        password = read_secret(settings.master_secrets, "keycloak-admin")
        self._connection = KeycloakOpenIDConnection(
            server_url=self._url,
            username=ADMIN,
            password=password.reveal(),
            realm_name="master",
            timeout=TIMEOUT,
        )
        self._send(self._connection.get_token)

    def get(self, path: str, **query: Any) -> Any:
        """Return what stands at `path` in the realm, or None where nothing does."""
        answer = self._send(self._connection.raw_get, self._make_path(path), **query)
        return None if answer.status_code == 404 else self._check(answer).json()

    def post(self, path: str, values: Any) -> str:
        """Create something and return its id; that it exists by now is fine, and returns nothing."""
        answer = self._send(self._connection.raw_post, self._make_path(path), data=json.dumps(values))
        if answer.status_code == 409:
            return ""
        return str(self._check(answer).headers.get("Location", "")).rpartition("/")[2]

    def put(self, path: str, values: Any = None) -> None:
        """Bring something into the state that `values` describe."""
        self._check(
            self._send(self._connection.raw_put, self._make_path(path), data=json.dumps(values or {}))
        )

    def delete(self, path: str, values: Any = None) -> None:
        """Remove something, or of it what `values` name; that it is gone by now is fine."""
        data = {} if values is None else {"data": json.dumps(values)}
        answer = self._send(self._connection.raw_delete, self._make_path(path), **data)
        if answer.status_code != 404:
            self._check(answer)

    def _make_path(self, path: str) -> str:
        return f"admin/realms/{REALM}{path}"

    def _send(self, send: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return send(*arguments, **options)
        except KeycloakAuthenticationError as error:
            raise ApplyError(
                "Keycloak refuses the administrator's password in secrets/keycloak-admin: "
                f"set the password of its user {ADMIN!r} back to it"
            ) from error
        except KeycloakError as error:
            raise ApplyError(
                f"Keycloak does not answer at {self._url}: see `urbanlab status`, and start it with `urbanlab up`"
            ) from error

    def _check(self, answer: Any) -> Any:
        if answer.status_code >= 400:
            raise ApplyError(
                f"Keycloak refused a change with {answer.status_code} {_read_reason(answer)}".rstrip()
                + ": see logs/keycloak in the state folder"
            )
        return answer


def _read_reason(answer: Any) -> str:
    try:
        values = answer.json()
    except ValueError:
        return ""
    return str(values.get("errorMessage") or values.get("error") or "") if isinstance(values, dict) else ""
