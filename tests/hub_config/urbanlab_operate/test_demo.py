"""The demo: its accounts, their passwords, and what happens to its tenants' files."""

from __future__ import annotations

import dataclasses
import string

from urbanlab.contract import naming
from urbanlab_hub.settings import Settings
from urbanlab_hub.tenants import DEMO_FOLDER, load_tenants
from urbanlab_operate.demo import ensure_tenant_files, make_accounts, make_password


def test_there_is_an_account_for_each_role_in_each_tenant_and_one_in_two() -> None:
    tenants = load_tenants(DEMO_FOLDER)
    accounts = {account.username: account for account in make_accounts(tenants)}

    roles = {
        f"{role}-{tenant}": (f"/tenants/{tenant}/{role}",) for tenant in tenants for role in naming.ROLES
    }
    assert roles.items() <= {name: account.groups for name, account in accounts.items()}.items()
    assert accounts.keys() - roles.keys() == {"analyst-multi"}
    assert len({group.split("/")[2] for group in accounts["analyst-multi"].groups}) == 2


def test_without_its_tenants_an_account_is_not_made() -> None:
    tenants = load_tenants(DEMO_FOLDER)
    assert make_accounts({}) == []
    one = next(iter(tenants))
    assert {account.groups[0].split("/")[2] for account in make_accounts({one: tenants[one]})} == {one}


def test_passwords_are_long_differ_and_meet_a_policy() -> None:
    passwords = {make_password() for _ in range(50)}

    assert len(passwords) == 50
    for password in passwords:
        assert len(password) == 24
        for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_.+"):
            assert sum(character in kind for character in password) >= 2


def test_the_files_are_copied_once_and_a_dry_run_copies_nothing(settings: Settings) -> None:
    assert ensure_tenant_files(settings, dry_run=True) == DEMO_FOLDER
    assert not settings.tenants.exists()
    folder = ensure_tenant_files(settings)
    assert load_tenants(folder).keys() == load_tenants(DEMO_FOLDER).keys()
    next(folder.glob("*.yaml")).unlink()
    ensure_tenant_files(settings)
    assert len(load_tenants(folder)) == len(load_tenants(DEMO_FOLDER)) - 1


def test_without_a_demo_no_file_is_copied(settings: Settings) -> None:
    ensure_tenant_files(dataclasses.replace(settings, demo=False))
    assert not settings.tenants.exists()
