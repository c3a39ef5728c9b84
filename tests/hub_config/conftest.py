"""What the tests of hub and operator's command share: settings over a state of their own, test accounts."""

from __future__ import annotations

import grp
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.installation import find_free_ports
from urbanlab.contract.records import Column, Feed, Tenant
from urbanlab_hub.accounts import delete_account, delete_group, list_accounts
from urbanlab_hub.cgroups import delete_cgroups
from urbanlab_hub.settings import Settings, load_settings

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make accounts and become another")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an installation that was never started, with ports that nobody uses."""
    ports = {f"URBANLAB_{name.upper()}": port for name, port in find_free_ports().items()}
    return load_settings({"URBANLAB_STATE": str(tmp_path / "state"), **ports})


@pytest.fixture
def installation() -> Iterator[str]:
    """The name of an installation whose accounts and groups are removed afterwards."""
    name = secrets.token_hex(2)
    while list_accounts(name):
        name = secrets.token_hex(2)
    yield name
    remove_accounts(name)


def remove_accounts(installation: str) -> None:
    """Remove the accounts and groups of an installation, groups of control too."""
    for entry in list_accounts(installation):
        delete_account(entry.pw_name)
    for group in grp.getgrall():
        if group.gr_name.startswith(f"ul{installation}-"):
            delete_group(group.gr_name.partition("-")[2], installation)
    delete_cgroups(installation)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account can reach; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="ultest-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def make_tenant() -> Callable[..., Tenant]:
    """Return a maker of tenants with one feed, and whatever is given otherwise."""

    def make(tenant: str, *feeds: str, keep_days: int = 0) -> Tenant:
        return Tenant(
            id=tenant,
            title=tenant.title(),
            languages=("de", "en"),
            state="NW",
            time_zone="Europe/Berlin",
            latitude=51.9,
            longitude=8.4,
            crs="EPSG:25832",
            population=0,
            contact="",
            feeds=tuple(_make_feed(name, keep_days) for name in feeds or ("level",)),
        )

    return make


def _make_feed(name: str, keep_days: int) -> Feed:
    columns = (Column("sensor", "category", {}), Column("observed_at", "instant", {}))
    return Feed(
        name, {}, {}, columns, ("sensor", "observed_at"), "observed_at", "dl-de/zero-2.0", keep_days=keep_days
    )
