"""What must be on the machine: ports, tools, and folders that other accounts can enter."""

from __future__ import annotations

import dataclasses
import io
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from tests.hub_config.conftest import needs_root
from urbanlab_hub.settings import Settings
from urbanlab_operate.errors import OperateError
from urbanlab_operate.local import prerequisites
from urbanlab_operate.local.ports import check_ports, find_doubles
from urbanlab_operate.local.prerequisites import Prerequisite, check_prerequisites, read_version
from urbanlab_operate.local.reach import check_reach, find_closed_folder


def test_a_port_in_use_is_named_with_what_would_change_it() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OperateError) as caught:
            check_ports("127.0.0.1", {"hub_port": port})
    assert str(caught.value) == (
        f"Port {port} (hub_port) is in use by another program: end that program, "
        "or choose another port by URBANLAB_HUB_PORT=…"
    )
    check_ports("127.0.0.1", {"hub_port": port})


def test_a_port_given_twice_is_named() -> None:
    assert list(find_doubles({"a": 1, "b": 2, "c": 1})) == [
        "Port 1 is given twice, as a and as c: change one of them."
    ]


@pytest.mark.parametrize(
    ("printed", "code", "version"),
    [
        ('openjdk version "21.0.4" 2024-07-16', 0, 21),
        ("v20.11.0", 0, 20),
        ('java version "1.8.0_301"', 0, 1),
        ("no version at all", 0, 0),
        ("v20.11.0", 1, 0),
    ],
)
def test_the_version_of_a_tool_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, code: int, version: int
) -> None:
    tool = tmp_path / "tool"
    tool.write_text(f"#!/bin/sh\necho '{printed}' >&2\nexit {code}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert read_version("tool", "--version") == version


def test_a_tool_that_is_absent_has_no_version() -> None:
    assert read_version("no-such-tool", "--version") == 0


def test_what_is_missing_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    tools = (
        Prerequisite("Java 17 or newer", "openjdk-17-jre-headless", lambda: False),
        Prerequisite("npm", "npm", lambda: True),
        Prerequisite("Chromium", "chromium", lambda: False, optional_for="everything but browser tests"),
    )
    monkeypatch.setattr(prerequisites, "PREREQUISITES", tools)
    monkeypatch.setattr(prerequisites, "is_root", lambda: False)  # so that nothing is installed here
    output = io.StringIO()
    with pytest.raises(OperateError) as caught:
        check_prerequisites(Console(file=output, width=200))

    assert str(caught.value) == "Java 17 or newer is missing: install the package openjdk-17-jre-headless."
    assert (
        output.getvalue() == "Chromium is missing (everything but browser tests works): install chromium.\n"
    )


def test_without_java_on_the_path_up_says_so_in_one_sentence(settings: Settings, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("mvn", "node", "npm", "setpriv", "chromium"):
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"{name} is not on this machine")
        (tools / name).symlink_to(found)
    environ = {"PATH": str(tools), "URBANLAB_STATE": str(settings.state)}
    command = [sys.executable, "-P", "-m", "urbanlab_operate", "up"]
    done = subprocess.run(
        command, env=environ, cwd="/", capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 1
    assert done.stderr == "Java 17 or newer is missing: install the package openjdk-17-jre-headless.\n"


def test_a_folder_closed_to_others_is_found_on_the_way_and_at_the_end(open_folder: Path) -> None:
    inner = open_folder / "closed" / "inner"
    inner.mkdir(parents=True)
    assert find_closed_folder(inner) is None
    inner.chmod(0o700)
    assert find_closed_folder(inner) == inner
    inner.parent.chmod(0o750)
    assert find_closed_folder(inner) == inner.parent


@needs_root
def test_a_state_that_accounts_cannot_reach_is_said_with_what_to_do(
    settings: Settings, open_folder: Path
) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    settings = dataclasses.replace(settings, parts=open_folder)
    with pytest.raises(OperateError, match=rf"because {closed} is closed to them.*`chmod o\+x {closed}`"):
        check_reach(dataclasses.replace(settings, state=closed / "state"))
    check_reach(dataclasses.replace(settings, state=open_folder))
