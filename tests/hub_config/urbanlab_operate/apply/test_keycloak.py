"""What Keycloak should have: the clients whose tokens Kafka takes, and the hub's own."""

from __future__ import annotations

import dataclasses

import pytest

from urbanlab_hub.settings import Settings
from urbanlab_operate.apply.keycloak import make_hub_client, make_kafka_client


@pytest.mark.parametrize("access", ["read", "open"])
def test_kafkas_client_gives_short_tokens_that_name_the_tenants_access(access: str) -> None:
    client = make_kafka_client("alpha", access)
    mappers = {mapper["name"]: mapper["config"] for mapper in client["protocolMappers"]}

    assert client["clientId"] == f"kafka-{access}-alpha"
    assert mappers["principal"]["claim.value"] == f"alpha.{access}"
    assert mappers["audience"]["included.custom.audience"] == "kafka"
    assert 0 < int(client["attributes"]["access.token.lifespan"]) <= 45


def test_kafkas_client_lets_nobody_log_in_by_a_browser() -> None:
    client = make_kafka_client("alpha", "open")
    assert client["serviceAccountsEnabled"] is True
    for way in ("publicClient", "standardFlowEnabled", "implicitFlowEnabled", "directAccessGrantsEnabled"):
        assert client[way] is False
    assert client["redirectUris"] == client["webOrigins"] == []
    assert client["fullScopeAllowed"] is False


@pytest.mark.parametrize("url", ["", "https://lab.example"])
def test_the_hubs_client_sends_to_the_hub_and_nowhere_else(settings: Settings, url: str) -> None:
    settings = dataclasses.replace(settings, public_url=url)
    client = make_hub_client(settings)

    assert client["redirectUris"] == [f"{settings.hub_url}hub/oauth_callback"]
    assert client["attributes"]["post.logout.redirect.uris"] == f"{settings.hub_url}hub/logged-out"
    assert "*" not in str(client)
