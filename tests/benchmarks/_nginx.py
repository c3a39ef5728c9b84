"""The peer of a web server: nginx with one worker, which sends the bytes of one page."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks._load import fetch
from tests.kafka_broker import get_free_port, wait_until

_FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_CONFIGURATION = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 10000000;
  {folders}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      root {folder}/pages;
      index page;
      default_type "text/html; charset=utf-8";
      add_header Content-Encoding gzip;
    }}
  }}
}}
"""


@contextmanager
def running_nginx(packed_page: bytes) -> Iterator[str | None]:
    """Give the address at which nginx serves a page that is packed already; None where there is no nginx."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="urbanlab-nginx-", dir="/var/tmp") as name:
        folder, port = Path(name), get_free_port()
        (folder / "pages").mkdir()
        (folder / "pages" / "page").write_bytes(packed_page)
        (folder / "nginx.conf").write_text(_render(folder, port))
        log = str(folder / "error.log")
        process = subprocess.Popen([program, "-p", name, "-c", str(folder / "nginx.conf"), "-e", log])
        url = f"http://127.0.0.1:{port}/"
        try:
            assert wait_until(lambda: _try(url), 10, "nginx answers") == packed_page
            yield url
        finally:
            process.terminate()
            process.wait(10)


def _render(folder: Path, port: int) -> str:
    folders = "\n  ".join(f"{name}_temp_path {folder}/{name};" for name in _FOLDERS)
    user = "user root;" if os.geteuid() == 0 else ""  # else its worker could not read the folder
    return _CONFIGURATION.format(folder=folder, port=port, folders=folders, user=user)


def _try(url: str) -> bytes:
    try:
        return fetch(url)
    except ConnectionError:
        return b""
