"""What a hostile notebook can reach and leave behind in the server that makes pages."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import pytest

from urbanlab.contract import environment

from ...kafka_broker import wait_until  # noqa: TID252
from ...kernels.conftest import TokensService  # noqa: TID252
from ..jupyter_process import JupyterServer  # noqa: TID252
from .page_server import (
    ACCOUNT,
    HUB_TOKEN,
    NEEDS_ACCOUNT,
    fetch_page,
    list_processes,
    run_page,
    start_page,
    wait_for_page,
)

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
    model = run_page(server, *cells)
    assert model["state"] == ("failed" if KILL_PARENT in cells else "succeeded"), model
    wait_until(lambda: not list_processes(server), 5, "everything has ended")


def test_what_ends_one_notebook_leaves_the_other_alone(server: JupyterServer) -> None:
    other = start_page(server, "import time; time.sleep(6)", "print('still here')")
    run_page(server, DAEMON, KILL_PARENT)
    assert "still here" in fetch_page(server, wait_for_page(server, other))[1]


def _ask_kernel(server: JupyterServer, code: str) -> Any:
    _, body = fetch_page(
        server, run_page(server, f"import json, os\n{code}\nprint('<<' + json.dumps(answer) + '>>')")
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
    good = run_page(server, "print('as it was made')")
    assert run_page(server, SPOIL.format(home=str(server.home)))["state"] == "succeeded"
    assert "as it was made" in fetch_page(server, good)[1]
    assert "as before" in fetch_page(server, run_page(server, "print('as before')"))[1]
