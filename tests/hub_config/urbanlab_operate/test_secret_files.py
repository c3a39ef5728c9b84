"""Secrets handed to services: private at every moment, and no link of the service's account is followed."""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hub_config.conftest import needs_root
from urbanlab.contract.secrets import Secret
from urbanlab_hub.accounts import ensure_account
from urbanlab_hub.settings import Settings
from urbanlab_operate.secret_files import SecretFolder, write_private

VALUE = Secret("of this test")


@pytest.fixture
def theirs(settings: Settings, open_folder: Path, installation: str) -> Settings:
    """Settings whose service `tokens` has a folder of its own account."""
    (open_folder / "installation").write_text(installation + "\n")
    settings = dataclasses.replace(settings, state=open_folder)
    account = ensure_account("tokens", installation)
    for folder in (settings.service_state("tokens"), settings.service_secrets("tokens")):
        folder.mkdir(mode=0o700)
        os.chown(folder, account.pw_uid, account.pw_gid)
    return settings


def _act_as_service(settings: Settings, action: Callable[[Path], object]) -> None:
    """Let the service's account do something in its folder of secrets."""
    folder = settings.service_secrets("tokens")
    owner = folder.stat()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
        action(folder)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


@needs_root
def test_a_secret_is_its_services_alone_and_is_written_once(theirs: Settings) -> None:
    folder = SecretFolder(theirs, "tokens")
    assert not folder.holds("a", VALUE)
    folder.write("a", VALUE)
    status = (theirs.service_secrets("tokens") / "a").stat()

    assert folder.holds("a", VALUE)
    assert not folder.holds("a", Secret("another"))
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (
        0o600,
        theirs.service_state("tokens").stat().st_uid,
    )
    assert folder.list_names() == ["a"]
    folder.delete("a")
    folder.delete("a")
    assert folder.list_names() == []


@needs_root
@pytest.mark.parametrize("name", ["a", ".a.draft"])
def test_a_link_in_the_place_of_a_secret_is_replaced_and_not_followed(theirs: Settings, name: str) -> None:
    foreign = theirs.state / "foreign"
    foreign.write_text("of this test\n")
    _act_as_service(theirs, lambda folder: (folder / name).symlink_to(foreign))
    folder = SecretFolder(theirs, "tokens")

    assert not folder.holds("a", VALUE)
    folder.write("a", VALUE)
    assert folder.holds("a", VALUE)
    assert foreign.read_text() == "of this test\n"
    assert (foreign.stat().st_uid, foreign.stat().st_mode & 0o777) == (0, 0o644)


@needs_root
def test_a_pipe_in_the_place_of_a_secret_makes_nobody_wait(theirs: Settings) -> None:
    _act_as_service(theirs, lambda folder: os.mkfifo(folder / "a"))
    folder = SecretFolder(theirs, "tokens")

    assert not folder.holds("a", VALUE)
    folder.write("a", VALUE)
    assert folder.holds("a", VALUE)


@needs_root
def test_a_link_in_the_place_of_the_folder_gets_nothing(theirs: Settings) -> None:
    elsewhere = theirs.state / "elsewhere"
    elsewhere.mkdir()

    def swap(folder: Path) -> None:
        folder.rmdir()
        folder.symlink_to(elsewhere)

    _act_as_service(theirs, swap)
    with pytest.raises(OSError, match="Not a directory"):
        SecretFolder(theirs, "tokens").write("a", VALUE)
    assert list(elsewhere.iterdir()) == []


@needs_root
def test_a_secret_that_others_could_read_counts_as_absent(theirs: Settings) -> None:
    folder = SecretFolder(theirs, "tokens")
    folder.write("a", VALUE)
    _act_as_service(theirs, lambda path: (path / "a").chmod(0o644))

    assert not folder.holds("a", VALUE)


def test_a_private_file_is_private_whatever_was_there(tmp_path: Path) -> None:
    path, foreign = tmp_path / "a", tmp_path / "foreign"
    foreign.write_text("another's")
    path.symlink_to(foreign)
    (tmp_path / ".a.draft").write_text("left over")
    write_private(path, "of this test\n")

    assert (path.read_text(), foreign.read_text()) == ("of this test\n", "another's")
    assert not path.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
