"""What a kernel finds in its environment becomes a session, or a sentence that says where to go."""

from __future__ import annotations

from typing import Any

import pytest

from urbanlab.contract import environment
from urbanlab.errors import SessionError
from urbanlab.session import GERMANY, HUB_TOKEN, Session

NEEDED = (
    environment.TENANT,
    environment.TOKENS_URL,
    environment.WAREHOUSE_URL,
    environment.KAFKA_BOOTSTRAP,
    HUB_TOKEN,
)


def test_a_session_has_what_the_hub_prepared(environ: dict[str, str]) -> None:
    session = Session.from_environ(environ)
    assert (session.tenant, session.tenant_title, session.person) == ("town", "Town", "anna")
    assert (session.language, session.time_zone, session.map_centre) == ("en", "Europe/Berlin", (51.9, 8.4))


@pytest.mark.parametrize("name", NEEDED)
def test_without_one_of_the_needed_variables_it_says_which_and_where_to_go(
    environ: dict[str, str], name: str
) -> None:
    with pytest.raises(SessionError, match=f"Log in to Urban Lab.*{name}"):
        Session.from_environ({**environ, name: ""})


def test_an_ordinary_python_is_told_that_it_is_outside() -> None:
    with pytest.raises(SessionError, match="does not run in Urban Lab"):
        Session.from_environ({})


@pytest.mark.parametrize(
    ("name", "value", "attribute", "expected"),
    [
        (environment.MAP_CENTRE, "", "map_centre", GERMANY),
        (environment.MAP_CENTRE, "north,east", "map_centre", GERMANY),
        (environment.MAP_CENTRE, "51.5", "map_centre", GERMANY),
        (environment.LANGUAGE, "", "language", "de"),
        (environment.TIME_ZONE, "", "time_zone", "Europe/Berlin"),
        (environment.TENANT_TITLE, "", "tenant_title", "town"),
    ],
)
def test_what_may_be_absent_has_a_default(
    environ: dict[str, str], name: str, value: str, attribute: str, expected: Any
) -> None:
    assert getattr(Session.from_environ({**environ, name: value}), attribute) == expected


def test_a_session_shows_no_token(environ: dict[str, str]) -> None:
    session = Session.from_environ(environ)
    session.credentials.get("warehouse")
    for text in (repr(session), repr(session.credentials), repr(vars(session.credentials))):
        assert environ[HUB_TOKEN] not in text and "warehouse-1" not in text


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ({"de": "Regen", "en": "rain"}, "rain"),
        ({"de": "Regen"}, "Regen"),
        ({"nl": "regen"}, "regen"),
        ({}, ""),
    ],
)
def test_a_text_is_chosen_in_the_sessions_language(
    environ: dict[str, str], text: dict[str, str], chosen: str
) -> None:
    assert Session.from_environ(environ).choose(text) == chosen
