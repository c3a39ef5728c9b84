"""Accounts as they are really made: one for each owner, in our range, with no way in by itself."""

from __future__ import annotations

import grp
import pwd
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.hub_config.conftest import needs_root
from urbanlab_hub import accounts
from urbanlab_hub.accounts import AccountError, ensure_account, ensure_group, find_account, list_accounts

pytestmark = needs_root


def test_an_account_is_made_once_with_a_number_of_ours_and_no_shell_or_home(installation: str) -> None:
    made = ensure_account("anna@alpha", installation)

    assert accounts.FIRST_ID <= made.pw_uid <= accounts.LAST_ID
    assert (made.pw_dir, made.pw_shell) == ("/nonexistent", "/usr/sbin/nologin")
    assert grp.getgrgid(made.pw_gid).gr_name == made.pw_name  # a group of its own, shared with nobody
    assert ensure_account("anna@alpha", installation) == made
    assert list_accounts(installation) == [made]


def test_many_at_once_each_get_an_account_of_their_own(installation: str) -> None:
    owners = [f"person{number}@alpha" for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda owner: ensure_account(owner, installation), owners))
    assert len({entry.pw_uid for entry in made}) == len(owners)


def test_the_same_person_in_another_tenant_is_another_account(installation: str) -> None:
    first, second = (ensure_account(owner, installation) for owner in ("anna@alpha", "anna@beta"))
    assert first.pw_uid != second.pw_uid


def test_an_account_is_removed_with_its_group_and_a_second_time_is_fine(installation: str) -> None:
    name = ensure_account("anna@alpha", installation).pw_name
    accounts.delete_account(name)
    accounts.delete_account(name)

    assert find_account(name) is None
    with pytest.raises(KeyError):
        grp.getgrnam(name)


def test_a_group_takes_its_members_and_no_others(installation: str) -> None:
    member, other = (ensure_account(owner, installation).pw_name for owner in ("tokens", "engine"))
    number = ensure_group("records", installation, [member])

    assert ensure_group("records", installation, [member]) == number
    assert grp.getgrgid(number).gr_mem == [member]
    assert other in {entry.pw_name for entry in pwd.getpwall()}


def test_what_the_system_refuses_is_its_own_sentence(installation: str) -> None:
    with pytest.raises(AccountError, match=r"useradd .*invalid user name"):
        accounts._run("useradd", "no such/name")
    assert list_accounts(installation) == []
