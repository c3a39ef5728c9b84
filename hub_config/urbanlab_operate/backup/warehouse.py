"""The warehouse's databases: copied by the engine while it runs, and read back by one that nobody uses yet."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from urbanlab.contract.secrets import read_secret
from urbanlab_hub.settings import Settings
from urbanlab_operate.errors import OperateError
from urbanlab_operate.rest_api import RestApi

NAME = "engine.tar"
PAUSE_SECONDS = 0.2


def copy_databases(settings: Settings, target: Path) -> None:
    """Have the engine copy all databases as they are at this moment, and fetch the copy."""
    token = read_secret(settings.master_secrets, "warehouse-operator")
    gateway = RestApi("The warehouse gateway", settings.warehouse_url, token)
    folder = settings.service_state("engine") / "backups"
    for left_over in folder.glob("*.tar"):
        left_over.unlink()
    backup = gateway.request("POST", "/operator/backups")
    file = folder / str(backup["file"])
    try:
        while not backup["is_made"]:
            if backup["error"]:
                raise OperateError(f"The warehouse could not be copied: {backup['error']}")
            time.sleep(PAUSE_SECONDS)
            backup = gateway.request("GET", f"/operator/backups/{backup['id']}")
        shutil.move(file, target)
    finally:
        file.unlink(missing_ok=True)
    target.chmod(0o600)
    shutil.chown(target, Path(target.parent).stat().st_uid, Path(target.parent).stat().st_gid)


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
