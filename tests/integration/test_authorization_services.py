"""Walks every route of the services, as whoever could ask, against the table; and the publisher's pages by role."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tornado.web import Application

from tests.installation import Installation
from urbanlab.contract import environment
from urbanlab_operate.local.folders import engine_socket
from urbanlab_portal.app import ROUTES as PORTAL_ROUTES
from urbanlab_services.publisher import app as publisher
from urbanlab_services.service import ServiceSettings, make_application
from urbanlab_services.tokens import app as tokens
from urbanlab_services.warehouse import app as warehouse

from .authorization_table import (
    CREDENTIALS,
    OWN,
    PEOPLE,
    PUBLISHER_OPEN,
    PUBLISHER_PAGES,
    ROLES,
    SERVICE_ROUTES,
    SHARED,
)
from .login import StaffSession
from .publishing import visit

TENANT, OTHER = "guetersloh", "rietberg"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
DENIED = {401, 403, 404, 405}
ID = "0" * 32


def make_settings(installation: Installation, name: str, state: Path) -> ServiceSettings:
    """Return what a service is started with, but for a state of its own."""
    settings = installation.settings
    values = {
        environment.HUB_API_URL: settings.hub_api_url, environment.KEYCLOAK_REALM_URL: settings.realm_url,
        environment.WAREHOUSE_URL: settings.warehouse_url, environment.RECORDS: str(settings.records),
        environment.SECRETS: str(settings.service_secrets(name)), environment.SERVICE_STATE: str(state),
        environment.ENGINE_SOCKET: str(engine_socket(settings)), environment.HUB_URL: settings.hub_url,
        environment.PUBLIC: str(state), environment.PORTAL_URL: settings.portal_url,
        environment.PUBLISHER_URL: settings.publisher_url,
    }  # fmt: skip
    return ServiceSettings.from_environ(name, environ=values)


def make_applications(installation: Installation, state: Path) -> dict[str, Application]:
    """Return the services' applications, put together as the services do it."""
    given = {name: make_settings(installation, name, state) for name in ("tokens", "warehouse", "publisher")}
    desk = publisher.make_desk(given["publisher"])
    return {
        "tokens": tokens.make_tokens_application(tokens.make_issuer(given["tokens"])),
        "warehouse": warehouse.make_warehouse_application(warehouse.make_gateway(given["warehouse"])),
        "publisher": publisher.make_publisher_application(
            given["publisher"], desk, publisher.make_pages(given["publisher"], desk)
        ),
    }


def list_routes(application: Application) -> set[str]:
    """Return the patterns of an application's routes, without those that all services have."""
    patterns = {rule.matcher.regex.pattern.rstrip("$") for rule in application.wildcard_router.rules}
    return patterns - set(list_shared())


def list_shared() -> list[str]:
    """Return the patterns of the routes that all services have."""
    rules = make_application([], lambda: None).wildcard_router.rules  # type: ignore[arg-type,return-value]
    return [rule.matcher.regex.pattern.rstrip("$") for rule in rules]


async def test_every_route_of_the_services_has_a_row(installation: Installation, tmp_path: Path) -> None:
    found = {
        name: list_routes(application)
        for name, application in make_applications(installation, tmp_path).items()
    }
    described = {name: set(routes) for name, routes in SERVICE_ROUTES.items() if routes}
    described["publisher"] |= set(PUBLISHER_PAGES) | {path.rstrip("$") for path in PUBLISHER_OPEN}
    assert {name: found[name] ^ described[name] for name in found} == {name: set() for name in described}
    assert set(list_shared()) - {".*"} == set(SHARED)


# --- services, by what they are shown ---


@pytest.fixture(scope="module")
def analyst(installation: Installation) -> Iterator[StaffSession]:
    """Somebody with a kernel."""
    with StaffSession(installation, f"publisher-{TENANT}") as session:
        yield session


@pytest.fixture(scope="module")
def credentials(installation: Installation, analyst: StaffSession) -> dict[str, dict[str, str]]:
    """What can be shown, by service and kind: what opens one is of another kind for the other."""
    code = """
import json, os
from urbanlab.session import current_session
get = current_session().credentials.get
held = {name: get(name).reveal() for name in ("warehouse", "publisher", "kafka")}
print(json.dumps({**held, "hub": os.environ["JUPYTERHUB_API_TOKEN"]}))
"""
    own, now = analyst.ask_json(code), int(time.time())
    forged = {}
    for service in ("warehouse", "publisher", "tokens"):
        claims = {"iss": "urbanlab-tokens", "aud": f"urbanlab-{service}", "sub": f"analyst-{TENANT}@{TENANT}",
                  "tenant": TENANT, "access": "steward", "roles": list(ROLES), "jti": "x"}  # fmt: skip
        fresh, late = ({**claims, "iat": now + begin, "exp": now + begin + 30} for begin in (0, -60))
        forged[service] = {
            "expired": jwt.encode(late, installation.secret("tokens-signing-key"), algorithm="EdDSA"),
            "signed by somebody": jwt.encode(fresh, Ed25519PrivateKey.generate(), algorithm="EdDSA"),
        }  # fmt: skip
    shared = {"nothing": "", "garbage": "0" * 32, "server token": own["hub"]}
    return {
        service: {
            **shared,
            "of another service": own[other],
            OWN: own.get(service, own["kafka"]),
            **forged[service],
        }
        for service, other in (
            ("warehouse", "publisher"),
            ("publisher", "warehouse"),
            ("tokens", "publisher"),
        )
    }


@pytest.mark.parametrize("service", ["tokens", "warehouse", "publisher"])
def test_a_service_opens_to_what_the_table_says(
    installation: Installation, credentials: dict[str, dict[str, str]], service: str
) -> None:
    base = {"tokens": installation.settings.tokens_url, "warehouse": installation.settings.warehouse_url,
            "publisher": installation.settings.publisher_url}[service]  # fmt: skip
    wrong = []
    assert set(credentials[service]) == CREDENTIALS
    for pattern, row in SERVICE_ROUTES[service].items():
        path = re.sub(r"\(.*?\)", TENANT if "{1,20}" in pattern else ID, pattern)
        path += "?query=SELECT+1" if pattern == "/" else ""
        for method in METHODS:
            for kind, credential in credentials[service].items():
                headers = {"Authorization": f"Bearer {credential}"} if credential else {}
                answer = requests.request(
                    method, base + path, headers=headers, timeout=30, allow_redirects=False
                )
                is_open = answer.status_code not in DENIED or (
                    answer.status_code == 404 and kind in row.get(method, ())
                )
                if is_open != (kind in row.get(method, set())) or "-rietberg" in answer.text:
                    wrong.append([method, path, kind, answer.status_code, answer.text[:80]])
    assert wrong == []


@pytest.mark.parametrize(
    "setting", ["tokens", "warehouse", "publisher", "ingest", "simulator", "culler", "portal"]
)
def test_health_and_metrics_name_nobody(installation: Installation, setting: str) -> None:
    settings = installation.settings
    host = settings.publisher_bind if setting == "publisher" else settings.bind
    for path in SHARED:
        answer = requests.get(f"http://{host}:{getattr(settings, f'{setting}_port')}{path}", timeout=30)
        assert answer.status_code == 200, path
        assert not re.search(r"guetersloh|rietberg|detmold|@[a-z]", answer.text), path


# --- the publisher's pages, by role ---


@dataclass
class Reader:
    """Somebody at the publisher's pages."""

    session: requests.Session
    xsrf: str

    def ask(self, address: str, method: str, origin: str) -> requests.Response:
        """Open a page or send a form."""
        body = {"xsrf": self.xsrf} if method == "POST" else None
        return self.session.request(
            method, address, data=body, headers={"Origin": origin}, timeout=30, allow_redirects=False
        )


@pytest.fixture(scope="module")
def readers(installation: Installation) -> Iterator[dict[str, Reader]]:
    """Everybody who can log in there."""
    usernames = {role: f"{role}-{TENANT}" for role in ROLES} | {"foreign admin": f"admin-{OTHER}"}
    with ExitStack() as stack:
        made = {}
        for name, username in usernames.items():
            staff = stack.enter_context(StaffSession(installation, username))
            page = staff.session.get(f"{installation.settings.publisher_url}/", timeout=60)
            found = re.search(r'name="xsrf" value="([^"]+)"', page.text)
            assert found, page.url
            made[name] = Reader(staff.session, found[1])
        yield made


def find_things(readers: dict[str, Reader], base: str, reader: str) -> dict[str, str]:
    """Return a thing of each kind that a tenant has, by the pattern of its pages."""
    found, pages = (
        {},
        {"publications": "/", "data-releases": "/data-releases", "submissions": "/publications/{}"},
    )
    for kind, page in pages.items():
        text = readers[reader].session.get(base + page.format(found.get("publications")), timeout=30).text
        hit = re.search(rf'href="/{kind}/([0-9a-z-]+)', text)
        assert hit, f"the demo has no {kind}"
        found[kind] = hit[1]
    return {**found, "readers": found["publications"]}


def test_the_publishers_pages_open_to_what_the_table_says(
    installation: Installation, readers: dict[str, Reader]
) -> None:
    base, wrong = installation.settings.publisher_url, []
    things = {
        tenant: find_things(readers, base, name)
        for tenant, name in ((TENANT, "analyst"), (OTHER, "foreign admin"))
    }
    assert set(readers) == PEOPLE
    for name, reader in readers.items():
        own, other = (OTHER, TENANT) if name == "foreign admin" else (TENANT, OTHER)
        for method, path, is_allowed in list_page_acts(name, things[own], things[other]):
            answer = reader.ask(base + path, method, base)
            if (answer.status_code == 200) != is_allowed:
                wrong.append([name, method, path, answer.status_code])
            if names := set(re.findall(rf"[a-z]+-{other}\b|@{other}\b|>{other}<", answer.text)):
                wrong.append([name, method, path, names])
    assert wrong == []


def list_page_acts(name: str, own: dict[str, str], other: dict[str, str]) -> Iterator[tuple[str, str, bool]]:
    """Give what somebody tries at the publisher's pages, and whether it is allowed; what changes things is not."""
    for pattern, row in PUBLISHER_PAGES.items():
        kind = pattern.split("/")[1]
        # Both towns have a page of the same name; each is shown its own.
        kinds = ("own",) if kind in ("publications", "readers") else ("own", "foreign")
        for whose in kinds if "(" in pattern else ("",):
            thing = (other if whose == "foreign" else own).get(kind, "")
            path = re.sub(r"\(\[[^)]*\)", thing, pattern, count=1).replace("([a-z_]+)", "withdraw")
            path = path.replace("(hand_over|take_over)", "hand_over")
            for method in ("GET", "POST"):
                is_allowed = name in row.get((method, whose), set())
                if method == "GET" or not is_allowed:
                    yield method, path, is_allowed


def test_the_publisher_says_the_same_of_what_is_anothers_and_of_what_is_not_there(
    installation: Installation, readers: dict[str, Reader]
) -> None:
    base = installation.settings.publisher_url
    foreign = find_things(readers, base, "foreign admin")
    for kind in ("submissions", "data-releases"):
        thing, absent = foreign[kind], ID
        for role in ("analyst", "gatekeeper", "admin"):
            for path, method in ((f"/{kind}/%s", "GET"), (f"/{kind}/%s/withdraw", "POST")):
                answers = [readers[role].ask(base + path % name, method, base) for name in (thing, absent)]
                seen = [
                    (each.status_code, re.sub(rf"{thing}|{absent}", "NAME", each.text)) for each in answers
                ]
                assert seen[0] == seen[1], (role, path)


# --- the portal, which knows nobody ---


def test_the_portal_says_the_same_of_what_is_not_released_and_of_what_is_not_there(
    installation: Installation,
) -> None:
    assert [pattern for pattern, _ in PORTAL_ROUTES if "preview" in pattern]
    shapes = ["/{}/", "/{}", "/{}/nonsuch/", "/{}/nonsuch/live/", "/{}/nonsuch/data/x.csv"]
    for shape in shapes[2:]:
        answers = [visit(installation, shape.format(name)) for name in (TENANT, "atlantis")]
        seen = [
            (each.status_code, each.text.replace(TENANT, "T").replace("atlantis", "T")) for each in answers
        ]
        assert seen[0][0] == seen[1][0] == 404, shape
    tickets = [
        visit(installation, f"/preview/{ticket}/")
        for ticket in ("x" * 43, "y" * 43, "../records", "%2e%2e%2f")
    ]
    assert {each.status_code for each in tickets} == {404}
