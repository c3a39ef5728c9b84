"""The tenants that the hub knows follow the records without a restart."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from urbanlab.contract.records import Tenant, write_tenant
from urbanlab_hub.known_tenants import KnownTenants, get_known_tenants


def test_a_tenant_counts_once_its_record_is_there_and_no_longer(
    tmp_path: Path, make_tenant: Callable[..., Tenant]
) -> None:
    known = KnownTenants(tmp_path / "records")
    assert known.load_tenants() == {}
    known.directory.mkdir()
    write_tenant(known.directory, make_tenant("alpha"))
    assert list(known.load_tenants()) == ["alpha"]
    (known.directory / "alpha.json").unlink()
    assert known.load_tenants() == {}


def test_what_did_not_change_is_not_read_again(tmp_path: Path, make_tenant: Callable[..., Tenant]) -> None:
    write_tenant(tmp_path, make_tenant("alpha"))
    known = KnownTenants(tmp_path)
    assert known.load_tenants() is known.load_tenants()
    assert get_known_tenants(tmp_path).load_tenants() is get_known_tenants(tmp_path).load_tenants()


def test_reading_while_tenants_come_and_go_never_fails(
    tmp_path: Path, make_tenant: Callable[..., Tenant]
) -> None:
    write_tenant(tmp_path, make_tenant("alpha"))
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            write_tenant(tmp_path, make_tenant("beta"))
            (tmp_path / "beta.json").unlink()

    other = threading.Thread(target=come_and_go, daemon=True)
    other.start()
    try:
        known = KnownTenants(tmp_path)
        seen = [set(known.load_tenants()) for _ in range(1000)]
    finally:
        stop.set()
        other.join()
    assert all({"alpha"} <= names <= {"alpha", "beta"} for names in seen)
