"""Who is logged in with a browser here: in memory, so that a restart ends every session."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass, field

from urbanlab.contract.secrets import Secret

SESSION_SECONDS = 8 * 3600
MAX_SESSIONS = 2000
MAX_OF_ONE = 10  # of one person, who could otherwise end everybody else's by logging in often


@dataclass
class Session:
    """One browser's login; the hub's token never leaves this process."""

    hub_user: str
    token: Secret
    until: float
    xsrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    acting_for: str = ""  # the other tenant for which a gatekeeper decides as deputy
    language: str = ""  # chosen by `?lang=`, empty where the browser's counts


class Sessions:
    """The sessions by the hash of their id; what the browser holds is the id alone."""

    def __init__(self, seconds: float = SESSION_SECONDS) -> None:
        self._seconds = seconds
        self._sessions: dict[bytes, Session] = {}

    def create(self, hub_user: str, token: Secret) -> str:
        """Begin a session; return its id, made anew at each login."""
        self._forget_old(hub_user)
        session_id = secrets.token_urlsafe(32)
        self._sessions[_hash(session_id)] = Session(hub_user, token, time.monotonic() + self._seconds)
        return session_id

    def find(self, session_id: str) -> Session | None:
        """Return the session with this id while it lasts."""
        session = self._sessions.get(_hash(session_id))
        if session is not None and time.monotonic() >= session.until:
            self.end(session_id)
            return None
        return session

    def end(self, session_id: str) -> None:
        """End a session, if there is one."""
        self._sessions.pop(_hash(session_id), None)

    def _forget_old(self, hub_user: str) -> None:
        moment = time.monotonic()
        self._sessions = {key: each for key, each in self._sessions.items() if each.until > moment}
        own = [key for key, each in self._sessions.items() if each.hub_user == hub_user]
        too_many = own[: max(0, len(own) - MAX_OF_ONE + 1)]
        if len(self._sessions) >= MAX_SESSIONS and not too_many:
            too_many = [next(iter(self._sessions))]
        for key in too_many:
            del self._sessions[key]


def _hash(session_id: str) -> bytes:
    # Looked up by its hash, so that the time of a look-up says nothing about the ids there are.
    return hashlib.sha256(session_id.encode("utf-8", "surrogatepass")).digest()
