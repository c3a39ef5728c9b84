"""A Jupyter server as a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from ..kafka_broker import get_free_port, wait_until  # noqa: TID252


class JupyterServer:
    """A real Jupyter server with JupyterLab, configured by `extensions/jupyter-config` as users' servers are."""

    def __init__(self, home: Path, environ: dict[str, str], account: int | None = None) -> None:
        self.account = account
        self.home, self.port, self.token = home, get_free_port(), uuid.uuid4().hex
        # The addresses of Unix sockets are short, so the folder of the kernels' is.
        self.runtime = Path(tempfile.mkdtemp(prefix="ul", dir="/tmp"))
        if account is not None:
            for folder in (home, self.runtime):
                os.chown(folder, account, account)
        self._environ = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            "HOME": str(home),
            "JUPYTER_CONFIG_PATH": str(Path(__file__).parents[2] / "extensions/jupyter-config"),
            "JUPYTER_RUNTIME_DIR": str(self.runtime),
            "JUPYTER_TOKEN": self.token,
            **environ,
        }
        self.start()

    def start(self) -> None:
        options = (f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0", "--allow-root")
        command = (sys.executable, "-P", "-m", "jupyterlab", "--no-browser", *options)
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.home,
                env=self._environ,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                user=self.account,
                group=self.account,
                extra_groups=None if self.account is None else [],
            )
        wait_until(self._answers, 40, "the Jupyter server answers")

    def fetch(
        self, path: str, body: Any = None, method: str | None = None, token: str | None = None
    ) -> tuple[int, Any, bytes]:
        """Return status, headers and content; the server's token is shown unless another is given."""
        data = None if body is None else json.dumps(body).encode()
        token = self.token if token is None else token
        headers = {"Authorization": f"token {token}"} if token else {}
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def fetch_json(self, path: str, body: Any = None, method: str | None = None) -> tuple[int, Any]:
        status, _, content = self.fetch(path, body, method)
        return status, json.loads(content) if content else None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        finally:
            self.kill()
            shutil.rmtree(self.runtime, ignore_errors=True)

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.home / "server.log").read_text()[-3000:]
        try:
            return self.fetch("/api")[0] == 200
        except OSError:
            return False
