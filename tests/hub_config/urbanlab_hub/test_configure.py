"""The hub's configuration, function by function, with a plain `Config` and no hub."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from traitlets.config import Config

from urbanlab_hub import configure as concerns
from urbanlab_hub.configure import configure
from urbanlab_hub.host_names import make_host_name
from urbanlab_hub.services import SERVICES
from urbanlab_hub.settings import Settings

HELD = ("proxy-api-token", "keycloak-client-jupyterhub", "warehouse-hub")
SECRETS = (*HELD, *(service.secret for service in SERVICES))


@pytest.fixture
def configured(settings: Settings) -> Callable[..., Config]:
    """Return a function that configures with the given settings changed."""
    folder = settings.service_secrets("hub")
    folder.mkdir(parents=True)
    for name in ("cookie-secret", "crypt-key"):
        (folder / name).write_text("ab" * 32 + "\n")
    for name in SECRETS:
        (folder / name).write_text(f"{name} of this test\n")

    def make(**changes: object) -> Config:
        c = Config()
        configure(c, dataclasses.replace(settings, **changes))  # type: ignore[arg-type]
        return c

    return make


def test_the_proxy_is_another_process_and_a_restart_interrupts_nobody(
    configured: Callable[..., Config],
) -> None:
    c = configured()

    assert c.ConfigurableHTTPProxy.should_start is False
    assert c.ConfigurableHTTPProxy.auth_token == "proxy-api-token of this test"
    assert (c.JupyterHub.cleanup_servers, c.JupyterHub.cleanup_proxy) == (False, False)


def test_login_is_by_keycloak_with_pkce_groups_and_encrypted_state(
    settings: Settings, configured: Callable[..., Config]
) -> None:
    c = configured()
    login = c.UrbanAuthenticator

    assert (login.enable_pkce, login.manage_groups, login.enable_auth_state) == (True, True, True)
    assert login.authorize_url == f"{settings.realm_url}/protocol/openid-connect/auth"
    assert login.oauth_callback_url == f"{settings.hub_url}hub/oauth_callback"
    assert login.client_secret == "keycloak-client-jupyterhub of this test"
    assert c.CryptKeeper["keys"] == [bytes.fromhex("ab" * 32)]
    assert "allow_all" not in login
    assert "admin_users" not in login


def test_a_server_starts_with_nothing_of_the_hub_and_no_config_of_its_owner(
    configured: Callable[..., Config],
) -> None:
    c = configured()

    assert c.Spawner.cmd == [sys.executable, "-I", "-m", "urbanlab_lab"]
    assert c.Spawner.env_keep == []
    assert c.Spawner.ip == "127.0.0.3"
    assert c.Spawner.disable_user_config is True
    assert "args" not in c.Spawner  # what tenants declare is told server by server


def test_services_are_external_and_hold_their_own_token(configured: Callable[..., Config]) -> None:
    services = {service["name"]: service for service in configured().JupyterHub.services}

    assert set(services) == {service.name for service in SERVICES}
    assert services["tokens"] == {"name": "tokens", "api_token": "service-tokens of this test"}


def test_host_names_for_users_are_a_setting(configured: Callable[..., Config]) -> None:
    assert "subdomain_host" not in configured().JupyterHub
    assert configured(subdomains=True, hub_port=7000).JupyterHub.subdomain_host == "http://localhost:7000"
    public = configured(subdomains=True, public_url="https://lab.example").JupyterHub
    assert (public.subdomain_host, public.public_url) == ("https://lab.example", "https://lab.example/")
    assert public.subdomain_hook is make_host_name


def test_cookies_are_sent_by_our_own_pages_only_and_by_tls_where_there_is_any(
    configured: Callable[..., Config],
) -> None:
    plain, public = configured(), configured(public_url="https://lab.example")
    assert plain.JupyterHub.tornado_settings["cookie_options"] == {"samesite": "Lax"}
    assert public.JupyterHub.tornado_settings["cookie_options"] == {"samesite": "Lax", "secure": True}


def test_browsers_and_programs_find_keycloak_each_in_their_way(configured: Callable[..., Config]) -> None:
    found = configured(keycloak_public_url="https://login.example/", keycloak_port=7001).UrbanAuthenticator
    realm = "https://login.example/realms/urban"
    assert found.issuer == realm
    for url in (found.authorize_url, found.logout_redirect_url):
        assert url.startswith(f"{realm}/protocol/")
    for url in (found.token_url, found.userdata_url, found.keys_url):
        assert url.startswith("http://127.0.0.1:7001/realms/urban/protocol/")


def test_no_other_page_holds_on_to_one_of_the_hubs(configured: Callable[..., Config]) -> None:
    headers = configured().JupyterHub.tornado_settings["headers"]
    assert headers == {"Cross-Origin-Opener-Policy": "noopener-allow-popups"}


def test_the_hub_listens_at_the_address_of_the_settings_only(
    settings: Settings, configured: Callable[..., Config]
) -> None:
    hub = configured(base_url="/lab/").JupyterHub

    assert hub.bind_url == f"http://127.0.0.1:{settings.hub_port}/lab/"
    assert hub.hub_bind_url == f"http://127.0.0.1:{settings.hub_api_port}"


def test_every_concern_is_called(configured: Callable[..., Config]) -> None:
    named = {name for name in vars(concerns) if name.startswith("configure_")}
    source = Path(concerns.__file__).read_text(encoding="utf-8")
    listed = source.split("def configure(")[1].split("def ")[0]

    assert len(named) > 10
    assert all(name in listed for name in named)
