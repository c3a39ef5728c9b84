"""Pages: a notebook of anybody's, executed by a publications server, and what a hostile one can reach."""

from __future__ import annotations

import html
import io
import json
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from urbanlab.contract import environment
from urbanlab.contract.publications import BODY, decode_page, make_digest

from ...kafka_broker import wait_until  # noqa: TID252
from ...kernels.conftest import TokensService  # noqa: TID252
from ..jupyter_process import JupyterServer  # noqa: TID252

PAGES = "/urbanlab/runner/pages"
HUB_TOKEN = "hub-token-of-this-server"
# An account of its own, so that the notebooks here reach what they would reach in an installation.
ACCOUNT = 64_999 if os.geteuid() == 0 else None
NEEDS_ACCOUNT = pytest.mark.skipif(
    ACCOUNT is None, reason="only root can give the server an account of its own"
)


@pytest.fixture(scope="module")
def tokens() -> Iterator[TokensService]:
    service = TokensService()
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def server(tokens: TokensService) -> Iterator[JupyterServer]:
    home = Path(tempfile.mkdtemp(prefix="ulhome", dir="/tmp"))
    environ = {
        environment.PERSON: "publications",
        environment.TENANT: "town",
        environment.TOKENS_URL: tokens.url,
        environment.WAREHOUSE_URL: "http://127.0.0.1:9",
        environment.KAFKA_BOOTSTRAP: "127.0.0.1:9",
        environment.PUBLISHER_URL: "http://127.0.0.1:9",
        "JUPYTERHUB_API_TOKEN": HUB_TOKEN,
        "USER": "runner",
        "SECRET_OF_THE_SERVER": "not for notebooks",
    }
    running = JupyterServer(home, environ, ACCOUNT)
    yield running
    running.stop()
    shutil.rmtree(home)


def _make_notebook(*cells: str, parameters: str = "pass") -> dict[str, Any]:
    first = new_code_cell(parameters, metadata={"tags": ["parameters"]})
    kernel = {"name": "absent", "display_name": "Absent", "language": "python"}
    every = [new_markdown_cell("# Title"), first, *map(new_code_cell, cells)]
    return dict(new_notebook(cells=every, metadata={"kernelspec": kernel}))


def _start(server: JupyterServer, *cells: str, seconds: float = 60, **values: Any) -> str:
    body = {"notebook": _make_notebook(*cells), "title": "Title", "language": "en", "seconds": seconds}
    status, answer = server.fetch_json(PAGES, {**body, **values})
    assert status == 202, answer
    return str(answer["id"])


def _wait(server: JupyterServer, page: str) -> dict[str, Any]:
    def find_ended() -> dict[str, Any] | None:
        model = server.fetch_json(f"{PAGES}/{page}")[1]
        return None if model["state"] == "running" else dict(model)

    return dict(wait_until(find_ended, 90, "the page is made"))


def _run(server: JupyterServer, *cells: str, **values: Any) -> dict[str, Any]:
    return _wait(server, _start(server, *cells, **values))


def _fetch_page(server: JupyterServer, model: dict[str, Any]) -> tuple[Any, str]:
    """Return the page and its body; every file is what its record says."""
    assert (model["state"], model["error"]) == ("succeeded", ""), model
    status, headers, content = server.fetch(f"{PAGES}/{model['id']}/page")
    assert (status, headers["Content-Type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    page = decode_page(files.pop("page.json"))
    assert {file.name: (file.digest, file.size) for file in page.files} == {
        name: (make_digest(content), len(content)) for name, content in files.items()
    }
    return page, files[BODY].decode()


def _list_processes(server: JupyterServer) -> list[str]:
    """Return what runs in the server's account besides the server; without an account, what it has started."""
    if ACCOUNT is None:
        found = (
            psutil.Process(server.process.pid).children(recursive=True)
            if server.process.poll() is None
            else []
        )
    else:
        found = [each for each in psutil.process_iter() if _get_account(each) == ACCOUNT]
    commands = [_get_command(each) for each in found if _is_alive(each)]
    return [command for command in commands if "jupyterlab" not in command]


def _get_account(process: psutil.Process) -> int | None:
    with suppress(psutil.NoSuchProcess):
        return int(process.uids().real)
    return None


def _get_command(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def test_a_notebook_becomes_a_page_with_its_parameters(server: JupyterServer) -> None:
    notebook = _make_notebook("print('sum', a + b)", parameters="a = 1\nb = 1")
    model = _run(server, notebook=notebook, parameters={"a": 40, "b": 2})
    page, body = _fetch_page(server, model)
    assert "sum 42" in body and (page.title, page.language, page.datasets) == ("Title", "en", ())
    assert model["failed_cell"] is None and model["needs"] == [] and model["seconds"] > 0
    assert not list((server.home / "pages").iterdir())


def test_a_page_is_kept_until_it_is_deleted(server: JupyterServer) -> None:
    model = _run(server, "1 + 1")
    _fetch_page(server, model)
    _fetch_page(server, model)
    address = f"{PAGES}/{model['id']}"
    assert server.fetch(address, method="DELETE")[0] == 204
    for path, method in ((address, "GET"), (f"{address}/page", "GET"), (address, "DELETE")):
        assert server.fetch(path, method=method)[0] == 404


def test_outputs_that_the_author_sent_along_are_not_believed(server: JupyterServer) -> None:
    notebook = _make_notebook("pass")
    output = {"output_type": "stream", "name": "stdout", "text": "faked"}
    notebook["cells"][-1]["outputs"] = [output]
    assert "faked" not in _fetch_page(server, _run(server, notebook=notebook))[1]


@pytest.mark.parametrize(
    ("cells", "error", "cell"),
    [
        (("x = 1", "1 / 0", "print('never')"), "ZeroDivisionError: division by zero", 4),
        (("raise ValueError('\\x1b[31m' + 'a' * 9999)",), "ValueError: " + "a" * 487 + "…", 3),
        (("raise ValueError('eyJhbGciOi.eyJzdWIi.c2ln')",), "ValueError: ***", 3),
        (("import os; os._exit(0)",), "the kernel ended by itself", 3),
        (("pass", "import os; os.kill(os.getppid(), 9)"), "ended from within the notebook", 4),
        (("while True: print('x' * 100_000)",), "more than the 20 MB of output", 3),
        (("print('x' * 1_000_000_000)",), "more than the 20 MB of output", 3),
        (
            (
                "from IPython.display import HTML, display",
                "for n in range(200): display(HTML('x' * 1_000_000))",
            ),
            "more than the 20 MB of output",
            4,
        ),
        (("import ipywidgets; ipywidgets.HTML('x' * 30_000_000)",), "more than the 20 MB of output", 3),
        (("import os; os.closerange(0, 200)",), "", 3),
        (("import sys; sys.exit()",), "SystemExit", 3),
    ],
)
def test_a_notebook_that_goes_wrong_fails_with_a_sentence_and_leaves_nothing(
    server: JupyterServer, cells: tuple[str, ...], error: str, cell: int
) -> None:
    model = _run(server, *cells, seconds=30)
    assert (model["state"], model["failed_cell"]) == ("failed", cell), model
    assert error in model["error"] and len(model["error"]) <= 500
    assert "Traceback" not in model["error"]
    assert server.fetch(f"{PAGES}/{model['id']}/page")[0] == 404
    wait_until(lambda: not _list_processes(server), 5, "everything has ended")


def test_of_what_a_cell_prints_only_the_beginning_is_kept(server: JupyterServer) -> None:
    _, body = _fetch_page(server, _run(server, "for n in range(30): print('x' * 99_999)"))
    assert 199_000 < body.count("x") < 202_000 and "the cell has printed more" in body


def test_a_cell_that_may_raise_stops_the_page_all_the_same(server: JupyterServer) -> None:
    notebook = _make_notebook("1 / 0")
    notebook["cells"][-1]["metadata"]["tags"] = ["raises-exception"]
    assert _run(server, notebook=notebook)["error"] == "ZeroDivisionError: division by zero"


def test_a_notebook_that_loops_is_ended_with_its_time(server: JupyterServer) -> None:
    began = time.monotonic()
    model = _run(
        server, "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass", seconds=8
    )
    assert model["error"] == "the run was still going on after 8 s and was ended"
    assert model["failed_cell"] == 3 and time.monotonic() - began < 20
    wait_until(lambda: not _list_processes(server), 5, "everything has ended")


FORKS = "import os, time\nfor n in range(50):\n    if os.fork() == 0:\n        time.sleep(600)\n        os._exit(0)"
# Leaves its session, its environment and its parent behind.
DAEMON = """
import subprocess, sys
code = '''
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
'''
subprocess.run([sys.executable, '-c', code], env={}, start_new_session=True)
"""
KILL_PARENT = "import os; os.kill(os.getppid(), 9)"


@NEEDS_ACCOUNT
@pytest.mark.parametrize("cells", [(FORKS,), (DAEMON,), (FORKS, KILL_PARENT), (DAEMON, KILL_PARENT)])
def test_nothing_that_a_notebook_starts_outlives_it(server: JupyterServer, cells: tuple[str, ...]) -> None:
    model = _run(server, *cells)
    assert model["state"] == ("failed" if KILL_PARENT in cells else "succeeded"), model
    wait_until(lambda: not _list_processes(server), 5, "everything has ended")


def test_what_ends_one_notebook_leaves_the_other_alone(server: JupyterServer) -> None:
    other = _start(server, "import time; time.sleep(6)", "print('still here')")
    _run(server, DAEMON, KILL_PARENT)
    assert "still here" in _fetch_page(server, _wait(server, other))[1]


def test_what_is_not_released_is_named(server: JupyterServer) -> None:
    code = "class NotReleasedError(Exception): pass\nraise NotReleasedError({!r})"
    text = "Not released as open data: footfall, town.weather, <b>\nAsk a gatekeeper."
    assert _run(server, code.format(text))["needs"] == ["footfall", "town.weather"]
    assert _run(server, code.format("No list"))["needs"] == []


def test_a_page_takes_nothing_from_third_parties(server: JupyterServer) -> None:
    model = _run(
        server, "from IPython.display import HTML\nHTML('<img src=\"https://tracker.example/x.png\">')"
    )
    assert model["state"] == "failed" and "tracker.example" in model["error"]
    assert model["failed_cell"] is None


def test_a_page_that_is_deleted_while_it_is_made_ends(server: JupyterServer) -> None:
    page = _start(server, "import time; time.sleep(600)")
    wait_until(
        lambda: any("ipykernel" in command for command in _list_processes(server)), 20, "the kernel runs"
    )
    assert server.fetch(f"{PAGES}/{page}", method="DELETE")[0] == 204
    wait_until(lambda: not _list_processes(server), 5, "everything has ended")
    assert server.fetch(f"{PAGES}/{page}")[0] == 404


def _ask_kernel(server: JupyterServer, code: str) -> Any:
    _, body = _fetch_page(
        server, _run(server, f"import json, os\n{code}\nprint('<<' + json.dumps(answer) + '>>')")
    )
    text = html.unescape(body).partition("<<")[2].partition(">>")[0]
    return json.loads(text)


def test_a_notebook_finds_in_its_environment_only_what_it_needs(server: JupyterServer) -> None:
    names = set(_ask_kernel(server, "answer = sorted(os.environ)"))
    assert {environment.TENANT, environment.TOKENS_URL, "PATH"} <= names
    assert (
        not {"JUPYTERHUB_API_TOKEN", "JUPYTER_TOKEN", "SECRET_OF_THE_SERVER", environment.PUBLISHER_URL}
        & names
    )
    extra = names - {*environment.KERNEL_VARIABLES, "PATH", "HOME", "LANG", "USER", "JUPYTER_RUNTIME_DIR"}
    # The rest is what Python, the kernel and its launcher set themselves.
    assert extra <= {
        *("PYTHONNOUSERSITE", "JPY_PARENT_PID", "JPY_SESSION_NAME", "PYDEVD_USE_FRAME_EVAL", "LC_CTYPE"),
        *("CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "PAGER", "GIT_PAGER", "TERM", "MPLBACKEND"),
        "MPLCONFIGDIR",
    }, extra


READ_PROC = """
found = []
for pid in filter(str.isdigit, os.listdir('/proc')):
    for name in ('environ', 'cmdline', 'maps'):
        try:
            content = open(f'/proc/{pid}/{name}', 'rb').read()
        except OSError:
            continue
        if b'hub-token-of' + b'-this-server' in content:
            found.append(f'{name} of {pid}')
answer = found
"""


def test_no_process_shows_the_hub_token(server: JupyterServer) -> None:
    assert _ask_kernel(server, READ_PROC) == []
    environ = Path(f"/proc/{server.process.pid}/environ")
    if ACCOUNT is not None:  # root reads it also of a hidden process
        content = environ.read_bytes()
        assert b"JUPYTERHUB_API_TOKEN=****" in content and HUB_TOKEN.encode() not in content


@NEEDS_ACCOUNT
def test_a_notebook_reads_neither_memory_nor_files_of_the_server(server: JupyterServer) -> None:
    code = f"""
answer = []
for pid in ({server.process.pid}, os.getppid()):
    for name in ('mem', 'environ', 'maps', 'fd'):
        try:
            os.listdir(f'/proc/{{pid}}/fd') if name == 'fd' else open(f'/proc/{{pid}}/{{name}}', 'rb').read(1)
            answer.append([pid, name])
        except OSError:
            pass
"""
    assert _ask_kernel(server, code) == []


def test_credentials_come_by_the_socket_and_without_the_hub_token(
    server: JupyterServer, tokens: TokensService
) -> None:
    code = (
        "from urbanlab.session import current_session\n"
        "credentials = current_session().credentials\n"
        "answer = [credentials.get(purpose).reveal() for purpose in ('warehouse', 'kafka')]"
    )
    tokens.asked.clear()
    warehouse, kafka = _ask_kernel(server, code)
    assert warehouse.startswith("warehouse-") and kafka.startswith("kafka-")
    assert _ask_kernel(server, code) == [warehouse, kafka]  # shared while it is fresh
    assert tokens.asked == [
        (f"/services/tokens/{name}", f"token {HUB_TOKEN}") for name in ("warehouse", "kafka")
    ]


SPOIL = """
import pathlib
home = pathlib.Path({home!r})
for path in (home / 'pages').rglob('*'):
    if path.is_file():
        path.write_bytes(b'spoiled')
for name in ('.local/share/jupyter/kernels/urbanlab/kernel.json', '.ipython/profile_default/startup/x.py'):
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / name).write_text('spoiled')
"""


def test_a_notebook_that_writes_into_the_runners_folders_changes_no_other_page(server: JupyterServer) -> None:
    good = _run(server, "print('as it was made')")
    assert _run(server, SPOIL.format(home=str(server.home)))["state"] == "succeeded"
    assert "as it was made" in _fetch_page(server, good)[1]
    assert "as before" in _fetch_page(server, _run(server, "print('as before')"))[1]


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"notebook": "x"}, [], "text", {"notebook": {}, "parameters": [1]}),
        *(
            {"notebook": {}, "paramters": {}},
            {"notebook": {}, "seconds": 0},
            {"notebook": {}, "seconds": "9"},
        ),
        *({"notebook": {}, "seconds": 1e9}, {"notebook": {}, "seconds": True}, {"notebook": {}, "title": 1}),
        *({"notebook": {}, "parameters": {"a = 1; b": 2}}, {"notebook": {}, "parameters": {"class": 2}}),
    ],
)
def test_wrong_requests_begin_nothing(server: JupyterServer, body: Any) -> None:
    assert server.fetch_json(PAGES, body)[0] == 400


@pytest.mark.parametrize(
    "notebook", [{}, {"cells": 1}, {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}]
)
def test_what_is_no_notebook_fails(server: JupyterServer, notebook: Any) -> None:
    model = _run(server, notebook=notebook)
    assert (model["error"], model["failed_cell"]) == ("what was sent is no notebook that can be read", None)


def test_a_notebook_that_is_too_large_is_refused(server: JupyterServer) -> None:
    assert server.fetch(PAGES, {"notebook": {"x": "x" * 9_000_000}})[0] == 413


def test_a_publications_server_has_only_its_own_addresses(server: JupyterServer) -> None:
    assert server.fetch("/urbanlab/runner/runs")[0] == 404
    assert server.fetch(PAGES, {"notebook": {}}, token="wrong")[0] == 403
    for page in ("0" * 32, "..", "x", "0/../../.."):
        assert server.fetch(f"{PAGES}/{page}")[0] == 404
        assert server.fetch(f"{PAGES}/{page}/page")[0] == 404


def test_a_server_that_was_killed_knows_no_page_and_leaves_no_process(server: JupyterServer) -> None:
    page = _start(server, "import time; time.sleep(600)")
    wait_until(
        lambda: any("ipykernel" in command for command in _list_processes(server)), 20, "the kernel runs"
    )
    server.kill()
    wait_until(lambda: not _list_processes(server), 20, "everything has ended")
    server.start()
    assert server.fetch(f"{PAGES}/{page}")[0] == 404
    assert "again" in _fetch_page(server, _run(server, "print('again')"))[1]
