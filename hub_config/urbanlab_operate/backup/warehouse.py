"""The warehouse's databases: copied by the engine while it runs, and read back by one that nobody uses yet."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from urbanlab.contract.files import opened_folder
from urbanlab.contract.secrets import read_secret
from urbanlab_hub.settings import Settings
from urbanlab_operate.backup.contents import open_plain
from urbanlab_operate.errors import OperateError
from urbanlab_operate.rest_api import RestApi

NAME = "engine.tar"
PAUSE_SECONDS = 0.2
_LINKS = (errno.ELOOP, errno.ENOTDIR)  # what the system says of a link in place of a file, and of a folder


def copy_databases(settings: Settings, target: Path) -> None:
    """Have the engine copy all databases as they are at this moment, and fetch the copy."""
    token = read_secret(settings.master_secrets, "warehouse-operator")
    gateway = RestApi("The warehouse gateway", settings.warehouse_url, token)
    folder = settings.service_state("engine") / "backups"
    backup = gateway.request("POST", "/operator/backups")
    name = str(backup["file"])
    try:
        while not backup["is_made"]:
            if backup["error"]:
                raise OperateError(f"The warehouse could not be copied: {backup['error']}")
            time.sleep(PAUSE_SECONDS)
            backup = gateway.request("GET", f"/operator/backups/{backup['id']}")
        fetch_copy(folder, name, target)
    finally:
        drop_copy(folder, name)


def fetch_copy(folder: Path, name: str, target: Path) -> None:
    """Copy a file out of a folder of the engine's account; raise `OperateError` where that has put a link."""
    try:
        with (
            opened_folder(folder) as place,
            open_plain(Path(name), place) as there,
            target.open("xb") as here,
        ):
            shutil.copyfileobj(there, here, 1 << 22)
    except OSError as error:
        if error.errno not in _LINKS:
            raise
        raise OperateError(f"{folder / name} is a link: look who put it there") from error


def drop_copy(folder: Path, name: str) -> None:
    """Delete the engine's file, if it is there, and nothing that a link leads to."""
    with suppress(OSError), opened_folder(folder) as place:
        os.unlink(name, dir_fd=place)


def restore_databases(state: Path, source: Path) -> dict[str, int]:
    """Fill the engine's folder `state`; return the rows of each table, all of which were read and checked."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = (
        sys.executable,
        "-P",
        "-m",
        "urbanlab_services.warehouse.engine.restoring",
        str(state),
        str(source),
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OperateError(f"{source.name} could not be restored: {done.stderr.strip()[-500:]}")
    rows: dict[str, int] = json.loads(done.stdout)
    return rows
