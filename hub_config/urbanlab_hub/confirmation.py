"""Asks Keycloak whether somebody's login still counts, and keeps what is known of it in the auth state.

Keycloak answers about access tokens until the session ends; an expired one is renewed by its refresh token, which
Keycloak takes for use of the session. So an unused session would never be idle there: the hub itself ends a login
that nobody has used for as long as Keycloak lets a session be idle (`is_idle`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import jwt
from tornado.httpclient import HTTPError as FetchError
from tornado.web import HTTPError

AuthModel = dict[str, Any]
AuthState = dict[str, Any]

KEY = "urbanlab"  # of what we keep in the auth state
NEW_LOGIN = "urbanlab_new_login"  # marks the model of somebody who has just given their password
KEPT_SESSIONS = 20  # of one person's browsers, each a session at Keycloak


class LoginEnded(Exception):
    """A login does not count any more; `reason` says why, for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class KeycloakAway(Exception):
    """There is no answer, which says nothing about the person."""


def mark_new_login(model: AuthModel) -> AuthModel:
    """Return the model of a login with the session at Keycloak that it stands for."""
    state, now = model["auth_state"], time.time()
    claims = read_claims(state.get("id_token"))
    known = {
        "sub": str(claims.get("sub", "")),
        "sessions": [str(claims.get("sid", ""))],
        "began": now,
        "confirmed": now,
        # Keycloak says how long the session may be idle.
        "idle_seconds": int((state.get("token_response") or {}).get("refresh_expires_in") or 0),
    }
    return {**model, "auth_state": {**state, KEY: known}, NEW_LOGIN: True}


def reconcile_auth_state(_: Any, model: AuthModel, existing: AuthState | None) -> AuthState | None:
    """Return what the hub keeps: a login adds its session; what was revoked meanwhile stays so."""
    state: AuthState | None = model.get("auth_state")
    if not model.get(NEW_LOGIN):
        return state if existing else None
    if not state or not existing:
        return state
    sessions = [*existing.get(KEY, {}).get("sessions", []), *state[KEY]["sessions"]]
    known = {**state[KEY], "sessions": list(dict.fromkeys(sessions))[-KEPT_SESSIONS:]}
    return {**state, KEY: known}


def belongs_to(state: Mapping[str, Any] | None, sub: str, sid: str) -> bool:
    """Return whether a login stands for the session `sid`, or for anything of `sub` where there is none."""
    known = (state or {}).get(KEY, {})
    return sid in known.get("sessions", ()) if sid else bool(sub) and sub == known.get("sub")


def is_within(state: Mapping[str, Any], grace_seconds: float) -> bool:
    """Return whether Keycloak's last good answer is not older than that."""
    return bool(time.time() - state.get(KEY, {}).get("confirmed", 0) <= grace_seconds)


def is_idle(state: Mapping[str, Any], last_used: float) -> bool:
    """Return whether nobody has used a login for as long as Keycloak lets its session be idle."""
    known = state.get(KEY, {})
    allowed = known.get("idle_seconds", 0)
    return bool(allowed and time.time() - max(known.get("began", 0), last_used) > allowed)


async def confirm(authenticator: Any, state: AuthState | None) -> AuthModel:
    """Return the person as Keycloak sees them now; raise `LoginEnded`, or `KeycloakAway` without an answer."""
    if not state:
        raise LoginEnded("nobody is logged in")
    try:
        if _is_over(state.get("access_token")):
            raise _RefusedError
        model = await _look_up(authenticator, state["token_response"])
    except _RefusedError:
        model = await _renew(authenticator, state)
    known = {**state.get(KEY, {}), "confirmed": time.time()}
    return {**model, "auth_state": {**model["auth_state"], KEY: known}}


class _RefusedError(Exception):
    """Keycloak does not take a token."""


async def _look_up(authenticator: Any, tokens: Mapping[str, Any]) -> AuthModel:
    try:
        model: AuthModel = await authenticator._token_to_auth_model(dict(tokens))
    except FetchError as error:
        if error.code in (400, 401):
            raise _RefusedError from error
        raise KeycloakAway(str(error)) from error
    except (HTTPError, OSError, ValueError, KeyError, TypeError) as error:  # no answer, or none of Keycloak's
        raise KeycloakAway(str(error)) from error
    return model


async def _renew(authenticator: Any, state: AuthState) -> AuthModel:
    token = state.get("refresh_token") or ""
    form = authenticator.build_refresh_token_request_params(token)
    try:
        tokens = await authenticator.get_token_info(None, form)
    except FetchError as error:
        # Everything else, as a wrong secret of our own, says nothing about the person.
        if error.code == 400 and _read_error(error) == "invalid_grant":
            raise LoginEnded("Keycloak has ended the session or disabled the person") from error
        raise KeycloakAway(str(error)) from error
    except (HTTPError, OSError, ValueError, KeyError, TypeError) as error:
        raise KeycloakAway(str(error)) from error
    try:
        return await _look_up(authenticator, {"refresh_token": token, **tokens})
    except _RefusedError as error:
        raise LoginEnded("Keycloak does not take the token that it has just given") from error


def _read_error(error: FetchError) -> str:
    try:
        values = json.loads(error.response.body) if error.response else {}
    except ValueError:
        return ""
    return str(values.get("error", "")) if isinstance(values, dict) else ""


def _is_over(access_token: Any) -> bool:
    return bool(read_claims(access_token).get("exp", 0) < time.time() + 2)


def read_claims(token: Any) -> dict[str, Any]:
    """Return what a token says; it came from Keycloak itself, in answer to our own question."""
    try:
        claims: dict[str, Any] = jwt.decode(str(token), options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return {}
    return claims
