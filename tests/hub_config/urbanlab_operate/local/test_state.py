"""The state folder as `up` makes it: accounts, folders, secrets, and who can read what."""

from __future__ import annotations

import dataclasses
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.hub_config.conftest import needs_root
from urbanlab.contract.secrets import read_secret
from urbanlab_hub.accounts import delete_account, delete_group, list_accounts
from urbanlab_hub.settings import Settings
from urbanlab_operate.local.folders import ACCOUNT_OWNERS, RECORD_READERS, ensure_folders, get_installation
from urbanlab_operate.local.installation_secrets import HOLDERS, PUBLIC_KEY, SIGNING_KEY, ensure_secrets


@pytest.fixture
def state(settings: Settings, open_folder: Path, installation: str) -> Settings:
    """Settings whose state is made as at a first start, where other accounts can reach it."""
    settings = dataclasses.replace(settings, state=open_folder / "state")
    settings.state.mkdir()
    (settings.state / "installation").write_text(installation + "\n")
    ensure_folders(settings)
    ensure_secrets(settings)
    return settings


def _read_all(settings: Settings) -> dict[str, str]:
    return {path.name: path.read_text() for path in settings.master_secrets.iterdir()}


def test_every_holder_has_its_copies_and_nothing_else(state: Settings) -> None:
    for service in {service for services in HOLDERS.values() for service in services}:
        held = {path.name for path in state.service_secrets(service).iterdir()}
        assert held == {name for name, services in HOLDERS.items() if service in services}
    assert not any(state.service_secrets("engine").iterdir())


def test_a_second_start_changes_no_secret_and_mends_a_copy(state: Settings) -> None:
    before = _read_all(state)
    copy = state.service_secrets("proxy") / "proxy-api-token"
    copy.write_text("something else\n")
    ensure_folders(state)
    ensure_secrets(state)

    assert _read_all(state) == before
    assert copy.read_text() == before["proxy-api-token"]


def test_the_key_that_checks_fits_the_key_that_signs_and_comes_back(state: Settings) -> None:
    public = state.master_secrets / PUBLIC_KEY
    text = public.read_text()
    public.unlink()
    ensure_secrets(state)

    assert public.read_text() == text
    assert load_pem_public_key(text.encode()).public_bytes_raw()  # type: ignore[union-attr]
    assert "PRIVATE" not in text
    assert "PRIVATE" in read_secret(state.master_secrets, SIGNING_KEY).reveal()
    assert len(set(_read_all(state).values())) == len(HOLDERS)


def test_every_secret_is_private(state: Settings) -> None:
    files = [path for path in state.state.rglob("secrets/*") if path.is_file()]
    assert len(files) > len(HOLDERS)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


@needs_root
def test_each_service_has_an_account_and_no_other_enters_its_folder(
    state: Settings, installation: str
) -> None:
    owners = {state.service_state(service).stat().st_uid for service in ACCOUNT_OWNERS}

    assert owners == {entry.pw_uid for entry in list_accounts(installation)}
    assert len(owners) == len(ACCOUNT_OWNERS)
    for folder in (state.state, state.homes):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o711
    for folder in (
        state.master_secrets,
        state.state / "supervisor",
        state.state / "logs",
        state.service_state("hub"),
    ):
        assert (folder.stat().st_uid, stat.S_IMODE(folder.stat().st_mode)) == (0, 0o700)


LIST = "import os, sys; print(len(os.listdir(sys.argv[1])))"


@needs_root
def test_services_read_the_records_and_no_other_account_does(state: Settings) -> None:
    def can_read(service: str, *groups: int) -> bool:
        account = state.service_state(service).stat()
        identity = {"user": account.st_uid, "group": account.st_gid, "extra_groups": list(groups)}
        command = [sys.executable, "-c", LIST, str(state.records)]
        return not subprocess.run(command, cwd="/", capture_output=True, check=False, **identity).returncode  # type: ignore[call-overload]

    group = state.records.stat().st_gid
    assert all(can_read(service, group) for service in RECORD_READERS)
    assert not any(can_read(service) for service in ACCOUNT_OWNERS)  # as a kernel's account: in no such group


@needs_root
def test_a_link_in_a_services_folder_is_taken_away_and_not_followed(state: Settings) -> None:
    foreign = state.state / "foreign"
    foreign.mkdir(mode=0o750)
    secrets = state.service_secrets("proxy")
    (secrets / "proxy-api-token").unlink()
    secrets.rmdir()
    secrets.symlink_to(foreign)
    ensure_folders(state)

    assert not secrets.is_symlink()
    assert (foreign.stat().st_uid, stat.S_IMODE(foreign.stat().st_mode)) == (0, 0o750)


@needs_root
def test_two_installations_share_no_account(state: Settings, open_folder: Path) -> None:
    second = Settings(state=open_folder / "other")
    ensure_folders(second)
    name = get_installation(second)
    try:
        assert name != get_installation(state)
        assert {entry.pw_uid for entry in list_accounts(name)}.isdisjoint(
            entry.pw_uid for entry in list_accounts(get_installation(state))
        )
    finally:
        for entry in list_accounts(name):
            delete_account(entry.pw_name)
        delete_group("records", name)


PREPARE = """
from urbanlab_hub.settings import load_settings
from urbanlab_operate.local.folders import ensure_folders
from urbanlab_operate.local.installation_secrets import ensure_secrets
settings = load_settings()
assert ensure_folders(settings) == {}
ensure_secrets(settings)
"""


def test_without_root_everything_is_one_account_and_closed_to_others(open_folder: Path) -> None:
    state = open_folder / "state"
    identity = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
    open_folder.chmod(0o777)
    environ = {"URBANLAB_STATE": str(state), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-P", "-c", PREPARE], env=environ, cwd="/", check=True, **identity)  # type: ignore[call-overload]

    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert {path.stat().st_uid for path in state.rglob("*")} == {state.stat().st_uid}
    assert (state / "tokens" / "secrets" / "service-tokens").read_text()
