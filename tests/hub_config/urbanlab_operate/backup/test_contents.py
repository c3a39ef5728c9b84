"""What is copied of folders that others write to: all of it, at one moment, and nothing from outside."""

from __future__ import annotations

import os
import sqlite3
import stat
import tarfile
from pathlib import Path

import pytest

from urbanlab_operate.backup.contents import copy_folder, list_databases, open_plain, unpack
from urbanlab_operate.backup.restore import move_tenants
from urbanlab_operate.backup.warehouse import drop_copy, fetch_copy
from urbanlab_operate.errors import OperateError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "state"
    path.mkdir()
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "backup"
    path.mkdir()
    return path


def list_names(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return [name.removeprefix("./") for name in tar.getnames()]


def test_a_database_is_copied_as_it_is_at_one_moment_while_somebody_writes(
    folder: Path, target: Path
) -> None:
    (folder / "deep").mkdir()
    writer = sqlite3.connect(folder / "deep" / "store.db")
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("CREATE TABLE t (a)")
    writer.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(1000)])
    writer.commit()
    writer.execute("INSERT INTO t VALUES (-1)")  # not committed

    assert list_databases(folder) == [folder / "deep" / "store.db"]
    copy_folder("publisher", folder, target)
    writer.close()

    assert list_names(target / "publisher.tar") == ["deep"]
    copied = target / "databases" / "publisher" / "deep" / "store.db"
    assert [path.name for path in copied.parent.iterdir()] == ["store.db"]
    assert sqlite3.connect(copied).execute("SELECT count(*), min(a) FROM t").fetchone() == (1000, 0)


def test_what_names_others_is_copied_first_and_what_is_made_anew_not_at_all(
    folder: Path, target: Path
) -> None:
    for name in (
        "files/aa",
        "pages/bb.json",
        "publications/x/y.json",
        "tickets/t.json",
        "secrets/s",
        "tmp/t",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "tenants.json").write_text("[]")
    copy_folder("public", folder, target)
    names = [name for name in list_names(target / "public.tar") if "." in name or "aa" in name]
    assert names == ["publications/x/y.json", "tenants.json", "pages/bb.json", "files/aa"]


def test_the_head_of_the_audit_log_is_older_than_its_lines_and_stands_there_once(
    folder: Path, target: Path
) -> None:
    (folder / "log").mkdir()
    for name in ("2026-11.jsonl", "head.json", "head.key"):
        (folder / "log" / name).write_text(name)
    copy_folder("audit", folder, target)
    assert list_names(target / "audit.tar") == ["log/head.json", "log", "log/2026-11.jsonl", "log/head.key"]


def test_links_stay_links_and_sockets_are_left(folder: Path, target: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("only for root")
    (folder / "link").symlink_to(secret)
    (folder / "loop").symlink_to(folder)
    (folder / "store.db").symlink_to(secret)
    os.mkfifo(folder / "pipe")
    (folder / "a file\nwith lines").write_text("x")
    (folder / "--checkpoint-action=exec=false").write_text("y")
    copy_folder("homes", folder, target)
    unpack(target / "homes.tar", tmp_path / "out")
    assert (tmp_path / "out" / "link").readlink() == secret
    assert (tmp_path / "out" / "a file\nwith lines").read_text() == "x"
    assert (tmp_path / "out" / "--checkpoint-action=exec=false").read_text() == "y"
    assert b"only for root" not in (target / "homes.tar").read_bytes()


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/etc/hostname"), Path.mkdir])
def test_what_is_no_plain_file_is_not_opened(tmp_path: Path, make: object) -> None:
    make(tmp_path / "x")  # type: ignore[operator]
    with pytest.raises((OperateError, OSError)):
        open_plain(tmp_path / "x")


def test_an_empty_folder_gives_an_empty_archive_that_only_its_owner_reads(folder: Path, target: Path) -> None:
    copy_folder("tenants", folder, target)
    assert list_names(target / "tenants.tar") == []
    assert (target / "tenants.tar").stat().st_mode & 0o777 == 0o600


def test_no_program_of_somebody_else_runs_as_whoever_unpacks(
    folder: Path, target: Path, tmp_path: Path
) -> None:
    (folder / "bin").mkdir()
    for name, mode in (("bin/user", 0o4755), ("group", 0o2711), ("-plain", 0o750)):
        (folder / name).write_text("#!/bin/sh")
        (folder / name).chmod(mode)
    copy_folder("homes", folder, target)
    unpack(target / "homes.tar", tmp_path / "out")
    modes = [
        stat.S_IMODE((tmp_path / "out" / name).stat().st_mode) for name in ("bin/user", "group", "-plain")
    ]
    assert modes == [0o755, 0o711, 0o750]


@pytest.mark.parametrize("is_there", [True, False])
def test_tenants_files_come_into_a_folder_that_is_empty_or_not_there(tmp_path: Path, is_there: bool) -> None:
    source, place = tmp_path / "state" / "tenants", tmp_path / "etc" / "tenants"
    source.mkdir(parents=True)
    (source / "alpha.yaml").write_text("title: Alpha")
    place.parent.mkdir()
    if is_there:
        place.mkdir()
    move_tenants(source, place)
    assert [path.name for path in place.iterdir()] == ["alpha.yaml"]
    assert not source.exists()


def test_the_engine_s_copy_is_fetched_and_its_place_is_empty_after(tmp_path: Path, target: Path) -> None:
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "a.tar").write_bytes(b"tables")
    fetch_copy(tmp_path / "backups", "a.tar", target / "engine.tar")
    drop_copy(tmp_path / "backups", "a.tar")
    assert (target / "engine.tar").read_bytes() == b"tables"
    assert list((tmp_path / "backups").iterdir()) == []
    drop_copy(tmp_path / "backups", "a.tar")  # which may never have been made


@pytest.mark.parametrize("is_folder", [True, False])
def test_no_link_of_the_engine_s_account_is_followed(tmp_path: Path, target: Path, is_folder: bool) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.tar").write_bytes(b"somebody else's")
    backups = tmp_path / "backups"
    if is_folder:
        backups.symlink_to(tmp_path / "other")
    else:
        backups.mkdir()
        (backups / "a.tar").symlink_to(tmp_path / "other" / "a.tar")
    with pytest.raises(OperateError, match="look who put it there"):
        fetch_copy(backups, "a.tar", target / "engine.tar")
    drop_copy(backups, "a.tar")
    assert (tmp_path / "other" / "a.tar").read_bytes() == b"somebody else's"
    assert list(target.iterdir()) == []


def test_an_archive_that_is_cut_off_is_told(folder: Path, target: Path, tmp_path: Path) -> None:
    (folder / "big").write_bytes(os.urandom(100_000))
    copy_folder("tenants", folder, target)
    archive = target / "tenants.tar"
    archive.write_bytes(archive.read_bytes()[:50_000])
    with pytest.raises(OperateError, match=r"tenants\.tar could not be"):
        unpack(archive, tmp_path / "out")
