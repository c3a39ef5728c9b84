"""The session of a kernel: whose it is, where things are, its credentials. Alone reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from urbanlab.contract import environment as names
from urbanlab.contract.secrets import Secret
from urbanlab.credentials import Credentials
from urbanlab.errors import SessionError

# JupyterHub's own variable; it is not renamed.
HUB_TOKEN = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - a variable's name
GERMANY = (51.2, 10.4)
# The service users as whom a tenant's publications and reports run.
PUBLICATIONS, REPORTS = "publications", "reports"


@dataclass(frozen=True)
class Session:
    """A person in a tenant, at work in one kernel."""

    tenant: str
    tenant_title: str
    person: str
    language: str
    warehouse_url: str
    kafka_bootstrap: str
    assets_url: str
    map_centre: tuple[float, float]  # latitude, longitude
    time_zone: str
    credentials: Credentials
    publisher_url: str = ""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> Session:
        """Return the session that the hub has prepared; raise `SessionError` outside of Urban Lab."""
        environ = os.environ if environ is None else environ
        needed = [names.TENANT, names.TOKENS_URL, names.WAREHOUSE_URL, names.KAFKA_BOOTSTRAP]
        # Where nobody is logged in, the server keeps the token and hands credentials on over a socket.
        needed += [] if environ.get(names.TOKENS_URL, "").startswith("unix:") else [HUB_TOKEN]
        missing = [name for name in needed if not environ.get(name)]
        if missing:
            raise SessionError(
                "This Python does not run in Urban Lab, so there is no data to reach. Log in to Urban Lab "
                f"and open a notebook with the kernel 'Urban Lab (Python)'. (Not set: {', '.join(missing)})"
            )
        return cls(
            tenant=environ[names.TENANT],
            tenant_title=environ.get(names.TENANT_TITLE) or environ[names.TENANT],
            person=environ.get(names.PERSON, ""),
            language=environ.get(names.LANGUAGE) or "de",
            warehouse_url=environ[names.WAREHOUSE_URL],
            kafka_bootstrap=environ[names.KAFKA_BOOTSTRAP],
            assets_url=environ.get(names.ASSETS_URL, ""),
            map_centre=_parse_centre(environ.get(names.MAP_CENTRE, "")),
            time_zone=environ.get(names.TIME_ZONE) or "Europe/Berlin",
            credentials=Credentials(environ[names.TOKENS_URL], _read_hub_token(environ)),
            publisher_url=environ.get(names.PUBLISHER_URL, ""),
        )

    @property
    def is_publication(self) -> bool:
        """Whether this runs for the public, with open data and nothing else."""
        return self.person == PUBLICATIONS

    @property
    def is_unattended(self) -> bool:
        """Whether nobody looks on while this runs."""
        return self.person in {PUBLICATIONS, REPORTS}

    def choose(self, text: Mapping[str, str]) -> str:
        """Return the text in this session's language, else in German, else in any."""
        return text.get(self.language) or text.get("de") or next(iter(text.values()), "")


@lru_cache(maxsize=1)
def current_session() -> Session:
    """Return the session of this process, made when it is first needed."""
    return Session.from_environ()


def _read_hub_token(environ: Mapping[str, str]) -> Secret | None:
    return Secret(environ[HUB_TOKEN]) if environ.get(HUB_TOKEN) else None


def _parse_centre(text: str) -> tuple[float, float]:
    latitude, _, longitude = text.partition(",")
    try:
        return float(latitude), float(longitude)
    except ValueError:
        return GERMANY
