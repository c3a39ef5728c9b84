"""Makes a backup of an installation that is in use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from urbanlab_hub.settings import Settings
from urbanlab_operate.apply import applying
from urbanlab_operate.backup import contents, keycloak, warehouse
from urbanlab_operate.backup.manifest import Manifest, write_manifest
from urbanlab_operate.errors import OperateError

MARK = ".unfinished"  # in a folder that this program may clear away


def back_up(settings: Settings, folder: Path, *, homes: bool, console: Console) -> Manifest:
    """Write a backup to `folder`, which is not there before and is whole once it is there."""
    if os.path.lexists(folder):
        raise OperateError(f"{folder} exists already: name a folder that does not, for example with the date")
    if not settings.master_secrets.is_dir():
        raise OperateError(f"There is no installation in {settings.state}")
    with drafting(folder) as draft:
        # Nobody changes tenants, databases and roles meanwhile, and no two backups run at once.
        with applying(settings):
            for name in contents.FILES:
                if (settings.state / name).is_file():
                    shutil.copyfile(settings.state / name, draft / name)
                    (draft / name).chmod(0o600)
            console.print("databases of the warehouse …")
            warehouse.copy_databases(settings, draft / warehouse.NAME)
            console.print("people in Keycloak …")
            keycloak.copy_database(settings, draft / keycloak.NAME)
            for name, path in contents.list_folders(settings, homes=homes):
                console.print(f"{name} …")
                contents.copy_folder(name, path, draft)
        (draft / MARK).unlink()
        return write_manifest(draft, homes=homes)


@contextmanager
def drafting(folder: Path) -> Iterator[Path]:
    """Let a folder be made beside its place, and put it there once it is whole; what fails leaves nothing."""
    draft = folder.with_name(f"{folder.name}.part")
    clear_draft(draft)
    folder.parent.mkdir(parents=True, exist_ok=True)
    former = os.umask(0o077)  # for all that is made on the way
    draft.mkdir()
    (draft / MARK).touch()
    try:
        yield draft
        os.sync()  # what stands under its name is on the disk
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    finally:
        os.umask(former)


def clear_draft(draft: Path) -> None:
    """Remove what an interrupted run left; raise `OperateError` for a folder that is somebody else's."""
    if not os.path.lexists(draft):
        return
    if not (draft / MARK).is_file():
        raise OperateError(f"{draft} is in the way: move it elsewhere")
    shutil.rmtree(draft)
