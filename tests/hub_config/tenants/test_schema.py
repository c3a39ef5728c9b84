"""Schema, defaults and the contract's record of a tenant say the same."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from urbanlab.contract.live import MAX_SESSIONS
from urbanlab.contract.naming import ROLES
from urbanlab.contract.records import ALLOWANCES, COLUMN_TYPES, Tenant
from urbanlab_hub.tenant_schema import SCHEMA
from urbanlab_hub.tenants import load_tenants


def test_the_schema_knows_the_column_types_of_the_contract() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))

    assert schema["$defs"]["column"]["properties"]["type"]["enum"] == list(COLUMN_TYPES)


def test_no_tenant_has_more_interactive_views_than_a_runner_takes() -> None:
    rules = json.loads(SCHEMA.read_text(encoding="utf-8"))["properties"]["publishing"]["properties"]
    assert {rules[name]["maximum"] for name in ("live_views", "live_views_each")} == {MAX_SESSIONS}


def test_the_schema_knows_the_roles_and_allowances_of_the_contract() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))

    assert schema["$defs"]["roles"]["items"]["enum"] == list(ROLES)
    assert schema["properties"]["allow"]["items"]["enum"] == list(ALLOWANCES)


def test_the_defaults_are_those_of_the_record(tmp_path: Path) -> None:
    (tmp_path / "musterstadt.yaml").write_text("title: Musterstadt\n", encoding="utf-8")
    tenant = load_tenants(tmp_path)["musterstadt"]

    safe = {
        spec.name: spec.default
        for spec in dataclasses.fields(Tenant)
        if spec.default is not dataclasses.MISSING and spec.name not in ("feeds", "sensors", "reports")
    }
    assert {name: getattr(tenant, name) for name in safe} == safe
    assert len(safe) == 12
