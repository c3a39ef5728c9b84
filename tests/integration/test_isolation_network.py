"""Attacks from inside a kernel over the network: at every port, with whatever an attacker can show."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.installation import Installation
from urbanlab_operate.local.programs import list_ports

from .attackers import Person, make_person
from .operator_access import kill_part, wait_until_healthy
from .traces import Traces, make_request_pattern

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give servers accounts of their own")
TENANT, OTHER = "guetersloh", "detmold"


@pytest.fixture(scope="module")
def attacker(installation: Installation) -> Iterator[Person]:
    """Somebody whose kernel runs hostile code."""
    with make_person(installation, f"analyst-{TENANT}") as person:
        yield person


@pytest.fixture(scope="module")
def neighbour(installation: Installation) -> Iterator[Person]:
    """Somebody of another tenant."""
    with make_person(installation, f"analyst-{OTHER}") as person:
        yield person


def find_port(person: Person) -> int:
    """Return the port of somebody's server."""
    return int(person.facts["url"].rpartition(":")[2].partition("/")[0])


# --- credentials that must not count ---


def make_forgeries(installation: Installation) -> dict[str, str]:
    """Return tokens for another tenant that an attacker can make, by how they are made."""
    now = int(time.time())
    person = f"gatekeeper-{OTHER}@{OTHER}"
    claims = {
        "iss": "urbanlab-tokens", "sub": person, "tenant": OTHER, "access": "steward", "jti": "x", "iat": now,
        "exp": now + 30, "roles": ["gatekeeper", "publisher", "admin"], "principal": f"{OTHER}.read",
        "aud": ["urbanlab-warehouse", "urbanlab-publisher", "kafka"], "preferred_username": "admin",
    }  # fmt: skip
    own, public = Ed25519PrivateKey.generate(), installation.secret("tokens-public-key")
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": _encode(own.public_key().public_bytes_raw())}

    def sign(**headers: Any) -> str:
        return jwt.encode(claims, own, algorithm="EdDSA", headers=headers)

    return {
        "own key": sign(),
        "none": jwt.encode(claims, None, algorithm="none"),
        "None": _make_raw({"alg": "None"}, claims, b""),
        "key in the header": sign(jwk=jwk),
        "key at an address": sign(jku="http://127.0.0.2:9/keys", x5u="http://127.0.0.2:9/keys"),
        "kid is a file": sign(kid="../../../../dev/null"),
        "kid is SQL": sign(kid="x' UNION SELECT 'key"),
        "empty key": _sign_raw({"alg": "HS256", "kid": "/dev/null"}, claims, b""),
        "public key as secret": _sign_raw({"alg": "HS256"}, claims, public.encode()),
        "critical": sign(crit=["b64"], b64=False),
    }


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _make_raw(head: dict[str, str], claims: dict[str, Any], signature: bytes) -> str:
    return ".".join(
        _encode(each) for each in (json.dumps(head).encode(), json.dumps(claims).encode(), signature)
    )


def _sign_raw(head: dict[str, str], claims: dict[str, Any], key: bytes) -> str:
    signed = _make_raw(head, claims, b"").rpartition(".")[0]
    return f"{signed}.{_encode(hmac.digest(key, signed.encode(), hashlib.sha256))}"


# Everything that must be closed to whoever is not meant, by service; the attacker's own is not among it.
PLACES = {
    "hub": ["/hub/api/users", "/hub/api/groups", "/hub/api/proxy", "/hub/api/services", "/hub/api/info",
            "/hub/metrics", "/hub/api/users/{other}", "/hub/api/users/{other}/tokens", "/hub/api/shutdown"],
    "proxy": ["/api/routes", "/api/routes/", "/api/routes/user", "//api/routes", "/API/routes"],
    "warehouse": ["/?query=SELECT+count()+FROM+" + OTHER + ".footfall", "/catalog", "/releases", "/operator/apply"],
    "tokens": ["POST /warehouse", "POST /kafka", "POST /publisher"],
    "publisher": ["/api/submissions", "/api/publications", "/api/data-releases", "POST /api/live/seats"],
    "keycloak": ["/admin/realms/urban/users", "/admin/realms/urban/groups", "/admin/realms/master/users",
                 "/admin/serverinfo", "/realms/urban/account/?x=1", "/realms/urban/account/sessions",
                 "/realms/urban/protocol/openid-connect/userinfo",
                 "POST /realms/urban/clients-registrations/openid-connect",
                 "POST /realms/urban/clients-registrations/default"],
    "server": ["/api/contents", "/api/kernels", "/api/sessions", "/api/me", "/api/status", "/api/terminals",
               "/metrics", "/lab", "POST /api/kernels", "/files/.urbanlab-server.log", "POST /api/shutdown"],
}  # fmt: skip
# Service -> where each refusal leaves a line; a server's, if the system lets anybody connect, in its person's home.
LOGS = {service: service for service in PLACES} | {"server": ".urbanlab-server.log"}
# What these protocols answer is told by Keycloak as an event, and not as a request.
EVENTS = {"/realms/urban/protocol/openid-connect/userinfo": "USER_INFO_REQUEST_ERROR"}
TRY_ALL = """
from urbanlab.session import current_session
credentials = current_session().credentials
own = {purpose: credentials.get(purpose).reveal() for purpose in ("warehouse", "kafka", "publisher")}
token = os.environ["JUPYTERHUB_API_TOKEN"]
shown = {"none": {}, "own hub token as cookie": {"Cookie": f"urbanlab-publisher={token}; {cookie}={token}"}}
own_for = {"own for " + purpose: value for purpose, value in own.items()}
for name, value in {"own hub token": token, **own_for, **forged}.items():
    shown[name + " as bearer"] = {"Authorization": "Bearer " + value}
    if name in ("own hub token", "own key", "own for warehouse"):
        shown[name + " as token"] = {"Authorization": "token " + value}
        basic = __import__("base64").b64encode(("operator:" + value).encode()).decode()
        shown[name + " as password"] = {"Authorization": "Basic " + basic}
        shown[name + " as key"] = {"X-ClickHouse-User": "operator", "X-ClickHouse-Key": value}
        shown[name + " in the address"] = value
mine = {"tokens": "own hub token as", "warehouse": "own for warehouse as", "publisher": "own for publisher as"}
ways = ("login", "authorize", "/lab", "openid-connect/auth")
got, asked, refused = [], 0, {}
for service, places in targets.items():
    for place in places:
        method, _, address = place.rpartition(" ")
        for name, headers in shown.items():
            full, more = address, {"Accept": "application/json"}
            if isinstance(headers, str):
                full, headers = address + ("&" if "?" in address else "?") + "token=" + headers, {}
            status, location, text = ask(full, b"{}" if method else None, **headers, **more)
            asked += 1
            if status >= 400 and status != 405:
                refused.setdefault(service, {}).setdefault(place, []).append(status)
            is_login = status in (301, 302, 303) and any(way in location for way in ways)
            if service in mine and name.startswith(mine[service]):
                # The own credential opens the own tenant's.
                if status < 300 and any(name in text for name in foreign):
                    got.append([place, name, status, text[:200]])
            elif 0 < status < 400 and not is_login:
                got.append([place, name, status, text[:200]])
print(json.dumps([asked, got, refused]))
"""


def test_no_port_opens_to_what_an_attacker_can_show(
    installation: Installation, attacker: Person, neighbour: Person
) -> None:
    settings = installation.settings
    origins = {
        "hub": settings.hub_api_url.removesuffix("/hub/api"),
        "proxy": f"http://{settings.bind}:{settings.proxy_api_port}",
        "warehouse": settings.warehouse_url,
        "tokens": settings.tokens_url,
        "publisher": f"http://{settings.publisher_bind}:{settings.publisher_port}",
        "keycloak": settings.keycloak_url,
        "server": neighbour.facts["url"].rstrip("/"),
    }
    targets = {service: [_make_place(origins[service], place, neighbour) for place in places]
               for service, places in PLACES.items()}  # fmt: skip
    forged = make_forgeries(installation)
    traces = Traces(installation, Path(neighbour.facts["home"], LOGS["server"]))
    asked, got, refused = attacker.attack(
        TRY_ALL,
        attacker,
        targets=targets,
        forged=forged,
        # People and service users; a dataset's contact, at OTHER.example, is for everybody.
        foreign=[f'"{OTHER}.', f"lab_{OTHER}", f'@{OTHER}"', f"@{OTHER}<"],
        cookie=neighbour.facts["client"],
    )
    # Where nobody answers, as users' servers do not where the system filters packets, nothing was got.
    assert {(each[0], each[2]): each[3] for each in got if each[2]} == {}
    assert asked > 1000
    assert set(refused) >= set(PLACES) - {"server"}
    for service, places in refused.items():
        for place, statuses in places.items():
            check_each_left_a_line(traces, service, place, len(statuses))
    for source in ("warehouse", "tokens"):
        traces.wait_for_entry("credential-refused", source)


def check_each_left_a_line(traces: Traces, service: str, place: str, count: int) -> None:
    """Wait for as many lines of a place as it has refused."""
    method, _, address = place.rpartition(" ")
    path = address.split("/", 3)[3].partition("?")[0]
    pattern = EVENTS.get(f"/{path}") or make_request_pattern(service, method or "GET", f"/{path}")
    traces.wait_for(LOGS[service], pattern, count)


def _make_place(origin: str, place: str, target: Person) -> str:
    method, _, path = place.rpartition(" ")
    return f"{method} {origin}{path.replace('{other}', target.facts['hub_user'])}".strip()


# --- headers, environment, and the way round by the proxy ---

HEADERS = [
    {"X-Forwarded-User": "{other}"}, {"X-Remote-User": "{other}"}, {"Remote-User": "{other}"}, {"X-User": "hub"},
    {"X-ClickHouse-User": "operator"}, {"X-ClickHouse-User": "ingest", "X-ClickHouse-Key": ""},
    {"X-ClickHouse-Database": OTHER}, {"X-Real-IP": "127.0.0.1"}, {"X-Forwarded-For": "127.0.0.1, 127.0.0.1"},
    {"X-Forwarded-Proto": "https"}, {"X-Forwarded-Host": "127.0.0.1"}, {"Host": "localhost"}, {"Host": ""},
    {"X-Original-URL": "/hub/api/user"}, {"X-Rewrite-URL": "/livez"}, {"X-HTTP-Method-Override": "GET"},
    {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}, {"Origin": "http://127.0.0.1"},
    {"X-XSRFToken": "x", "Cookie": "_xsrf=x"}, {"Connection": "Authorization"}, {"X-JupyterHub-User": "{other}"},
]  # fmt: skip
TRY_HEADERS = """
plain = {address: ask(address)[0] for address in addresses}
got = []
for address in addresses:
    for headers in table:
        names = {name: value.replace("{other}", target["hub_user"]) for name, value in headers.items()}
        status = ask(address, **names)[0]
        if status < 400 and status != plain[address]:
            got.append([address, headers, status])
print(json.dumps([list(plain.values()), got]))
"""


def test_no_header_makes_somebody_of_an_attacker(
    installation: Installation, attacker: Person, neighbour: Person
) -> None:
    settings = installation.settings
    addresses = [
        f"{settings.hub_api_url}/user", f"{settings.hub_api_url}/users/{neighbour.facts['hub_user']}",
        f"{settings.hub_url}hub/home", f"{neighbour.facts['url']}api/contents", f"{settings.warehouse_url}/catalog",
        f"{settings.warehouse_url}/?query=SELECT%201", f"{settings.publisher_url}/",
        f"{settings.publisher_url}/api/submissions",
        f"http://{settings.bind}:{settings.proxy_api_port}/api/routes",
    ]  # fmt: skip
    plain, got = attacker.attack(TRY_HEADERS, neighbour, addresses=addresses, table=HEADERS)
    assert set(plain) - {-1} == {302, 303, 401, 403}
    assert plain[3] in (-1, 403)  # another's server, which the system keeps out of reach where it can
    assert got == []


def test_nothing_follows_from_the_environment(attacker: Person, neighbour: Person) -> None:
    code = """
changed = {"URBANLAB_TENANT": target["tenant"], "URBANLAB_PERSON": target["hub_user"].partition("@")[0],
           "JUPYTERHUB_USER": target["hub_user"], "JUPYTERHUB_CLIENT_ID": target["client"],
           "JUPYTERHUB_SERVICE_PREFIX": "/user/" + target["hub_user"] + "/", "URBANLAB_TENANT_TITLE": "Detmold"}
script = '''
import json, urbanlab as ul
def attempt(call):
    try:
        return str(call())
    except Exception as error:
        return ""
tenant = TENANT
print(json.dumps([
    attempt(lambda: ul.query(f"SELECT count() FROM {tenant}.footfall")),
    attempt(lambda: ul.dataset("footfall").table),
    attempt(lambda: ul.query("SELECT currentUser(), currentDatabase()").iloc[0].tolist()),
    attempt(lambda: next(iter(ul.stream("footfall_live"))))]))
'''
def run(environ, tenant):
    source = script.replace("TENANT", repr(tenant))
    command, changed = [sys.executable, "-c", source], {**os.environ, **environ}
    done = subprocess.run(command, env=changed, capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout or '["", "", "", "' + done.stderr[-300:].replace('"', "") + '"]')
print(json.dumps([run({}, os.environ["URBANLAB_TENANT"]), run(changed, target["tenant"])]))
"""
    own, changed = attacker.attack(code, neighbour)
    assert own[0] and own[1] == f"{TENANT}.footfall"
    assert changed[0] == ""
    assert OTHER not in changed[1]
    assert OTHER not in changed[2]


def test_anothers_server_takes_neither_own_token_nor_own_cookies(
    installation: Installation, attacker: Person, neighbour: Person
) -> None:
    prefix = neighbour.session.prefix
    cookies = "; ".join(f"{each.name}={each.value}" for each in attacker.session.session.cookies)
    own = attacker.session.session.cookies.get(attacker.facts["client"])
    cookies += f"; {neighbour.facts['client']}={own}"
    kernel = os.path.basename(neighbour.facts["connection"])[len("kernel-") : -len(".json")]
    for base in (prefix, neighbour.facts["url"]):
        for path in ("api/contents", "api/kernels", "api/sessions", "lab", "metrics", "api/me"):
            answer = attacker.session.session.get(
                base + path, headers={"Cookie": cookies}, allow_redirects=False, timeout=30
            )
            assert answer.status_code in (302, 403), (base, path, answer.status_code)
            # It says where it is, as was asked for, and nothing more.
            assert neighbour.facts["hub_user"] not in answer.text.replace(urlsplit(prefix).path, "")
    code = """
import websocket
def connect(**options):
    try:
        websocket.create_connection(address, timeout=10, **options).close()
        return "connected"
    except Exception as error:
        return -1 if isinstance(error, PermissionError) else getattr(error, "status_code", 0)
token = os.environ["JUPYTERHUB_API_TOKEN"]
print(json.dumps([connect(), connect(header=["Authorization: token " + token]), connect(cookie=cookies),
                  connect(header=["Sec-WebSocket-Protocol: v1.token.websocket.jupyter.org." + token])]))
"""
    for base in (prefix, neighbour.facts["url"]):
        address = f"{base.replace('http', 'ws', 1)}api/kernels/{kernel}/channels"
        answers = attacker.attack(code, neighbour, address=address, cookies=cookies)
        assert set(answers) <= {-1, 302, 403}, answers


# --- taking somebody else's address ---

BIND = """
def take(family, address, port):
    with socket.socket(family) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        get(sock.setsockopt, socket.SOL_SOCKET, 15, 1)
        sock.bind((address, port)); sock.listen(); return True
got = [[address, port] for port in ports for family, address in (
    (socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET, "127.0.0.2"),
    (socket.AF_INET6, "::1"), (socket.AF_INET6, "::")) if get(take, family, address, port)]
print(json.dumps(got))
"""


@needs_root
def test_no_address_of_the_installation_can_be_taken(
    installation: Installation, attacker: Person, neighbour: Person
) -> None:
    # `localhost` is ::1 too: whoever listens there is asked before the portal.
    ports = [*list_ports(installation.settings).values(), find_port(neighbour)]
    assert attacker.attack(BIND, neighbour, ports=ports) == []


@needs_root
@pytest.mark.parametrize("part", ["tokens"])
def test_a_part_that_starts_anew_finds_its_address_free(
    installation: Installation, attacker: Person, part: str
) -> None:
    """Whoever listened there would be shown the hub tokens of all others."""
    port = list_ports(installation.settings)[f"{part}_port"]
    waiting = """
taken = []
def wait():
    until = time.monotonic() + 4
    while time.monotonic() < until and not taken:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if works(sock.bind, ("127.0.0.1", port)) and works(sock.listen):
            taken.append(port); time.sleep(0.5)
        sock.close(); time.sleep(0.001)
thread = threading.Thread(target=wait); thread.start()
print(json.dumps("waiting"))
"""
    assert attacker.attack(waiting, attacker, port=port) == "waiting"
    kill_part(installation, part)
    assert attacker.attack("thread.join(); print(json.dumps(taken))", attacker) == []
    wait_until_healthy(installation)
