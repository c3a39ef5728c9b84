"""Logging in as a person would: Keycloak's own form, the hub, a server, a kernel; without a browser."""

from __future__ import annotations

import base64
import html
import json
import re
import time
import uuid
from dataclasses import dataclass, field
from http.cookiejar import Cookie
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

import requests
import websocket
from requests.cookies import RequestsCookieJar

HUB_START_SECONDS = 60


class Place(Protocol):
    """What is needed of a running installation (tests/conftest.py)."""

    @property
    def settings(self) -> Any:
        """The settings, with `hub_url`."""

    def password(self, username: str) -> str:
        """Return a demo account's password."""


class NotLoggedInError(AssertionError):
    """A login that did not lead to the hub; `page` is what the person saw."""

    def __init__(self, page: requests.Response) -> None:
        super().__init__(f"{page.status_code} at {page.url}")
        self.page = page


@dataclass(frozen=True)
class Result:
    """What a cell showed: `text` is all it printed or returned, `error` name and message of its exception."""

    text: str
    error: str = ""
    outputs: list[dict[str, Any]] = field(default_factory=list)


class LoopbackCookies(RequestsCookieJar):
    """Sends Keycloak's Secure cookies over HTTP too, as browsers do on loopback."""

    def set_cookie(self, cookie: Cookie, *args: Any, **kwargs: Any) -> None:
        """Keep a cookie."""
        cookie.secure = False
        super().set_cookie(cookie, *args, **kwargs)


def make_browser_session() -> requests.Session:
    """Return a session that keeps cookies as a browser does."""
    session = requests.Session()
    session.cookies = LoopbackCookies()
    return session


def fill_in_form(
    session: requests.Session, page: requests.Response, username: str, password: str
) -> requests.Response:
    """Send Keycloak's login form and return where it leads."""
    found = re.search(r'id="kc-form-login"[^>]*action="([^"]+)"|action="([^"]+)"', page.text)
    assert found, f"no login form at {page.url}"
    action = html.unescape(found[1] or found[2])
    return session.post(action, {"username": username, "password": password}, timeout=30)


def answer_login(
    installation: Place, username: str, tenant: str = "", password: str | None = None
) -> tuple[requests.Session, requests.Response]:
    """Return the session and the page that somebody sees after Keycloak's form, whatever it is."""
    session = make_browser_session()
    start = f"{installation.settings.hub_url}hub/login?next=%2Fhub%2Fhome"
    page = session.get(f"{start}&tenant={quote(tenant)}" if tenant else start, timeout=30)
    given = installation.password(username) if password is None else password
    return session, fill_in_form(session, page, username, given)


def login(
    installation: Place, username: str, tenant: str = "", password: str | None = None
) -> requests.Session:
    """Return a session that is logged in to the hub; raise `NotLoggedInError` otherwise."""
    session, page = answer_login(installation, username, tenant, password)
    if page.status_code != 200 or not page.url.endswith("/hub/home"):
        raise NotLoggedInError(page)
    return session


class StaffSession:
    """A person at work in one tenant: logged in, with a server and a kernel when asked for."""

    def __init__(
        self, installation: Place, username: str, tenant: str | None = None, password: str | None = None
    ) -> None:
        self.hub_url = installation.settings.hub_url
        self.tenant = tenant or username.partition("-")[2]
        self.hub_user = f"{username}@{self.tenant}"
        self.session = login(installation, username, tenant or "", password)
        # The hub writes `@` and `~` as they are, and servers answer to that spelling only.
        self.prefix = f"{self.hub_url}user/{quote(self.hub_user, safe='@~')}/"
        self.kernel: KernelChannel | None = None

    def __enter__(self) -> StaffSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- the hub's API, as the pages of the hub use it ---

    def ask_hub(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Ask the hub's API in the person's name."""
        headers = {"X-XSRFToken": self.find_cookie("_xsrf", "/hub/"), "Referer": f"{self.hub_url}hub/home"}
        address = f"{self.hub_url}hub/api/{path}"
        return self.session.request(method, address, headers=headers, timeout=60, **arguments)

    def ask_server(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Ask the person's server."""
        prefix = urlsplit(self.prefix).path
        headers = {"X-XSRFToken": self.find_cookie("_xsrf", prefix), "Referer": self.prefix}
        return self.session.request(method, self.prefix + path, headers=headers, timeout=60, **arguments)

    def find_cookie(self, name: str, path: str) -> str:
        """Return a cookie's value by its exact path, or an empty string."""
        fitting = [
            cookie.value for cookie in self.session.cookies if cookie.name == name and cookie.path == path
        ]
        return fitting[0] or "" if fitting else ""

    # --- the server ---

    def start_server(self) -> None:
        """Start the server, if it does not run, and enter it."""
        answer = self.ask_hub("POST", f"users/{quote(self.hub_user)}/server")
        # 400 is the answer where the server runs already.
        assert answer.status_code in (201, 202, 400), answer.text
        deadline = time.monotonic() + HUB_START_SECONDS
        while not self.is_ready():
            assert time.monotonic() < deadline, "the server does not become ready"
            time.sleep(0.05)
        self.session.get(f"{self.prefix}lab", timeout=30).raise_for_status()

    def is_ready(self) -> bool:
        """Return whether the hub says that the server is ready."""
        model = self.ask_hub("GET", f"users/{quote(self.hub_user)}").json()
        return bool(model.get("servers", {}).get("", {}).get("ready"))

    def stop_server(self) -> None:
        """Stop the server and wait until the hub says that it has stopped."""
        self.leave_kernel()
        self.ask_hub("DELETE", f"users/{quote(self.hub_user)}/server").raise_for_status()
        deadline = time.monotonic() + HUB_START_SECONDS
        while self.ask_hub("GET", f"users/{quote(self.hub_user)}").json().get("servers"):
            assert time.monotonic() < deadline, "the server does not stop"
            time.sleep(0.05)

    # --- the kernel ---

    def run(self, code: str, seconds: float = 120) -> Result:
        """Run code in the person's kernel, which is started when it is first needed."""
        if self.kernel is None:
            self.start_server()
            self.kernel = self.open_kernel()
        return self.kernel.run(code, seconds)

    def ask_json(self, code: str, seconds: float = 120) -> Any:
        """Run code that prints JSON and return it."""
        result = self.run(code, seconds)
        assert not result.error, result.error
        return json.loads(result.text)

    def upload(self, name: str, content: bytes) -> None:
        """Put a file into the home, as by dragging it into the file browser."""
        model = {"type": "file", "format": "base64", "content": base64.b64encode(content).decode()}
        self.start_server()
        self.ask_server("PUT", f"api/contents/{quote(name)}", json=model).raise_for_status()

    def open_kernel(self, name: str = "urbanlab") -> KernelChannel:
        """Start a kernel and connect to it."""
        answer = self.ask_server("POST", "api/kernels", json={"name": name})
        answer.raise_for_status()
        return self.join_kernel(answer.json()["id"])

    def join_kernel(self, kernel_id: str) -> KernelChannel:
        """Connect to a running kernel."""
        address = f"{self.prefix.replace('http', 'ws', 1)}api/kernels/{kernel_id}/channels"
        prepared = self.session.prepare_request(requests.Request("GET", f"{self.prefix}api"))
        return KernelChannel(kernel_id, address, prepared.headers["Cookie"], self.hub_url.rstrip("/"))

    def leave_kernel(self) -> None:
        """Close the connection to the kernel."""
        if self.kernel is not None:
            self.kernel.close()
            self.kernel = None

    def close(self) -> None:
        """Stop the server and forget the session."""
        self.leave_kernel()
        if self.ask_hub("GET", f"users/{quote(self.hub_user)}").json().get("servers"):
            self.stop_server()
        self.session.close()


class KernelChannel:
    """The WebSocket to one kernel, as JupyterLab opens it."""

    def __init__(self, kernel_id: str, address: str, cookie: str, origin: str) -> None:
        self.kernel_id = kernel_id
        self.socket = websocket.create_connection(address, cookie=cookie, origin=origin, timeout=60)

    def run(self, code: str, seconds: float) -> Result:
        """Run code and return what it showed."""
        message = _make_request(code)
        self.socket.send(json.dumps(message))
        deadline = time.monotonic() + seconds
        outputs: list[dict[str, Any]] = []
        while (answer := self._receive(deadline)) is not None:
            if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            kind, content = answer["msg_type"], answer["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return _make_result(outputs)
            if kind in ("stream", "execute_result", "display_data", "error"):
                outputs.append({"output_type": kind, **content})
        raise AssertionError(f"the kernel was still busy after {seconds} s")

    def _receive(self, deadline: float) -> dict[str, Any] | None:
        # By frames: the server's pings would let `recv` wait anew and anew.
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                code, data = self.socket.recv_data(control_frame=True)
            except websocket.WebSocketTimeoutException:
                return None
            if code == websocket.ABNF.OPCODE_TEXT:
                answer: dict[str, Any] = json.loads(data)
                return answer
        return None

    def close(self) -> None:
        """Close the connection; the kernel goes on."""
        self.socket.close()


def _make_request(code: str) -> dict[str, Any]:
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "version": "5.4"}
    content = {
        "code": code,
        "silent": False,
        "store_history": False,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": True,
    }
    return {
        "header": {**header, "session": uuid.uuid4().hex, "date": ""},
        "parent_header": {},
        "metadata": {},
        "content": content,
        "channel": "shell",
        "buffers": [],
    }


def _make_result(outputs: list[dict[str, Any]]) -> Result:
    texts = [
        output["text"] if output["output_type"] == "stream" else output.get("data", {}).get("text/plain", "")
        for output in outputs
    ]
    errors = [f"{item['ename']}: {item['evalue']}" for item in outputs if item["output_type"] == "error"]
    return Result("".join(texts), errors[0] if errors else "", outputs)
