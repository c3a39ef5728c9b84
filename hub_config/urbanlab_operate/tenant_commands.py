"""`urbanlab tenant add | list | remove`: the operator's tenants, one file each."""

from __future__ import annotations

import argparse
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from urbanlab.contract import naming
from urbanlab.contract.records import Tenant
from urbanlab_hub.settings import Settings
from urbanlab_hub.tenants import TenantError, load_tenant, load_tenants
from urbanlab_operate.changes import ApplyError

ARCHIVE = "archive"  # a folder beside the files; what lies in it is no tenant


def configure_parser(parser: argparse.ArgumentParser) -> None:
    """Give `urbanlab tenant` its three commands."""
    commands = parser.add_subparsers(dest="tenant_command", required=True, metavar="COMMAND")
    add = commands.add_parser("add", help="write a tenant's file and apply it")
    add.add_argument("id", help="2 to 21 of a-z and 0-9, a letter first")
    add.add_argument("--title", required=True, help="the municipality's name")
    add.add_argument("--state", help="federal state, like NW")
    add.add_argument("--centre", metavar="LAT,LON", type=_read_centre, help="centre, in degrees")
    add.add_argument("--population", type=int, help="number of inhabitants")
    add.add_argument("--contact", help="e-mail address of the people in charge")
    commands.add_parser("list", help="show the tenants")
    remove = commands.add_parser("remove", help="put a tenant's file into the archive; its data stays")
    remove.add_argument("id")
    for command in (add, remove):
        command.add_argument("--no-apply", action="store_true", help="only touch the file")


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Carry out a parsed `urbanlab tenant` command; return the exit code."""
    # Here, because whoever asks for the status should not wait for the clients of Keycloak and Kafka.
    from urbanlab_operate import demo
    from urbanlab_operate.apply import apply

    demo.ensure_tenant_files(settings)
    try:
        if arguments.tenant_command == "list":
            return _print_tenants(settings)
        if arguments.tenant_command == "add":
            print(f"wrote {add_tenant(settings, arguments.id, _make_values(arguments))}")
        else:
            print(f"moved the file to {remove_tenant(settings, arguments.id)}; no data was deleted")
        if not arguments.no_apply:
            apply(settings)
    except ApplyError as error:
        print(f"{error}\nThe file is in place; `urbanlab apply` does the rest.")
        return 1
    except (TenantError, naming.NamingError, FileExistsError, FileNotFoundError) as error:
        print(error)
        return 1
    return 0


def add_tenant(settings: Settings, tenant_id: str, values: dict[str, Any]) -> Path:
    """Write the file of a new tenant and return its path.

    Raises `TenantError` or `NamingError` where the values cannot be used and `FileExistsError` where there is
    such a tenant; then nothing is written.
    """
    path = settings.tenants / f"{naming.check_tenant_id(tenant_id)}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = yaml.safe_dump(values, allow_unicode=True, sort_keys=False)
    # Checked in a folder of its own under its final name, and put in place whole, never over another.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".draft-") as folder:
        draft = Path(folder) / path.name
        draft.write_text(text, encoding="utf-8")
        load_tenant(draft)
        try:
            os.link(draft, path)
        except FileExistsError:
            raise FileExistsError(f"There is a tenant {tenant_id} already: {path}") from None
    return path


def remove_tenant(settings: Settings, tenant_id: str) -> Path:
    """Move a tenant's file into the archive and return its path there; data and people stay where they are."""
    path = settings.tenants / f"{naming.check_tenant_id(tenant_id)}.yaml"
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no tenant {tenant_id} in {settings.tenants}; `urbanlab tenant list`"
        )
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    archived = path.parent / ARCHIVE / f"{tenant_id}-{moment}.yaml"
    archived.parent.mkdir(exist_ok=True, mode=0o700)
    return path.rename(archived)


def _print_tenants(settings: Settings) -> int:
    for tenant in load_tenants(settings.tenants).values():
        print(_describe(tenant))
    return 0


def _describe(tenant: Tenant) -> str:
    people = f"{tenant.population:,} inhabitants" if tenant.population else "population unknown"
    return f"{tenant.id:<21} {tenant.title}, {tenant.state}, {people}, {len(tenant.feeds)} feeds"


def _make_values(arguments: argparse.Namespace) -> dict[str, Any]:
    names = ("title", "state", "centre", "population", "contact")
    given = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in given.items() if value is not None}


def _read_centre(text: str) -> dict[str, float]:
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no centre; write 51.91,8.38") from None
    return {"latitude": latitude, "longitude": longitude}
