"""A person's files through a real server: the limit, the trash, shared folders, what is allowed."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from urbanlab.contract import environment
from urbanlab_lab.home_use import NOTICE

CONFIG = Path(__file__).parents[3] / "extensions/jupyter-config"
MB = 1024 * 1024


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared") / "karten"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def server(
    start_jupyter: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, shared_folder: Path
) -> Any:
    """A server with a home of 10 MB at most and without terminals."""
    folder = tmp_path_factory.mktemp("config")
    declared = {
        "HomeUse": {"limit_mb": 10},
        "Trash": {"days": 7},
        "SharedFolders": {"folders": [str(shared_folder)]},
        "ServerApp": {"terminals_enabled": False},
    }
    (folder / "jupyter_server_config.json").write_text(json.dumps(declared))
    path = f"{folder}:{CONFIG}"
    return start_jupyter(**{"JUPYTER_CONFIG_PATH": path, environment.PERSON: "anna"})


def _save(server: Any, path: str, size: int, chunk: int | None = None) -> tuple[int, Any]:
    content = base64.b64encode(os.urandom(size)).decode()
    model = {"type": "file", "format": "base64", "content": content} | ({"chunk": chunk} if chunk else {})
    return server.fetch_json(f"/api/contents/{quote(path)}", model, "PUT")


def _rename(server: Any, path: str, new: str) -> int:
    return server.fetch(f"/api/contents/{quote(path)}", {"path": new}, "PATCH")[0]


def _delete(server: Any, path: str) -> int:
    return server.fetch(f"/api/contents/{quote(path)}", method="DELETE")[0]


def _list(server: Any, path: str) -> set[str]:
    status, model = server.fetch_json(f"/api/contents/{quote(path)}")
    assert status == 200, model
    return {entry["name"] for entry in model["content"]}


@pytest.fixture
def empty(server: Any) -> Any:
    """The server with an empty home and trash, and counted so."""
    for name in _list(server, "") - {"Papierkorb", "Gemeinsame Ordner", "server.log"}:
        assert _delete(server, name) == 204
    assert _delete(server, "Papierkorb") == 204
    return server


# --- the trash ---


def test_what_is_deleted_lies_in_the_trash_and_is_moved_back(empty: Any) -> None:
    assert _save(empty, "bericht.txt", 100)[0] == 201
    content = (empty.home / "bericht.txt").read_bytes()
    assert _delete(empty, "bericht.txt") == 204
    assert not (empty.home / "bericht.txt").exists()
    assert _list(empty, "Papierkorb") == {"bericht.txt"}
    assert _rename(empty, "Papierkorb/bericht.txt", "bericht.txt") == 200
    assert (empty.home / "bericht.txt").read_bytes() == content
    assert _list(empty, "Papierkorb") == set()


def test_two_of_a_name_and_whole_folders_are_kept(empty: Any) -> None:
    for size in (10, 20):
        _save(empty, "a.txt", size)
        assert _delete(empty, "a.txt") == 204
    empty.fetch("/api/contents/ordner", {"type": "directory"}, "PUT")
    _save(empty, "ordner/b.txt", 30)
    assert _delete(empty, "ordner") == 204
    assert _list(empty, "Papierkorb") == {"a.txt", "a 1.txt", "ordner"}
    assert _list(empty, "Papierkorb/ordner") == {"b.txt"}


def test_what_is_deleted_in_the_trash_is_gone_and_deleting_the_trash_empties_it(empty: Any) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        _save(empty, name, 10)
        _delete(empty, name)
    assert _delete(empty, "Papierkorb/a.txt") == 204
    assert _list(empty, "Papierkorb") == {"b.txt", "c.txt"}
    assert _delete(empty, "Papierkorb") == 204
    assert _list(empty, "Papierkorb") == set()
    assert list((empty.home / ".local/share/Trash/info").iterdir()) == []


def test_a_link_in_the_trash_takes_nothing_of_what_it_leads_to_along(empty: Any, tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("kept")
    (empty.home / "link").symlink_to(tmp_path)
    assert _delete(empty, "link") == 204
    assert _list(empty, "Papierkorb/link") == {"kept.txt"}
    assert _delete(empty, "Papierkorb/link") == 204
    assert (tmp_path / "kept.txt").read_text() == "kept"


# --- the limit ---


def test_a_full_home_takes_nothing_more_until_there_is_room(empty: Any) -> None:
    assert _save(empty, "eins.bin", 6 * MB)[0] == 201
    status, answer = _save(empty, "zwei.bin", 6 * MB)
    assert status == 507
    assert "Ihr Speicher ist voll" in answer["message"] and "Your storage is full" in answer["message"]
    assert not (empty.home / "zwei.bin").exists()
    # What takes no more room than before can still be saved.
    assert _save(empty, "eins.bin", 5 * MB)[0] == 200
    # The trash counts, and emptying it makes room.
    assert _delete(empty, "eins.bin") == 204
    assert _save(empty, "zwei.bin", 6 * MB)[0] == 507
    assert _delete(empty, "Papierkorb") == 204
    assert _save(empty, "zwei.bin", 6 * MB)[0] == 201


def test_a_file_in_many_parts_is_stopped_where_the_home_is_full(empty: Any) -> None:
    statuses = [_save(empty, "gross.bin", 3 * MB, chunk=chunk)[0] for chunk in (1, 2, 3, 4)]
    assert statuses[0] == 201
    assert statuses[-1] == 507
    assert (empty.home / "gross.bin").stat().st_size <= 9 * MB


def test_a_notebook_and_a_shared_folder(empty: Any, shared_folder: Path) -> None:
    assert _save(empty, "voll.bin", 9 * MB)[0] == 201
    notebook = {"cells": [], "metadata": {"x": "y" * 2 * MB}, "nbformat": 4, "nbformat_minor": 5}
    model = {"type": "notebook", "format": "json", "content": notebook}
    assert empty.fetch("/api/contents/n.ipynb", model, "PUT")[0] == 507
    # What lies in a shared folder is not the person's.
    assert _save(empty, "Gemeinsame Ordner/karten/k.bin", 2 * MB)[0] == 201
    assert (shared_folder / "k.bin").stat().st_size == 2 * MB


def test_a_folder_behind_a_link_is_copied_only_where_it_has_room(empty: Any, shared_folder: Path) -> None:
    big = shared_folder / "copied" / "big.bin"
    big.parent.mkdir()
    big.write_bytes(os.urandom(6 * MB))
    (empty.home / "mine").symlink_to(big.parent)
    source = {"copy_from": "mine"}
    assert empty.fetch("/api/contents/", source, "POST")[0] == 201
    assert (empty.home / "mine-Copy1" / "big.bin").stat().st_size == 6 * MB
    status, answer = empty.fetch_json("/api/contents/", source, "POST")
    assert (status, "Ihr Speicher ist voll" in answer["message"]) == (507, True)
    # What lies in a shared folder is not the person's.
    assert empty.fetch("/api/contents/Gemeinsame%20Ordner/karten", source, "POST")[0] == 201
    os.mkfifo(big.parent / "pipe")
    status, answer = empty.fetch_json("/api/contents/", source, "POST")
    assert (status, "lassen sich nicht kopieren" in answer["message"]) == (400, True)
    assert not (empty.home / "mine-Copy2").exists()


def test_code_does_not_start_in_a_home_that_is_far_too_large(empty: Any) -> None:
    (empty.home / "wild.bin").write_bytes(os.urandom(13 * MB))
    assert _save(empty, "gross.bin", 9 * MB)[0] == 507  # it measures only when in doubt
    assert _save(empty, "klein.txt", 100)[0] == 507
    status, answer = empty.fetch_json("/api/kernels", {"name": "urbanlab"})
    assert status == 507
    assert "weit überschritten" in answer["message"]
    assert "voll" in NOTICE and "130 %" in (empty.home / NOTICE).read_text()
    assert _delete(empty, "wild.bin") == 204 and _delete(empty, "Papierkorb") == 204
    status, kernel = empty.fetch_json("/api/kernels", {"name": "urbanlab"})
    assert status == 201
    assert not (empty.home / NOTICE).exists()
    empty.fetch(f"/api/kernels/{kernel['id']}", method="DELETE")


# --- shared folders ---


def test_shared_folders_are_linked_and_stay(server: Any) -> None:
    assert _list(server, "Gemeinsame Ordner") == {"karten"}
    for path in ("Gemeinsame Ordner", "Gemeinsame Ordner/karten"):
        status, answer = server.fetch_json(f"/api/contents/{quote(path)}", method="DELETE")
        assert status == 403
        assert "lassen sich nicht löschen" in answer["message"]
    assert _list(server, "Gemeinsame Ordner") == {"karten"}


def test_a_file_deleted_in_a_shared_folder_lies_in_the_own_trash(empty: Any, shared_folder: Path) -> None:
    _save(empty, "Gemeinsame Ordner/karten/weg.txt", 10)
    assert _delete(empty, "Gemeinsame Ordner/karten/weg.txt") == 204
    assert not (shared_folder / "weg.txt").exists()
    assert _list(empty, "Papierkorb") == {"weg.txt"}


# --- terminals ---


def test_without_terminals_there_are_none(server: Any) -> None:
    assert server.fetch("/api/terminals")[0] == 404
    assert server.fetch("/api/terminals", {}, "POST")[0] == 404
