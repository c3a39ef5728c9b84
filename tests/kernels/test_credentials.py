"""Credentials are fetched once, renewed in time, and survive a tokens service that is away for a moment."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from urbanlab.contract.secrets import Secret
from urbanlab.credentials import Credentials
from urbanlab.errors import CredentialsDownError, SessionError


@pytest.fixture
def credentials(tokens: Any) -> Credentials:
    return Credentials(tokens.url, Secret("hub-token"))


def test_a_credential_is_asked_for_with_the_hub_token_and_kept(tokens: Any, credentials: Credentials) -> None:
    assert [credentials.get("warehouse").reveal() for _ in range(3)] == ["warehouse-1"] * 3
    assert tokens.asked == [("/services/tokens/warehouse", "token hub-token")]


def test_each_purpose_has_its_own(tokens: Any, credentials: Credentials) -> None:
    assert credentials.get("warehouse").reveal() == "warehouse-1"
    assert credentials.get("kafka").reveal() == "kafka-2"
    assert credentials.get("publisher").reveal() == "publisher-3"


def test_it_is_renewed_before_it_ends(tokens: Any, credentials: Credentials) -> None:
    tokens.seconds = 0.4
    assert credentials.get("kafka").reveal() == "kafka-1"
    time.sleep(0.32)  # beyond three quarters of its life
    assert credentials.get("kafka").reveal() == "kafka-2"


def test_one_that_was_refused_is_replaced(tokens: Any, credentials: Credentials) -> None:
    credentials.get("warehouse")
    credentials.forget("warehouse")
    assert credentials.get("warehouse").reveal() == "warehouse-2"


def test_many_threads_ask_once(tokens: Any, credentials: Credentials) -> None:
    threads = [threading.Thread(target=credentials.get, args=("warehouse",)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens.asked) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_says_whom_to_ask(tokens: Any, credentials: Credentials, status: int) -> None:
    tokens.status = status
    with pytest.raises(SessionError, match="log in again, or ask your administrator") as caught:
        credentials.get("warehouse")
    assert not isinstance(caught.value, CredentialsDownError)
    assert "hub-token" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"oops hub-token"), (200, b"<html>"), (200, b"[]"), (200, b'{"token": "x"}'), (302, b"")],
)
def test_an_answer_that_is_none_is_said_without_its_text(
    tokens: Any, credentials: Credentials, status: int, body: bytes
) -> None:
    tokens.status, tokens.body = status, body
    with pytest.raises(CredentialsDownError, match=f"status {status}") as caught:
        credentials.get("warehouse")
    assert "hub-token" not in str(caught.value)


def test_while_the_service_is_away_what_is_held_is_used_to_its_end(
    tokens: Any, credentials: Credentials
) -> None:
    tokens.seconds = 1.0
    credentials.get("kafka")
    tokens.stop()
    time.sleep(0.8)
    assert credentials.get("kafka").reveal() == "kafka-1"
    time.sleep(0.25)
    with pytest.raises(CredentialsDownError, match="does not answer"):
        credentials.get("kafka")
    tokens.start()
    assert credentials.get("kafka").reveal() == "kafka-2"


def test_a_refusal_ends_what_is_held_at_once(tokens: Any, credentials: Credentials) -> None:
    tokens.seconds = 0.4
    credentials.get("kafka")
    time.sleep(0.32)
    tokens.status = 403
    with pytest.raises(SessionError, match="no longer"):
        credentials.get("kafka")


def test_the_hub_token_does_not_follow_to_another_address(tokens: Any, credentials: Credentials) -> None:
    tokens.status, tokens.body = 307, b""
    with pytest.raises(CredentialsDownError):
        credentials.get("warehouse")
    assert len(tokens.asked) == 1
