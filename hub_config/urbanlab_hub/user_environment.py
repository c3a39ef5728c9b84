"""What a user's server finds in its environment: the names of the contract, a home, and nothing of the hub."""

from __future__ import annotations

import sys
from pathlib import Path

from urbanlab.contract import environment, naming
from urbanlab.contract.records import Tenant
from urbanlab_hub.settings import Settings

# What is published is shown by the portal, so its maps name the portal's files.
PORTAL_ASSETS = "/static/assets/"
# A notebook that ran in a service user's account may have left anything in its home: none of it becomes part
# of the server, which holds the hub token.
_RUNNER_VARIABLES = {"JUPYTERHUB_DISABLE_USER_CONFIG": "1", "PYTHONNOUSERSITE": "1"}
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
# Programs that say whom to ask, in the place of those that a tenant does not allow.
REFUSALS = Path(__file__).parent / "refusals"
# Where a person's own packages go, where the tenant allows them; what the product brings comes first.
PACKAGES = Path(".local/urbanlab")


def make_user_environment(
    settings: Settings, tenant: Tenant, hub_user: str, home: Path, prefix: str
) -> dict[str, str]:
    """Return the variables of a person's or service user's server; `prefix` is its path at the hub."""
    is_service = naming.split_hub_user(hub_user)[0] in naming.SERVICE_PERSONS
    return {
        **_make_kernel_variables(settings, tenant, hub_user, prefix),
        **_make_system_variables(home, tenant),
        **(
            _make_package_variables(home)
            if "pip" in tenant.allow and not is_service
            else {"PIP_NO_INDEX": "1"}
        ),
        **(_RUNNER_VARIABLES if is_service else {}),
    }


def _make_kernel_variables(settings: Settings, tenant: Tenant, hub_user: str, prefix: str) -> dict[str, str]:
    return {
        environment.TENANT: tenant.id,
        environment.TENANT_TITLE: tenant.title,
        environment.PERSON: naming.split_hub_user(hub_user)[0],
        environment.LANGUAGE: tenant.languages[0],
        environment.TOKENS_URL: settings.tokens_url,
        environment.WAREHOUSE_URL: settings.warehouse_url,
        environment.KAFKA_BOOTSTRAP: settings.kafka_bootstrap,
        environment.ASSETS_URL: PORTAL_ASSETS if _is_publication(hub_user) else f"{prefix}urbanlab/assets/",
        environment.ASSETS_PATH: str(settings.assets),
        environment.MAP_CENTRE: f"{tenant.latitude},{tenant.longitude}",
        environment.TIME_ZONE: tenant.time_zone,
        environment.CURATED_PATH: str(settings.curated),
        environment.PUBLISHER_URL: settings.publisher_url,
    }


def _is_publication(hub_user: str) -> bool:
    return naming.split_hub_user(hub_user)[0] == "publications"


def _make_package_variables(home: Path) -> dict[str, str]:
    """Let pip put packages into a folder of the home where kernels look for them, and the server does not."""
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return {
        "PIP_PREFIX": str(home / PACKAGES),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONPATH": str(home / PACKAGES / "lib" / python / "site-packages"),
    }


def _make_system_variables(home: Path, tenant: Tenant) -> dict[str, str]:
    refused = [str(REFUSALS / name) for name in ("pip", "git") if name not in tenant.allow]
    own = [str(home / PACKAGES / "bin")] if "pip" in tenant.allow else []
    return {
        "HOME": str(home),
        "PATH": ":".join([*refused, str(Path(sys.executable).parent), SYSTEM_PATH, *own]),
        "LANG": "C.UTF-8",
        "SHELL": "/bin/bash",
        "MPLCONFIGDIR": str(home / ".cache" / "matplotlib"),
    }
