"""Keycloak's database: people with their passwords and second factors, the realm and its keys.

Its file is copied while Keycloak writes to it. H2 only ever adds to the file, and keeps what it replaces for the
better part of a minute; so a copy that is made within seconds is what a loss of power would have left, and H2 can
open that. Whether it can is tried before the copy counts: the interface of Keycloak itself hands out no passwords.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from urbanlab_hub.settings import Settings
from urbanlab_operate.backup.contents import open_plain
from urbanlab_operate.errors import OperateError
from urbanlab_operate.local.java import make_java
from urbanlab_operate.local.keycloak import find_program

NAME = "keycloak.mv.db"
PLACE = Path("home", "data", "h2", "keycloakdb.mv.db")  # below Keycloak's folder
TRIES = 5
QUICK_SECONDS = 20.0  # within which H2 has overwritten nothing that a copy needs
_COUNT = "SELECT COUNT(*) FROM USER_ENTITY"


def copy_database(settings: Settings, target: Path) -> None:
    """Copy the database and make sure that it can be opened."""
    source = settings.service_state("keycloak") / PLACE
    for _ in range(TRIES):
        begun = time.monotonic()
        with open_plain(source) as there, target.open("wb") as here:
            target.chmod(0o600)
            shutil.copyfileobj(there, here, 1 << 22)
        if time.monotonic() - begun < QUICK_SECONDS and count_people(settings, target):
            return
    raise OperateError(
        f"{source} could not be copied so that it can be opened: try again when fewer people log in"
    )


def count_people(settings: Settings, database: Path) -> int:
    """Return how many people are in a copy; 0 where it cannot be opened. The copy itself stays as it is."""
    jars = list((find_program(settings) / "lib" / "lib" / "main").glob("com.h2database.h2-*.jar"))
    with tempfile.TemporaryDirectory(dir=database.parent, prefix=".look-") as folder:
        look = Path(folder, "keycloakdb")
        shutil.copyfile(database, look.with_suffix(".mv.db"))
        done = subprocess.run(
            [
                *make_java(Path(folder), "-Xmx128m"),
                *("-cp", str(jars[0]), "org.h2.tools.Shell", "-url"),
                f"jdbc:h2:file:{look};NON_KEYWORDS=VALUE;IFEXISTS=TRUE",
                # Keycloak gives neither to a database that nobody else can reach.
                *("-user", "", "-password", "", "-sql", _COUNT),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    found = re.search(r"^(\d+)\s*$", done.stdout, re.MULTILINE)
    return int(found[1]) if found and not done.returncode else 0
