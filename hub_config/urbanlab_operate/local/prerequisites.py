"""What must be on the machine: looked for, installed where that is possible, else named in one line."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console

from urbanlab_operate.errors import OperateError
from urbanlab_operate.local.folders import is_root


@dataclass(frozen=True)
class Prerequisite:
    """A tool: what it is called, the package that brings it, and whether it is there."""

    title: str
    package: str
    is_present: Callable[[], bool]
    optional_for: str = ""  # what works without it


def read_version(command: str, option: str) -> int:
    """Return the first number that a command tells about itself; 0 where there is no such command."""
    if shutil.which(command) is None:
        return 0
    done = subprocess.run([command, option], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)\.", done.stdout + done.stderr)
    return int(found[1]) if found and done.returncode == 0 else 0


def has_chromium() -> bool:
    """Return whether there is a browser for pictures of pages and browser tests."""
    return any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))


PREREQUISITES = (
    Prerequisite(
        "Java 17 or newer", "openjdk-17-jre-headless", lambda: read_version("java", "-version") >= 17
    ),
    Prerequisite("Maven", "maven", lambda: shutil.which("mvn") is not None),
    Prerequisite("Node 20 or newer", "nodejs", lambda: read_version("node", "--version") >= 20),
    Prerequisite("npm", "npm", lambda: shutil.which("npm") is not None),
    Prerequisite("setpriv", "util-linux", lambda: not is_root() or shutil.which("setpriv") is not None),
    Prerequisite("Chromium", "chromium", has_chromium, optional_for="everything but browser tests"),
)


def check_prerequisites(console: Console) -> None:
    """Install what is missing where that is possible; raise `OperateError` naming what is still missing."""
    missing = [tool for tool in PREREQUISITES if not tool.is_present()]
    if not missing:
        return
    _try_to_install([tool.package for tool in missing], console)
    missing = [tool for tool in missing if not tool.is_present()]
    for tool in missing:
        if tool.optional_for:
            console.print(f"{tool.title} is missing ({tool.optional_for} works): install {tool.package}.")
    sentences = [
        f"{tool.title} is missing: install the package {tool.package}."
        for tool in missing
        if not tool.optional_for
    ]
    if sentences:
        raise OperateError("\n".join(sentences))


def _try_to_install(packages: list[str], console: Console) -> None:
    if not is_root() or shutil.which("apt-get") is None:
        return
    console.print(f"Installing {', '.join(packages)} …")
    subprocess.run(["apt-get", "update"], check=False, capture_output=True)
    for package in packages:
        # One by one: where a distribution does not know one of them, the others still come.
        command = ["apt-get", "install", "--yes", "--no-install-recommends", package]
        subprocess.run(command, check=False, capture_output=True)
