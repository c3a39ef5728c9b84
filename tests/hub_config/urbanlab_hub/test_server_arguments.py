"""What a server is told of what its tenant declares."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from urbanlab.contract.records import Quotas, SharedFolder, Tenant
from urbanlab_hub.server_arguments import make_server_arguments

SHARED = Path("/state/shared/alpha")


@pytest.fixture
def make_arguments(make_tenant: Callable[..., Tenant]) -> Callable[..., dict[str, str]]:
    def make(hub_user: str = "anna@alpha", **declared: object) -> dict[str, str]:
        tenant = dataclasses.replace(make_tenant("alpha"), **declared)  # type: ignore[arg-type]
        arguments = make_server_arguments(tenant, hub_user, SHARED)
        assert all(argument.startswith("--") for argument in arguments)
        return dict(argument[2:].split("=", 1) for argument in arguments)

    return make


def test_the_tenants_limits_are_the_servers(make_arguments: Callable[..., dict[str, str]]) -> None:
    made = make_arguments(idle_minutes=30, undelete_days=3, quotas=Quotas(home_mb=123))
    idle = ("MappingKernelManager.cull_idle_timeout", "ServerApp.shutdown_no_activity_timeout")
    assert [made[name] for name in (*idle, "TerminalManager.cull_inactive_timeout")] == ["1800"] * 3
    assert "MappingKernelManager.cull_busy" not in made
    assert (made["HomeUse.limit_mb"], made["Trash.days"]) == ("123", "3")


@pytest.mark.parametrize(("days", "kept"), [(0, "False"), (1, "True")])
def test_a_tenant_may_keep_nothing_deleted(
    make_arguments: Callable[..., dict[str, str]], days: int, kept: str
) -> None:
    assert make_arguments(undelete_days=days)["FileContentsManager.delete_to_trash"] == kept


@pytest.mark.parametrize(
    ("allow", "terminals"), [((), "False"), (("pip", "git"), "False"), (("terminals",), "True")]
)
def test_terminals_are_there_where_they_are_allowed(
    make_arguments: Callable[..., dict[str, str]], allow: tuple[str, ...], terminals: str
) -> None:
    assert make_arguments(allow=allow)["ServerApp.terminals_enabled"] == terminals


def test_shared_folders_are_named_one_by_one(make_tenant: Callable[..., Tenant]) -> None:
    folders = (SharedFolder("karten"), SharedFolder("vorlagen"))
    tenant = dataclasses.replace(make_tenant("alpha"), shared_folders=folders)
    made = make_server_arguments(tenant, "anna@alpha", SHARED)
    assert [it for it in made if "SharedFolders" in it] == [
        f"--SharedFolders.folders={SHARED}/karten",
        f"--SharedFolders.folders={SHARED}/vorlagen",
    ]


@pytest.mark.parametrize("purpose", ["publications", "reports"])
def test_what_runs_for_the_public_never_ends_for_being_idle(
    make_arguments: Callable[..., dict[str, str]], purpose: str
) -> None:
    declared = {"allow": ("terminals",), "shared_folders": (SharedFolder("karten"),)}
    assert make_arguments(f"{purpose}@alpha", **declared) == {"ServerApp.terminals_enabled": "False"}
