"""What the warehouse has of a tenant that left is shown and deleted for the operator alone."""

from __future__ import annotations

import json
import socket

import pytest
import requests

from tests.extensions.conftest import wait_until
from tests.extensions.warehouse.conftest import OPERATOR, PUBLISHER, Warehouse, make_town
from urbanlab.contract.records import tenant_to_dict, write_tenant

AS_OPERATOR = {"Authorization": f"Bearer {OPERATOR}"}
KINDS = {"lab_alba": "database", "shared_with_alba": "database", "alba": "database"}


def ask(
    warehouse: Warehouse, method: str, tenant: str, headers: dict[str, str] = AS_OPERATOR
) -> requests.Response:
    address = f"{warehouse.url}/operator/tenants/{tenant}"
    return requests.request(method, address, headers=headers, timeout=30)


def list_names(warehouse: Warehouse, tenant: str) -> dict[str, str]:
    answer = ask(warehouse, "GET", tenant)
    assert answer.status_code == 200, answer.text
    return {holding["name"]: holding["kind"] for holding in answer.json()["holdings"]}


def release(warehouse: Warehouse, tenant: str) -> None:
    words = {"title": {"de": "Titel"}, "description": {}, "licence": "cc-zero", "released_by": "gerd"}
    answer = requests.put(
        f"{warehouse.url}/releases/{tenant}/footfall",
        json={"table": f"{tenant}.footfall", **words},
        headers={"Authorization": f"Bearer {PUBLISHER}"},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_nobody_but_the_operator_is_let_in(warehouse: Warehouse, method: str) -> None:
    assert ask(warehouse, method, "alba", {}).status_code == 401
    for credential in (warehouse.token("alba", "steward"), PUBLISHER):
        answer = ask(warehouse, method, "alba", {"Authorization": f"Bearer {credential}"})
        assert answer.status_code == 403


@pytest.mark.parametrize("tenant", ["system", "open", "shared", "Alba", "al%27ba", "alba%60", "x", "lab"])
def test_what_can_be_no_tenant_has_nothing(warehouse: Warehouse, tenant: str) -> None:
    for method in ("GET", "DELETE"):
        answer = ask(warehouse, method, tenant)
        assert answer.status_code == 400
        assert "cannot be a tenant's id" in answer.text


def test_sizes_are_shown_and_of_one_that_never_was_there_is_nothing(warehouse: Warehouse) -> None:
    found = {each["name"]: each for each in ask(warehouse, "GET", "bern").json()["holdings"]}
    assert found["bern"]["tables"] == 3
    assert found["bern"]["bytes"] > 0
    assert list_names(warehouse, "niemand") == {}
    assert ask(warehouse, "DELETE", "niemand").status_code == 200


def test_a_tenant_loses_nothing(warehouse: Warehouse) -> None:
    before = list_names(warehouse, "alba")

    answer = ask(warehouse, "DELETE", "alba")
    assert (answer.status_code, "alba is a tenant" in answer.text) == (400, True)
    assert list_names(warehouse, "alba") == before
    assert warehouse.ask("SELECT count() FROM alba.sensors") == "2\n"


def test_a_tenant_loses_nothing_while_nobody_can_read_who_is_one(own_warehouse: Warehouse) -> None:
    before = list_names(own_warehouse, "alba")
    away = own_warehouse.records.rename(own_warehouse.folder / "away")
    answer = ask(own_warehouse, "DELETE", "alba")
    assert (answer.status_code, "cannot be told" in answer.text) == (503, True)
    away.rename(own_warehouse.records)
    # Nor does one whose record is spoilt.
    (own_warehouse.records / "alba.json").write_text("{")
    assert ask(own_warehouse, "DELETE", "alba").status_code == 400
    assert list_names(own_warehouse, "alba") == before


def test_one_that_left_loses_everything_and_another_nothing(own_warehouse: Warehouse) -> None:
    # A name that the other's begins with.
    write_tenant(own_warehouse.records, make_town("albany"))
    own_warehouse.apply()
    own_warehouse.post("alba", "CREATE TABLE lab_alba.mine (a Int64) ENGINE = MergeTree ORDER BY a")
    for tenant in ("alba", "albany"):
        release(own_warehouse, tenant)
    assert list_names(own_warehouse, "alba") == {"open_data.alba__footfall": "view", **KINDS}
    kept = list_names(own_warehouse, "albany")

    (own_warehouse.records / "alba.json").unlink()
    own_warehouse.apply()
    wait_until(lambda: ask(own_warehouse, "DELETE", "alba").status_code == 200, 5, "the record is gone")
    assert list_names(own_warehouse, "alba") == {}
    assert ask(own_warehouse, "DELETE", "alba").status_code == 200
    assert list_names(own_warehouse, "albany") == kept
    data = own_warehouse.folder / "state" / "data"
    assert not [path for path in data.rglob("*alba*") if "albany" not in path.name]

    write_tenant(own_warehouse.records, make_town("alba"))
    own_warehouse.apply()
    assert own_warehouse.post("alba", "SELECT count() FROM footfall").text == "0\n"
    assert own_warehouse.post("alba", "SELECT count() FROM lab_alba.mine").status_code == 404


def test_a_dry_run_foretells_from_records_that_are_not_written_yet(own_warehouse: Warehouse) -> None:
    tenants = [make_town(name) for name in ("alba", "bern", "celle", "dorf")]
    body = {"tenants": [tenant_to_dict(tenant) for tenant in tenants]}
    answer = requests.post(
        f"{own_warehouse.url}/operator/apply?dry_run=1", json=body, headers=AS_OPERATOR, timeout=30
    )
    assert answer.status_code == 200, answer.text
    assert own_warehouse.apply(dry_run=1) == []

    for tenant in tenants:
        write_tenant(own_warehouse.records, tenant)
    assert answer.json()["changes"] == own_warehouse.apply()
    assert len(answer.json()["changes"]) > 5


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"{}", b'{"tenants": 3}', b'{"tenants": [{"id": "x"}]}', b"\xff", b"[" * 9999]
)
def test_a_dry_run_of_nonsense_is_refused(warehouse: Warehouse, body: bytes) -> None:
    url = f"{warehouse.url}/operator/apply?dry_run=1"
    assert requests.post(url, data=body, headers=AS_OPERATOR, timeout=30).status_code == 400
    assert warehouse.apply() == []


@pytest.mark.parametrize(
    "path", ["/operator/apply?dry_run=1", "/operator/tenants/alba", "/catalog", "/ping", "/livez"]
)
def test_what_does_not_stream_takes_no_endless_body(warehouse: Warehouse, path: str) -> None:
    with socket.create_connection(("127.0.0.1", warehouse.gateway.port), timeout=20) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n".encode())
        answer = client.recv(1000)
    assert answer.startswith(b"HTTP/1.1 400"), answer
    assert json.loads(requests.get(f"{warehouse.url}/readyz", timeout=20).text)


def test_a_long_insert_still_streams(own_warehouse: Warehouse) -> None:
    lines = (b"%s\t2026-01-01 00:00:00\t%d\n" % (b"a" * 100_000, number) for number in range(200))
    answer = own_warehouse.post("alba", lines, "steward", query="INSERT INTO alba.footfall FORMAT TSV")
    assert answer.status_code == 200, answer.text
    assert own_warehouse.post("alba", "SELECT sum(length(sensor)) FROM footfall").text == "20000000\n"
