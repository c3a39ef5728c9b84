"""When a home is measured, what counts, and what is told."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from tornado.web import HTTPError

from urbanlab_lab.contents import BLOCK, UrbanContentsManager, measure_copy, measure_growth
from urbanlab_lab.home_use import NOTICE, HomeUse
from urbanlab_lab.kernels import note_running_cells

MB = 1024 * 1024


async def test_the_notice_comes_at_nine_tenths_and_goes_again(tmp_path: Path) -> None:
    use = HomeUse(home=tmp_path, limit_mb=10)
    (tmp_path / "a.bin").write_bytes(b"x" * int(9.3 * MB))
    await use.measure()
    text = (tmp_path / NOTICE).read_text()
    assert "93 %" in text and "of 10 MB" in text
    (tmp_path / "a.bin").unlink()
    use.expect_room()
    await use.measure()
    assert not (tmp_path / NOTICE).exists()


async def test_a_home_is_not_measured_again_and_again(tmp_path: Path) -> None:
    use = HomeUse(home=tmp_path, limit_mb=1)
    await use.measure()
    (tmp_path / "a.bin").write_bytes(b"x" * 2 * MB)
    await asyncio.gather(*(use.measure() for _ in range(20)))
    await use.check_room(1)  # as far as it knows, there is room
    use.expect_room()
    await use.measure()
    with pytest.raises(HTTPError) as refused:
        await use.check_room(1)
    assert refused.value.status_code == 507


async def test_a_folder_in_the_place_of_the_notice_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / NOTICE).mkdir()
    (tmp_path / "a.bin").write_bytes(b"x" * MB)
    use = HomeUse(home=tmp_path, limit_mb=1)
    await use.measure()
    with pytest.raises(HTTPError):
        await use.check_room(1)


async def test_without_a_limit_nothing_is_refused(tmp_path: Path) -> None:
    use = HomeUse(home=tmp_path)
    await use.check_room(10**15)
    await use.check_kernel()


@pytest.mark.parametrize(
    ("model", "growth"),
    [
        ({"format": "text", "content": "äbc"}, 4 - 100),
        ({"format": "base64", "content": "AAAA" * 100}, 300 - 100),
        ({"format": "base64", "content": "AAAA" * 100, "chunk": 1}, 300 - 100),
        ({"format": "base64", "content": "AAAA" * 100, "chunk": 2}, 300),
        ({"format": "base64", "content": "AAAA" * 100, "chunk": -1}, 300),
        ({"type": "directory"}, 0),
        ({"format": "json", "content": {"a": "x" * 200}}, len('{\n "a": ""\n}') + 200 - 100),
    ],
)
def test_growth_is_what_is_new(tmp_path: Path, model: dict[str, object], growth: int) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    assert measure_growth(model, str(tmp_path / "a")) == growth


async def test_each_growth_counts_also_where_much_is_free(tmp_path: Path) -> None:
    use = HomeUse(home=tmp_path, limit_mb=2000)
    await use.measure()
    for _ in range(4):
        await use.check_room(500 * MB - 1)
    with pytest.raises(HTTPError):
        await use.check_room(MB)


async def test_what_is_saved_counts_also_where_much_is_free(tmp_path: Path) -> None:
    use = HomeUse(home=tmp_path, limit_mb=100_000)
    files = UrbanContentsManager(root_dir=str(tmp_path), home_use=use)
    for name in ("a.txt", "b.txt", "b.txt"):
        await files.save({"type": "file", "format": "text", "content": "x" * MB}, name)
    assert use._taken == 2 * MB


def test_a_copy_takes_what_links_lead_to(tmp_path: Path) -> None:
    far, folder = tmp_path / "far", tmp_path / "folder"
    (far / "below").mkdir(parents=True)
    (far / "below" / "a.bin").write_bytes(b"x" * MB)
    folder.mkdir()
    (folder / "b.bin").symlink_to(far / "below" / "a.bin")
    (folder / "far").symlink_to(far)
    (folder / "nowhere").symlink_to(tmp_path / "absent")
    (tmp_path / "link").symlink_to(folder)
    for place in (folder, tmp_path / "link"):
        taken = measure_copy(str(place), 3 * MB)
        assert taken is not None
        assert 2 * MB <= taken < 2 * MB + 10 * BLOCK
        assert measure_copy(str(place), 2 * MB) is None


@pytest.mark.parametrize("kind", ["circle", "endless", "pipe"])
def test_what_would_fill_the_home_is_not_copied(tmp_path: Path, kind: str) -> None:
    if kind == "circle":
        (tmp_path / "a.bin").write_bytes(b"x" * MB)
        for name in ("one", "two"):
            (tmp_path / name).symlink_to(tmp_path)
    elif kind == "endless":
        (tmp_path / "zero").symlink_to("/dev/zero")
    else:
        os.mkfifo(tmp_path / "pipe")
    assert measure_copy(str(tmp_path), 20 * MB) is None


@pytest.mark.parametrize(("states", "noted"), [([], False), (["idle"], False), (["idle", "busy"], True)])
def test_a_running_cell_is_activity(states: list[str], noted: bool) -> None:
    kernels = {str(n): SimpleNamespace(execution_state=state) for n, state in enumerate(states)}
    manager = SimpleNamespace(get_kernel=kernels.get, list_kernel_ids=lambda: list(kernels))
    settings: dict[str, dict[str, object]] = {"last_activity_times": {}}
    note_running_cells(SimpleNamespace(kernel_manager=manager, web_app=SimpleNamespace(settings=settings)))
    assert bool(settings["last_activity_times"]) is noted
