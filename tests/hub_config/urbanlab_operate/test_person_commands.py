"""Homes whose names go to somebody else: where they lie, and when they end."""

from __future__ import annotations

import os
import tempfile

import pytest

from tests.hub_config.conftest import needs_root
from urbanlab_hub.accounts import ensure_account
from urbanlab_hub.settings import Settings
from urbanlab_operate.cli import main
from urbanlab_operate.person_commands import archive_home, put_away
from urbanlab_operate.purge.people import find_archived_homes


@pytest.fixture
def started(settings: Settings, installation: str) -> Settings:
    """Settings of an installation with homes."""
    settings.homes.mkdir(parents=True)
    (settings.state / "installation").write_text(installation + "\n")
    return settings


def test_each_former_person_keeps_what_they_had_until_the_tenant_is_purged(started: Settings) -> None:
    for person in ("anna@alpha", "anna@alpha", "anna@beta"):
        home = started.homes / "account"
        home.mkdir(mode=0o777)
        (home / "mine.txt").write_text(person)
        archived = archive_home(started, person, home)
        assert not home.exists()
        assert (archived / "mine.txt").read_text() == person
        assert archived.parent.stat().st_mode & 0o777 == 0o700  # whatever the home let others do
        assert archived.parent.stat().st_uid == os.geteuid()

    (remnant,) = find_archived_homes(started, "alpha")
    assert remnant.sentence.startswith("the archived homes of former people (")
    remnant.delete()
    assert find_archived_homes(started, "alpha") == []
    assert len(list((started.archived_homes / "beta").iterdir())) == 1


@needs_root
def test_the_next_person_finds_nothing_of_the_former_one_in_common_places(
    started: Settings, installation: str
) -> None:
    account = ensure_account("anna@alpha", installation)
    home = started.homes / account.pw_name
    home.mkdir()
    (home / "mine").write_text("mine")
    os.chown(home / "mine", account.pw_uid, account.pw_gid)
    with tempfile.NamedTemporaryFile(dir="/var/tmp", prefix="ultest-", delete=False) as left:
        os.fchown(left.fileno(), account.pw_uid, account.pw_gid)
    assert put_away(started, "anna@alpha", home) == "archived"
    assert not os.path.lexists(left.name)
    assert put_away(started, "anna@alpha", home) == "absent"
    (archived,) = (started.archived_homes / "alpha").iterdir()
    assert (archived / "mine").read_text() == "mine"


@pytest.mark.parametrize("person", ["anna", "anna@", "@alpha", "anna@../etc"])
def test_what_names_nobody_is_refused(person: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["person", "accept", person])
    assert "argument PERSON@TENANT" in capsys.readouterr().err


def test_nobody_is_a_service_user(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["person", "accept", "reports@alpha"]) == 1
    assert "is a service user" in capsys.readouterr().err
