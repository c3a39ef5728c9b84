"""The tokens service as a process: what it gives, what it refuses, and what it says when a part is away."""

from __future__ import annotations

import asyncio
import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from urbanlab.contract.naming import make_kafka_client
from urbanlab.contract.secrets import Secret
from urbanlab_services.hub_api import HubApi
from urbanlab_services.tokens.keycloak import KafkaTokens

ANALYST, STEWARD = "/tenants/town/analyst", "/tenants/town/steward"


@pytest.mark.parametrize(
    ("name", "group", "access"),
    [
        ("anna@town", ANALYST, "analyst"),
        ("sven@town", STEWARD, "steward"),
        ("reports@town", "/services/reports", "reports"),
    ],
)
def test_a_server_gets_a_signed_credential_for_the_warehouse(
    service: Any, name: str, group: str, access: str
) -> None:
    answer = service.ask("warehouse", service.add(name, group))
    claims = service.read_claims(answer.body["token"])
    assert answer.status == 200
    assert (claims["sub"], claims["tenant"], claims["access"]) == (name, "town", access)
    assert claims["iss"] == "urbanlab-tokens"
    assert claims["exp"] - claims["iat"] == 30
    assert 29 <= answer.body["expires_in"] <= 30
    assert abs(claims["iat"] - time.time()) < 5
    assert answer.headers["Cache-Control"] == "no-store"
    assert service.ask("warehouse", service.add(name, group)).body["token"] != answer.body["token"]


def test_a_credential_is_as_old_as_what_the_hub_said(service: Any) -> None:
    anna = service.add("anna@town", ANALYST)
    first = service.read_claims(service.ask("warehouse", anna).body["token"])
    time.sleep(2.1)  # while the hub's answer is still remembered
    answer = service.ask("warehouse", anna)
    second = service.read_claims(answer.body["token"])
    # A revocation after the first tells the second, too, from what is given once the hub was asked again.
    assert (second["iat"], second["exp"]) == (first["iat"], first["exp"])
    assert answer.body["expires_in"] <= 28
    assert second["jti"] != first["jti"]


def test_a_persons_server_gets_a_signed_credential_for_the_publisher(service: Any) -> None:
    anna = service.add(
        "anna@town", "/tenants/town/publisher", "/tenants/town/gatekeeper", "/tenants/village/admin"
    )
    answer = service.ask("publisher", anna)
    claims = service.read_claims(answer.body["token"], "urbanlab-publisher")
    assert (claims["sub"], claims["tenant"], claims["roles"]) == (
        "anna@town",
        "town",
        ["publisher", "gatekeeper"],
    )
    assert claims["exp"] - claims["iat"] == 30
    assert 29 <= answer.body["expires_in"] <= 30
    assert "access" not in claims
    refused = service.ask("publisher", service.add("publications@town", "/services/publications"))
    assert (refused.status, refused.body["error"]["code"]) == (403, "forbidden")


def test_all_of_a_tenant_share_a_token_for_kafka_until_half_of_its_life(service: Any) -> None:
    service.town.token_seconds = 4
    anna, reports = service.add("anna@town", ANALYST), service.add("reports@town")
    first = service.ask("kafka", anna)
    assert first.body == {"token": "kafka-read-town-1", "expires_in": 3}
    assert service.ask("kafka", reports).body["token"] == "kafka-read-town-1"
    other = service.ask("kafka", service.add("eva@village", "/tenants/village/admin"))
    assert other.body["token"] == "kafka-read-village-2"
    assert service.ask("kafka", service.add("publications@town")).body["token"] == "kafka-open-town-3"
    time.sleep(2.1)
    assert service.ask("kafka", anna).body["token"] == "kafka-read-town-4"


def test_keycloak_is_asked_once_by_many_at_a_time_even_if_it_fails(service: Any) -> None:
    tokens = [service.add(f"person{n}@town", ANALYST) for n in range(5)]
    for token in tokens:  # so that the hub's answers are known
        service.ask("warehouse", token)
    service.town.seconds_to_answer = 0.5
    for status, asked in ((500, 1), (200, 2)):
        service.town.keycloak_status = status
        with ThreadPoolExecutor(5) as threads:
            answers = list(threads.map(lambda token: service.ask("kafka", token), tokens))
        assert {answer.status for answer in answers} == {503 if status == 500 else 200}
        assert service.town.keycloak_asked == asked


async def test_a_keycloak_that_hangs_keeps_nobody_from_the_hub(town: Any, tmp_path: Path) -> None:
    tenants = [f"town{number}" for number in range(12)]
    for tenant in tenants:
        client = make_kafka_client(tenant, "read")
        town.clients[client] = "secret"
        (tmp_path / client).write_text("secret")
    town.identities["token"] = {"kind": "user", "name": "anna@town"}
    tokens = KafkaTokens(f"http://127.0.0.1:{town.port}/realm", tmp_path)
    hub = HubApi(f"http://127.0.0.1:{town.port}/hub/api")
    town.keycloak_hangs = True
    asking = [asyncio.create_task(tokens.get_token(tenant, "read")) for tenant in tenants]
    try:
        async with asyncio.timeout(4):
            while town.keycloak_waiting < 10:  # noqa: ASYNC110 - another thread counts
                await asyncio.sleep(0.01)
        assert (await hub.get_identity(Secret("token"))).name == "anna@town"
        assert not any(task.done() for task in asking)
    finally:
        town.keycloak_hangs = False
    assert len({token.value.reveal() for token in await asyncio.gather(*asking)}) == 12


def test_those_without_data_of_their_own_are_refused_in_a_sentence(service: Any) -> None:
    refused = {
        "browser": service.add("anna@town", ANALYST, session_id="of a browser"),
        "no tenant": service.add("anna"),
        "unknown tenant": service.add("anna@city", "/tenants/city/analyst"),
        "service": service.add("tokens", kind="service"),
    }
    for why, token in refused.items():
        for purpose in ("warehouse", "kafka", "publisher"):
            answer = service.ask(purpose, token)
            assert (answer.status, answer.body["error"]["code"]) == (403, "forbidden"), why
            assert answer.body["error"]["message"].endswith("."), why
    assert service.town.keycloak_asked == 0


@pytest.mark.parametrize("token", ["", "unknown"])
def test_a_stranger_is_not_authenticated(service: Any, token: str) -> None:
    answer = service.ask("warehouse", token)
    assert (answer.status, answer.body["error"]["code"]) == (401, "unauthenticated")


def test_a_role_that_is_taken_away_counts_within_seconds(service: Any) -> None:
    token = service.add("anna@town", ANALYST)
    assert service.ask("warehouse", token).status == 200
    assert service.ask("warehouse", token).status == 200
    assert service.town.hub_asked == 1
    del service.town.identities[token]
    time.sleep(5.1)
    assert service.ask("warehouse", token).status == 401


def test_who_asks_too_often_is_told_when_to_come_back(service: Any) -> None:
    anna = service.add("anna@town", ANALYST)
    statuses = [service.ask("warehouse", anna).status for _ in range(130)]
    assert 429 in statuses[120:] and set(statuses[:120]) == {200}
    answer = service.ask("warehouse", anna)
    assert answer.body["error"]["code"] == "too_many_requests"
    assert int(answer.headers["Retry-After"]) >= 1
    assert service.ask("warehouse", service.add("bert@town", ANALYST)).status == 200


@pytest.mark.parametrize(
    ("part", "purpose", "status"),
    [
        ("hub", "warehouse", 500),
        ("hub", "warehouse", 404),
        ("keycloak", "kafka", 503),
        ("keycloak", "kafka", 401),
    ],
)
def test_a_part_that_is_away_is_named(service: Any, part: str, purpose: str, status: int) -> None:
    setattr(service.town, f"{part}_status", status)
    answer = service.ask(purpose, service.add("anna@town", ANALYST))
    assert (answer.status, answer.body["error"]["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert part in answer.body["error"]["message"].lower()
    ready, text = service.process.get("/readyz")
    assert ready == 503 and f'"{part}"' in text
    setattr(service.town, f"{part}_status", 200)
    service.process.wait_until_ready(5)


def test_a_tenant_whose_client_is_not_set_up_yet_has_to_wait(service: Any, tmp_path: Any) -> None:
    secret = tmp_path / "secrets" / "kafka-read-village"
    text = secret.read_text()
    secret.unlink()
    token = service.add("eva@village", "/tenants/village/analyst")
    answer = service.ask("kafka", token)
    assert answer.status == 503 and "urbanlab apply" in answer.body["error"]["message"]
    secret.mkdir()  # what is there and cannot be read is no error of the service's own
    assert service.ask("kafka", token).status == 503
    secret.rmdir()
    secret.write_text(text)
    assert service.ask("kafka", token).status == 200


def test_wrong_requests_are_refused(service: Any) -> None:
    token = service.add("anna@town", ANALYST)
    assert service.ask("warehouse", token, method="GET").status == 405
    assert service.ask("oracle", token).body["error"]["code"] == "not_found"
    connection = http.client.HTTPConnection("127.0.0.1", service.process.port, timeout=10)
    connection.putrequest("POST", "/warehouse")
    connection.putheader("Authorization", f"token {token}")
    connection.putheader("Content-Length", str(10**9))
    connection.endheaders(b"x" * 100)
    assert connection.getresponse().status == 400
    assert service.ask("warehouse", token).status == 200


def test_no_secret_is_ever_logged_or_counted(service: Any) -> None:
    for name, group in (("anna@town", ANALYST), ("anna@city", ANALYST), ("publications@town", "")):
        token = service.add(name, group)
        service.ask("warehouse", token)
        service.ask(f"kafka?token={token}", token)
    service.town.keycloak_status = service.town.hub_status = 500
    service.ask("kafka", service.add("eva@village", "/tenants/village/analyst"))
    service.town.hub_status = 200
    service.ask("kafka", service.add("emil@village", "/tenants/village/analyst"))
    metrics = service.process.get("/metrics")[1]
    service.process.stop()
    log = service.process.log.read_text()
    assert len(service.secrets) > 8
    assert not [secret for secret in service.secrets if secret in log or secret in metrics]
    assert all(line["service"] == "tokens" for line in service.process.log_lines())
    assert 'urbanlab_tokens_issued_total{access="analyst",purpose="kafka"} 1.0' in metrics
    assert "town" not in metrics and "village" not in metrics
