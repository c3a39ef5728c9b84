"""A publications server, and what is asked of it: pages of notebooks, and what still runs afterwards."""

from __future__ import annotations

import io
import os
import zipfile
from contextlib import suppress
from typing import Any

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from urbanlab.contract.publications import BODY, decode_page, make_digest

from ...kafka_broker import wait_until  # noqa: TID252
from ..jupyter_process import JupyterServer  # noqa: TID252

PAGES = "/urbanlab/runner/pages"
HUB_TOKEN = "hub-token-of-this-server"
# An account of its own, so that the notebooks here reach what they would reach in an installation.
ACCOUNT = 64_999 if os.geteuid() == 0 else None
NEEDS_ACCOUNT = pytest.mark.skipif(
    ACCOUNT is None, reason="only root can give the server an account of its own"
)


def make_notebook(*cells: str, parameters: str = "pass") -> dict[str, Any]:
    first = new_code_cell(parameters, metadata={"tags": ["parameters"]})
    kernel = {"name": "absent", "display_name": "Absent", "language": "python"}
    every = [new_markdown_cell("# Title"), first, *map(new_code_cell, cells)]
    return dict(new_notebook(cells=every, metadata={"kernelspec": kernel}))


def start_page(server: JupyterServer, *cells: str, seconds: float = 60, **values: Any) -> str:
    body = {"notebook": make_notebook(*cells), "title": "Title", "language": "en", "seconds": seconds}
    status, answer = server.fetch_json(PAGES, {**body, **values})
    assert status == 202, answer
    return str(answer["id"])


def wait_for_page(server: JupyterServer, page: str) -> dict[str, Any]:
    def find_ended() -> dict[str, Any] | None:
        model = server.fetch_json(f"{PAGES}/{page}")[1]
        return None if model["state"] == "running" else dict(model)

    return dict(wait_until(find_ended, 90, "the page is made"))


def run_page(server: JupyterServer, *cells: str, **values: Any) -> dict[str, Any]:
    return wait_for_page(server, start_page(server, *cells, **values))


def fetch_page(server: JupyterServer, model: dict[str, Any]) -> tuple[Any, str]:
    """Return the page and its body; every file is what its record says."""
    assert (model["state"], model["error"]) == ("succeeded", ""), model
    status, headers, content = server.fetch(f"{PAGES}/{model['id']}/page")
    assert (status, headers["Content-Type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    page = decode_page(files.pop("page.json"))
    assert {file.name: (file.digest, file.size) for file in page.files} == {
        name: (make_digest(content), len(content)) for name, content in files.items()
    }
    return page, files[BODY].decode()


def list_processes(server: JupyterServer) -> list[str]:
    """Return what runs in the server's account besides the server; without an account, what it has started."""
    if ACCOUNT is None:
        found = (
            psutil.Process(server.process.pid).children(recursive=True)
            if server.process.poll() is None
            else []
        )
    else:
        found = [each for each in psutil.process_iter() if _get_account(each) == ACCOUNT]
    commands = [_get_command(each) for each in found if _is_alive(each)]
    return [command for command in commands if "jupyterlab" not in command]


def _get_account(process: psutil.Process) -> int | None:
    with suppress(psutil.NoSuchProcess):
        return int(process.uids().real)
    return None


def _get_command(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False
