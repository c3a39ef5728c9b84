"""Signs in at the publisher as a person would, through Keycloak's own form, and uses its pages' forms."""

from __future__ import annotations

import html
import re
from http.cookiejar import Cookie
from typing import Any

import requests
from requests.cookies import RequestsCookieJar

from urbanlab_operate.errors import OperateError

TIMEOUT = 60  # seconds
_FORM = re.compile(r'id="kc-form-login"[^>]*action="([^"]+)"')
_XSRF = re.compile(r'name="xsrf" value="([^"]+)"')


class _LoopbackCookies(RequestsCookieJar):
    """Sends Keycloak's Secure cookies over HTTP too, as browsers do on loopback."""

    def set_cookie(self, cookie: Cookie, *args: Any, **kwargs: Any) -> None:
        """Keep a cookie."""
        cookie.secure = False
        super().set_cookie(cookie, *args, **kwargs)


class StaffSession:
    """One person at the publisher's pages."""

    def __init__(self, publisher_url: str, username: str, password: str) -> None:
        """Sign in; raise `OperateError` where that does not lead to the pages."""
        self._url = publisher_url
        self._username = username
        self._session = requests.Session()
        # These addresses are our own machine's: a proxy of the operator must not see the password.
        self._session.trust_env = False
        self._session.cookies = _LoopbackCookies()
        form = self._request("GET", f"{publisher_url}/login?next=%2F")
        action = _FORM.search(form.text)
        if action is None:
            raise self._make_error(form)
        answer = self._request(
            "POST", html.unescape(action[1]), data={"username": username, "password": password}
        )
        if not answer.url.startswith(publisher_url) or answer.status_code != 200:
            raise self._make_error(answer)
        self._xsrf = html.unescape(self._find(_XSRF, answer))

    def get(self, path: str) -> str:
        """Return a page."""
        return self._check(self._request("GET", self._url + path)).text

    def post(
        self, path: str, fields: dict[str, str], files: dict[str, tuple[str, bytes]] | None = None
    ) -> str:
        """Send a form; return the path of the page that it led to."""
        answer = self._request(
            "POST",
            self._url + path,
            data={"xsrf": self._xsrf, **fields},
            files=files,
            headers={"Origin": self._url},
        )
        return self._check(answer).url.removeprefix(self._url).partition("?")[0]

    def _request(self, method: str, url: str, **options: Any) -> requests.Response:
        try:
            return self._session.request(method, url, timeout=TIMEOUT, **options)
        except requests.RequestException as error:
            raise OperateError(f"{url.partition('?')[0]} does not answer: see `urbanlab status`") from error

    def _check(self, answer: requests.Response) -> requests.Response:
        if answer.status_code != 200:
            raise self._make_error(answer)
        return answer

    def _find(self, pattern: re.Pattern[str], answer: requests.Response) -> str:
        found = pattern.search(answer.text)
        if found is None:
            raise self._make_error(answer)
        return found[1]

    def _make_error(self, answer: requests.Response) -> OperateError:
        place = answer.url.partition("?")[0]
        return OperateError(f"{self._username} got {answer.status_code} from {place}: see the files in logs")
