"""The hub as browsers and the login meet it: people who are logged in there, codes, tokens, and their end.

It refuses what the real one refuses: another client's code, a code used twice, a wrong secret, address or verifier.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tornado.web import HTTPError

from ..hub_runner_gateway import TOKEN, HubRunnerGateway, _Handler  # noqa: TID252

CLIENT = "service-publisher"
PERSON_COOKIE = "logged-in-at-the-hub"


@dataclass
class HubWithPeople(HubRunnerGateway):
    """`people` maps each hub user to the roles in the own tenant, `models` each token to what is said of it."""

    people: dict[str, tuple[str, ...]] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    redirect_uri: str = ""
    asked: int = 0
    is_down: bool = False

    def list_more_routes(self) -> list[Any]:
        parts = {"town": self}
        return [
            ("/hub/api/oauth2/authorize", AuthorizeHandler, parts),
            ("/hub/api/oauth2/token", TokenHandler, parts),
            ("/hub/api/user", WhoHandler, parts),
        ]

    def make_code(self, person: str, client: str = CLIENT, challenge: str = "") -> str:
        """Return a code as the hub gives it to a browser in which this person is logged in."""
        code = secrets.token_urlsafe(8)
        self.codes[code] = {"person": person, "client": client, "challenge": challenge}
        return code

    def make_token(self, person: str, **changes: Any) -> str:
        """Return a token of a person's login at the publisher."""
        tenant = person.rpartition("@")[2]
        token = secrets.token_urlsafe(12)
        self.models[token] = {
            "kind": "user",
            "name": person,
            "groups": [f"/tenants/{tenant}/{role}" for role in self.people.get(person, ())],
            "scopes": [f"custom:urbanlab:decide!user={person}", f"read:users!user={person}"],
            "session_id": "session",
            **changes,
        }
        return token

    def revoke(self, person: str) -> None:
        """End what a person is logged in with, as the hub does at logout and when somebody is disabled."""
        self.models = {token: model for token, model in self.models.items() if model["name"] != person}


class AuthorizeHandler(_Handler):
    town: HubWithPeople

    def get(self) -> None:
        query = self.get_query_argument
        person = self.get_cookie(PERSON_COOKIE)
        if query("client_id") != CLIENT or query("redirect_uri") != self.town.redirect_uri:
            raise HTTPError(400)
        if person is None:
            self.finish("the hub's login")
            return
        answer = {
            "code": self.town.make_code(person, challenge=query("code_challenge")),
            "state": query("state"),
        }
        self.redirect(f"{self.town.redirect_uri}?{urlencode(answer)}")


class TokenHandler(_Handler):
    town: HubWithPeople

    def post(self) -> None:
        form = {name: self.get_body_argument(name) for name in self.request.body_arguments}
        code = self.town.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            code is None
            or (form["client_id"], form["client_secret"]) != (code["client"], TOKEN)
            or form["redirect_uri"] != self.town.redirect_uri
            or challenge != code["challenge"]
        ):
            raise HTTPError(400)
        self.finish({"access_token": self.town.make_token(code["person"]), "token_type": "Bearer"})


class WhoHandler(_Handler):
    town: HubWithPeople

    def get(self) -> None:
        self.town.asked += 1
        token = self.request.headers["Authorization"].removeprefix("token ")
        if self.town.is_down:
            self.refuse(502)
        elif token not in self.town.models:
            self.refuse(403)
        else:
            self.finish(json.dumps(self.town.models[token]))
