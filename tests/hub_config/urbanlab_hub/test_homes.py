"""Homes and runtime folders: private, and no link of their owner leads root anywhere."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.hub_config.conftest import needs_root
from urbanlab_hub import homes
from urbanlab_hub.accounts import ensure_account

ME = (os.geteuid(), os.getegid())


@pytest.fixture
def curated(tmp_path: Path) -> Path:
    folder = tmp_path / "curated"
    folder.mkdir()
    (folder / "a.ipynb").write_text("{}")
    return folder


def test_a_home_is_private_and_links_to_the_curated_notebooks(tmp_path: Path, curated: Path) -> None:
    home = tmp_path / "homes" / "anna"
    homes.ensure_home(home, *ME, curated)
    homes.ensure_home(home, *ME, curated)

    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert (home / homes.CURATED_LINK / "a.ipynb").read_text() == "{}"


def test_the_link_follows_the_product_and_what_somebody_put_there_is_theirs(
    tmp_path: Path, curated: Path
) -> None:
    moved, theirs = tmp_path / "moved", tmp_path / "theirs"
    moved.symlink_to("elsewhere")
    for home in (moved, theirs):
        home.unlink(missing_ok=True)
        home.mkdir()
    (moved / homes.CURATED_LINK).symlink_to("/of/a/former/version")
    (theirs / homes.CURATED_LINK).mkdir()
    for home in (moved, theirs):
        homes.ensure_home(home, *ME, curated)

    assert (moved / homes.CURATED_LINK).readlink() == curated
    assert not (theirs / homes.CURATED_LINK).is_symlink()


@needs_root
def test_a_home_that_is_given_takes_links_along_and_never_what_they_lead_to(
    open_folder: Path, installation: str, curated: Path
) -> None:
    account = ensure_account("anna@alpha", installation)
    home, foreign = open_folder / "anna", open_folder / "foreign"
    foreign.mkdir()
    (foreign / "file").write_text("another's")
    home.mkdir()
    (home / "to-file").symlink_to(foreign / "file")
    (home / "to-folder").symlink_to(foreign)
    homes.ensure_home(home, account.pw_uid, account.pw_gid, curated)

    assert home.stat().st_uid == (home / "to-file").lstat().st_uid == account.pw_uid
    assert {path.stat().st_uid for path in (foreign, foreign / "file", curated)} == {0}


def test_a_runtime_folder_is_new_each_time(tmp_path: Path) -> None:
    path = tmp_path / "ul" / "0123456789"
    homes.ensure_runtime(path, *ME)
    (path / "kernel-1.json").write_text("old")
    homes.ensure_runtime(path, *ME)

    assert list(path.iterdir()) == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


@pytest.mark.parametrize("uid", [0, 1000])
def test_a_runtime_folder_is_short_whoever_runs_the_hub_and_wherever(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, uid: int
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setenv("TMPDIR", str(tmp_path / ("a-checkout-deep-in-a-home" * 3)))
    made = homes.make_runtime_path("abcd", "ulabcd-anna-0123456789")
    assert (made.parent.name, made.name) == ("urbanlab-abcd", "0123456789")
    assert len(str(made / f"kernel-{'0' * 36}-ipc-1")) < 100


def test_others_pass_to_their_runtime_folder_whatever_the_mask(tmp_path: Path) -> None:
    former = os.umask(0o077)
    try:
        homes.ensure_runtime(tmp_path / "ul" / "0123456789", *ME)
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / "ul").stat().st_mode) == 0o711


@needs_root
def test_a_runtime_folder_below_somebody_elses_is_refused(open_folder: Path, installation: str) -> None:
    account = ensure_account("mallory@beta", installation)
    taken = open_folder / "taken"
    taken.mkdir()
    os.chown(taken, account.pw_uid, account.pw_gid)
    with pytest.raises(PermissionError, match="belongs to somebody else"):
        homes.ensure_runtime(taken / "0123456789", *ME)


def test_removing_a_runtime_folder_follows_no_link(tmp_path: Path) -> None:
    path, foreign = tmp_path / "ul" / "0123456789", tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "file").write_text("another's")
    homes.ensure_runtime(path, *ME)
    (path / "link").symlink_to(foreign)
    homes.delete_runtime(path)
    homes.delete_runtime(path)

    assert not path.exists()
    assert (foreign / "file").exists()
