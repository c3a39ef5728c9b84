"""Attacks on what becomes public, from inside: by a gatekeeper's kernel, and by a notebook that is published."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Browser

from tests.installation import Installation
from urbanlab_operate.errors import OperateError

from .login import StaffSession
from .publishing import PublicationsRunner, Town, list_acts, visit
from .test_warehouse_attacks import OTHER, READING
from .traces import Traces, make_request_pattern

TENANT = "guetersloh"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give servers accounts of their own")


@pytest.fixture(scope="module")
def town(installation: Installation) -> Town:
    """The people of the tenant."""
    return Town(installation, TENANT)


@pytest.fixture(scope="module")
def waiting(town: Town) -> str:
    """A submission that waits for a gatekeeper, whom nobody must be able to stand in for."""
    return town.submit("Begehrtes", "print('noch nicht')", slug="it-begehrt")


# --- a gatekeeper's kernel ---

ASK = """
import json, os, urllib.error, urllib.request
from urbanlab.session import current_session
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None
def ask(address, body=None, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        request = urllib.request.Request(address, body, names)
        with urllib.request.build_opener(Stay).open(request, timeout=20) as answer:
            return [answer.status, answer.headers.get("Location", "")]
    except urllib.error.HTTPError as error:
        return [error.code, error.headers.get("Location", "")]
publisher, hub = os.environ["URBANLAB_PUBLISHER_URL"], os.environ["JUPYTERHUB_API_URL"]
token, credential = os.environ["JUPYTERHUB_API_TOKEN"], current_session().credentials.get("publisher").reveal()
"""


@pytest.fixture(scope="module")
def kernel(installation: Installation) -> Iterator[StaffSession]:
    """A kernel of the gatekeeper, in which somebody else's code runs."""
    with StaffSession(installation, f"gatekeeper-{TENANT}") as session:
        assert not session.run(ASK).error
        yield session


def test_nothing_that_a_gatekeepers_kernel_holds_releases(
    kernel: StaffSession, town: Town, waiting: str, installation: Installation
) -> None:
    code = f"""
keys = [{{}}, {{"Authorization": "token " + token}}, {{"Authorization": "Bearer " + token}},
        {{"Authorization": "Bearer " + credential}}, {{"Cookie": "urbanlab-publisher=" + token}},
        {{"Cookie": "urbanlab-publisher=" + credential}}]
forms = [b"", b"xsrf=" + token.encode(), b"xsrf="]
page = {waiting!r}
places = [page + "/release", page + "/preview", "/api" + page + "/release", "/api" + page]
print(json.dumps([ask(publisher + place, form, Origin=publisher, **key)[0]
                  for place in places for key in keys for form in forms]))
"""
    traces = Traces(installation)
    answers = kernel.ask_json(code)
    assert len(answers) == 72
    traces.wait_for("publisher", '"method": "POST".*"status": 4', len(answers))
    assert set(answers) <= {401, 403, 404, 405}
    assert town.get_state(waiting) == "submitted"
    assert visit(installation, f"/{TENANT}/it-begehrt/").status_code == 404
    assert [act for act in list_acts(installation, f"{TENANT}/it-begehrt/1") if act[1] == "release"] == []


def test_the_kernels_own_credential_only_looks(kernel: StaffSession, waiting: str) -> None:
    code = f"""
own = {{"Authorization": "Bearer " + credential}}
notebook = json.dumps({{"notebook": {{}}, "application": {{"title": "x"}}}}).encode()
looked = ask(publisher + "/api" + {waiting!r}, **own)
handed_in = ask(publisher + "/api/submissions", notebook, **own)
print(json.dumps([looked[0], handed_in[0], ask(publisher + "/", **own)]))
"""
    looked, handed_in, page = kernel.ask_json(code)
    assert (looked, handed_in) == (200, 403)  # a gatekeeper without the role publisher
    assert page == [303, "/login?next=%2F"]


def make_forgeries(installation: Installation) -> dict[str, str]:
    """Return credentials that must not count, by what is wrong with them."""
    now = int(time.time())
    person = f"gatekeeper-{TENANT}@{TENANT}"
    claims = {"iss": "urbanlab-tokens", "aud": "urbanlab-publisher", "sub": person, "tenant": TENANT}
    claims |= {"roles": ["gatekeeper", "publisher"], "iat": now, "exp": now + 30, "jti": "x"}
    key = installation.secret("tokens-signing-key")

    def sign(**changed: object) -> str:
        return jwt.encode({**claims, **changed}, key, algorithm="EdDSA")

    return {
        "signed by somebody": jwt.encode(claims, Ed25519PrivateKey.generate(), algorithm="EdDSA"),
        "not signed": jwt.encode(claims, None, algorithm="none"),
        "for the warehouse": sign(aud="urbanlab-warehouse"),
        "expired": sign(iat=now - 60, exp=now - 30),
        "for too long": sign(exp=now + 100_000),
        "for a person of another tenant": sign(sub=f"gatekeeper-{OTHER}@{OTHER}"),
        "for a service user": sign(sub=f"publications@{TENANT}"),
        "empty": "",
    }


def test_a_forged_credential_sees_nothing(installation: Installation, waiting: str) -> None:
    address, traces = f"{installation.settings.publisher_url}/api{waiting}", Traces(installation)
    answers = {
        name: requests.get(address, headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code
        for name, token in make_forgeries(installation).items()
    }
    assert answers == dict.fromkeys(answers, 401)
    traces.wait_for("publisher", make_request_pattern("publisher", "GET", f"/api{waiting}"), len(answers))


AUTHORIZE = """
query = "client_id=service-publisher&response_type=code&state=x&redirect_uri=" + publisher + "/oauth_callback"
form = (query + "&scopes=custom:urbanlab:decide!user").encode()
def try_to_log_in(**key):
    return [ask(hub + "/oauth2/authorize?" + query, **key), ask(hub + "/oauth2/authorize", form, **key)]
"""


def test_a_servers_token_gets_no_login_at_the_publisher(kernel: StaffSession) -> None:
    code = f"""{AUTHORIZE}
answers = [*try_to_log_in(Authorization="token " + token), *try_to_log_in(),
           ask(publisher + "/oauth_callback?code=x&state=x", Authorization="token " + token)]
print(json.dumps(answers))
"""
    answers = kernel.ask_json(code)
    assert [answer for answer in answers if "code=" in answer[1] or answer[0] == 200] == []


def test_what_a_server_sees_of_the_browser_opens_nothing(
    installation: Installation, browser: Browser, kernel: StaffSession, town: Town, waiting: str
) -> None:
    settings, requested = installation.settings, []
    context = browser.new_context()
    context.on("request", lambda request: requested.append(request))
    page = context.new_page()
    page.goto(f"{settings.publisher_url}/")
    page.locator("#username").fill(f"gatekeeper-{TENANT}")
    page.locator("#password").fill(installation.password(f"gatekeeper-{TENANT}"))
    page.locator("#kc-login").click()
    page.wait_for_url(f"{settings.publisher_url}/")
    page.goto(f"{kernel.prefix}api/contents")  # the server is the same person's
    page.goto(f"{settings.publisher_url}/")
    sent = [(request.url, request.all_headers().get("cookie", "")) for request in requested]
    context.close()
    to_server = [cookies for url, cookies in sent if url.startswith(kernel.prefix)]
    to_hub = "; ".join(cookies for url, cookies in sent if url.startswith(settings.hub_url))
    to_publisher = [cookies for url, cookies in sent if url.startswith(settings.publisher_url)]
    assert "urbanlab-publisher=" in to_publisher[-1]
    assert "jupyterhub" not in to_publisher[-1]
    assert "urbanlab-publisher" not in to_hub
    assert to_server[-1] != ""
    code = f"""{AUTHORIZE}
cookies = {to_server[-1]!r}
release = ask(publisher + {waiting!r} + "/release", b"xsrf=", Origin=publisher, Cookie=cookies)
print(json.dumps([*try_to_log_in(Cookie=cookies), release]))
"""
    answers = kernel.ask_json(code)
    assert [answer for answer in answers if "code=" in answer[1] or answer[0] == 200] == []
    assert town.get_state(waiting) == "submitted"


def test_another_tenants_gatekeeper_sees_nothing(installation: Installation, waiting: str) -> None:
    other = Town(installation, OTHER).gatekeeper
    for attempt in (
        lambda: other.get(waiting),
        lambda: other.post(f"{waiting}/release", {}),
        lambda: other.post(f"{waiting}/preview", {}),
        lambda: other.get("/publications/it-begehrt"),
    ):
        with pytest.raises(OperateError, match="got 404"):
            attempt()
    assert "Begehrtes" not in other.get("/")


# --- a publication ---


@pytest.fixture(scope="module")
def runner(installation: Installation, town: Town) -> PublicationsRunner:
    """The server in which the tenant's publications run."""
    started = PublicationsRunner(installation, TENANT)
    started.start()
    return started


CLOSED = [
    f"{TENANT}.footfall",  # released, but only as the view of the open data
    f"lab_{TENANT}.it_closed",
    f"{OTHER}.footfall",
    f"lab_{OTHER}.x",
    f"shared_with_{TENANT}.x",
    "system.query_log",
]


def test_a_publication_reads_open_data_and_nothing_else(runner: PublicationsRunner) -> None:
    code = f"""
import json, urbanlab as ul
def attempt(sql):
    try:
        return [sql, str(ul.client().command(sql))]
    except Exception as error:
        return None
statements = {READING!r} + ["SELECT count() FROM " + table for table in {CLOSED!r}]
statements += ["CREATE TABLE lab_{TENANT}.x (a Int8) ENGINE = Memory", "DROP VIEW open_data.{TENANT}__footfall",
               "INSERT INTO {TENANT}.footfall VALUES ('x', now(), 1)"]
answered = [got for got in map(attempt, statements) if got is not None]
own = [ul.dataset(name).table for name in ("footfall", "open_data.{OTHER}__footfall")]
lists = str(ul.client().query("SHOW DATABASES").result_rows)
print(json.dumps([answered, own, lists]))
"""
    answered, own, lists = runner.ask_json(code)
    assert [sql for sql, answer in answered if answer not in ("", "0", "[]")] == []
    assert own == [f"open_data.{TENANT}__footfall", f"open_data.{OTHER}__footfall"]
    assert [name for name in (TENANT, OTHER, "lab_", "shared_") if name in lists] == []


def test_a_publication_reads_no_closed_topic(runner: PublicationsRunner) -> None:
    code = f"""
import json, os
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from urbanlab.kafka_reader import _TokenProvider
from urbanlab.session import current_session
session = current_session()
consumer = KafkaConsumer(
    bootstrap_servers=session.kafka_bootstrap, security_protocol="SASL_PLAINTEXT", sasl_mechanism="OAUTHBEARER",
    sasl_oauth_token_provider=_TokenProvider(session.credentials), group_id=None)
def attempt(topic):
    try:
        consumer.assign([TopicPartition(topic, 0)])
        consumer.seek_to_beginning()
        return sum(map(len, consumer.poll(timeout_ms=2000).values()))
    except KafkaError as error:
        return type(error).__name__
shown = sorted(consumer.topics())
closed = [attempt(topic) for topic in ("{TENANT}.footfall_live", "{OTHER}.footfall_live")]
print(json.dumps([shown, attempt("open.{TENANT}.footfall_live"), closed]))
"""
    shown, opened, closed = runner.ask_json(code)
    assert [topic for topic in shown if not topic.startswith("open.")] == []
    assert opened > 0
    assert [answer for answer in closed if answer not in (0, "TopicAuthorizationFailedError")] == []


def test_a_publication_gets_no_credential_but_for_data(
    runner: PublicationsRunner, installation: Installation
) -> None:
    settings = installation.settings
    code = f"""
import http.client, json, os, urllib.error, urllib.request
from urbanlab.credentials import _SocketConnection
path = os.environ["URBANLAB_TOKENS_URL"].removeprefix("unix://")
def ask_socket(purpose, **headers):
    connection = _SocketConnection(path, 10)
    connection.request("POST", "/" + purpose, headers={{"Content-Length": "0", **headers}})
    return connection.getresponse().status
def ask(method, address, **headers):
    try:
        request = urllib.request.Request(address, headers=headers, method=method)
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code
from urbanlab.session import current_session
session = current_session()
bearer = {{"Authorization": "Bearer " + session.credentials.get("warehouse").reveal()}}
hub, publisher = {settings.hub_api_url!r}, {settings.publisher_url!r}
print(json.dumps([
    [ask_socket(purpose) for purpose in ("warehouse", "publisher", "hub", "../publisher", "")],
    [ask("GET", hub + path, **bearer) for path in ("/user", "/users", "/services", "/proxy")],
    [ask("GET", publisher + path, **bearer) for path in ("/api/submissions", "/api/publications")],
    [name for name in os.environ if "TOKEN" in name and name != "URBANLAB_TOKENS_URL" or "PUBLISHER" in name],
]))
"""
    socket_answers, hub_answers, publisher_answers, names = runner.ask_json(code)
    assert socket_answers[0] == 200
    assert set(socket_answers[1:]) <= {400, 403, 404, 405}
    assert set(hub_answers) <= {401, 403, 404}
    assert publisher_answers == [401, 401]
    assert names == []


def test_listeners_tell_a_publication_nothing(
    runner: PublicationsRunner, installation: Installation, kernel: StaffSession
) -> None:
    settings, bind = installation.settings, installation.settings.bind
    server = kernel.ask_json("print(json.dumps(os.environ['JUPYTERHUB_SERVICE_URL']))")
    addresses = [
        f"{settings.hub_api_url}/users",
        f"http://{bind}:{settings.proxy_api_port}/api/routes",
        f"http://{bind}:{settings.keycloak_management_port}/metrics",
        f"http://{bind}:{settings.tokens_port}/warehouse",
        f"{settings.keycloak_url}/admin/realms/urban/users",
        f"{settings.warehouse_url}/releases",
        f"{settings.warehouse_url}/catalog",
        f"{server}api/contents",
        f"{settings.hub_url}user/publications@{TENANT}/urbanlab/runner/pages",
    ]
    code = f"""
import json, urllib.error, urllib.request
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None
def ask(address):
    try:
        with urllib.request.build_opener(Stay).open(address, timeout=10) as answer:
            return [answer.status, answer.read().decode()]
    except urllib.error.HTTPError as error:
        return [error.code, ""]
    except urllib.error.URLError as error:  # the system lets nobody connect there
        assert isinstance(error.reason, PermissionError), error
        return [0, ""]
told = {{address: ask(address) for address in {addresses!r}}}
print(json.dumps({{address: [status, "-{TENANT}" in text or "eyJ" in text]
                  for address, (status, text) in told.items()}}))
"""
    answers = runner.ask_json(code)
    assert {address: answer for address, answer in answers.items() if 0 < answer[0] < 300} == {}


@needs_root
def test_a_publication_reads_and_ends_nothing_of_others(
    runner: PublicationsRunner, installation: Installation, kernel: StaffSession
) -> None:
    state, victim = installation.settings.state, kernel.ask_json("print(json.dumps(os.getpid()))")
    paths = [str(path) for path in (*state.iterdir(), *state.glob("*/secrets/*"), *state.glob("homes/*"))]
    paths += [str(state), str(state / "run" / "engine" / "engine.sock"), f"/proc/{victim}/environ"]
    code = f"""
import ctypes, json, os, socket
def is_open(path):
    try:
        if path.endswith(".sock"):
            socket.socket(socket.AF_UNIX).connect(path)
        return bool(os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(10))
    except OSError:
        return False
def is_mine(pid):
    return os.stat(f"/proc/{{pid}}").st_uid == os.getuid()
def attack(pid):
    got = ["environ"] if is_open(f"/proc/{{pid}}/environ") else []
    if not is_mine(pid):
        try:
            os.kill(pid, 0); got.append("signal")
        except OSError:
            pass
    return got + (["trace"] if ctypes.CDLL(None).ptrace(16, pid, 0, 0) == 0 else [])
# Its own account runs the server, which holds a token of the hub, and the process that makes the page.
family = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid() and is_mine(pid)]
print(json.dumps([[path for path in {paths!r} if is_open(path)], attack({victim}), len(family),
                  [got for pid in family for got in attack(pid)]]))
"""
    readable, others, family, own = runner.ask_json(code)
    allowed = {str(state / "records"), str(state / "installation")}
    mine = {path for path in readable if "/homes/" in path}
    assert set(readable) - allowed - mine == set()
    assert len(mine) <= 1
    assert others == []
    assert family >= 2
    assert own == []


def test_a_publication_leaves_nothing_for_the_next(runner: PublicationsRunner) -> None:
    code = """
import json, os, pathlib
home = pathlib.Path(os.environ["HOME"])
(home / "left.txt").write_text("left")
(home / ".ipython").mkdir(exist_ok=True)
print(json.dumps([str(home), [str(path) for path in home.parent.iterdir() if path != home]]))
"""
    first, second = runner.ask_json(code), runner.ask_json(code)
    assert first[0] != second[0]
    assert (first[1], second[1]) == ([], [])
    assert not Path(first[0]).exists()
