"""What is emptied out of the trash and when, also where its contents are odd."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from urbanlab_lab.trash import Trash

NOW = datetime(2025, 6, 15, 12, 0)


@pytest.fixture
def trash(tmp_path: Path) -> Trash:
    made = Trash(home=tmp_path, days=7)
    made.ensure()
    return made


@pytest.fixture
def put(trash: Trash) -> Callable[..., Path]:
    """Return a function that puts a file into the trash, deleted as long ago as is said."""

    def put_there(name: str, days: float | None, info: str | None = None) -> Path:
        path = trash.files / name
        path.write_text(name)
        if days is not None:
            date = (NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S")
            info = f"[Trash Info]\nPath=/home/{name}\nDeletionDate={date}\n"
        if info is not None:
            (trash.home / ".local/share/Trash/info" / f"{name}.trashinfo").write_text(info)
        return path

    return put_there


def test_only_what_is_old_enough_goes(trash: Trash, put: Callable[..., Path]) -> None:
    kept, gone = put("kept.txt", 6.9), put("gone.txt", 7.1)
    assert trash.purge(NOW) == 1
    assert kept.exists() and not gone.exists()
    assert [path.name for path in (trash.home / ".local/share/Trash/info").iterdir()] == [
        "kept.txt.trashinfo"
    ]


@pytest.mark.parametrize(
    "info", [None, "", "DeletionDate=yesterday", "nonsense", "DeletionDate=\n\0", "=\n=="]
)
def test_without_a_date_that_of_the_move_counts(
    trash: Trash, put: Callable[..., Path], info: str | None
) -> None:
    path = put("a.txt", None, info)
    assert trash.purge() == 0 and path.exists()
    assert trash.purge(datetime.now() + timedelta(days=8)) == 1
    assert not path.exists()


def test_a_folder_that_was_made_read_only_goes_too(trash: Trash) -> None:
    deep = trash.files / "locked" / "deeper"
    deep.mkdir(parents=True)
    (deep / "a.txt").write_text("a")
    for folder in (deep, deep.parent):
        folder.chmod(0o500)
    trash.delete(str(trash.files / "locked"))
    assert not (trash.files / "locked").exists()


def test_a_link_is_deleted_and_not_what_it_leads_to(trash: Trash, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "a.txt").write_text("a")
    (trash.files / "link").symlink_to(target)
    (trash.files / "folder").mkdir()
    (trash.files / "folder" / "link").symlink_to(target)
    assert trash.purge(datetime.now() + timedelta(days=8)) == 2
    assert (target / "a.txt").exists()


def test_something_of_the_persons_own_with_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "Papierkorb").mkdir()
    (tmp_path / "Papierkorb" / "mine.txt").write_text("mine")
    trash = Trash(home=tmp_path)
    trash.ensure()
    path = str(tmp_path / "Papierkorb")
    assert not trash.is_link(path) and not trash.holds(f"{path}/mine.txt")
    (trash.files / "old").write_text("old")
    assert trash.holds(str(trash.files / "old"))


def test_a_path_through_a_link_in_the_trash_is_not_in_the_trash(trash: Trash, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (trash.files / "link").symlink_to(tmp_path / "elsewhere")
    assert trash.holds(f"{tmp_path}/Papierkorb/link")
    assert not trash.holds(f"{tmp_path}/Papierkorb/link/a.txt")


@pytest.mark.parametrize("name", [".local", ".local/share", ".local/share/Trash"])
def test_a_home_in_which_there_can_be_no_trash_is_lived_with(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("a file")
    trash = Trash(home=tmp_path)
    trash.ensure()
    assert trash.purge() == 0
    assert (tmp_path / name).read_text() == "a file"
