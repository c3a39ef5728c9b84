"""The records that services read: written whole, mended, withdrawn; and the order of all steps."""

from __future__ import annotations

import stat
from collections.abc import Callable

import pytest

from urbanlab.contract.records import Tenant, read_tenants
from urbanlab_hub.settings import Settings
from urbanlab_operate.apply import STEPS, ApplyError, apply, records
from urbanlab_operate.changes import Changes

Make = Callable[..., Tenant]


@pytest.fixture
def reconcile(settings: Settings) -> Callable[..., list[str]]:
    settings.state.mkdir()

    def run(*tenants: Tenant, dry_run: bool = False) -> list[str]:
        changes = Changes("records", dry_run=dry_run, report=lambda line: None)
        wanted = {tenant.id: tenant for tenant in tenants}
        records.withdraw_records(settings, wanted, changes)
        records.write_records(settings, wanted, changes)
        return changes.lines

    return run


def test_records_come_stay_and_go(
    settings: Settings, make_tenant: Make, reconcile: Callable[..., list[str]]
) -> None:
    alpha, beta = make_tenant("alpha"), make_tenant("beta")
    assert reconcile(alpha, beta, dry_run=True) == [
        "records: would write the record of alpha",
        "records: would write the record of beta",
    ]
    assert not settings.records.exists()
    assert len(reconcile(alpha, beta)) == 2
    assert reconcile(alpha, beta) == []
    assert reconcile(beta) == ["records: remove the record of alpha"]
    assert read_tenants(settings.records) == {"beta": beta}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"id": "alpha"', '{"id": "alpha", "strange": 1}', "null"])
def test_a_broken_record_is_written_again(
    settings: Settings, make_tenant: Make, reconcile: Callable[..., list[str]], text: str
) -> None:
    reconcile(make_tenant("alpha"))
    (settings.records / "alpha.json").write_text(text)

    assert reconcile(make_tenant("alpha")) == ["records: write the record of alpha"]
    assert read_tenants(settings.records) == {"alpha": make_tenant("alpha")}


def test_a_closed_record_is_opened_for_the_services_and_the_folder_for_nobody(
    settings: Settings, make_tenant: Make, reconcile: Callable[..., list[str]]
) -> None:
    reconcile(make_tenant("alpha"))
    (settings.records / "alpha.json").chmod(0o600)

    assert reconcile(make_tenant("alpha")) == ["records: let services read the record of alpha"]
    assert stat.S_IMODE(settings.records.stat().st_mode) == 0o700


def test_services_learn_of_a_tenant_after_people_and_topics_and_forget_it_first() -> None:
    names = [name for name, _ in STEPS]
    assert names[0] == "records"
    assert (
        names.index("keycloak") < names.index("kafka") < names.index("records", 1) < names.index("warehouse")
    )


def test_before_the_first_start_there_is_nothing_to_apply_to(settings: Settings) -> None:
    with pytest.raises(ApplyError, match="never started"):
        apply(settings)
    assert not settings.state.exists()
