"""A person's server as it is configured: files of maps, policy, kernels, and nothing of third parties."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest
from jupyter_client import BlockingKernelClient

from urbanlab.contract import environment
from urbanlab_lab.security_policy import make_policy

FIVE_SOCKETS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


@pytest.fixture(scope="module")
def server(start_jupyter: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("assets")
    (folder / "leaflet").mkdir()
    (folder / "leaflet/leaflet.js").write_text("window.L = {};")
    (folder.parent / "secret.txt").write_text("secret")
    (folder / "way-out").symlink_to(folder.parent)
    started = start_jupyter(**{environment.ASSETS_PATH: str(folder), environment.PERSON: "anna"})
    (started.home / "page.html").write_text("<script>alert(1)</script>")
    return started


@pytest.fixture
def start_kernel(server: Any) -> Iterator[Callable[[str], str]]:
    started: list[str] = []

    def start(name: str) -> str:
        status, model = server.fetch_json("/api/kernels", {"name": name})
        assert status == 201, model
        started.append(model["id"])
        return str(model["id"])

    yield start
    for kernel in started:
        server.fetch(f"/api/kernels/{kernel}", method="DELETE")


def _read_connection(server: Any, kernel: str) -> dict[str, Any]:
    return dict(json.loads((server.runtime / f"kernel-{kernel}.json").read_text()))


def _evaluate(server: Any, kernel: str, expression: str) -> str:
    client = BlockingKernelClient(connection_file=str(server.runtime / f"kernel-{kernel}.json"))
    client.load_connection_file()
    client.start_channels(hb=False)  # a busy machine misses heartbeats
    try:
        reply = client.execute("", user_expressions={"answer": expression}, reply=True, timeout=60)
        return str(reply["content"]["user_expressions"]["answer"]["data"]["text/plain"])
    finally:
        client.stop_channels()


def test_files_of_maps_are_sent_to_everybody_and_kept_by_browsers(server: Any) -> None:
    status, headers, content = server.fetch("/urbanlab/assets/leaflet/leaflet.js", token="")
    assert (status, content) == (200, b"window.L = {};")
    assert headers["Content-Type"] in {"text/javascript", "application/javascript"}
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "max-age=43200"
    assert "Set-Cookie" not in headers
    status, headers, content = server.fetch("/urbanlab/assets/leaflet/leaflet.js", token="", method="HEAD")
    assert (status, headers["Content-Length"], content) == (200, "14", b"")


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "leaflet/../../secret.txt",
        "way-out/secret.txt",
        "//etc/passwd",
        "/etc/passwd",
        "%00",
        "leaflet",
        "",
        "absent.js",
    ],
)
def test_no_path_leads_out_of_the_folder(server: Any, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", f"/urbanlab/assets/{path}")
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status in {400, 403, 404}
    assert content != b"secret" and b"root:" not in content


@pytest.mark.parametrize(
    "path",
    ["/lab", "/login", "/nothing", "/api/status", "/files/page.html", "/lab/tree/absent", "/api/kernelspecs"],
)
@pytest.mark.parametrize("known", [True, False])
def test_every_page_carries_the_policy(server: Any, path: str, known: bool) -> None:
    _, headers, _ = server.fetch(path, token=None if known else "")
    assert headers["Content-Security-Policy"].startswith(make_policy())


def test_a_page_among_a_persons_files_has_no_origin(server: Any) -> None:
    _, headers, _ = server.fetch("/files/page.html")
    assert "sandbox allow-scripts" in headers["Content-Security-Policy"]
    assert "allow-same-origin" not in headers["Content-Security-Policy"]


def test_a_stranger_sees_nothing(server: Any) -> None:
    for path in ("/api/contents", "/api/kernels", "/api/kernelspecs"):
        assert server.fetch(path, token="wrong")[0] in {401, 403}, path
    assert b"alert" not in server.fetch("/files/page.html", token="wrong")[2]  # but the page of the login


def test_only_our_kernel_is_offered(server: Any) -> None:
    specs = server.fetch_json("/api/kernelspecs")[1]
    assert specs["default"] == "urbanlab"
    assert {name: spec["spec"]["display_name"] for name, spec in specs["kernelspecs"].items()} == {
        "urbanlab": "Urban Lab (Python)"
    }


@pytest.mark.parametrize("name", ["python3", "conda-base-py", "ir", "Conda Base [py] ümlaut", "../urbanlab"])
def test_a_notebook_of_another_kernel_gets_ours(server: Any, name: str) -> None:
    status, spec = server.fetch_json(f"/api/kernelspecs/{quote(name, safe='')}")
    assert (status, spec["spec"]["display_name"]) == (200, "Urban Lab (Python)")
    assert spec["spec"]["metadata"] == {"debugger": False}


def test_a_kernel_talks_over_sockets_in_the_accounts_folder_only(
    server: Any, start_kernel: Callable[[str], str]
) -> None:
    kernel = start_kernel("python3")
    pid = int(_evaluate(server, kernel, "__import__('os').getpid()"))
    connection = _read_connection(server, kernel)
    assert connection["transport"] == "ipc"
    assert Path(connection["ip"]).parent == server.runtime
    assert all(Path(f"{connection['ip']}-{connection[port]}").is_socket() for port in FIVE_SOCKETS)
    tcp = [
        entry for entry in psutil.Process(pid).net_connections("tcp") if entry.status == psutil.CONN_LISTEN
    ]
    # ipykernel's pipe for the output of child processes: it receives only.
    assert len(tcp) <= 1


def test_a_session_of_an_absent_kernel_starts_without_a_question(server: Any) -> None:
    (server.home / "old.ipynb").write_text(
        json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    body = {"path": "old.ipynb", "name": "old", "type": "notebook", "kernel": {"name": "conda-base-py"}}
    status, session = server.fetch_json("/api/sessions", body)
    assert status == 201, session
    assert _evaluate(server, session["kernel"]["id"], "6 * 7") == "42"
    assert server.fetch(f"/api/sessions/{session['id']}", method="DELETE")[0] == 204


def test_the_page_of_jupyterlab_names_nobody_else(server: Any) -> None:
    status, _, content = server.fetch("/lab")
    assert status == 200
    addresses = set(re.findall(r"https?:\\?/\\?/[^\s\"'<>)]+", content.decode()))
    assert not {address for address in addresses if not address.startswith(server.url)}
    config = json.loads(re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', content.decode(), re.S)[1])
    assert config["extensionManager"]["name"] == "read-only"
    assert config["news"] == {"disabled": True}
    assert {
        "@jupyterlab/apputils-extension:announcements",
        "@jupyterlab/debugger-extension",
        "@jupyterlab/extensionmanager-extension",
        "@jupyterlab/help-extension:jupyter-forum",
        "@jupyterlab/help-extension:resources",
    } <= set(config["disabledExtensions"])


def test_a_notebook_without_a_kernel_starts_ours_by_itself(server: Any) -> None:
    settings = server.fetch_json("/lab/api/settings/@jupyterlab/notebook-extension:tracker")[1]
    assert settings["schema"]["properties"]["autoStartDefaultKernel"]["default"] is True


def test_neither_updates_nor_news_are_asked_for(server: Any) -> None:
    assert server.fetch_json("/lab/api/update")[1]["notification"] is None
    assert server.fetch_json("/lab/api/news")[1] == {"news": []}


def test_a_persons_server_runs_nothing_for_others(server: Any) -> None:
    assert server.fetch("/urbanlab/runner/runs")[0] == 404
    assert server.fetch("/urbanlab/runner/runs", {"notebook": "x.ipynb"})[0] == 404


def test_the_start_imports_nothing_that_builds_a_parser() -> None:
    start = (
        "import runpy, sys; sys.argv = ['x', '--version']\n"
        "try: runpy.run_module('urbanlab_lab', run_name='__main__')\n"
        "except SystemExit: print('rfc3987_syntax.syntax_helpers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", start], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "False"
