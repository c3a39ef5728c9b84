"""The peer of the portal: Voilà as it comes, which executes the notebook for each visitor.

It runs in the environment of `_stock_hub.py` and reads the same rows through the same gateway: its kernels get what
an analyst's kernel has in its environment, the token included.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psutil

from tests.benchmarks._load import fetch
from tests.benchmarks._stock_hub import make_environment
from tests.integration.login import StaffSession
from tests.kafka_broker import get_free_port, wait_until
from urbanlab.contract.environment import KERNEL_VARIABLES
from urbanlab_hub.settings import CHECKOUT

HUB_TOKEN = "JUPYTERHUB_API_TOKEN"
READ_ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"
START_SECONDS = 120
PNG = b"iVBORw0KGgo"  # how a picture begins in base64


class StockVoila:
    """A running Voilà that shows one notebook to everybody, as long as the analyst's server runs."""

    def __init__(self, notebook: Path, staff: StaffSession) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="urbanlab-stock-voila-", dir="/var/tmp"))
        self.python = make_environment(self.folder / "environment")
        shutil.copy(notebook, self.folder)
        self.notebook = notebook.name
        given = staff.ask_json(READ_ENVIRONMENT)
        self.environ = {name: given[name] for name in (*KERNEL_VARIABLES, HUB_TOKEN) if name in given}
        self.port = get_free_port()
        self.url = f"http://127.0.0.1:{self.port}/"

    def __enter__(self) -> StockVoila:
        own = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8"}
        # Notebooks import `urbanlab`; a stock environment has it as a folder on the path and nothing else of ours.
        path = {"PYTHONPATH": str(CHECKOUT / "kernels")}
        with (self.folder / "voila.log").open("w") as log:
            self.process = subprocess.Popen(
                [self.python, "-m", "voila", self.notebook, f"--port={self.port}", "--no-browser"],
                cwd=self.folder,
                env={**own, **path, **self.environ},
                stdout=log,
                stderr=log,
            )
        try:
            # The first page also compiles what the kernels import.
            page = wait_until(self._fetch, START_SECONDS, "stock Voilà shows the notebook")
            assert PNG in page, "stock Voilà shows no chart: the notebook has failed"
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _fetch(self) -> bytes:
        assert self.process.poll() is None, (self.folder / "voila.log").read_text()[-2000:]
        try:
            return fetch(self.url)
        except ConnectionError:
            return b""

    def stop(self) -> None:
        """End Voilà and its kernels, and remove its folder."""
        family = (
            psutil.Process(self.process.pid).children(recursive=True) if self.process.poll() is None else []
        )
        self.process.terminate()
        self.process.wait(30)
        _, left = psutil.wait_procs(family, timeout=5)
        for process in left:
            process.kill()
        shutil.rmtree(self.folder)
