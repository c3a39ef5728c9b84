"""`urbanlab person accept`: lets another person of Keycloak in under a name that somebody had before."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path

from urbanlab.contract import naming
from urbanlab_hub import homes
from urbanlab_hub.accounts import find_account
from urbanlab_hub.settings import Settings
from urbanlab_operate.audit import record_person_accepted
from urbanlab_operate.audit_commands import read_person
from urbanlab_operate.errors import OperateError
from urbanlab_operate.local.folders import get_installation
from urbanlab_operate.purge.leftovers import delete_leftovers


def configure_parser(parser: argparse.ArgumentParser) -> None:
    """Give `urbanlab person` its command."""
    commands = parser.add_subparsers(dest="person_command", required=True, metavar="COMMAND")
    accept = commands.add_parser(
        "accept", help="let another person in under a name that somebody had before; the old home is archived"
    )
    accept.add_argument("person", metavar="PERSON@TENANT", type=read_person)
    accept.add_argument(
        "--same", action="store_true", help="it is the same person with a new account: they keep the home"
    )


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Carry out a parsed `urbanlab person` command; return the exit code."""
    # Here, because whoever asks for the status should not wait for the clients of Keycloak and Kafka.
    from urbanlab_operate.apply.hub import delete_user, has_user, make_api

    hub_user, is_same = arguments.person, arguments.same
    if naming.split_hub_user(hub_user)[0] in naming.SERVICE_PERSONS:
        raise OperateError(f"{hub_user} is a service user, whom nobody can be.")
    api = make_api(settings)
    home = settings.homes / naming.make_account(hub_user, get_installation(settings))
    if not has_user(api, hub_user) and (is_same or not home.exists()):
        print(f"There is nobody called {hub_user}: whoever logs in under that name is let in.")
        return 1
    # The hub's user goes last: until then nobody but its owner gets in, and a broken off command can be repeated.
    delete_user(api, hub_user, only_server=True)
    left = "kept"
    if not is_same:
        left = put_away(settings, hub_user, home)
    delete_user(api, hub_user)
    record_person_accepted(settings, hub_user, left)
    print(f"The next person who logs in as {hub_user} is let in, and nobody else after that.")
    return 0


def put_away(settings: Settings, hub_user: str, home: Path) -> str:
    """Leave nothing of the former person to the next one; return what became of the home, for the audit log."""
    # The next person gets the account, and with it what it owns outside of the home.
    if os.geteuid() == 0 and (account := find_account(home.name)):
        delete_leftovers(account.pw_uid, settings.state)
    if not home.exists():
        return "absent"
    print(f"moved the home to {archive_home(settings, hub_user, home)}")
    return "archived"


def archive_home(settings: Settings, hub_user: str, home: Path) -> Path:
    """Put a home away where no account but the operator's gets in; return where."""
    person, _, tenant = hub_user.rpartition("@")
    folder = settings.archived_homes / tenant
    for path in (settings.archived_homes, folder):
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
    archived = folder / f"{person}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    home.rename(archived)
    homes.delete_runtime(homes.make_runtime_path(get_installation(settings), home.name))
    return archived
