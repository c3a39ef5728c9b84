"""What the portal is started with; the only reader of the environment here."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from urbanlab.contract import environment, live
from urbanlab.contract.secrets import Secret, read_secret


class PortalSettingsError(ValueError):
    """What the portal is started with is not enough or makes no sense; the message is safe to show."""


@dataclass(frozen=True)
class PortalSettings:
    """Where the portal listens, what it reads, and the one folder in which it writes."""

    bind: str
    port: int
    public: Path
    state: Path
    assets: Path | None = None  # files of maps
    snapshot: Path | None = None  # the bundle that shows widgets
    jupyter: Path | None = None  # what Jupyter's packages have installed, for interactive views
    portal_url: str = ""  # as browsers see the portal
    publisher_url: str = ""  # who gives seats in interactive views and is told about readers, if anybody
    publisher_secret: Secret | None = None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> PortalSettings:
        """Return the settings of this process; raise `PortalSettingsError` if one that is needed is unset."""
        values = os.environ if environ is None else environ
        needs = (environment.PORT, environment.PUBLIC, environment.SERVICE_STATE)
        unset = [variable for variable in needs if not values.get(variable)]
        if unset:
            raise PortalSettingsError(f"the portal needs {', '.join(unset)} in its environment")
        return cls(
            bind=values.get(environment.BIND) or "127.0.0.1",
            port=_to_port(values[environment.PORT]),
            public=Path(values[environment.PUBLIC]),
            state=Path(values[environment.SERVICE_STATE]),
            assets=_to_folder(values.get(environment.ASSETS_PATH)),
            snapshot=_to_folder(values.get(environment.SNAPSHOT_PATH)),
            jupyter=Path(sys.prefix) / "share" / "jupyter",
            portal_url=values.get(environment.PORTAL_URL) or f"http://localhost:{values[environment.PORT]}",
            publisher_url=values.get(environment.PUBLISHER_URL, ""),
            publisher_secret=_find_secret(_to_folder(values.get(environment.SECRETS))),
        )


def _to_port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise PortalSettingsError(f"{environment.PORT} is {text!r}: it must be a port number")
    return int(text)


def _to_folder(text: str | None) -> Path | None:
    return Path(text) if text else None


def _find_secret(folder: Path | None) -> Secret | None:
    try:
        return read_secret(folder, live.SECRET) if folder else None
    except OSError:
        # There are no interactive views then, nobody is told about readers, and all pages are there.
        return None
