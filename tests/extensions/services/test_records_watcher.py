"""The tenants as a service sees them while `urbanlab apply` writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from urbanlab.contract.records import Tenant, write_tenant
from urbanlab_services.records_watcher import RecordsWatcher


@pytest.fixture
def watcher(tmp_path: Path, make_tenant: Callable[..., Tenant]) -> RecordsWatcher:
    write_tenant(tmp_path, make_tenant("town"))
    return RecordsWatcher(tmp_path, interval=0)


def test_tenants_come_change_and_go(
    watcher: RecordsWatcher, tmp_path: Path, make_tenant: Callable[..., Tenant]
) -> None:
    assert set(watcher.tenants()) == {"town"}
    write_tenant(tmp_path, make_tenant("village"))
    write_tenant(tmp_path, make_tenant("town", title="The Town"))
    assert {tenant.id: tenant.title for tenant in watcher.tenants().values()} == {
        "town": "The Town",
        "village": "Village",
    }
    (tmp_path / "town.json").unlink()
    assert set(watcher.tenants()) == {"village"}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"id": "city"}', "\ud800"])
def test_what_cannot_be_read_leaves_those_known_before(
    watcher: RecordsWatcher, tmp_path: Path, text: str
) -> None:
    watcher.tenants()
    (tmp_path / "city.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert set(watcher.tenants()) == {"town"}
    (tmp_path / "city.json").unlink()
    assert set(watcher.tenants()) == {"town"}


def test_an_absent_folder_holds_nobody(tmp_path: Path) -> None:
    assert RecordsWatcher(tmp_path / "absent").tenants() == {}


def test_the_folder_is_not_looked_at_for_every_question(
    tmp_path: Path, make_tenant: Callable[..., Tenant]
) -> None:
    watcher = RecordsWatcher(tmp_path, interval=60)
    assert watcher.tenants() == {}
    write_tenant(tmp_path, make_tenant("town"))
    assert watcher.tenants() == {}
