"""Our own proxy, as the supervisor runs it, where no other stands in front: TLS ends there."""

from __future__ import annotations

import dataclasses
import os
import ssl
import subprocess
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.certificates import write_certificate
from tests.kafka_broker import wait_until
from urbanlab_hub.settings import Settings
from urbanlab_operate.local.programs import make_programs

NO_ROUTE = 404


@pytest.fixture
def encrypted(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with a certificate and a token of the proxy."""
    certificate, key = write_certificate(tmp_path)
    folder = settings.service_secrets("proxy")
    folder.mkdir(parents=True)
    (folder / "proxy-api-token").write_text("of-this-test")
    return dataclasses.replace(settings, subdomains=True, tls_certificate=str(certificate), tls_key=str(key))


def test_browsers_talk_to_it_by_tls_alone(encrypted: Settings) -> None:
    program = next(each for each in make_programs(encrypted, {}) if each.name == "proxy")
    trusted = ssl.create_default_context(cafile=encrypted.tls_certificate)
    with subprocess.Popen(program.command, env={"PATH": os.environ["PATH"]}) as process:
        try:
            wait_until(lambda: ask(encrypted.hub_url, trusted) is not None, 30, "the proxy")
            assert encrypted.hub_url.startswith("https://localhost:")
            assert ask(encrypted.hub_url, trusted) == NO_ROUTE
            assert ask(encrypted.hub_url.replace("https", "http"), trusted) is None
        finally:
            process.terminate()


def ask(url: str, trusted: ssl.SSLContext) -> int | None:
    """Return the status of the answer, or None without one."""
    try:
        return int(urlopen(url, context=trusted, timeout=5).status)
    except HTTPError as error:
        return error.code
    except OSError:
        return None
