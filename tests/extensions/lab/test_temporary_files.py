"""Where a server's temporary files go."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from urbanlab_lab.temporary_files import keep_temporary_files


@pytest.fixture(autouse=True)
def former_folder() -> Iterator[None]:
    """Let other tests keep theirs where they were."""
    former = tempfile.tempdir
    yield
    tempfile.tempdir = former


def test_temporary_files_are_in_the_home_which_begins_without_any(tmp_path: Path) -> None:
    for _ in range(2):
        keep_temporary_files(tmp_path)
        folder = Path(tempfile.gettempdir())
        assert folder.parent.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
        assert list(folder.iterdir()) == []
        (folder / "left").write_text("of an earlier start")


@pytest.mark.parametrize("planted", ["file", "link"])
def test_what_its_owner_put_there_keeps_no_server_from_starting(tmp_path: Path, planted: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "kept").write_text("kept")
    home = tmp_path / "home"
    (home / ".cache").mkdir(parents=True)
    place = home / ".cache" / "tmp"
    place.write_text("x") if planted == "file" else place.symlink_to(other)
    keep_temporary_files(home)
    assert (other / "kept").read_text() == "kept"
