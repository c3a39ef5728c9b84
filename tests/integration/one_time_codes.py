"""The authenticator app of a person, and their way through Keycloak's pages with it."""

from __future__ import annotations

import html
import re
import time

import requests
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

PERIOD = 30  # seconds
MOST_PAGES = 8


class AuthenticatorApp:
    """Makes the codes of one account, each once, as Keycloak takes none twice."""

    def __init__(self) -> None:
        self.secret = ""
        self.used: set[int] = set()

    def make_code(self) -> str:
        """Return a code that counts now; wait for the next where all were used."""
        while True:
            now = time.time()
            # Those just before and after now count too; the first of them not if it is about to end.
            steps = range(int(now) // PERIOD - (now % PERIOD < PERIOD - 5), int(now) // PERIOD + 2)
            fresh = [step for step in steps if step not in self.used]
            if fresh:
                self.used.add(fresh[0])
                return self.make_code_of(fresh[0])
            time.sleep(1)

    def make_code_of(self, step: int) -> str:
        """Return the code of one period."""
        codes = TOTP(self.secret.encode(), 6, SHA1(), PERIOD, enforce_key_length=False)
        return codes.generate(step * PERIOD).decode()


def walk_through(
    session: requests.Session, page: requests.Response, username: str, password: str, app: AuthenticatorApp
) -> tuple[list[str], requests.Response]:
    """Do what Keycloak's pages ask; return what that was, `password`, `enrol` or `code`, and the page after."""
    asked: list[str] = []
    while (kind := find_kind(page)) and len(asked) < MOST_PAGES:
        asked.append(kind)
        fields = {"username": username, "password": password}
        if kind == "enrol":
            app.secret, app.used = find_field(page, "totpSecret"), set()
            fields = {"totp": app.make_code(), "totpSecret": app.secret, "userLabel": "phone"}
        elif kind == "code":
            fields = {"otp": app.make_code()}
        page = send_form(session, page, fields)
    return asked, page


def find_kind(page: requests.Response) -> str | None:
    """Return what a page of Keycloak asks for, or None for any other page."""
    signs = {
        "enrol": 'id="kc-totp-settings-form"',
        "code": 'id="kc-otp-login-form"',
        "password": 'name="password"',
    }
    return next((kind for kind, sign in signs.items() if sign in page.text), None)


def find_field(page: requests.Response, name: str) -> str:
    """Return the value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, f"no {name} at {page.url}"
    return html.unescape(found[1])


def send_form(
    session: requests.Session, page: requests.Response, fields: dict[str, str]
) -> requests.Response:
    """Send the form of a page of Keycloak."""
    action = re.search(r'<form[^>]*action="([^"]+)"', page.text)
    assert action, f"no form at {page.url}"
    return session.post(html.unescape(action[1]), fields, timeout=30)
