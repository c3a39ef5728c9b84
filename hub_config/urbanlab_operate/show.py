"""Shows the resolved configuration: settings, tenants, and which secrets there are, these as stars."""

from __future__ import annotations

import dataclasses
from typing import Any

import yaml

from urbanlab_hub.settings import Settings
from urbanlab_hub.tenants import DEMO_FOLDER, load_tenants


def render_configuration(settings: Settings) -> str:
    """Return everything that is in force as YAML; no secret's value is in it."""
    folder = settings.tenants if settings.tenants.exists() or not settings.demo else DEMO_FOLDER
    tenants = {name: dataclasses.asdict(tenant) for name, tenant in load_tenants(folder).items()}
    shown = {
        "settings": {name: _simplify(value) for name, value in dataclasses.asdict(settings).items()},
        "addresses": {
            name: getattr(settings, name)
            for name in ("hub_url", "keycloak_url", "kafka_bootstrap", "warehouse_url", "tokens_url")
        },
        "secrets": dict.fromkeys(_list_secrets(settings), "**********"),
        "tenants": _simplify(tenants),
    }
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=110)


def _list_secrets(settings: Settings) -> list[str]:
    if not settings.master_secrets.exists():
        return []
    return sorted(path.name for path in settings.master_secrets.iterdir() if not path.name.startswith("."))


def _simplify(value: Any) -> Any:
    """Return a value as YAML's plain types."""
    if isinstance(value, dict):
        return {key: _simplify(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_simplify(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
