"""Every secret of the installation: who holds it, how it is made, and its copies in the services' folders."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from urbanlab.contract.secrets import Secret, read_secret
from urbanlab_hub.services import SERVICES
from urbanlab_hub.settings import Settings
from urbanlab_operate.secret_files import SecretFolder, write_private

SIGNING_KEY = "tokens-signing-key"
PUBLIC_KEY = "tokens-public-key"

# Secret -> the services that hold a copy; the operator holds all of them.
HOLDERS: Mapping[str, tuple[str, ...]] = {
    "cookie-secret": ("hub",),
    "crypt-key": ("hub",),
    "keycloak-client-jupyterhub": ("hub",),
    "proxy-api-token": ("hub", "proxy"),
    "keycloak-admin": ("keycloak",),
    "kafka-broker": ("kafka",),
    "kafka-controller": ("kafka",),
    "kafka-ingest": ("kafka", "ingest"),
    "kafka-simulator": ("kafka", "simulator"),
    "warehouse-operator": ("warehouse",),
    "warehouse-ingest": ("warehouse", "ingest"),
    "warehouse-publisher": ("warehouse", "publisher"),
    "warehouse-hub": ("warehouse", "hub"),
    "warehouse-cluster": ("warehouse",),  # the password of `urbanlab` at a ClickHouse server
    "portal-publisher": ("portal", "publisher"),
    "publisher-operator": ("publisher",),
    "publisher-hub": ("publisher", "hub"),
    SIGNING_KEY: ("tokens",),
    PUBLIC_KEY: ("warehouse", "publisher"),
    **{service.secret: ("hub",) for service in SERVICES},
    "service-tokens": ("hub", "tokens"),
    "service-publisher": ("hub", "publisher"),
    "service-culler": ("hub", "culler"),
}
_KEYS = {SIGNING_KEY, PUBLIC_KEY}


def ensure_secrets(settings: Settings) -> None:
    """Make what is missing and bring the services' copies in line; a secret that exists is never changed."""
    master = settings.master_secrets
    for name in HOLDERS.keys() - _KEYS:
        if not (master / name).exists():
            write_private(master / name, secrets.token_hex(32) + "\n")
    _ensure_key_pair(master)
    for name, services in HOLDERS.items():
        secret = read_secret(master, name)
        for service in services:
            _ensure_copy(settings, service, name, secret)


def _ensure_copy(settings: Settings, service: str, name: str, secret: Secret) -> None:
    if service == "hub":  # the hub is the operator's own account
        path = settings.service_secrets(service) / name
        if not path.exists() or read_secret(path.parent, name).reveal() != secret.reveal():
            write_private(path, secret.reveal() + "\n")
        return
    folder = SecretFolder(settings, service)
    if not folder.holds(name, secret):
        folder.write(name, secret)


def _ensure_key_pair(master: Path) -> None:
    if not (master / SIGNING_KEY).exists():
        write_private(master / SIGNING_KEY, _make_private_key())
        (master / PUBLIC_KEY).unlink(missing_ok=True)
    if not (master / PUBLIC_KEY).exists():
        write_private(master / PUBLIC_KEY, _make_public_key(read_secret(master, SIGNING_KEY)))


def _make_private_key() -> str:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode()


def _make_public_key(private: Secret) -> str:
    key = serialization.load_pem_private_key(private.reveal().encode(), password=None)
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem.decode()
