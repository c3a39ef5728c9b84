"""What the tests of pages share: executing a notebook in a real kernel, and serving a page as the portal does."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from urbanlab.contract import environment
from urbanlab.contract.publications import FILE_TYPES
from urbanlab_portal import policies
from urbanlab_runner.kernel_client import RunnerKernelManager
from urbanlab_runner.snapshot.page import RenderedPage

ROOT = Path(__file__).parents[3]
PARTS = ROOT / ".parts"
SNAPSHOT, ASSETS = PARTS / "snapshot", PARTS / "assets"
TYPES = {**FILE_TYPES, "js": FILE_TYPES["mjs"]}
# What a publication's kernel is told; nothing answers at any of the addresses.
ENVIRONMENT = {
    environment.TENANT: "town",
    environment.TENANT_TITLE: "Town",
    environment.PERSON: "publications",
    environment.LANGUAGE: "de",
    environment.TOKENS_URL: "http://127.0.0.1:9",
    environment.WAREHOUSE_URL: "http://127.0.0.1:9",
    environment.KAFKA_BOOTSTRAP: "127.0.0.1:9",
    environment.ASSETS_URL: "/static/assets/",
    environment.MAP_CENTRE: "51.9,8.4",
    environment.TIME_ZONE: "Europe/Berlin",
    "JUPYTERHUB_API_TOKEN": "none",
}


def make_notebook(*cells: str) -> nbformat.NotebookNode:
    """Return a notebook; a cell that begins with ``# `` or ``%md`` is text."""
    made = []
    for cell in cells:
        is_text = cell.startswith(("#", "%md"))
        made.append(new_markdown_cell(cell.removeprefix("%md\n")) if is_text else new_code_cell(cell))
    return new_notebook(cells=made)


def execute(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Execute a notebook in a real kernel, as the runner does, and return it."""
    with tempfile.TemporaryDirectory(prefix="uls", dir="/tmp") as folder:
        manager = RunnerKernelManager(kernel_name="urbanlab", transport="ipc", ip=f"{folder}/kernel")
        manager.kernel_spec_manager = KernelSpecManager(kernel_dirs=[str(ROOT / "kernels/kernelspecs")])
        client = NotebookClient(notebook, km=manager, timeout=120, store_widget_state=True)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        client.execute(env={**ENVIRONMENT, "PATH": path, "HOME": folder, "LANG": "C.UTF-8"})
    return notebook


FRAME = """<!DOCTYPE html>
<html lang="de"><head><meta charset="utf-8"><title>Seite</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/static/snapshot/snapshot.css"></head>
<body><main><h1>Seite</h1>BODY</main><script src="/static/snapshot/snapshot.js" defer></script></body></html>
"""


@contextmanager
def serve(page: RenderedPage, with_policy: bool = True) -> Iterator[str]:
    """Serve a page under the portal's policies, or under none, and yield its address."""
    files = {f"{file.digest}.{file.name.rpartition('.')[2]}": file.name for file in page.page.files}

    def make_headers(ending: str, policy: dict[str, str]) -> dict[str, str]:
        rules = {**policies.COMMON, **policy} if with_policy else {}
        return {**rules, "Content-Type": TYPES[ending]}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            name = path.rpartition("/")[2]
            if path == "/town/page/":
                body = FRAME.replace("BODY", page.contents["body.html"].decode()).encode()
                return self.answer(body, "html", policies.PAGE)
            if path.startswith("/town/page/files/") and name in files:
                ending = name.rpartition(".")[2]
                policy = policies.make_file_policy(TYPES[ending], preview=False)
                return self.answer(page.contents[files[name]], ending, policy)
            for prefix, folder in (("/static/snapshot/", SNAPSHOT), ("/static/assets/", ASSETS)):
                if path.startswith(prefix) and (folder / path.removeprefix(prefix)).is_file():
                    content = (folder / path.removeprefix(prefix)).read_bytes()
                    return self.answer(content, name.rpartition(".")[2], policies.SHARED)
            self.send_error(204 if name == "favicon.ico" else 404)
            return None

        def answer(self, content: bytes, ending: str, policy: dict[str, str]) -> None:
            self.send_response(200)
            for header, value in make_headers(ending, policy).items():
                self.send_header(header, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}/town/page/"
    finally:
        server.shutdown()
        server.server_close()
