"""Everything the hub is told, one function for each concern; each only sets traits."""

from __future__ import annotations

import sys
from pathlib import Path

from traitlets.config import Config

from urbanlab.contract.secrets import read_secret
from urbanlab_hub import audit
from urbanlab_hub.client_address import read_networks
from urbanlab_hub.confirmation import reconcile_auth_state
from urbanlab_hub.host_names import make_host_name
from urbanlab_hub.identity import UrbanAuthenticator
from urbanlab_hub.local_spawner import UnixAccountSpawner
from urbanlab_hub.logs import make_request_log
from urbanlab_hub.page_header import make_page_header
from urbanlab_hub.roles import CUSTOM_SCOPES, SERVER_SCOPES, make_roles, make_services
from urbanlab_hub.services import SERVICES
from urbanlab_hub.settings import Settings

TEMPLATES = Path(__file__).parent / "templates"


def configure(c: Config, settings: Settings) -> None:
    """Set everything on the hub's configuration."""
    for concern in (
        *(configure_addresses, configure_proxy, configure_state, configure_restarts, configure_logging),
        *(configure_identity, configure_keycloak, configure_roles, configure_services),
        *(configure_spawner, configure_server, configure_pages, configure_web, configure_audit),
    ):
        concern(c, settings)


def configure_addresses(c: Config, settings: Settings) -> None:
    """Where browsers, servers and services reach the hub."""
    c.JupyterHub.bind_url = f"http://{settings.bind}:{settings.hub_port}{settings.base_url}"
    c.JupyterHub.hub_bind_url = f"http://{settings.bind}:{settings.hub_api_port}"
    if settings.public_url:
        c.JupyterHub.public_url = settings.hub_url
    if settings.subdomains:
        # Scripts of one person's server are then another origin to the hub and to everybody else's.
        c.JupyterHub.subdomain_host = settings.hub_origin
        c.JupyterHub.subdomain_hook = make_host_name


def configure_proxy(c: Config, settings: Settings) -> None:
    """The proxy is a process of its own, so that a restart of the hub breaks no connection."""
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = f"http://{settings.bind}:{settings.proxy_api_port}"
    c.ConfigurableHTTPProxy.auth_token = _read(settings, "proxy-api-token")
    # So often the hub looks at the proxy's routes: a proxy that was started anew has none, and lets nobody through.
    c.JupyterHub.last_activity_interval = 5


def configure_state(c: Config, settings: Settings) -> None:
    """What the hub keeps, and the keys that protect it."""
    state = settings.service_state("hub")
    c.JupyterHub.db_url = f"sqlite:///{state / 'jupyterhub.sqlite'}"
    c.JupyterHub.cookie_secret = bytes.fromhex(_read(settings, "cookie-secret"))
    c.JupyterHub.pid_file = ""
    c.CryptKeeper.keys = [bytes.fromhex(_read(settings, "crypt-key"))]


def configure_restarts(c: Config, settings: Settings) -> None:
    """Restarting the hub interrupts nobody."""
    c.JupyterHub.cleanup_servers = False
    c.JupyterHub.cleanup_proxy = False
    c.JupyterHub.shutdown_on_logout = False


def configure_logging(c: Config, settings: Settings) -> None:
    """One JSON object a line on stderr; the supervisor keeps it."""
    c.JupyterHub.logging_config = {
        "formatters": {"json": {"class": "urbanlab_hub.logs.JsonFormatter"}},
        "handlers": {"console": {"formatter": "json"}},
        "loggers": {"urbanlab_hub": {"level": "INFO", "handlers": ["console"], "propagate": False}},
    }


def configure_identity(c: Config, settings: Settings) -> None:
    """Who may log in: whoever Keycloak puts into a role of a known tenant."""
    c.JupyterHub.authenticator_class = UrbanAuthenticator
    c.UrbanAuthenticator.records = settings.records
    c.UrbanAuthenticator.publisher_url = settings.publisher_url
    c.UrbanAuthenticator.logged_out_url = f"{settings.hub_url}hub/logged-out"
    c.UrbanAuthenticator.enable_auth_state = True
    c.UrbanAuthenticator.manage_groups = True
    c.UrbanAuthenticator.auto_login = True
    # `check_allowed` decides; without this the hub warns that nobody could log in.
    c.UrbanAuthenticator.any_allow_config = True
    c.UrbanAuthenticator.refresh_pre_spawn = True
    # The token of somebody who must log in again does not count either.
    c.UrbanAuthenticator.auth_refresh_strict = True
    c.UrbanAuthenticator.reconcile_auth_state_hook = reconcile_auth_state
    c.UrbanAuthenticator.sweep_seconds = settings.sweep_seconds
    c.UrbanAuthenticator.grace_minutes = settings.keycloak_grace_minutes
    c.UrbanAuthenticator.warehouse_url = settings.warehouse_url
    c.UrbanAuthenticator.warehouse_secret = read_secret(settings.service_secrets("hub"), "warehouse-hub")


def configure_keycloak(c: Config, settings: Settings) -> None:
    """The hub's client in the realm."""
    endpoints = f"{settings.realm_url}/protocol/openid-connect"
    for_browsers = f"{settings.issuer}/protocol/openid-connect"
    c.UrbanAuthenticator.login_service = "Keycloak"
    c.UrbanAuthenticator.issuer = settings.issuer
    c.UrbanAuthenticator.keys_url = f"{endpoints}/certs"
    c.UrbanAuthenticator.client_id = "jupyterhub"
    c.UrbanAuthenticator.client_secret = _read(settings, "keycloak-client-jupyterhub")
    c.UrbanAuthenticator.oauth_callback_url = f"{settings.hub_url}hub/oauth_callback"
    c.UrbanAuthenticator.authorize_url = f"{for_browsers}/auth"
    c.UrbanAuthenticator.token_url = f"{endpoints}/token"
    c.UrbanAuthenticator.userdata_url = f"{endpoints}/userinfo"
    c.UrbanAuthenticator.logout_redirect_url = f"{for_browsers}/logout"
    c.UrbanAuthenticator.username_claim = "preferred_username"
    c.UrbanAuthenticator.scope = ["openid"]
    c.UrbanAuthenticator.enable_pkce = True


def configure_roles(c: Config, settings: Settings) -> None:
    """Rights of persons and services."""
    c.JupyterHub.custom_scopes = CUSTOM_SCOPES
    c.JupyterHub.load_roles = make_roles()
    c.Spawner.server_token_scopes = list(SERVER_SCOPES)


def configure_services(c: Config, settings: Settings) -> None:
    """The services that hold a token of the hub."""
    tokens = {service.name: _read(settings, service.secret) for service in SERVICES}
    c.JupyterHub.services = make_services(tokens, {"publisher": settings.publisher_url})


def configure_spawner(c: Config, settings: Settings) -> None:
    """How servers are started and ended."""
    c.JupyterHub.spawner_class = UnixAccountSpawner
    c.UnixAccountSpawner.settings = settings
    c.Spawner.ip = settings.servers_bind
    c.Spawner.start_timeout = 60
    c.Spawner.http_timeout = 30
    # A server that ended by itself is noticed after at most this many seconds.
    c.Spawner.poll_interval = 10
    c.UnixAccountSpawner.term_timeout = 5
    c.UnixAccountSpawner.kill_timeout = 5


def configure_server(c: Config, settings: Settings) -> None:
    """What all users' servers are told; `server_arguments` has the tenant's, extensions/jupyter-config the rest."""
    # -I: neither a file `json.py` in somebody's home nor a package that they installed stands in for the library's.
    c.Spawner.cmd = [sys.executable, "-I", "-m", "urbanlab_lab"]
    c.Spawner.env_keep = []
    c.Spawner.disable_user_config = True
    c.Spawner.default_url = "/lab"


def configure_pages(c: Config, settings: Settings) -> None:
    """The hub's own pages."""
    c.JupyterHub.template_paths = [str(TEMPLATES)]
    c.JupyterHub.template_vars = {"header": make_page_header(settings.records)}


def configure_web(c: Config, settings: Settings) -> None:
    """What browsers are told, and whom the log believes where they are."""
    is_https = settings.hub_origin.startswith("https://")
    c.JupyterHub.tornado_settings = {
        # No other site's page sends cookies along, nor a line without TLS.
        "cookie_options": {"samesite": "Lax", **({"secure": True} if is_https else {})},
        # No other page holds on to the window of one of the hub's: a notebook's output may share the origin, and
        # would act in it as the one who looks.
        "headers": {"Cross-Origin-Opener-Policy": "noopener-allow-popups"},
        "log_function": make_request_log(read_networks(settings.trusted_proxies)),
    }


def configure_audit(c: Config, settings: Settings) -> None:
    """What the hub tells the audit log of servers; the rest is told where it happens."""
    c.EventLogger.handlers = [audit.ServerEvents()]
    c.Spawner.post_stop_hook = audit.note_server_end


def _read(settings: Settings, name: str) -> str:
    return read_secret(settings.service_secrets("hub"), name).reveal()
