"""Checks the configuration without starting or changing anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from urbanlab_hub.settings import Settings
from urbanlab_hub.tenants import DEMO_FOLDER, TenantError, load_tenants
from urbanlab_operate.local.ports import find_doubles
from urbanlab_operate.local.programs import list_ports

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def find_problems(settings: Settings) -> list[str]:
    """Return a sentence for everything that cannot be used, or should not be used in production."""
    return [
        *find_doubles(list_ports(settings)),
        *_find_tls_problems(settings),
        *_find_exposure(settings),
        *_find_tenant_problems(settings),
    ]


def _find_tls_problems(settings: Settings) -> Iterator[str]:
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        yield "tls_certificate and tls_key belong together: give both or none."
    for name in ("tls_certificate", "tls_key"):
        path = getattr(settings, name)
        if path and not Path(path).is_file():
            yield f"{name} names {path}, which is no file."


def _find_exposure(settings: Settings) -> Iterator[str]:
    """Find what would carry passwords in the clear over a network."""
    if settings.bind not in LOOPBACK and not (settings.tls_certificate or settings.public_url):
        yield (
            f"bind is {settings.bind}, so others reach the hub without encryption: give tls_certificate and "
            "tls_key, or public_url where a reverse proxy stands in front."
        )
    public = urlsplit(settings.public_url)
    if settings.public_url and public.scheme != "https" and public.hostname not in LOOPBACK:
        yield f"public_url is {settings.public_url}: browsers must reach the hub by https."
    if public.hostname and public.hostname not in LOOPBACK and not settings.keycloak_public_url:
        yield f"Browsers do not reach Keycloak at {settings.login_url}: give keycloak_public_url."


def _find_tenant_problems(settings: Settings) -> Iterator[str]:
    folder = settings.tenants if settings.tenants.exists() or not settings.demo else DEMO_FOLDER
    try:
        tenants = load_tenants(folder)
    except TenantError as error:
        yield from error.problems
        return
    is_public = settings.public_url or settings.bind not in LOOPBACK
    if is_public and len(tenants) > 1 and not settings.subdomains:
        yield "With more than one tenant, hub and users need host names of their own in production: set subdomains."
