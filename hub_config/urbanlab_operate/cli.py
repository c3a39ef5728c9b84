"""The command `urbanlab`: reads its arguments and hands over to the module that does the work."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from urbanlab_hub.accounts import AccountError
from urbanlab_hub.settings import Settings, SettingsError, load_settings
from urbanlab_hub.tenants import TenantError
from urbanlab_operate import audit_commands, person_commands, tenant_commands
from urbanlab_operate.changes import ApplyError
from urbanlab_operate.errors import OperateError

Command = Callable[[Settings, argparse.Namespace, Console], int]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code. What the operator can put right is one sentence, no traceback."""
    parsed = make_parser().parse_args(arguments)
    console, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    try:
        command: Command = parsed.command
        return command(load_settings(), parsed, console)
    except (AccountError, ApplyError, OperateError, SettingsError, TenantError) as error:
        errors.print(str(error), markup=False, soft_wrap=True)
    except KeyboardInterrupt:
        errors.print("Interrupted.")
    except PermissionError as error:
        errors.print(f"{error.filename} belongs to another account: run this as that account.", markup=False)
    return 1


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(prog="urbanlab", description="Operates an installation of Urban Lab.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="start everything on this machine")
    up.add_argument("--detach", action="store_true", help="return once everything runs")
    up.set_defaults(command=_up)
    commands.add_parser("down", help="end everything").set_defaults(command=_down)
    status = commands.add_parser("status", help="say what is healthy; exit code 0 only if all parts are")
    status.add_argument("--json", action="store_true", help="for programs")
    status.set_defaults(command=_status)
    commands.add_parser("show", help="show the resolved configuration").set_defaults(command=_show)
    commands.add_parser("check", help="check the configuration").set_defaults(command=_check)
    apply = commands.add_parser("apply", help="bring everything in line with the tenants' files")
    apply.add_argument("--dry-run", action="store_true", help="only say what would change")
    apply.set_defaults(command=_apply)
    tenant = commands.add_parser("tenant", help="add, list and remove tenants")
    tenant_commands.configure_parser(tenant)
    tenant.set_defaults(command=_tenant)
    person = commands.add_parser("person", help="let another person in under a former person's name")
    person_commands.configure_parser(person)
    person.set_defaults(command=_person)
    backup = commands.add_parser(
        "backup",
        help="copy the installation while it is in use: people's files with --homes, Kafka's topics not",
    )
    backup.add_argument("folder", metavar="DIR", type=Path, help="a folder that does not exist yet")
    backup.add_argument("--homes", action="store_true", help="people's homes and shared folders, too")
    backup.set_defaults(command=_backup)
    restore = commands.add_parser(
        "restore", help="make an installation from a backup, in an empty state folder"
    )
    restore.add_argument("folder", metavar="DIR", type=Path, help="what `urbanlab backup` wrote")
    restore.set_defaults(command=_restore)
    audit = commands.add_parser("audit", help="check, read and export the audit log")
    audit_commands.configure_parser(audit)
    audit.set_defaults(command=_audit)
    return parser


# Each command imports what it needs when it runs: most need little of it.


def _up(settings: Settings, parsed: argparse.Namespace, console: Console) -> int:
    from urbanlab_operate.local.up import up

    return up(settings, detach=parsed.detach, console=console)


def _down(settings: Settings, _parsed: argparse.Namespace, console: Console) -> int:
    from urbanlab_operate.local.down import end_all

    ended = end_all(settings)
    console.print("Everything has ended." if ended else "Nothing was running.")
    return 0


def _status(settings: Settings, parsed: argparse.Namespace, console: Console) -> int:
    from urbanlab_operate.local import status

    parts, isolation = status.read_status(settings), status.read_isolation(settings)
    load = status.read_load(settings) if parts else status.Load()
    if parsed.json:
        sys.stdout.write(json.dumps(status.to_json(parts, isolation, load), indent=1) + "\n")
    else:
        status.print_status(parts, isolation, load, console)
    return 0 if status.is_healthy(parts) and not load.damaged else 1


def _show(settings: Settings, _parsed: argparse.Namespace, _console: Console) -> int:
    from urbanlab_operate.show import render_configuration

    sys.stdout.write(render_configuration(settings))
    return 0


def _check(settings: Settings, _parsed: argparse.Namespace, console: Console) -> int:
    from urbanlab_operate.check import find_problems

    problems = find_problems(settings)
    for problem in problems:
        console.print(problem, markup=False, soft_wrap=True)
    if not problems:
        console.print("The configuration can be used.")
    return 1 if problems else 0


def _apply(settings: Settings, parsed: argparse.Namespace, console: Console) -> int:
    from urbanlab_operate.apply import apply

    if not apply(settings, dry_run=parsed.dry_run):
        console.print("Everything is in line.")
    return 0


def _tenant(settings: Settings, parsed: argparse.Namespace, _console: Console) -> int:
    return tenant_commands.run(settings, parsed)


def _person(settings: Settings, parsed: argparse.Namespace, _console: Console) -> int:
    return person_commands.run(settings, parsed)


def _backup(settings: Settings, parsed: argparse.Namespace, console: Console) -> int:
    from urbanlab_operate.backup.take import back_up

    folder = parsed.folder.absolute()
    manifest = back_up(settings, folder, homes=parsed.homes, console=console)
    size = sum(int(size) for size, _ in manifest.files.values()) / 1e6
    console.print(f"{folder} holds {len(manifest.files)} files, {size:.0f} MB.", soft_wrap=True)
    warning = (
        "It holds all secrets and what passwords are compared with: keep it as safe as the installation."
    )
    console.print(warning, soft_wrap=True)
    return 0


def _restore(settings: Settings, parsed: argparse.Namespace, console: Console) -> int:
    from urbanlab_operate.backup.restore import restore

    rows = restore(settings, parsed.folder.absolute(), console)
    console.print(f"{len(rows)} tables with {sum(rows.values())} rows were read and are whole.")
    console.print(f"The installation lies in {settings.state}: start it by `urbanlab up`.", soft_wrap=True)
    return 0


def _audit(settings: Settings, parsed: argparse.Namespace, _console: Console) -> int:
    return audit_commands.run(settings, parsed)
