"""Walks every route of hub and services as everybody who could ask, against the table of what each may do.

A route without a row fails, whoever added it. What somebody may change is not changed here; that nobody else may
is tried. Every answer is searched for names of the other tenant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
import requests
from jupyterhub import apihandlers, handlers, orm
from jupyterhub.app import JupyterHub
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from tornado.web import RequestHandler
from traitlets.config import Config

from tests.installation import Installation
from urbanlab.contract.naming import make_group_path
from urbanlab_hub.configure import configure
from urbanlab_hub.identity import UrbanAuthenticator

from .authorization_table import ASKERS, HUB_API, HUB_PAGES, LISTERS, NOBODY, ROLES, Row
from .login import StaffSession

TENANT, OTHER = "guetersloh", "rietberg"
DENIED = {401, 403, 404, 405}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# What the hub answers to everybody who asks for what it no longer has, before it looks who asks.
# Who may do nothing that others could not; they are tried with fewer things.
FURTHER = {"steward", "gatekeeper", "tokens service", "reports service"}
ACT_ON_GET = {"/logout", "/spawn", r"/spawn/([^/]+)"}
BROKEN = {r"/api/authorizations/token/([^/]+)", r"/api/authorizations/token"}


@dataclass
class Asker:
    """Somebody who can ask the hub: `name` is a row's, `hub_user` whose things are the own ones."""

    name: str
    hub_user: str
    staff: StaffSession | None = None
    token: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def tenant(self) -> str:
        """The own tenant."""
        return self.hub_user.partition("@")[2]

    def ask(self, address: str, method: str) -> requests.Response:
        """Ask as a page of the hub, or as a program with its token."""
        if self.staff is not None:
            headers = {"X-XSRFToken": self.staff.find_cookie("_xsrf", "/hub/"), "Referer": address}
            session = self.staff.session
        else:
            headers, session = {"Authorization": f"token {self.token}"} if self.token else {}, self.session
        return session.request(method, address, headers=headers, timeout=60, allow_redirects=False)


@pytest.fixture(scope="module")
def askers(installation: Installation) -> Iterator[dict[str, Asker]]:
    """Everybody of the table."""
    own = f"analyst-{TENANT}@{TENANT}"
    with ExitStack() as stack:
        people = {
            role: stack.enter_context(StaffSession(installation, f"{role}-{TENANT}")) for role in ROLES
        } | {"foreign admin": stack.enter_context(StaffSession(installation, f"admin-{OTHER}"))}
        stack.enter_context(
            StaffSession(installation, f"analyst-{OTHER}")
        )  # so that there is such a hub user
        found = {name: Asker(name, staff.hub_user, staff=staff) for name, staff in people.items()}
        analyst = people["analyst"]
        token = analyst.ask_json("import json, os; print(json.dumps(os.environ['JUPYTERHUB_API_TOKEN']))")
        expired, revoked = make_ended_tokens(installation, own)
        tokens = {
            "no token": "",
            "garbage": "0" * 32,
            "expired": expired,
            "revoked": revoked,
            "server": token,
        }
        for service in ("tokens", "reports", "publisher", "culler"):
            tokens[f"{service} service"] = installation.secret(f"service-{service}")
        tokens["operator"] = installation.secret("service-operator")
        yield found | {name: Asker(name, own, token=token) for name, token in tokens.items()}


def make_ended_tokens(installation: Installation, hub_user: str) -> tuple[str, str]:
    """Return tokens with all rights of a person: one that has expired, one that has been revoked."""
    database = installation.settings.service_state("hub") / "jupyterhub.sqlite"
    engine = create_engine(f"sqlite:///{database}", connect_args={"timeout": 30})
    with Session(engine) as db:
        user = orm.User.find(db, hub_user)
        assert user is not None
        expired, revoked = (user.new_api_token(note="of a test", expires_in=seconds) for seconds in (1, 1000))
        orm_token = orm.APIToken.find(db, revoked)
        assert orm_token is not None
        db.delete(orm_token)
        late = orm.APIToken.find(db, expired)
        assert late is not None
        late.expires_at = late.created
        db.commit()
    engine.dispose()
    return expired, revoked


# --- every route has a row ---


async def list_hub_routes(installation: Installation) -> dict[str, type[RequestHandler]]:
    """Return the routes of the hub as it is configured, and its handlers, below its own path."""
    c = Config()
    configure(c, installation.settings)
    authenticator = UrbanAuthenticator(config=c)
    ours = authenticator.get_handlers(JupyterHub(config=c))
    authenticator.watch._sweep.cancel()  # looking at routes puts nobody out
    return {
        route[0]: route[1] for route in (*apihandlers.default_handlers, *handlers.default_handlers, *ours)
    }


async def test_every_route_of_the_hub_has_a_row(installation: Installation) -> None:
    routes = await list_hub_routes(installation)
    assert set(routes) == set(HUB_API) | set(HUB_PAGES)
    assert {
        asker for row in (*HUB_API.values(), *HUB_PAGES.values()) for names in row.values() for asker in names
    } == ASKERS
    described = {(pattern, method) for pattern, row in {**HUB_API, **HUB_PAGES}.items() for method, _ in row}
    assert {pair for pair in described if not has_method(routes[pair[0]], pair[1])} == set()


def has_method(handler: type[RequestHandler], method: str) -> bool:
    """Return whether a handler does anything for a method."""
    return getattr(handler, method.lower()) is not getattr(RequestHandler, method.lower())


# --- the walk ---

FILLERS = {"groups": make_group_path, "services": lambda *_: "publisher"}


def make_paths(pattern: str, asker: Asker) -> dict[str, str]:
    """Return the addresses that a route has, by whose thing they are."""
    plain = pattern.replace("(?P<user_path>/.*)?", "").replace("(?:/([^/]+))?", "").replace("(.*)?", "lab")
    plain = plain.replace("(?P<user_name>[^/]+)", "([^/]+)").replace(r"(\d+)", "404").rstrip("$?")
    if "([^/" not in plain:
        return {"": plain.rstrip("/") or "/"}
    person, _, tenant = asker.hub_user.partition("@")
    other = OTHER if tenant == TENANT else TENANT
    role = "steward" if person.startswith("publisher") else "publisher"
    users = {
        "self": asker.hub_user,
        "colleague": f"{role}-{tenant}@{tenant}",
        "foreign": f"analyst-{other}@{other}",
        "runner": f"publications@{tenant}",
    }
    return {target: _fill(plain, user) for target, user in users.items()}


def _fill(pattern: str, user: str) -> str:
    name = user
    if "/groups/" in pattern:
        name = make_group_path(user.partition("@")[2], "analyst")
    elif "/services/" in pattern:
        name = "publisher"
    elif "/tenant/" in pattern:
        name = user.partition("@")[0]
    filled = pattern.replace("([^/]+)", quote(name, safe=""), 1)
    return filled.replace("([^/]+)", quote(user, safe="")).replace("([^/]*)", "")


def find_foreign_names(text: str, asker: Asker, path: str) -> list[str]:
    """Return what an answer says of another tenant, apart from the words of the question itself."""
    other = OTHER if asker.tenant == TENANT else TENANT
    for asked in sorted(
        {path, quote(path), *path.split("/"), *unquote(path).split("/")}, key=len, reverse=True
    ):
        text = text.replace(asked, "") if len(asked) > 3 else text
    return sorted(set(re.findall(rf"[\w.-]*@{other}\b|\b[a-z]+-{other}\b|/tenants/{other}|detmold\b", text)))


def walk(installation: Installation, asker: Asker, table: dict[str, Row], routes: Any) -> Iterator[list[Any]]:
    """Ask everything that an asker can; give what is not as the table says."""
    base = installation.settings.hub_url + "hub"
    for pattern, row in table.items():
        for target, path in make_paths(pattern, asker).items():
            # What is open to nobody, and those who are nobody, need not be tried with everybody's things.
            if target in ("colleague", "runner") and (not row or asker.name in NOBODY | FURTHER):
                continue
            for method in METHODS:
                is_allowed = asker.name in row.get((method, target), set())
                if (is_allowed and (method != "GET" or pattern in ACT_ON_GET)) or not has_method(
                    routes[pattern], method
                ):
                    continue
                answer = asker.ask(base + path, method)
                # Who may see how a server starts is told where none does.
                is_absent = is_allowed and pattern.endswith("/progress") and answer.status_code == 404
                if is_allowed != is_answered(answer, pattern) and not is_absent:
                    yield [
                        asker.name,
                        method,
                        path,
                        answer.status_code,
                        "allowed" if is_allowed else "denied",
                    ]
                if asker.name not in LISTERS and (names := find_foreign_names(answer.text, asker, path)):
                    yield [asker.name, method, path, "names", names]


def is_answered(answer: requests.Response, pattern: str) -> bool:
    """Return whether somebody got something: being sent to the login is nothing, being asked for more is."""
    if answer.status_code >= 500 and pattern in BROKEN:
        return False
    if answer.is_redirect:
        way = urlsplit(answer.headers["Location"])
        return not (way.path.endswith("/hub/login") and pattern not in ("", "/", "/login"))
    return answer.status_code not in DENIED


async def test_the_hubs_api_gives_each_what_the_table_says(
    installation: Installation, askers: dict[str, Asker]
) -> None:
    routes = await list_hub_routes(installation)
    with ThreadPoolExecutor(4) as pool:
        walks = pool.map(lambda asker: list(walk(installation, asker, HUB_API, routes)), askers.values())
        assert [each for wrong in walks for each in wrong] == []


async def test_the_hubs_pages_give_each_what_the_table_says(
    installation: Installation, askers: dict[str, Asker]
) -> None:
    routes = await list_hub_routes(installation)
    named = [askers[name] for name in ("no token", "server", "analyst", "admin", "foreign admin")]
    wrong = [each for asker in named for each in walk(installation, asker, HUB_PAGES, routes)]
    assert wrong == []


def test_what_is_anothers_and_what_does_not_exist_get_the_same_answer(
    installation: Installation, askers: dict[str, Asker]
) -> None:
    """Nobody finds out which people, groups and servers another tenant has."""
    base = installation.settings.hub_url
    there, absent = f"analyst-{OTHER}@{OTHER}", f"nonsuch-{OTHER}@{OTHER}"
    shapes = [
        "hub/api/users/{}", "hub/api/users/{}/server", "hub/api/users/{}/tokens", "hub/api/users/{}/shared",
        "hub/api/shares/{}", "hub/user/{}/", "hub/user/{}/api/contents", "hub/spawn/{}", "hub/spawn-pending/{}",
        "hub/tenant/servers/{}/stop", "hub/api/groups/%2Ftenants%2F{}",
        "hub/api/oauth2/authorize?client_id=jupyterhub-user-{}&response_type=code&redirect_uri=%2Fuser%2Fx",
    ]  # fmt: skip
    for name in ("no token", "server", "analyst", "admin", "publisher service"):
        for shape in shapes:
            for method in ("GET", "POST", "DELETE"):
                answers = [
                    askers[name].ask(base + shape.format(quote(user)), method) for user in (there, absent)
                ]
                seen = [
                    _describe(answer, user) for answer, user in zip(answers, (there, absent), strict=True)
                ]
                assert seen[0] == seen[1], (name, method, shape)


def _describe(answer: requests.Response, user: str) -> tuple[int, str, str]:
    text, place = answer.text, answer.headers.get("Location", "")
    for spelling in (quote(quote(user)), quote(user), user, user.partition("@")[0]):
        text, place = text.replace(spelling, "NAME"), place.replace(spelling, "NAME")
    return answer.status_code, place, re.sub(r"[\w-]{60,}|\"[\w|-]{30,}\"", "", text)
