"""Which servers are ended: the rule as a table, and the service while its hub is away."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from urbanlab.contract import environment
from urbanlab.contract.records import Tenant
from urbanlab_services.culler.app import Rounds
from urbanlab_services.culler.idleness import find_hub_user, is_unused, make_arbiter
from urbanlab_services.service import ServiceSettings

from ...kafka_broker import wait_until  # noqa: TID252

ANNA = "/user/anna@town/"


@pytest.mark.parametrize(
    ("url", "minutes", "unused"),
    [
        (ANNA, 39, False),
        (ANNA, 40, True),
        ("/lab/user/anna@town/", 40, True),
        ("https://anna-town.lab.example/user/anna@town/", 40, True),
        ("/user/~c3~a4nne@town/", 40, True),
        ("/user/anna%40town/", 40, True),
        ("/user/anna@village/", 40, False),  # it declares more
        ("/user/anna@village/", 1000, True),
        ("/user/publications@town/", 10**6, False),
        ("/user/reports@town/", 10**6, False),
        ("/user/anna@gone/", 10**6, False),
        ("/user/anna/", 10**6, False),
        ("/user/", 10**6, False),
        ("", 10**6, False),
        (ANNA, None, False),
    ],
)
def test_a_server_is_unused_after_what_its_tenant_declares(
    make_tenant: Callable[..., Tenant], url: str, minutes: int | None, unused: bool
) -> None:
    tenants = {
        "town": make_tenant("town", idle_minutes=30),
        "village": make_tenant("village", idle_minutes=600),
    }
    inactive = None if minutes is None else timedelta(minutes=minutes)
    assert is_unused(inactive, {"url": url}, tenants) is unused


def test_what_the_tenants_declare_now_counts(make_tenant: Callable[..., Tenant]) -> None:
    tenants = {"town": make_tenant("town", idle_minutes=30)}
    decide = make_arbiter(lambda: tenants)
    asked: dict[str, Any] = {"inactive": timedelta(minutes=45), "inactive_limit": 0, "server": {"url": ANNA}}
    assert decide(**asked)
    tenants["town"] = dataclasses.replace(tenants["town"], idle_minutes=60)
    assert not decide(**asked)
    tenants.clear()
    assert not decide(**asked)


def test_a_named_server_belongs_to_its_user() -> None:
    assert find_hub_user("/user/anna@town/second/") == ("anna", "town")


NONSENSE: list[tuple[Any, Any]] = [
    ("a page", []),
    ([], []),
    ({}, []),
    ({"version": "of its own"}, []),
    ({"version": "6.1"}, "a page"),
    ({"version": "6.1"}, {"items": 3, "_pagination": {"next": None}}),
    ({"version": "6.1"}, {"items": ["anna"], "_pagination": {"next": None}}),
    ({"version": "6.1"}, {"items": [{"servers": {}}], "_pagination": {"next": None}}),
    ({"version": "6.1"}, {"items": [], "_pagination": []}),
]


async def test_a_hub_that_answers_nonsense_ends_nothing(tmp_path: Path) -> None:
    answers: dict[str, Any] = {}

    class AnyHandler(RequestHandler):
        def get(self, path: str) -> None:
            self.write(json.dumps(answers[path]))

    socket, port = bind_unused_port()
    server = HTTPServer(Application([("/hub/api/(.*)", AnyHandler)], log_function=lambda _: None))
    server.add_socket(socket)
    (tmp_path / "service-culler").write_text("a-token\n")
    environ = {
        environment.HUB_API_URL: f"http://127.0.0.1:{port}/hub/api",
        environment.RECORDS: str(tmp_path),
        environment.SECRETS: str(tmp_path),
    }
    rounds = Rounds(ServiceSettings.from_environ("culler", environ=environ))
    for answers[""], answers["users"] in NONSENSE:
        rounds.missing = {}
        await rounds.go_round()
        assert rounds.missing == {"hub": "does not answer as a hub does"}, answers
    answers |= {"": {"version": "6.1"}, "users": {"items": [], "_pagination": {"next": None}}}
    await rounds.go_round()
    assert rounds.missing == {}
    server.stop()
    await server.close_all_connections()


def test_the_service_says_that_its_hub_is_away_and_keeps_its_token(
    start_service: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "service-culler").write_text("a-token-that-nobody-sees\n")
    service = start_service(
        "culler",
        **{
            environment.HUB_API_URL: "http://127.0.0.1:9/hub/api",
            environment.RECORDS: str(tmp_path),
            environment.SECRETS: str(tmp_path),
        },
    )
    wait_until(lambda: "does not answer" in service.get("/readyz")[1], 30, "the culler has asked the hub")
    status, body = service.get("/readyz")
    assert (status, json.loads(body)["missing"]) == (503, {"hub": "does not answer"})
    assert service.get("/livez")[0] == 200
    assert service.stop() == 0
    assert "a-token-that-nobody-sees" not in service.log.read_text()
