"""Who stands behind a pseudonym, while that may be known; forgetting somebody changes no line of the log.

A line names a person by a pseudonym, which is an HMAC of the hub user with the person's own random key, and what a
person may have typed stands in it sealed with that key. Name and key are in this database only: without its row the
lines are nobody's, and no other name fits a pseudonym.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Collection
from pathlib import Path
from urllib.parse import quote

from cryptography.fernet import Fernet, InvalidToken

_SCHEMA = """
PRAGMA secure_delete = ON;
PRAGMA synchronous = EXTRA;
CREATE TABLE IF NOT EXISTS people (
    hub_user TEXT PRIMARY KEY, pseudonym TEXT NOT NULL UNIQUE, key TEXT NOT NULL
) STRICT;
"""
PREFIX = "p-"


class People:
    """The pseudonyms of hub users and their keys, in a file of the log's account alone."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.executescript(_SCHEMA)
        path.chmod(0o600)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def ensure_pseudonym(self, hub_user: str) -> str:
        """Return the pseudonym of a hub user, a new one where there is none."""
        found = self.find_pseudonym(hub_user)
        if found is None:
            key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
            found = make_pseudonym(hub_user, key)
            row = (hub_user, found, key)
            with self._database:
                self._database.execute("INSERT INTO people VALUES (?, ?, ?)", row)
        return found

    def find_pseudonym(self, hub_user: str) -> str | None:
        """Return the pseudonym of a hub user, or None."""
        return self._find("SELECT pseudonym FROM people WHERE hub_user = ?", hub_user)

    def find_person(self, pseudonym: str) -> str | None:
        """Return the hub user behind a pseudonym, or None where it was erased or another name was put there."""
        statement = "SELECT hub_user, key FROM people WHERE pseudonym = ?"
        row = self._database.execute(statement, (pseudonym,)).fetchone()
        return str(row[0]) if row and make_pseudonym(*row) == pseudonym else None

    def seal(self, pseudonym: str, text: str) -> str:
        """Return a text of a person's so that it can be read while the person is known."""
        key = self._find("SELECT key FROM people WHERE pseudonym = ?", pseudonym)
        assert key is not None, "a pseudonym is made before it is used"
        return Fernet(key.encode()).encrypt(text.encode("utf-8", "replace")).decode()

    def unseal(self, pseudonym: str, sealed: str) -> str | None:
        """Return the text again, or None where the person was erased."""
        key = self._find("SELECT key FROM people WHERE pseudonym = ?", pseudonym)
        if key is None:
            return None
        try:
            return Fernet(key.encode()).decrypt(sealed.encode()).decode()
        except InvalidToken:
            return None

    def erase(self, hub_user: str) -> bool:
        """Forget somebody for good; return whether there was somebody to forget."""
        with self._database:
            found = self._database.execute("DELETE FROM people WHERE hub_user = ?", (hub_user,)).rowcount
        return bool(found)

    def forget_all_but(self, pseudonyms: Collection[str]) -> int:
        """Forget for good whoever has none of these pseudonyms; return how many they were."""
        known = [str(row[0]) for row in self._database.execute("SELECT pseudonym FROM people")]
        unused = [(each,) for each in known if each not in pseudonyms]
        with self._database:
            self._database.executemany("DELETE FROM people WHERE pseudonym = ?", unused)
        return len(unused)

    def _find(self, question: str, value: str) -> str | None:
        row = self._database.execute(question, (value,)).fetchone()
        return str(row[0]) if row else None


def make_pseudonym(hub_user: str, key: str) -> str:
    """Return the pseudonym that a hub user has with a key."""
    return PREFIX + hmac.new(key.encode(), b"pseudonym:" + hub_user.encode(), hashlib.sha256).hexdigest()[:32]


def find_forged(path: Path) -> str | None:
    """Return a pseudonym behind which somebody has put another name, or None."""
    if not path.exists():
        return None
    database = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
    try:
        rows = database.execute("SELECT hub_user, pseudonym, key FROM people").fetchall()
    finally:
        database.close()
    return next((name for hub_user, name, key in rows if make_pseudonym(hub_user, key) != name), None)
