"""The programs of an installation: what each runs, in whose account, and where it listens."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from urbanlab.contract import environment
from urbanlab_hub.settings import CHECKOUT, PREFIX, Settings
from urbanlab_operate.errors import OperateError
from urbanlab_operate.local import kafka, keycloak
from urbanlab_operate.local.folders import AUDIT_SENDERS, Accounts, engine_socket, find_account_name, is_root

PYTHON = (sys.executable, "-P")  # -P: nothing in the folder where a program runs stands in for a library
DEMO_ONLY = {"simulator"}
CAP_SYS_NICE = 23  # its number in the kernel
WITHOUT_NETWORK = {"engine", "audit"}


@dataclass(frozen=True)
class Program:
    """One supervised program; without an account it runs as whoever started the supervisor."""

    name: str
    command: tuple[str, ...]
    folder: Path
    account: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    keeps_children: bool = False


# Program -> the settings with the ports it listens at.
PORTS: Mapping[str, tuple[str, ...]] = {
    "keycloak": ("keycloak_port", "keycloak_management_port"),
    "kafka": ("kafka_port", "kafka_controller_port"),
    "audit": (),
    "engine": (),
    "warehouse": ("warehouse_port",),
    "proxy": ("hub_port", "proxy_api_port"),
    "hub": ("hub_api_port",),
    "tokens": ("tokens_port",),
    "ingest": ("ingest_port",),
    "publisher": ("publisher_port",),
    "portal": ("portal_port",),
    "culler": ("culler_port",),
    "simulator": ("simulator_port",),
}
# Program -> its module, where that is not the one of its name in urbanlab_services.
_MODULES = {"engine": "urbanlab_services.warehouse.engine", "portal": "urbanlab_portal"}


def list_names(settings: Settings) -> list[str]:
    """Return the names of the programs that this installation has."""
    return [name for name in PORTS if settings.demo or name not in DEMO_ONLY]


def list_ports(settings: Settings) -> dict[str, int]:
    """Return setting -> port of everything that will listen."""
    return {setting: getattr(settings, setting) for name in list_names(settings) for setting in PORTS[name]}


def make_programs(settings: Settings, accounts: Accounts) -> list[Program]:
    """Return all programs of the installation."""
    return [_make_program(settings, accounts, name) for name in list_names(settings)]


def make_settings_environment(settings: Settings) -> dict[str, str]:
    """Return the settings as the variables that `load_settings` reads."""
    values = {spec.name: getattr(settings, spec.name) for spec in fields(settings)}
    texts = {name: str(int(value) if isinstance(value, bool) else value) for name, value in values.items()}
    return {PREFIX + name.upper(): text for name, text in texts.items() if text}


def _make_program(settings: Settings, accounts: Accounts, name: str) -> Program:
    account = find_account_name(accounts[name][0]) if name in accounts else None
    folder = settings.service_state(name)
    if name == "hub":
        command: tuple[str, ...] = (
            *PYTHON,
            "-m",
            "jupyterhub",
            "-f",
            str(CHECKOUT / "hub_config" / "jupyterhub_config.py"),
        )
        # Users' servers are the hub's children and outlive it.
        return Program(name, command, folder, None, make_settings_environment(settings), keeps_children=True)
    if name in WITHOUT_NETWORK and account is not None:
        command = _take_network_away(account, name)
        return Program(name, command, folder, None, _make_environment(settings, accounts, name))
    if name in {"keycloak", "kafka", "proxy"}:
        return Program(name, _restrict(_make_foreign_command(settings, name)), folder, account)
    command = _restrict(_make_service_command(name))
    return Program(name, command, folder, account, _make_environment(settings, accounts, name))


def _restrict(command: tuple[str, ...]) -> tuple[str, ...]:
    """Let a program gain no privilege by what it runs."""
    return ("setpriv", "--no-new-privs", "--", *command) if is_root() else command


def _take_network_away(account: str, name: str) -> tuple[str, ...]:
    """Start a service without a network; making such a space takes root, running in it does not."""
    identity = (f"--reuid={account}", f"--regid={account}", "--init-groups")
    kept = _list_kept_rights(name)
    rights = ("--no-new-privs", *(f"--{each}=-all{kept}" for each in ("inh-caps", "bounding-set")))
    return (
        "unshare",
        "--net",
        "--ipc",
        "--",
        "setpriv",
        *identity,
        *rights,
        *([f"--ambient-caps=-all{kept}"] if kept else []),
        "--",
        *_make_service_command(name),
    )


def _list_kept_rights(name: str) -> str:
    """Return the one right that the engine keeps, if root has it: to let what runs long step back and undo it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    held = int(status.partition("CapBnd:")[2].split()[0], 16)
    return ",+sys_nice" if name == "engine" and held >> CAP_SYS_NICE & 1 else ""


def _make_service_command(name: str) -> tuple[str, ...]:
    return (*PYTHON, "-m", _MODULES.get(name, f"urbanlab_services.{name}"))


def _make_environment(settings: Settings, accounts: Accounts, name: str) -> dict[str, str]:
    """Return the variables that the contract declares for services; engine and portal get what they need."""
    if name == "portal":
        return _make_portal_environment(settings)
    state = {
        environment.SERVICE_STATE: str(settings.service_state(name)),
        environment.ENGINE_SOCKET: str(engine_socket(settings)),
        environment.RECORDS: str(settings.records),
    }
    if name == "engine":
        return state
    state[environment.AUDIT_SOCKET] = str(settings.audit_socket)
    if name == "audit":
        return {**state, environment.AUDIT_SENDERS: _make_audit_senders(accounts)}
    return {
        **state,
        environment.BIND: settings.publisher_bind if name == "publisher" else settings.bind,
        environment.PORT: str(getattr(settings, PORTS[name][0])),
        environment.HUB_URL: settings.hub_url,
        environment.HUB_API_URL: settings.hub_api_url,
        environment.KEYCLOAK_REALM_URL: settings.realm_url,
        environment.KAFKA_BOOTSTRAP: settings.kafka_bootstrap,
        environment.WAREHOUSE_URL: settings.warehouse_url,
        environment.WAREHOUSE_CLUSTER: settings.warehouse_cluster if name == "warehouse" else "",
        environment.SECRETS: str(settings.service_secrets(name)),
        environment.PUBLIC: str(settings.public),
        environment.PUBLISHER_URL: settings.publisher_url,
        environment.PORTAL_URL: settings.portal_url,
        **(_make_publisher_environment(settings) if name == "publisher" else {}),
    }


def _make_publisher_environment(settings: Settings) -> dict[str, str]:
    return {
        environment.LIVE_VIEWS: str(settings.live_views),
        environment.SMTP_URL: settings.smtp_url,
        environment.SMTP_FROM: settings.smtp_from,
        environment.SMTP_PASSWORD_FILE: settings.smtp_password_file,
    }


def _make_audit_senders(accounts: Accounts) -> str:
    """Return which account each sender has; without accounts, everybody is whoever started this."""
    own = {name: os.geteuid() for name in ("hub", "operator")}
    others = {name: accounts[name][0] if accounts else os.geteuid() for name in AUDIT_SENDERS}
    return " ".join(f"{name}={uid}" for name, uid in {**own, **others}.items())


def _make_portal_environment(settings: Settings) -> dict[str, str]:
    """It faces the internet, so it learns of nothing but what it shows."""
    return {
        environment.BIND: settings.bind,
        environment.PORT: str(settings.portal_port),
        environment.PUBLIC: str(settings.public),
        environment.PORTAL_URL: settings.portal_url,
        environment.PUBLISHER_URL: settings.publisher_url,
        environment.SNAPSHOT_PATH: str(settings.snapshot),
        environment.ASSETS_PATH: str(settings.assets),
        environment.SERVICE_STATE: str(settings.service_state("portal")),
        environment.SECRETS: str(settings.service_secrets("portal")),
    }


def _make_foreign_command(settings: Settings, name: str) -> tuple[str, ...]:
    secrets = settings.service_secrets(name)
    if name == "kafka":
        return tuple(kafka.make_command(settings))
    if name == "keycloak":
        user = f"KC_BOOTSTRAP_ADMIN_USERNAME={keycloak.ADMIN}"
        password = f"KC_BOOTSTRAP_ADMIN_PASSWORD={secrets / 'keycloak-admin'}"
        return _with_secret(password, ("env", user, *keycloak.make_command(settings)))
    return _with_secret(
        f"CONFIGPROXY_AUTH_TOKEN={secrets / 'proxy-api-token'}", _make_proxy_command(settings)
    )


def _with_secret(assignment: str, command: tuple[str, ...]) -> tuple[str, ...]:
    return (*PYTHON, "-m", "urbanlab_operate.local.with_secrets", assignment, "--", *command)


def _make_proxy_command(settings: Settings) -> tuple[str, ...]:
    node = shutil.which("node")
    if node is None:
        raise OperateError("Node 20 or newer is missing: install the package nodejs")
    program = (
        settings.parts
        / "npm"
        / "node_modules"
        / "configurable-http-proxy"
        / "bin"
        / "configurable-http-proxy"
    )
    options = {
        "--ip": settings.bind,
        "--port": settings.hub_port,
        "--api-ip": settings.bind,
        "--api-port": settings.proxy_api_port,
        "--error-target": f"http://{settings.bind}:{settings.hub_api_port}{settings.base_url}hub/error",
        "--log-level": "warn",
        "--ssl-cert": settings.tls_certificate,
        "--ssl-key": settings.tls_key,
    }
    # Routes are then told apart by host names, too: the hub expects it of a proxy that it does not start itself.
    by_host = ("--host-routing",) if settings.subdomains else ()
    return (node, str(program), *by_host, *(f"{name}={value}" for name, value in options.items() if value))
