"""`urbanlab audit verify | list | export | erase`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

from urbanlab.contract.naming import NamingError, make_hub_user, split_hub_user
from urbanlab_hub.settings import Settings
from urbanlab_operate import audit
from urbanlab_operate.errors import OperateError


def configure_parser(parser: argparse.ArgumentParser) -> None:
    """Give `urbanlab audit` its commands."""
    commands = parser.add_subparsers(dest="audit_command", required=True, metavar="COMMAND")
    check = commands.add_parser(
        "verify", help="read the whole log; exit code 0 only if it is as it was written"
    )
    check.add_argument("--contains", metavar="HASH", default="", help="and only if it holds this entry")
    listing = commands.add_parser("list", help="show the newest entries")
    listing.add_argument("--tenant", help="of this tenant only")
    listing.add_argument("--event", help="of these events only, separated by commas")
    listing.add_argument("--person", metavar="PERSON@TENANT", type=read_person)
    listing.add_argument("--limit", default="50")
    listing.add_argument("--json", action="store_true", help="for programs")
    export = commands.add_parser("export", help="write all about a person to standard output, as JSON")
    erase = commands.add_parser("erase", help="make a person unrecognisable in the log, for good")
    for command in (export, erase):
        command.add_argument("person", metavar="PERSON@TENANT", type=read_person)


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Carry out a parsed `urbanlab audit` command; return the exit code."""
    if arguments.audit_command == "verify":
        return verify(settings, arguments.contains)
    if arguments.audit_command == "export":
        print(json.dumps(audit.export_person(settings, arguments.person), ensure_ascii=False, indent=1))
    elif arguments.audit_command == "erase":
        if audit.erase_person(settings, arguments.person):
            print(f"Nobody can tell any more which entries are those of {arguments.person}.")
        else:
            print(f"The audit log names nobody called {arguments.person}.")
    else:
        _print_events(settings, arguments)
    return 0


def verify(settings: Settings, contains: str = "") -> int:
    """Check the log on disk, whether or not its writer runs; return the exit code."""
    state = settings.service_state("audit")
    if not (state / "log").is_dir():
        raise OperateError(f"There is no audit log in {state} yet: `urbanlab up` begins one.")
    command = (sys.executable, "-P", "-m", "urbanlab_services.audit.verify", str(state), contains)
    return subprocess.run(command, check=False).returncode


def _print_events(settings: Settings, arguments: argparse.Namespace) -> None:
    given = {name: getattr(arguments, name) for name in ("tenant", "event", "person", "limit")}
    events = audit.list_events(settings, **{name: value for name, value in given.items() if value})
    if arguments.json:
        print(json.dumps(events, ensure_ascii=False, indent=1))
        return
    for event in events:
        print(_describe(event))


def _describe(event: dict[str, Any]) -> str:
    data = " ".join(f"{name}={_show(value)}" for name, value in event["data"].items())
    return f"{event['seq']:>8} {event['time'][:19]} {event['tenant'] or '–':<21} {event['event']:<20} {data}"


def _show(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) or "–"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) and " " in value else str(value)


def read_person(text: str) -> str:
    """Return the hub user, also of a name as Keycloak writes it."""
    try:
        split_hub_user(text)
    except NamingError:
        person, _, tenant = text.rpartition("@")
        try:
            return make_hub_user(person, tenant)
        except NamingError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    return text
