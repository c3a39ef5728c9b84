"""Which refusals the audit log is told, and that nothing of a statement is among it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from urbanlab.contract.audit_sender import AuditSender
from urbanlab_services.audit.schemas import check_entry
from urbanlab_services.audit_client import Refusals
from urbanlab_services.warehouse import errors
from urbanlab_services.warehouse.credentials import Identity
from urbanlab_services.warehouse.errors import WarehouseError, make_not_there
from urbanlab_services.warehouse.policy_expressions import refuse
from urbanlab_services.warehouse.refusals import QueryRefusals
from urbanlab_services.warehouse.revocations import RevokedError

from .conftest import make_town

ANNA = Identity("anna@alpha", "alpha", "analyst")
QUERY = ("query-refused", "alpha")
CREDENTIAL = ("credential-refused", "alpha")

TOLD = [
    (ANNA, make_not_there("beta.footfall"), QUERY),
    (ANNA, make_not_there("lab_beta.anything at all"), QUERY),
    (ANNA, make_not_there("shared_with_beta"), QUERY),
    (ANNA, make_not_there("system.query_log"), QUERY),
    (ANNA, refuse("The function file is not available in this warehouse"), QUERY),
    (ANNA, WarehouseError(errors.ACCESS_DENIED, "You may not change alpha.footfall"), QUERY),
    (ANNA, WarehouseError(errors.READONLY, "GET only reads"), QUERY),
    (Identity("publications@alpha", "alpha", "publications"), make_not_there("beta.footfall"), QUERY),
    (ANNA, RevokedError(), CREDENTIAL),
    (None, WarehouseError(errors.AUTHENTICATION_FAILED, "not valid"), ("credential-refused", "")),
]
NOT_TOLD = [
    (ANNA, make_not_there("alpha.footfal")),
    (ANNA, make_not_there("nowhere.footfall")),
    (ANNA, make_not_there("footfal")),
    (ANNA, make_not_there("")),
    (ANNA, WarehouseError(errors.SYNTAX_ERROR, "Syntax error: beta.footfall")),
    (ANNA, WarehouseError(errors.MEMORY, "The limit on memory was reached")),
    (Identity("operator", "", "operator"), make_not_there("beta.footfall")),
    (None, make_not_there("beta.footfall")),
]


async def _tell(folder: Path, identity: Identity | None, error: WarehouseError) -> list[tuple[str, str]]:
    sender = AuditSender(None, folder, "warehouse")
    refusals = Refusals(sender)
    QueryRefusals(refusals, lambda: {name: make_town(name) for name in ("alpha", "beta")}).note(
        identity, error
    )
    await asyncio.gather(*refusals._writing)
    entries = sender.list_waiting()
    for entry in entries:
        check_entry("warehouse", entry)
        assert "footfall" not in str(entry)
    return [(entry.event, entry.tenant) for entry in entries]


@pytest.mark.parametrize(("identity", "error", "told"), TOLD)
async def test_what_somebody_may_not_do_is_told(
    tmp_path: Path, identity: Identity | None, error: WarehouseError, told: tuple[str, str]
) -> None:
    assert await _tell(tmp_path, identity, error) == [told]


@pytest.mark.parametrize(("identity", "error"), NOT_TOLD)
async def test_what_is_mistyped_or_too_much_is_not(
    tmp_path: Path, identity: Identity | None, error: WarehouseError
) -> None:
    assert await _tell(tmp_path, identity, error) == []


async def test_a_flood_is_told_by_its_size_and_each_in_the_services_own_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    sender = AuditSender(None, tmp_path, "warehouse")
    refusals = Refusals(sender)
    tell = QueryRefusals(refusals, dict)
    for _ in range(1000):
        tell.note(ANNA, refuse("x"))
    tell.note(Identity("berta@alpha", "alpha", "steward"), refuse("x"))
    await asyncio.gather(*refusals._writing)
    people = [entry.data["person"] for entry in sender.list_waiting()]
    assert (len(people), people.count("berta@alpha")) == (21, 1)
    told = [vars(record)["person"] for record in caplog.records if record.getMessage() == "refused"]
    assert (len(told), told.count("berta@alpha")) == (1001, 1)
