"""Makes an installation from a backup, in a state folder that is empty; `urbanlab up` starts it."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from rich.console import Console

from urbanlab_hub.accounts import list_accounts
from urbanlab_hub.settings import Settings
from urbanlab_operate.backup import contents, keycloak, warehouse
from urbanlab_operate.backup.manifest import Manifest, check_files, read_manifest
from urbanlab_operate.backup.take import MARK, drafting
from urbanlab_operate.errors import OperateError
from urbanlab_operate.local.folders import is_root

# Servers of users do not run any more, whatever has their numbers by now.
_NO_SERVERS = "UPDATE spawners SET server_id = NULL, state = NULL, started = NULL"


def restore(settings: Settings, folder: Path, console: Console) -> dict[str, int]:
    """Restore `folder`; return the rows of each table of the warehouse, all of which were read and checked."""
    manifest = read_manifest(folder)
    _check_is_empty(settings.state)
    is_outside = not settings.tenants.is_relative_to(settings.state)
    if is_outside:
        _check_is_empty(settings.tenants)
    console.print(f"A backup of {manifest.created_at}, version {manifest.version}: comparing every file …")
    check_files(folder, manifest)
    with drafting(settings.state) as draft:
        _unpack(folder, draft, manifest)
        console.print("databases of the warehouse …")
        rows = warehouse.restore_databases(draft / "engine", folder / warehouse.NAME)
        _forget_servers(draft / "hub" / "jupyterhub.sqlite")
        _name_installation(draft)
        (draft / MARK).unlink()
        if settings.state.is_dir():
            settings.state.rmdir()
    if is_outside:
        move_tenants(settings.state / "tenants", settings.tenants)
    return rows


def _check_is_empty(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise OperateError(
            f"{folder} is not empty: a backup is restored into a new one. Move the old one away, or name another "
            "by URBANLAB_STATE"
        )


def move_tenants(source: Path, target: Path) -> None:
    """Move the tenants' files to their own folder, which may be there, empty."""
    shutil.copytree(source, target, dirs_exist_ok=True)
    shutil.rmtree(source)


def _unpack(folder: Path, draft: Path, manifest: Manifest) -> None:
    for name in contents.FILES:
        if name in manifest.files:
            shutil.copyfile(folder / name, draft / name)
            (draft / name).chmod(0o600)
    for name in (*contents.FOLDERS, *contents.HOMES):
        if f"{name}.tar" in manifest.files:
            contents.unpack(folder / f"{name}.tar", draft / name)
    databases = folder / "databases"
    for source in databases.rglob("*"):
        if source.is_file():
            target = draft / source.relative_to(databases)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            target.chmod(0o600)
    people = draft / "keycloak" / keycloak.PLACE
    people.parent.mkdir(mode=0o700, parents=True)
    shutil.copyfile(folder / keycloak.NAME, people)
    people.chmod(0o600)


def _forget_servers(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(_NO_SERVERS)


def _name_installation(state: Path) -> None:
    """Let nobody share accounts with another installation of this machine: it may be the one that was copied."""
    path = state / "installation"
    former = path.read_text(encoding="utf-8").strip()
    if not is_root() or not list_accounts(former):
        return
    name = secrets.token_hex(2)
    while list_accounts(name):
        name = secrets.token_hex(2)
    path.write_text(name + "\n", encoding="utf-8")
    for home in (state / "homes").glob(f"ul{former}-*"):
        home.rename(home.with_name(home.name.replace(f"ul{former}-", f"ul{name}-", 1)))
