"""Whether a part can do its work now, asked as its users ask: never merely whether a port is open."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import requests

from urbanlab.contract.secrets import read_secret
from urbanlab_hub.settings import Settings
from urbanlab_operate.local.folders import engine_socket
from urbanlab_operate.local.kafka import find_kafka_problem

TIMEOUT = 4  # seconds

Problem = str | None  # a sentence's end: "keycloak " + problem; None where the part is ready


def find_problem(settings: Settings, name: str) -> Problem:
    """Return why a part cannot do its work now, or None if it can."""
    return _PROBES[name](settings)


def _probe_keycloak(settings: Settings) -> Problem:
    health = f"http://{settings.bind}:{settings.keycloak_management_port}/health/ready"
    return _probe(health) or _probe(f"{settings.realm_url}/.well-known/openid-configuration")


def _probe_proxy(settings: Settings) -> Problem:
    return "does not answer" if _ask_proxy(settings) is None else None


def _ask_proxy(settings: Settings) -> requests.Response | None:
    """Return the proxy's routes, or None where it does not tell them."""
    token = read_secret(settings.master_secrets, "proxy-api-token").reveal()
    routes = f"http://{settings.bind}:{settings.proxy_api_port}/api/routes"
    answer = _get(routes, {"Authorization": f"token {token}"})
    return answer if answer is not None and answer.status_code == 200 else None


def _probe_hub(settings: Settings) -> Problem:
    health = f"{settings.hub_api_url.removesuffix('/api')}/health"
    return _probe(settings.hub_api_url) or _probe(health) or _probe_hub_route(settings)


def _probe_hub_route(settings: Settings) -> Problem:
    """Return whether browsers find the hub: a proxy that was started anew knows no way until the hub tells it."""
    answer = _ask_proxy(settings)
    known = answer is None or any(route.get("hub") for route in answer.json().values())
    return None if known else "is not known to the proxy yet"


def _probe_service(port: str, bind: str = "bind") -> Callable[[Settings], Problem]:
    def probe(settings: Settings) -> Problem:
        return _probe(f"http://{getattr(settings, bind)}:{getattr(settings, port)}/readyz")

    return probe


def _probe(url: str) -> Problem:
    answer = _get(url)
    if answer is None:
        return "does not answer"
    return None if answer.status_code == 200 else _explain(answer.status_code, answer.content)


def _get(url: str, headers: Mapping[str, str] | None = None) -> requests.Response | None:
    with requests.Session() as session:
        session.trust_env = False  # these addresses are our own machine's, whatever proxy the operator has
        try:
            return session.get(url, headers=headers, timeout=TIMEOUT, allow_redirects=False)
        except requests.RequestException:
            return None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(str(self._path))


def _probe_engine(settings: Settings) -> Problem:
    return _probe_socket(engine_socket(settings))


def _probe_audit(settings: Settings) -> Problem:
    return _probe_socket(settings.audit_socket)


def _probe_socket(path: Path) -> Problem:
    connection = _UnixConnection(path)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return None if answer.status == 200 else _explain(answer.status, answer.read())
    except (OSError, http.client.HTTPException):
        return "does not answer"
    finally:
        connection.close()


def _explain(status: int, body: bytes) -> str:
    """Return what is missing as our services name it, else the status."""
    try:
        missing = json.loads(body).get("missing")
    except (ValueError, AttributeError):
        missing = None
    if isinstance(missing, dict) and missing:
        return "is not ready: " + "; ".join(f"{part}: {reason}" for part, reason in missing.items())
    return f"is not ready: it answers {status}"


_PROBES: Mapping[str, Callable[[Settings], Problem]] = {
    "keycloak": _probe_keycloak,
    "kafka": find_kafka_problem,
    "engine": _probe_engine,
    "audit": _probe_audit,
    "warehouse": _probe_service("warehouse_port"),
    "proxy": _probe_proxy,
    "hub": _probe_hub,
    "tokens": _probe_service("tokens_port"),
    "ingest": _probe_service("ingest_port"),
    "publisher": _probe_service("publisher_port", "publisher_bind"),
    "portal": _probe_service("portal_port"),
    "culler": _probe_service("culler_port"),
    "simulator": _probe_service("simulator_port"),
}
