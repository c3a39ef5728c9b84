"""The peer: a JupyterHub as it comes, with the same libraries and none of our settings."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
import requests

from urbanlab_hub.settings import Settings

START_SECONDS = 60
# What we, or what a stock hub does not have, put beside the server's own configuration.
NOT_STOCK = ("jupyter_server_config.json", "urbanlab.json", "voila.json", "labconfig")


class StockHub:
    """A running hub that lets anybody in and starts servers as processes of its own account."""

    def __init__(self, settings: Settings) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="urbanlab-stock-hub-", dir="/var/tmp"))
        self.python = make_environment(self.folder / "environment")
        ports = _find_free_ports(3)
        self.url = f"http://127.0.0.1:{ports[0]}/"
        (self.folder / "jupyterhub_config.py").write_text(_render(self.folder, self.python, settings, *ports))

    def __enter__(self) -> StockHub:
        with (self.folder / "hub.log").open("w") as log:
            self.process = subprocess.Popen(
                [self.python, "-m", "jupyterhub"], cwd=self.folder, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError("the stock hub does not start")
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the hub and everything that it started, and remove its folder."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        self.process.wait(30)
        _, left = psutil.wait_procs(family, timeout=5)
        for process in left:
            process.kill()
        shutil.rmtree(self.folder)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}hub/login", timeout=5).status_code == 200
        except requests.RequestException:
            return False


def make_environment(folder: Path) -> str:
    """Make an environment over our libraries; ours would bring its own configuration of servers along."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    here = Path(sys.prefix)
    libraries = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    # A plain path: what makes our own packages importable from there is not followed.
    (libraries / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    shutil.copytree(here / "etc", folder / "etc", ignore=shutil.ignore_patterns(*NOT_STOCK))
    (folder / "share").symlink_to(here / "share")
    return str(folder / "bin" / "python")


def _render(folder: Path, python: str, settings: Settings, hub: int, hub_api: int, proxy_api: int) -> str:
    modules = settings.parts / "npm" / "node_modules"
    proxy = modules / "configurable-http-proxy" / "bin" / "configurable-http-proxy"
    return f"""
c.JupyterHub.bind_url = "http://127.0.0.1:{hub}"
c.JupyterHub.hub_port = {hub_api}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_api}"
c.ConfigurableHTTPProxy.command = ["node", {str(proxy)!r}]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {str(folder / "homes" / "{username}")!r}
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
"""


def _find_free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
