"""What a folder takes, whatever lies in it."""

from __future__ import annotations

import itertools
import os
import stat
from pathlib import Path

import pytest

from urbanlab.contract.folder_size import measure_folder, walk_folder

MB = 1024 * 1024


def _write(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path


def test_files_in_all_depths_count(tmp_path: Path) -> None:
    _write(tmp_path / "a", MB)
    _write(tmp_path / "b/c/d/e", 2 * MB)
    size = measure_folder(tmp_path)
    assert size.complete
    assert 3 * MB <= size.taken < 3.1 * MB


def test_what_links_lead_to_does_not_count_and_second_names_count_once(tmp_path: Path) -> None:
    file = _write(tmp_path / "home/a", MB)
    _write(tmp_path / "elsewhere/b", 5 * MB)
    (tmp_path / "home/folder").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "home/loop").symlink_to(tmp_path / "home")
    os.link(file, tmp_path / "home/second")
    assert MB <= measure_folder(tmp_path / "home").taken < 1.1 * MB


def test_a_link_put_in_the_middle_of_a_path_meanwhile_leads_nowhere(tmp_path: Path) -> None:
    _write(tmp_path / "home/outer/inner/mine", 1)
    _write(tmp_path / "elsewhere/inner/another's", MB)
    found = walk_folder(tmp_path / "home")
    assert [stat.S_ISDIR(status.st_mode) for status in itertools.islice(found, 2) if status] == [True, True]
    (tmp_path / "home/outer").rename(tmp_path / "home/aside")
    (tmp_path / "home/outer").symlink_to(tmp_path / "elsewhere")
    assert list(found) == [None]


def test_a_file_with_holes_takes_what_is_written(tmp_path: Path) -> None:
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(1000 * MB)
    assert measure_folder(tmp_path).taken < MB


def test_a_folder_that_is_deeper_than_paths_go_ends_the_measuring_and_nothing_else(tmp_path: Path) -> None:
    name = "d" * 200
    top = os.open(tmp_path, os.O_RDONLY)
    folder = top
    for _ in range(30):
        os.mkdir(name, dir_fd=folder)
        inner = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    assert not measure_folder(tmp_path).complete


def test_it_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    _write(tmp_path / "a/b", MB)
    assert measure_folder(tmp_path, seconds=-1) == measure_folder(tmp_path, seconds=-1)
    assert not measure_folder(tmp_path, seconds=-1).complete
    for number in range(3000):
        (tmp_path / f"a/{number}").touch()
    assert not measure_folder(tmp_path / "a", seconds=1e-4).complete  # a folder may be endless too


def test_an_absent_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        measure_folder(tmp_path / "absent")
