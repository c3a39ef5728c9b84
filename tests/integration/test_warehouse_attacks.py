"""Attacks on the warehouse from inside a kernel: another tenant's tables by disguise, credential and socket."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from collections.abc import Iterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.installation import Installation

from .login import StaffSession
from .operator_access import ask_warehouse
from .traces import Traces

OTHER = "detmold"
PERSON = "analyst-guetersloh@guetersloh"


@pytest.fixture(scope="module")
def analyst(installation: Installation) -> Iterator[StaffSession]:
    """An analyst of another tenant than the one whose data is wanted."""
    with StaffSession(installation, "analyst-guetersloh") as session:
        session.run("import json, urllib.error, urllib.request; import urbanlab as ul")
        yield session


READING = [
    "SELECT count() FROM detmold.footfall",
    'SELECT count() FROM "detmold"."footfall"',
    "SELECT count() FROM `detmold` . `footfall` AS guetersloh",
    "SELECT * FROM guetersloh.footfall WHERE persons IN (SELECT persons FROM detmold.footfall) LIMIT 1",
    "SELECT (SELECT max(persons) FROM detmold.footfall)",
    "WITH x AS (SELECT * FROM detmold.footfall) SELECT count() FROM x",
    "SELECT 1 UNION ALL SELECT persons FROM detmold.footfall",
    "SELECT count() FROM merge('detmold', '.*')",
    "SELECT count() FROM merge(REGEXP('detm.*'), '.*')",
    "SELECT count() FROM remote('127.0.0.1', detmold.footfall)",
    "SELECT count() FROM cluster('default', detmold.footfall)",
    "SELECT count() FROM view(SELECT * FROM detmold.footfall)",
    "SELECT joinGet('detmold.footfall', 'persons', 1)",
    "SELECT dictGet('detmold.footfall', 'persons', 1)",
    "SELECT hasColumnInTable('detmold', 'footfall', 'persons')",
    "SELECT * FROM loop(detmold.footfall) LIMIT 1",
    "SELECT * FROM mergeTreeIndex(detmold, footfall)",
    "CREATE VIEW lab_guetersloh.it_view AS SELECT * FROM detmold.footfall",
    "CREATE TABLE lab_guetersloh.it_copy AS detmold.footfall",
    "CREATE TABLE lab_guetersloh.it_copy ENGINE = Memory AS SELECT * FROM detmold.footfall",
    "CREATE TABLE lab_guetersloh.it_merge (persons Int64) ENGINE = Merge('detmold', '.*')",
    "CREATE TABLE lab_guetersloh.it_buffer AS guetersloh.footfall ENGINE = "
    "Buffer(detmold, footfall, 1, 1, 1, 1, 1, 1, 1)",
    "INSERT INTO detmold.footfall VALUES ('x', now(), 1)",
    "EXISTS TABLE detmold.footfall",
    "DESCRIBE TABLE detmold.footfall",
    "SHOW TABLES FROM detmold",
    "SHOW CREATE TABLE detmold.footfall",
    "EXPLAIN SELECT * FROM detmold.footfall",
    "USE detmold",
    "SET ROLE operator",
    "DROP TABLE detmold.footfall",
    "RENAME TABLE detmold.footfall TO lab_guetersloh.it_mine",
    "SELECT name FROM system.databases WHERE name = 'detmold'",
    "SELECT count() FROM system.tables WHERE database = 'detmold'",
    "SELECT query FROM system.query_log",
    "SELECT query FROM system.processes",
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'detmold'",
    "SELECT file('/etc/passwd')",
    "SELECT * FROM file('/proc/self/environ', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1/', 'LineAsString')",
]


def test_another_tenants_tables_are_neither_read_nor_changed(
    installation: Installation, analyst: StaffSession
) -> None:
    code = f"""
def attempt(sql):
    try:
        return [sql, str(ul.client().command(sql))]
    except Exception as error:
        return None
print(json.dumps([got for got in map(attempt, {READING!r}) if got is not None]))
"""
    before = ask_warehouse(installation, "SELECT count() FROM detmold.footfall")
    traces = Traces(installation)
    answered = analyst.ask_json(code)
    # What only lists may answer, with nothing.
    assert [sql for sql, answer in answered if answer not in ("", "0", "[]")] == []
    assert ask_warehouse(installation, "SELECT count() FROM detmold.footfall") == before
    traces.wait_for("warehouse", f'"refused".*"query-refused".*"{PERSON}"', len(READING) - len(answered))
    traces.wait_for_entry("query-refused", "warehouse", person=PERSON)


def test_no_list_shows_another_tenant(analyst: StaffSession) -> None:
    code = """
lists = ["SHOW DATABASES", "SHOW TABLES", "SELECT * FROM system.databases", "SELECT * FROM system.tables",
         "SELECT * FROM system.columns", "SELECT * FROM information_schema.tables"]
def attempt(sql):
    try:
        return str(ul.client().query(sql).result_rows)
    except Exception as error:
        return str(error)
print(json.dumps([attempt(sql) for sql in lists]))
"""
    shown = analyst.ask_json(code)
    assert "guetersloh" in shown[0]
    assert not [text for text in shown if OTHER in text or "rietberg" in text]


def test_what_is_anothers_and_what_does_not_exist_get_the_same_answer(analyst: StaffSession) -> None:
    code = """
def attempt(table):
    try:
        ul.query(f"SELECT * FROM {table}")
    except ul.errors.UrbanlabError as error:
        # What follows the first sentence are names of the own tables.
        return type(error).__name__, str(error).replace(table, "TABLE").partition(". ")[0]
import urbanlab.errors
print(json.dumps([attempt(table) for table in ("detmold.footfall", "atlantis.footfall", "detmold.nonsuch")]))
"""
    there, absent, neither = analyst.ask_json(code)
    assert there == absent == neither
    assert there == [
        "UnknownTableError",
        "There is no such table or database, or it is none of yours: TABLE",
    ]


def make_credentials(installation: Installation) -> dict[str, str]:
    """Return credentials for another tenant that must not count, by what is wrong with them."""
    now = int(time.time())
    person = f"analyst-{OTHER}@{OTHER}"
    claims = {"iss": "urbanlab-tokens", "aud": "urbanlab-warehouse", "sub": person, "tenant": OTHER}
    claims |= {"access": "analyst", "iat": now, "exp": now + 30, "jti": "x"}
    key = installation.secret("tokens-signing-key")

    def sign(**changed: object) -> str:
        return jwt.encode({**claims, **changed}, key, algorithm="EdDSA")

    return {
        "signed by somebody": jwt.encode(claims, Ed25519PrivateKey.generate(), algorithm="EdDSA"),
        "not signed": jwt.encode(claims, None, algorithm="none"),
        "signed with the public key": _sign_with_public_key(claims, installation),
        "expired": sign(iat=now - 60, exp=now - 30),
        "for another service": sign(aud="kafka"),
        "for too long": sign(exp=now + 100_000),
        "for a person of another tenant": sign(sub="analyst-guetersloh@guetersloh"),
        "empty": "",
    }


def _sign_with_public_key(claims: dict[str, object], installation: Installation) -> str:
    # The library refuses to take a public key as a secret; an attacker does not.
    head = jwt.utils.base64url_encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = jwt.utils.base64url_encode(json.dumps(claims).encode())
    key = installation.secret("tokens-public-key").encode()
    signature = jwt.utils.base64url_encode(hmac.digest(key, head + b"." + body, hashlib.sha256))
    return b".".join((head, body, signature)).decode()


HTTP = """
import os
from urbanlab.session import current_session
address, credentials = os.environ["URBANLAB_WAREHOUSE_URL"], current_session().credentials
def ask(path="/", body=b"SELECT count() FROM detmold.footfall", **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(address + path, body, names), timeout=20) as answer:
            return [answer.status, answer.read().decode()]
    except urllib.error.HTTPError as error:
        return [error.code, error.read().decode()]
mine = "Bearer " + credentials.get("warehouse").reveal()
"""


def test_no_other_credential_opens_the_warehouse(installation: Installation, analyst: StaffSession) -> None:
    code = f"""{HTTP}
tokens = {make_credentials(installation)!r}
tokens["of Kafka"] = credentials.get("kafka").reveal()
tokens["of the hub"] = os.environ["JUPYTERHUB_API_TOKEN"]
tokens["shortened"] = mine[7:-2]
print(json.dumps({{name: [ask(Authorization="Bearer " + token), ask(X_ClickHouse_Key=token)]
                  for name, token in tokens.items()}}))
"""
    traces = Traces(installation)
    answers = analyst.ask_json(code)
    assert {name: [status for status, _ in both] for name, both in answers.items()} == {
        name: [401, 401] for name in answers
    }
    assert "has expired" in answers["expired"][0][1]
    assert "another service" in answers["for another service"][0][1]
    traces.wait_for("warehouse", '"refused".*"credential-refused"', 2 * len(answers))
    traces.wait_for_entry("credential-refused", "warehouse", reason="AUTHENTICATION_FAILED")


def test_the_kernels_own_credential_opens_the_own_tenant_only(analyst: StaffSession) -> None:
    code = f"""{HTTP}
other = [
    ask(Authorization=mine), ask("/?database=detmold", b"SELECT count() FROM footfall", Authorization=mine),
    ask("/?role=lab_detmold", Authorization=mine), ask("/?role=operator", Authorization=mine),
    ask(Authorization=mine, X_ClickHouse_Database="detmold", X_ClickHouse_User="operator"),
    ask("/?user=operator&password=", Authorization=mine),
    ask("/?query=SELECT%20count()%20FROM%20detmold.footfall", b"", Authorization=mine),
    ask("/operator/apply", b"", Authorization=mine), ask("/?session_id=x", Authorization=mine),
]
print(json.dumps([ask(body=b"SELECT count() > 0 FROM guetersloh.footfall", Authorization=mine), other]))
"""
    own, others = analyst.ask_json(code)
    assert own == [200, "1\n"]
    assert not [answer for answer in others if answer[0] < 400], others


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give the engine an account of its own")
def test_a_kernel_reaches_neither_the_engines_socket_nor_its_folder(
    installation: Installation, analyst: StaffSession
) -> None:
    run, folder = (
        installation.settings.state / "run" / "engine",
        installation.settings.service_state("engine"),
    )
    code = f"""
import os, socket
def attempt(call, *arguments):
    try:
        return str(call(*arguments))
    except OSError as error:
        return type(error).__name__
paths = [{str(run)!r}, {str(folder)!r}]
sock = socket.socket(socket.AF_UNIX)
answers = [attempt(sock.connect, paths[0] + "/engine.sock"), *[attempt(os.listdir, path) for path in paths]]
print(json.dumps(answers))
"""
    assert (run / "engine.sock").exists()
    assert analyst.ask_json(code) == ["PermissionError"] * 3
