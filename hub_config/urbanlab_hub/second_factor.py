"""Roles that a password alone does not give: which of them a login has, and what is asked where one is missing.

Keycloak says in `amr` what somebody did to log in, and that is what counts. Its `acr` names the level that was
reached, and a flow whose form somebody switched off reaches it with nothing done.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from urbanlab_hub.confirmation import KEY

FACTORS = frozenset({"otp"})
MOST_QUESTIONS = 2
# Whoever has just been made to set up their codes has given none yet, and Keycloak takes its level for reached
# until it is to begin anew.
_QUESTIONS: tuple[dict[str, str], ...] = ({}, {"acr_values": "otp"}, {"acr_values": "otp", "prompt": "login"})


@dataclass(frozen=True)
class Standing:
    """The roles of a login: `roles` it has, of them `proven` by a second factor; the others are `waiting`."""

    roles: tuple[str, ...]
    proven: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


def has_second_factor(claims: Mapping[str, Any]) -> bool:
    """Return whether the claims of an id token say that a second factor was given."""
    methods = claims.get("amr")
    return isinstance(methods, list) and any(isinstance(each, str) and each in FACTORS for each in methods)


def make_standing(
    held: Collection[str],
    demanded: Collection[str],
    claims: Mapping[str, Any],
    proven: Collection[str] | None = None,
) -> Standing:
    """Return which of the roles that somebody holds their login has.

    `demanded` are those that the tenant gives with a second factor only. `proven` are those that a login has given
    before, where it is only looked at again: what somebody is given meanwhile waits for their next login, because
    other browsers may be logged in to the same hub user with a password alone.
    """
    able = set(held if proven is None else proven) if has_second_factor(claims) else set()
    given = [role for role in sorted(set(held)) if role not in demanded or role in able]
    return Standing(
        tuple(given),
        tuple(role for role in given if role in demanded),
        tuple(sorted(set(held) - set(given))),
    )


def get_proven(state: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the roles for which the login whose auth state this is has given a second factor."""
    return frozenset((state or {}).get(KEY, {}).get("proven", ()))


def keep_proven(state: Mapping[str, Any], standing: Standing) -> dict[str, Any]:
    """Return the auth state with the roles that are proven now."""
    return {**state, KEY: {**state.get(KEY, {}), "proven": list(standing.proven)}}


def make_question(asked: int) -> dict[str, str]:
    """Return what is added to a login's question to Keycloak when it was sent back so many times."""
    return dict(_QUESTIONS[min(max(asked, 0), MOST_QUESTIONS)])
