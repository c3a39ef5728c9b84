"""The state folder: one private folder for each service's account, and what they share."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from urbanlab_hub.accounts import ensure_account, ensure_group, list_accounts
from urbanlab_hub.settings import Settings

# The services with an account of their own. The hub is root's, because it starts servers in others' accounts.
ACCOUNT_OWNERS = (
    "proxy",
    "keycloak",
    "kafka",
    "engine",
    "warehouse",
    "tokens",
    "ingest",
    "publisher",
    "portal",
    "simulator",
    "culler",
    "audit",
)
SERVICES = ("hub", *ACCOUNT_OWNERS)
# The services that read which tenants there are; the hub is root's. Nobody else may, least of all a kernel.
RECORD_READERS = ("engine", "warehouse", "tokens", "ingest", "publisher", "simulator", "culler", "audit")
# The services that write to the audit log, beside the hub and the operator's command, which are root's.
AUDIT_SENDERS = ("publisher", "warehouse", "tokens")

Accounts = Mapping[str, tuple[int, int]]  # service -> uid and gid; empty where nobody has an account


def is_root() -> bool:
    """Return whether this process can keep the parts apart by accounts."""
    return os.geteuid() == 0


def get_installation(settings: Settings) -> str:
    """Return the four hex digits that name the installation; raise `FileNotFoundError` before its first start."""
    return (settings.state / "installation").read_text(encoding="utf-8").strip()


def ensure_folders(settings: Settings) -> Accounts:
    """Make the state folder and the accounts; return the account of each service."""
    shared = 0o711 if is_root() else 0o700
    settings.state.mkdir(parents=True, exist_ok=True)
    settings.state.chmod(shared)
    installation = _ensure_installation(settings.state)
    accounts = _ensure_accounts(installation)
    for name in ("run", "homes"):
        _ensure_folder(settings.state / name, shared)
    _ensure_records_folder(settings.records, installation, accounts)
    _ensure_public_folder(settings.public, installation, accounts)
    for name in ("secrets", "logs", "supervisor"):
        _ensure_folder(settings.state / name, 0o700)
    for service in SERVICES:
        _ensure_service_folder(settings.service_state(service), accounts.get(service))
    _ensure_engine_folder(settings.state / "run" / "engine", accounts)
    _ensure_audit_folder(settings.audit_socket.parent, installation, accounts)
    return accounts


def engine_socket(settings: Settings) -> Path:
    """Return the socket at which the gateway reaches the engine."""
    return settings.state / "run" / "engine" / "engine.sock"


def _ensure_installation(state: Path) -> str:
    path = state / "installation"
    if not path.exists():
        name = secrets.token_hex(2)
        while list_accounts(name):
            name = secrets.token_hex(2)
        path.write_text(name + "\n", encoding="utf-8")
    path.chmod(0o644)
    return path.read_text(encoding="utf-8").strip()


def _ensure_accounts(installation: str) -> Accounts:
    if not is_root():
        return {}
    entries = {owner: ensure_account(owner, installation) for owner in ACCOUNT_OWNERS}
    return {owner: (entry.pw_uid, entry.pw_gid) for owner, entry in entries.items()}


def _ensure_folder(path: Path, mode: int, owner: tuple[int, int] | None = None) -> None:
    if path.is_symlink():
        path.unlink()  # whoever owns the folder above may have put it there, and root follows nobody's link
    path.mkdir(mode=0o700, exist_ok=True)
    if owner is not None and (path.stat().st_uid, path.stat().st_gid) != owner:
        _give(path, owner)
    path.chmod(mode)


def _ensure_service_folder(path: Path, owner: tuple[int, int] | None) -> None:
    _ensure_folder(path, 0o700, owner)
    _ensure_folder(path / "secrets", 0o700, owner)
    shutil.rmtree(path / "tmp", ignore_errors=True)
    _ensure_folder(path / "tmp", 0o700, owner)


def _ensure_records_folder(path: Path, installation: str, accounts: Accounts) -> None:
    if accounts:
        readers = [find_account_name(accounts[service][0]) for service in RECORD_READERS]
        _ensure_folder(path, 0o750, (os.geteuid(), ensure_group("records", installation, readers)))
    else:
        _ensure_folder(path, 0o700)


def _ensure_public_folder(path: Path, installation: str, accounts: Accounts) -> None:
    """What the public sees: the publisher writes, the portal reads; what is made in it stays the group's."""
    if accounts:
        members = [find_account_name(accounts[service][0]) for service in ("publisher", "portal")]
        group = ensure_group("public", installation, members)
        _ensure_folder(path, 0o2750, (accounts["publisher"][0], group))
    else:
        _ensure_folder(path, 0o700)


def _ensure_engine_folder(path: Path, accounts: Accounts) -> None:
    if accounts:
        # The engine makes its socket here; of the others, only the gateway's group gets in.
        _ensure_folder(path, 0o750, (accounts["engine"][0], accounts["warehouse"][1]))
    else:
        _ensure_folder(path, 0o700)


def _ensure_audit_folder(path: Path, installation: str, accounts: Accounts) -> None:
    """The audit log's writer makes its socket here; those who may write to it get in, and no kernel."""
    if accounts:
        members = [find_account_name(accounts[service][0]) for service in AUDIT_SENDERS]
        group = ensure_group("audit", installation, members)
        _ensure_folder(path, 0o750, (accounts["audit"][0], group))
    else:
        _ensure_folder(path, 0o700)


def _give(path: Path, owner: tuple[int, int]) -> None:
    """Give a folder and all in it to an account: it is new, or comes from a machine with other numbers."""
    for folder, _, files in os.walk(path):
        for name in ("", *files):
            os.chown(Path(folder) / name, *owner, follow_symlinks=False)


def find_account_name(uid: int) -> str:
    """Return the name of an account."""
    return pwd.getpwuid(uid).pw_name
