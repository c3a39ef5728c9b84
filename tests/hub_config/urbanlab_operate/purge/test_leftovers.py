"""Nothing of a deleted account is left to whoever gets its number next."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hub_config.conftest import needs_root
from urbanlab_operate.purge.leftovers import SYSTEM_V_KINDS, _list_objects, delete_folder, delete_leftovers

UID, OTHER = 59_991, 59_992
DEEP = 3000
# As code in a kernel makes them: by their keys, with no limit on who may use them.
MAKE_OBJECTS = """
import ctypes
libc = ctypes.CDLL(None)
assert libc.shmget(0, 4096, 0o1666) >= 0
assert libc.semget(0, 1, 0o1666) >= 0
assert libc.msgget(0, 0o1666) >= 0
"""


def make_deep(folder: Path) -> None:
    """Nest folders deeper than Python calls functions."""
    script = f"import os\nfor _ in range({DEEP}):\n    os.mkdir('d')\n    os.chdir('d')\nopen('f', 'w')"
    folder.mkdir()
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)


@needs_root
def test_files_in_common_places_go_and_others_stay(tmp_path: Path) -> None:
    own, others, foreign = tmp_path / "own", tmp_path / "others", tmp_path / "foreign"
    for folder in (own, others, foreign):
        folder.mkdir()
    (own / "file").write_text("secret")
    (own / "link").symlink_to(foreign)
    (own / "of-another").write_text("another's")
    (others / "left-here").write_text("secret")
    (others / "kept").write_text("another's")
    (foreign / "kept").write_text("root's")
    os.mkfifo(tmp_path / "pipe")
    theirs = (own, own / "file", own / "link", others / "left-here", tmp_path / "pipe")
    for path in theirs:
        os.chown(path, UID, UID, follow_symlinks=False)
    for path in (own / "of-another", others, others / "kept"):
        os.chown(path, OTHER, OTHER)

    state = tmp_path / "st[a]te*"
    (state / "homes").mkdir(parents=True)
    (state / "homes" / "kept").write_text("the home's")
    os.chown(state / "homes" / "kept", UID, UID)

    delete_leftovers(UID, state, [tmp_path, tmp_path / "absent"])

    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        *("foreign", "foreign/kept", "others", "others/kept", "own", "own/of-another"),
        *("st[a]te*", "st[a]te*/homes", "st[a]te*/homes/kept"),
    ]
    assert own.stat().st_uid == 0
    assert (own / "of-another").stat().st_uid == OTHER


@needs_root
def test_shared_memory_semaphores_and_queues_go(tmp_path: Path) -> None:
    for uid in (UID, OTHER):
        subprocess.run([sys.executable, "-c", MAKE_OBJECTS], user=uid, group=uid, check=True, cwd="/")
    try:
        assert all(_list_objects(kind, UID) for kind in SYSTEM_V_KINDS)
        delete_leftovers(UID, Path(), [tmp_path])
        assert not any(_list_objects(kind, UID) for kind in SYSTEM_V_KINDS)
        assert all(_list_objects(kind, OTHER) for kind in SYSTEM_V_KINDS)
    finally:
        for uid in (UID, OTHER):
            delete_leftovers(uid, Path(), [tmp_path])


@pytest.mark.parametrize("kind", ["deep", "link", "absent"])
def test_a_folder_goes_however_deep_it_is_and_what_a_link_leads_to_stays(tmp_path: Path, kind: str) -> None:
    kept, folder = tmp_path / "kept", tmp_path / "folder"
    kept.mkdir()
    (kept / "file").touch()
    if kind == "deep":
        make_deep(folder)
        (folder / "link").symlink_to(kept)
    elif kind == "link":
        folder.symlink_to(kept)

    delete_folder(folder)

    assert not os.path.lexists(folder)
    assert (kept / "file").exists()
