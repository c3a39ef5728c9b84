"""A backup that is not whole is refused with the name of the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from urbanlab_hub.settings import Settings, load_settings
from urbanlab_operate.backup.manifest import check_files, read_manifest, write_manifest
from urbanlab_operate.backup.restore import restore
from urbanlab_operate.backup.take import back_up, drafting
from urbanlab_operate.errors import OperateError

QUIET = Console(quiet=True)


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    folder = tmp_path / "backup"
    (folder / "databases" / "hub").mkdir(parents=True)
    (folder / "engine.tar").write_bytes(b"e" * 100)
    (folder / "databases" / "hub" / "jupyterhub.sqlite").write_bytes(b"s" * 100)
    write_manifest(folder, homes=False)
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"URBANLAB_STATE": str(tmp_path / "state")})


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[50] ^= 1
    path.write_bytes(content)


def _rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_whole_one_is_taken(backup: Path) -> None:
    manifest = read_manifest(backup)
    check_files(backup, manifest)
    assert set(manifest.files) == {"engine.tar", "databases/hub/jupyterhub.sqlite"}
    assert (backup / "manifest.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda folder: _flip(folder / "engine.tar"), r"engine\.tar is damaged"),
        (lambda folder: (folder / "engine.tar").write_bytes(b"e" * 99), r"engine\.tar is damaged"),
        (
            lambda folder: (folder / "databases/hub/jupyterhub.sqlite").unlink(),
            r"jupyterhub\.sqlite is missing",
        ),
        (lambda folder: (folder / "manifest.json").unlink(), r"is no backup, or one that was not finished"),
        (lambda folder: (folder / "manifest.json").write_text("{"), r"manifest\.json is damaged"),
        (lambda folder: _rewrite(folder / "manifest.json", format=2), r"which this one cannot read"),
        (
            lambda folder: _rewrite(folder / "manifest.json", files={"../x": [1, "a"]}),
            r"manifest\.json is damaged",
        ),
        (lambda folder: _rewrite(folder / "manifest.json", files=[1]), r"manifest\.json is damaged"),
        (lambda folder: _rewrite(folder / "manifest.json", extra=1), r"manifest\.json is damaged"),
    ],
)
def test_a_damaged_one_is_refused_by_the_file_s_name_and_leaves_nothing(
    backup: Path, settings: Settings, damage: Callable[[Path], object], sentence: str
) -> None:
    damage(backup)
    with pytest.raises(OperateError, match=sentence):
        restore(settings, backup, QUIET)
    assert not settings.state.exists()
    assert not settings.state.with_name("state.part").exists()


def test_nothing_is_restored_over_an_installation(backup: Path, settings: Settings) -> None:
    settings.state.mkdir()
    (settings.state / "installation").write_text("abcd")
    with pytest.raises(OperateError, match="is not empty"):
        restore(settings, backup, QUIET)
    assert (settings.state / "installation").read_text() == "abcd"


def test_what_fails_on_the_way_leaves_nothing_and_what_was_killed_is_cleared_away(tmp_path: Path) -> None:
    place = tmp_path / "night"
    with pytest.raises(ZeroDivisionError), drafting(place) as draft:
        (draft / "half").write_text("x")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "night.part").mkdir()
    (tmp_path / "night.part" / ".unfinished").touch()
    (tmp_path / "night.part" / "half").write_text("x")
    with drafting(place) as draft:
        assert [path.name for path in draft.iterdir()] == [".unfinished"]
    assert place.is_dir()


def test_what_is_somebody_else_s_stays(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "night.part").mkdir()
    (tmp_path / "night.part" / "theirs").write_text("x")
    with pytest.raises(OperateError, match="is in the way"), drafting(tmp_path / "night"):
        pass
    assert (tmp_path / "night.part" / "theirs").read_text() == "x"
    with pytest.raises(OperateError, match="exists already"):
        back_up(settings, tmp_path, homes=False, console=QUIET)
    with pytest.raises(OperateError, match="There is no installation in"):
        back_up(settings, tmp_path / "new", homes=False, console=QUIET)
    assert not (tmp_path / "new").exists()
