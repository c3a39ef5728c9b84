"""The settings of an installation: one frozen dataclass, one function that reads file and environment.

Each field can be given in `settings.yaml` in the state folder, or by the environment variable
``URBANLAB_`` + its name in capitals, which wins. `hub_config/settings.example.yaml` shows all of them.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from urbanlab.contract.live import MAX_TOGETHER
from urbanlab_hub.client_address import read_networks

CHECKOUT = Path(__file__).resolve().parents[2]
PREFIX = "URBANLAB_"


class SettingsError(ValueError):
    """A setting that cannot be used; the message names it and says what is expected."""


def _setting(default: Any, help: str) -> Any:
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class Settings:
    """Where things are and listen. Paths are absolute; ports are TCP ports on `bind`."""

    state: Path = _setting(CHECKOUT / "var", "Folder of all state: data, secrets, logs, homes.")
    parts: Path = _setting(CHECKOUT / ".parts", "Folder of the programs that were fetched; no state in it.")
    tenants: Path = _setting(
        Path(), "Folder of the operator's tenants; by default `tenants` in the state folder."
    )
    demo: bool = _setting(True, "Start with the demo tenants, their accounts and the simulated feeds.")
    bind: str = _setting("127.0.0.1", "Address that the proxy, Keycloak, Kafka and the gateway listen on.")
    public_url: str = _setting(
        "", "Address of the hub as browsers see it, where a reverse proxy stands in front."
    )
    keycloak_public_url: str = _setting(
        "", "Address of Keycloak as browsers see it, where a reverse proxy stands in front."
    )
    trusted_proxies: str = _setting(
        "",
        "Addresses or networks of reverse proxies, separated by commas; only they are believed where a browser is.",
    )
    base_url: str = _setting("/", "Path below which the hub lives; begins and ends with a slash.")
    subdomains: bool = _setting(False, "Give hub and users host names of their own; locally `*.localhost`.")
    tls_certificate: str = _setting("", "File with the TLS certificate chain of the hub's address.")
    tls_key: str = _setting("", "File with the key of that certificate.")
    servers_bind: str = _setting(
        "127.0.0.3",
        "Address of users' servers behind the proxy: a host without any page, because cookies do not know ports.",
    )
    sweep_seconds: int = _setting(
        15,
        "Seconds between two looks at whether Keycloak still lets somebody in; within a minute they are out.",
    )
    keycloak_grace_minutes: int = _setting(
        60, "Minutes for which Keycloak's last good answer about somebody counts while Keycloak is away."
    )
    hub_port: int = _setting(8000, "Port of the hub for browsers (the proxy).")
    proxy_api_port: int = _setting(8001, "Port at which the hub tells the proxy its routes.")
    hub_api_port: int = _setting(8081, "Port at which proxy, servers and services reach the hub.")
    keycloak_port: int = _setting(8180, "Port of Keycloak for browsers.")
    keycloak_management_port: int = _setting(9180, "Port of Keycloak's health.")
    kafka_port: int = _setting(9092, "Port of Kafka for clients.")
    kafka_controller_port: int = _setting(9093, "Port of Kafka's controller.")
    warehouse_port: int = _setting(8123, "Port of the warehouse gateway (ClickHouse's HTTP interface).")
    warehouse_cluster: str = _setting(
        "",
        "Address of a ClickHouse server that takes the embedded engine's place; see extensions/README.md.",
    )
    tokens_port: int = _setting(8201, "Port of the tokens service.")
    ingest_port: int = _setting(8202, "Port of the ingest service's health and metrics.")
    publisher_bind: str = _setting(
        "127.0.0.2",
        "Address of the publisher's pages: a host that neither users' servers nor the public share.",
    )
    publisher_port: int = _setting(8204, "Port of the publisher's pages.")
    publisher_public_url: str = _setting(
        "", "Address of the publisher as browsers see it, where a reverse proxy stands in front."
    )
    portal_port: int = _setting(8080, "Port of the citizen portal.")
    portal_public_url: str = _setting(
        "", "Address of the portal as browsers see it, where a reverse proxy stands in front."
    )
    culler_port: int = _setting(8205, "Port of the culler's health and metrics.")
    simulator_port: int = _setting(8203, "Port of the simulator's health and metrics.")

    live_views: int = _setting(
        10,
        "Interactive views of public pages at once, of all tenants together; each tenant's file says its own.",
    )
    smtp_url: str = _setting(
        "",
        "Mail server: smtp://, smtps:// or smtp+starttls:// and USER@HOST:PORT; nothing is sent where it is empty.",
    )
    smtp_from: str = _setting("", "Address that mails come from.")
    smtp_password_file: str = _setting(
        "", "File with the password of the mail server's user; the publisher's account reads it."
    )

    @property
    def hub_url(self) -> str:
        """Address of the hub for browsers, with base path and trailing slash."""
        return self.hub_origin + self.base_url

    @property
    def hub_origin(self) -> str:
        """Scheme, host and port of the hub for browsers; users' host names lie below it with `subdomains`."""
        scheme = "https" if self.tls_certificate else "http"
        # An address has no host names below it, `localhost` has.
        host = "localhost" if self.subdomains else self.bind
        return self.public_url.rstrip("/") or f"{scheme}://{host}:{self.hub_port}"

    @property
    def hub_api_url(self) -> str:
        """Address of the hub's REST API for servers and services."""
        return f"http://{self.bind}:{self.hub_api_port}{self.base_url}hub/api"

    @property
    def backchannel_logout_url(self) -> str:
        """Address at which Keycloak tells the hub that a session has ended."""
        return f"http://{self.bind}:{self.hub_api_port}{self.base_url}hub/backchannel_logout"

    @property
    def keycloak_url(self) -> str:
        """Address of Keycloak for our own programs."""
        return f"http://{self.bind}:{self.keycloak_port}"

    @property
    def realm_url(self) -> str:
        """Address of the realm `urban` for our own programs."""
        return f"{self.keycloak_url}/realms/urban"

    @property
    def login_url(self) -> str:
        """Address of Keycloak for browsers, without a slash at the end."""
        return self.keycloak_public_url.rstrip("/") or self.keycloak_url

    @property
    def issuer(self) -> str:
        """Address of the realm for browsers, by which its tokens name it."""
        return f"{self.login_url}/realms/urban"

    @property
    def kafka_bootstrap(self) -> str:
        """Host and port of Kafka."""
        return f"{self.bind}:{self.kafka_port}"

    @property
    def warehouse_url(self) -> str:
        """Address of the warehouse gateway."""
        return f"http://{self.bind}:{self.warehouse_port}"

    @property
    def tokens_url(self) -> str:
        """Address of the tokens service."""
        return f"http://{self.bind}:{self.tokens_port}"

    @property
    def publisher_url(self) -> str:
        """Address of the publisher for kernels and browsers, without a slash at the end."""
        return self.publisher_public_url.rstrip("/") or f"http://{self.publisher_bind}:{self.publisher_port}"

    @property
    def portal_url(self) -> str:
        """Address of the portal for browsers, without a slash at the end.

        On loopback its host is called otherwise than the hub's: cookies do not distinguish ports.
        """
        host = "localhost" if self.bind.startswith("127.") else self.bind
        return self.portal_public_url.rstrip("/") or f"http://{host}:{self.portal_port}"

    @property
    def public(self) -> Path:
        """Folder of what the public sees; the publisher writes it, the portal reads it."""
        return self.state / "public"

    @property
    def snapshot(self) -> Path:
        """Folder of the built bundle that shows widgets in public pages."""
        return self.parts / "snapshot"

    @property
    def records(self) -> Path:
        """Folder of the resolved tenants that services read."""
        return self.state / "records"

    @property
    def master_secrets(self) -> Path:
        """Folder of all secrets; only the operator reads it."""
        return self.state / "secrets"

    @property
    def homes(self) -> Path:
        """Folder of the users' homes."""
        return self.state / "homes"

    @property
    def archived_homes(self) -> Path:
        """Folder of homes whose names were given to somebody else."""
        return self.state / "archived-homes"

    @property
    def shared(self) -> Path:
        """Folder of the folders that the people of a tenant share."""
        return self.state / "shared"

    @property
    def assets(self) -> Path:
        """Folder of the files that maps need in the browser."""
        return self.parts / "assets"

    @property
    def curated(self) -> Path:
        """Folder of the curated notebooks."""
        return CHECKOUT / "notebooks" / "curated"

    @property
    def audit_socket(self) -> Path:
        """Socket of the audit log's writer; its folder lets in those who may write."""
        return self.state / "run" / "audit" / "audit.sock"

    def service_state(self, service: str) -> Path:
        """Folder that belongs to one service's account."""
        return self.state / service

    def service_secrets(self, service: str) -> Path:
        """Folder of one service's own secrets."""
        return self.state / service / "secrets"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings from `settings.yaml` and the environment; raise `SettingsError` with the reason."""
    environ = os.environ if environ is None else environ
    state = Path(environ.get(f"{PREFIX}STATE") or CHECKOUT / "var").absolute()
    values = {**_read_settings_file(state / "settings.yaml"), **_read_environment(environ), "state": state}
    values["parts"] = Path(values.get("parts") or CHECKOUT / ".parts").absolute()
    values["tenants"] = Path(values.get("tenants") or state / "tenants").absolute()
    settings = Settings(**values)
    if not (settings.base_url.startswith("/") and settings.base_url.endswith("/")):
        raise SettingsError(f"base_url is {settings.base_url!r}: it must begin and end with a slash")
    if settings.servers_bind in {settings.bind, settings.publisher_bind}:
        raise SettingsError(f"servers_bind is {settings.servers_bind!r}: it must be a host that has no pages")
    if not 1 <= settings.live_views <= MAX_TOGETHER:
        raise SettingsError(
            f"live_views is {settings.live_views}: write 1 to {MAX_TOGETHER}; a tenant's file turns off its own"
        )
    for name in ("public_url", "keycloak_public_url"):
        _check_origin(name, getattr(settings, name))
    try:
        read_networks(settings.trusted_proxies)
    except ValueError as error:
        raise SettingsError(f"trusted_proxies cannot be read: {error}") from error
    return settings


def _check_origin(name: str, url: str) -> None:
    """Refuse what is no scheme and host: a path would be lost where other addresses are made of it."""
    if not url:
        return
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"{name} is {url!r}: it must begin with https:// and a host name")
    if parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise SettingsError(f"{name} is {url!r}: write scheme, host and port alone; a path is base_url's")


def _read_settings_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is no YAML: {error}") from error
    if not isinstance(values, dict):
        raise SettingsError(f"{path} must be a list of settings with values, one `name: value` a line")
    fields = {spec.name: spec for spec in dataclasses.fields(Settings)}
    unknown = sorted(str(name) for name in values if name not in fields)
    if unknown:
        raise SettingsError(f"{path} has unknown settings: {', '.join(unknown)}")
    # A name with nothing behind it leaves the default.
    return {name: _convert(fields[name], str(value)) for name, value in values.items() if value is not None}


def _read_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values = {}
    for spec in dataclasses.fields(Settings):
        text = environ.get(PREFIX + spec.name.upper())
        if text:
            values[spec.name] = _convert(spec, text)
    return values


def _convert(spec: dataclasses.Field[Any], text: str) -> Any:
    if isinstance(spec.default, bool):
        if text.lower() not in {"0", "1", "true", "false", "yes", "no", "on", "off"}:
            raise SettingsError(f"{spec.name} is {text!r}: write true or false")
        return text.lower() in {"1", "true", "yes", "on"}
    if isinstance(spec.default, int):
        if not (text.isascii() and text.isdigit()):
            raise SettingsError(f"{spec.name} is {text!r}: write a whole number")
        if spec.name.endswith("_port") and not 0 < int(text) < 65536:
            raise SettingsError(f"{spec.name} is {text}: write a port between 1 and 65535")
        return int(text)
    return Path(text) if isinstance(spec.default, Path) else text
