"""People and tenants that a test makes for itself, and removes."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from tests.installation import Installation


class People:
    """People whom a test makes in Keycloak, in no group unless it says so."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.url = f"{installation.settings.keycloak_url}/admin/realms/urban"
        self.made: list[str] = []

    @property
    def headers(self) -> dict[str, str]:
        """The administrator's token, a new one each time: it lives for a minute."""
        form = {
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": "admin",
            "password": self.installation.secret("keycloak-admin"),
        }
        address = f"{self.installation.settings.keycloak_url}/realms/master/protocol/openid-connect/token"
        answer = requests.post(address, form, timeout=30)
        answer.raise_for_status()
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def make(self, username: str, groups: tuple[str, ...] = ()) -> str:
        """Make a person and return the password."""
        password = secrets.token_urlsafe(16)
        person = {
            "username": username,
            "enabled": True,
            "email": f"{username}@people.example",
            "emailVerified": True,
            "firstName": "Test",
            "lastName": "Person",
            "credentials": [{"type": "password", "value": password}],
            "groups": list(groups),
        }
        answer = requests.post(f"{self.url}/users", json=person, headers=self.headers, timeout=30)
        assert answer.status_code == 201, answer.text
        self.made.append(answer.headers["Location"])
        return password

    def remove(self) -> None:
        """Remove all that were made."""
        headers = self.headers
        for address in self.made:
            requests.delete(address, headers=headers, timeout=30).raise_for_status()


@contextmanager
def own_tenant(installation: Installation, tenant: str, **values: Any) -> Iterator[str]:
    """A tenant while the block runs, with what its file says beyond a title."""
    path = installation.settings.tenants / f"{tenant}.yaml"
    # JSON is YAML too, without the references that tenants' files may not have.
    path.write_text(json.dumps({"title": tenant.title(), **values}), encoding="utf-8")
    try:
        installation.run("apply")
        yield tenant
    finally:
        installation.run("tenant", "remove", tenant)
