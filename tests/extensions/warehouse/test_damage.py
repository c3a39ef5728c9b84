"""Damaged files: the engine starts, gives nothing of them out, and the operator is told whose they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import requests

from tests.extensions.warehouse.conftest import OPERATOR, Warehouse

ROWS = "SELECT number AS a, toString(cityHash64(number)) AS s FROM numbers({rows})"


def _flip(part: Path) -> None:
    """A bit that a disk turned over."""
    file = part / "data.bin"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _cut(part: Path) -> None:
    """A file that lost its end."""
    file = part / "data.bin"
    file.write_bytes(file.read_bytes()[:5000])


def _lose(part: Path) -> None:
    (part / "data.bin").unlink()


def _scribble(part: Path) -> None:
    (part / "checksums.txt").write_bytes(b"rubbish")


DAMAGES: dict[str, Callable[[Path], None]] = {
    "flipped": _flip,
    "cut_off": _cut,
    "lost": _lose,
    "scribbled": _scribble,
}


def list_damaged(warehouse: Warehouse) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {OPERATOR}"}
    answer = requests.get(f"{warehouse.url}/operator/load", headers=headers, timeout=20)
    return {entry["table"]: entry["damage"] for entry in answer.json()["damaged"]}


def test_a_damaged_part_is_told_and_not_served_and_stops_nothing(own_warehouse: Warehouse) -> None:
    for name in (*DAMAGES, "sound"):
        make = f"CREATE TABLE lab_alba.{name} ENGINE = MergeTree ORDER BY a AS {ROWS.format(rows=50_000)}"
        assert own_warehouse.post("alba", make).status_code == 200
    # A value that cannot be read is no damage.
    value = "finalizeAggregation(CAST(unhex('0102'), 'AggregateFunction(avg, UInt64)'))"
    assert "Cannot read all data" in own_warehouse.post("alba", f"SELECT {value}, a FROM lab_alba.sound").text
    assert list_damaged(own_warehouse) == {}
    data = own_warehouse.folder / "state" / "data" / "data" / "lab_alba"
    own_warehouse.kill_engine()
    for name, damage in DAMAGES.items():
        (part,) = (path.parent for path in (data / name).resolve().glob("all_*/data.bin"))
        damage(part)

    own_warehouse.start_engine()
    own_warehouse.gateway.wait_until_ready()
    # Found when the engine started, of three; of the bit only when somebody reads it.
    assert set(list_damaged(own_warehouse)) == {"lab_alba.cut_off", "lab_alba.lost", "lab_alba.scribbled"}
    answer = own_warehouse.post("alba", "SELECT sum(a), max(s) FROM lab_alba.flipped")
    assert answer.status_code == 500
    assert "is damaged on the disk, so nothing of it is given out" in answer.text
    assert "/store/" not in answer.text
    assert list_damaged(own_warehouse)["lab_alba.flipped"] == "a statement could not read it"
    assert own_warehouse.post("alba", "SELECT count() FROM lab_alba.cut_off").text == "0\n"
    assert (
        own_warehouse.post("alba", "SELECT count(), sum(a) FROM lab_alba.sound").text == "50000\t1249975000\n"
    )
    assert own_warehouse.post("alba", f"INSERT INTO lab_alba.lost {ROWS.format(rows=1)}").status_code == 200
