"""A copy of all databases while they are in use, and an engine that is filled from it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from tests.extensions.conftest import wait_until
from tests.extensions.warehouse.conftest import OPERATOR, Warehouse

NAMES = ("counted", "`mit Umlaut ä/…`")
RESTORING = (sys.executable, "-m", "urbanlab_services.warehouse.engine.restoring")


def ask(warehouse: Warehouse, method: str, path: str = "", token: str = OPERATOR) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.request(method, f"{warehouse.url}/operator/backups{path}", headers=headers, timeout=20)


def make_backup(warehouse: Warehouse) -> Path:
    made: dict[str, Any] = ask(warehouse, "POST").json()

    def is_made() -> bool:
        made.update(ask(warehouse, "GET", f"/{made['id']}").json())
        assert not made["error"]
        return bool(made["is_made"])

    wait_until(is_made, 20, "the backup is made")
    return warehouse.folder / "state" / "backups" / made["file"]


def restore(state: Path, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RESTORING, str(state), str(file)], capture_output=True, text=True, check=False)


def test_an_engine_filled_from_a_backup_has_the_same_rows_and_views(
    own_warehouse: Warehouse, tmp_path: Path
) -> None:
    for name in NAMES:
        make = "ENGINE = MergeTree ORDER BY a AS SELECT number AS a FROM numbers(1000)"
        assert own_warehouse.post("alba", f"CREATE TABLE lab_alba.{name} {make}").status_code == 200
    own_warehouse.post("alba", "CREATE VIEW lab_alba.half AS SELECT a FROM lab_alba.counted WHERE a < 500")
    file = make_backup(own_warehouse)
    own_warehouse.post("alba", "INSERT INTO lab_alba.counted SELECT 1")  # later than the backup

    done = restore(tmp_path / "new", file)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert (rows["lab_alba.counted"], rows["lab_alba.mit Umlaut ä/…"]) == (1000, 1000)
    # What was restored takes the place of what was there.
    own_warehouse.kill_engine()
    data = own_warehouse.folder / "state" / "data"
    data.rename(tmp_path / "old")
    (tmp_path / "new" / "data").rename(data)
    own_warehouse.start_engine()
    answer = own_warehouse.post("alba", "SELECT count(), sum(a) FROM lab_alba.counted")
    assert answer.text == "1000\t499500\n"
    assert own_warehouse.post("alba", "SELECT count() FROM lab_alba.half").text == "500\n"
    assert own_warehouse.apply() == []


def test_a_backup_with_a_damaged_byte_is_not_restored(own_warehouse: Warehouse, tmp_path: Path) -> None:
    make = "SELECT cityHash64(number) AS a FROM numbers(100000)"
    own_warehouse.post("alba", f"CREATE TABLE lab_alba.big ENGINE = MergeTree ORDER BY a AS {make}")
    file = make_backup(own_warehouse)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    done = restore(tmp_path / "new", file)
    assert done.returncode == 1
    assert "lab_alba.big" in done.stderr


def test_backups_are_the_operators_and_one_that_the_engine_forgot_is_told(own_warehouse: Warehouse) -> None:
    analyst = own_warehouse.token("alba")
    assert ask(own_warehouse, "POST", token=analyst).status_code == 403
    assert ask(own_warehouse, "GET", "/x", token=analyst).status_code == 403
    assert ask(own_warehouse, "GET", "/' OR 1").status_code == 400
    file = make_backup(own_warehouse)
    own_warehouse.kill_engine()
    own_warehouse.start_engine()
    own_warehouse.gateway.wait_until_ready()
    assert "begin again" in ask(own_warehouse, "GET", f"/{file.stem}").text
    assert not file.exists()
