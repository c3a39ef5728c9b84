"""The hub's log: one JSON object a line, and whatever a library writes, no secret in it."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from urbanlab_hub.logs import JsonFormatter, conceal

SECRET = "s3cr3t.Value-0123456789_abcdef"
SIGNED = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl-x_y"


def _format(message: str, *arguments: object, exc_info: object = None) -> dict[str, str]:
    record = logging.LogRecord("JupyterHub", logging.INFO, "f.py", 1, message, arguments, exc_info)  # type: ignore[arg-type]
    line = JsonFormatter().format(record)
    assert "\n" not in line
    values: dict[str, str] = json.loads(line)
    return values


def test_a_record_is_one_line_of_json() -> None:
    line = _format("started %s\nfor %s", "server", "Änne")

    assert (line["level"], line["logger"], line["message"]) == (
        "info",
        "JupyterHub",
        "started server\nfor Änne",
    )
    assert line["time"].endswith("+00:00")


@pytest.mark.parametrize(
    "text",
    [
        f"GET /hub/api/user?token={SECRET} (anna@alpha)",
        f"302 GET /hub/oauth_callback?state={SECRET}&session_state=x&code={SECRET} -> /hub/",
        f"POST body client_secret={SECRET}&grant_type=refresh_token&refresh_token={SECRET}",
        f"headers {{'Authorization': 'token {SECRET}', 'Accept': '*/*'}}",
        f"headers Authorization: Bearer {SECRET}",
        f'Bad response: {{"access_token": "{SECRET}", "id_token": "{SIGNED}"}}',
        f"env JUPYTERHUB_API_TOKEN={SECRET} CONFIGPROXY_AUTH_TOKEN={SECRET}",
        f"keycloak said {SIGNED} is expired",
        f"logout?id_token_hint={SIGNED}&client_id=jupyterhub",
        f"'password': '{SECRET}'",
        f"Cookie: {SECRET}",
    ],
)
def test_no_secret_is_written(text: str) -> None:
    line = json.dumps(_format("%s", text))

    assert SECRET not in line
    assert "eyJ" not in line
    assert "**********" in line


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "word",
    [
        "a-",
        "eyJ-",
        "eyJ",
        "token-",
        "token ",
        "token:",
        "authorization: ",
        "bearer ",
        "state",
        "eyJaaaaaaaa.",
    ],
)
def test_nothing_that_somebody_asks_for_stops_the_hub(word: str) -> None:
    asked = f"404 GET /hub/{word * 50_000} (@192.0.2.7)"
    assert conceal(asked).startswith("404 GET /hub/")


def test_no_secret_is_written_with_a_traceback() -> None:
    try:
        raise ValueError(f"token={SECRET}")
    except ValueError:
        line = _format("failed", exc_info=sys.exc_info())
    assert "ValueError: token=**********" in line["traceback"]


@pytest.mark.parametrize(
    "text",
    [
        "User anna@alpha took 1.234 seconds to start",
        "200 GET /hub/api/users (operator@127.0.0.1) 12.00ms",
        "Adding user anna@alpha to proxy /user/anna@alpha/ => http://127.0.0.1:41234",
        "Token for the server of anna@alpha was revoked",
        "Failing with status code: 404",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert conceal(text) == text
