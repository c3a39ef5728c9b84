"""nginx in front of an installation, with the configuration that the repository shows to operators."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.installation import Installation

from .operator_access import wait_until

EXAMPLE = Path(__file__).parents[2] / "hub_config" / "nginx.example.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
# What every nginx has around the example; all that it writes goes into the folder.
FRAME = """daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {servers}
}}
"""


@contextmanager
def reverse_proxy(
    place: Installation, port: int, certificate: Path, key: Path, folder: Path
) -> Iterator[None]:
    """Have nginx listen for `localhost`, all below it, and Keycloak as `login.localhost`, while the block runs."""
    settings = place.settings
    changes = {
        "lab.example *.lab.example;": "localhost *.localhost;",
        "login.example;": "login.localhost;",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "/etc/ssl/lab.example.pem": str(certificate),
        "/etc/ssl/private/lab.example.key": str(key),
        "http://127.0.0.1:8000;": f"http://127.0.0.1:{settings.hub_port};",
        "http://127.0.0.1:8180;": f"http://127.0.0.1:{settings.keycloak_port};",
    }
    servers = EXAMPLE.read_text(encoding="utf-8")
    for shown, ours in changes.items():
        assert shown in servers, shown
        servers = servers.replace(shown, ours)
    folder.mkdir()
    (folder / "nginx.conf").write_text(FRAME.format(folder=folder, servers=servers), encoding="utf-8")
    assert NGINX is not None
    with subprocess.Popen([NGINX, "-p", folder, "-c", folder / "nginx.conf"]) as process:
        try:
            wait_until(lambda: process.poll() is not None or is_answered(port), 10)
            assert process.poll() is None, (folder / "error.log").read_text()
            yield
        finally:
            process.terminate()


def is_answered(port: int) -> bool:
    """Return whether something listens."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
