"""`urbanlab tenant add | list | remove`: the operator's tenants, one file each."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from urbanlab.contract import naming
from urbanlab.contract.records import Tenant
from urbanlab_hub.settings import Settings
from urbanlab_hub.tenants import TenantError, load_tenants
from urbanlab_operate import tenant_files
from urbanlab_operate.audit import record_tenant_change
from urbanlab_operate.changes import ApplyError
from urbanlab_operate.tenant_files import TenantFilesError


def configure_parser(parser: argparse.ArgumentParser) -> None:
    """Give `urbanlab tenant` its three commands."""
    commands = parser.add_subparsers(dest="tenant_command", required=True, metavar="COMMAND")
    add = commands.add_parser("add", help="write a tenant's file and apply it")
    add.add_argument("id", help="2 to 21 of a-z and 0-9, a letter first")
    what = add.add_mutually_exclusive_group(required=True)
    what.add_argument("--title", help="the municipality's name")
    what.add_argument("--restore", action="store_true", help="bring back a tenant that was removed")
    add.add_argument("--state", help="federal state, like NW")
    add.add_argument("--centre", metavar="LAT,LON", type=_read_centre, help="centre, in degrees")
    add.add_argument("--population", type=int, help="number of inhabitants")
    add.add_argument("--contact", help="e-mail address of the people in charge")
    listing = commands.add_parser("list", help="show the tenants")
    listing.add_argument("--archived", action="store_true", help="those that were removed")
    remove = commands.add_parser("remove", help="put a tenant's file into the archive; its data stays")
    remove.add_argument("id")
    how = remove.add_mutually_exclusive_group()
    how.add_argument("--purge", action="store_true", help="delete people's homes and all data as well")
    remove.add_argument(
        "--confirm", metavar="ID", help="with --purge: the tenant's id again, instead of typing it"
    )
    for options in (add, how):
        options.add_argument("--no-apply", action="store_true", help="only touch the file")


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Carry out a parsed `urbanlab tenant` command; return the exit code."""
    from urbanlab_operate import demo

    demo.ensure_tenant_files(settings)
    try:
        if arguments.tenant_command == "list":
            return _print_archived(settings) if arguments.archived else _print_tenants(settings)
        if arguments.tenant_command == "add":
            return _add(settings, arguments)
        return _purge(settings, arguments) if arguments.purge else _remove(settings, arguments)
    except (TenantError, naming.NamingError, TenantFilesError) as error:
        print(error)
        return 1


def _add(settings: Settings, arguments: argparse.Namespace) -> int:
    values = _make_values(arguments)
    if arguments.restore:
        if values:
            raise TenantFilesError(
                f"A tenant comes back as it was: leave out --{', --'.join(values)}, and edit its file afterwards"
            )
        print(f"brought back {tenant_files.restore_tenant(settings, arguments.id)}")
    else:
        print(f"wrote {tenant_files.add_tenant(settings, arguments.id, values)}")
    return _apply(settings, arguments)


def _remove(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.confirm is not None:
        raise TenantFilesError("--confirm confirms that everything is deleted, and goes with --purge")
    print(f"moved the file to {tenant_files.archive_tenant(settings, arguments.id)}; no data was deleted")
    return _apply(settings, arguments)


def _apply(settings: Settings, arguments: argparse.Namespace) -> int:
    # Here, because whoever asks for the status should not wait for the clients of Keycloak and Kafka.
    from urbanlab_operate.apply import apply

    try:
        if not arguments.no_apply:
            apply(settings)
    except ApplyError as error:
        print(f"{error}\nThe file is in place; `urbanlab apply` does the rest.")
        return 1
    return 0


def _purge(settings: Settings, arguments: argparse.Namespace) -> int:
    """Show everything, and delete it if the operator types the tenant's id."""
    from urbanlab_operate.apply import apply
    from urbanlab_operate.purge import delete_remnants, find_remnants

    tenant = naming.check_tenant_id(arguments.id)
    path = settings.tenants / f"{tenant}.yaml"
    try:
        remnants = find_remnants(settings, tenant)
        if not (remnants or path.exists() or tenant_files.list_archived(settings, tenant)):
            print(f"There is no tenant {tenant}, and nothing is left of one.")
            return 1
        for remnant in remnants:
            print(remnant.sentence)
        if not _is_confirmed(tenant, arguments.confirm, len(remnants)):
            return 1
        if path.exists():
            tenant_files.archive_tenant(settings, tenant)
        apply(settings)  # nobody can get in any more, and their servers have ended
        delete_remnants(settings, tenant)
        record_tenant_change(settings, tenant, "purged")
    except ApplyError as error:
        print(f"{error}\nNot everything is deleted: repeat this command, it goes on from here.")
        return 1
    for archived in tenant_files.list_archived(settings, tenant):
        archived.unlink()
        print(f"deleted the file {archived}")
    return 0


def _is_confirmed(tenant: str, confirmed: str | None, count: int) -> bool:
    what = f"the {count} things listed above and the file" if count else "the file"
    if confirmed is None and sys.stdin.isatty():
        print(f"Nothing brings {what} of {tenant} back. Type {tenant} to delete: ", end="", flush=True)
        confirmed = sys.stdin.readline().strip()
    if confirmed == tenant:
        return True
    print(f"Nothing was deleted. To delete {what} for good, confirm by --confirm {tenant}.")
    return False


def _print_tenants(settings: Settings) -> int:
    for tenant in load_tenants(settings.tenants).values():
        print(_describe(tenant))
    return 0


def _print_archived(settings: Settings) -> int:
    for path in tenant_files.list_archived(settings):
        tenant, title = tenant_files.read_archived(path)
        print(f"{tenant:<21} {title}, removed {tenant_files.show_moment(path)}")
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
