"""A folder of small curated notebooks, and a publications server with the tokens that it asks for."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from urbanlab.contract import environment

from ...kernels.conftest import TokensService  # noqa: TID252
from ..jupyter_process import JupyterServer  # noqa: TID252
from .page_server import ACCOUNT, HUB_TOKEN

NOTEBOOKS = {
    "sum.ipynb": ("a = 1\nb = 1", "print(a + b)"),
    "topic/nested.ipynb": ("pass", "import os; print(os.getcwd())"),
    "failing.ipynb": ("n = 0", "x = 1", "1 / n", "print('never')"),
    "exit.ipynb": ("pass", "import os; os.kill(os.getpid(), 9)", "print('never')"),
    "endless.ipynb": (
        "pid_file = ''",
        "import os, pathlib, time\npathlib.Path(pid_file).write_text(str(os.getpid()))\ntime.sleep(600)",
    ),
    "stubborn.ipynb": (
        "pid_file = ''",
        "import os, pathlib, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "pathlib.Path(pid_file).write_text(str(os.getpid()))\ntime.sleep(600)",
    ),
    "environment.ipynb": (
        "pass",
        "import os\nprint(*os.environ, 'URBANLAB_TOKENS_URL=' + os.environ['URBANLAB_TOKENS_URL'])",
    ),
    "sockets.ipynb": (
        "pass",
        "import psutil\n"
        "for entry in psutil.Process().net_connections('tcp'):\n    print(entry.status)\n"
        "from ipykernel.connect import get_connection_info\n"
        "print(get_connection_info(unpack=True)['transport'], get_connection_info(unpack=True)['ip'])",
    ),
}


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("curated")
    for name, (first, *others) in NOTEBOOKS.items():
        cells = [new_markdown_cell("# Title"), new_code_cell(first, metadata={"tags": ["parameters"]})]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = new_notebook(cells=[*cells, *map(new_code_cell, others)], metadata={"kernelspec": kernel})
        (folder / name).parent.mkdir(exist_ok=True)
        nbformat.write(notebook, folder / name)
    (folder / "text.ipynb").write_text("no JSON")
    (folder / "data.csv").write_text("a,b")
    nbformat.write(new_notebook(), folder.parent / "outside.ipynb")
    (folder / "link.ipynb").symlink_to(folder.parent / "outside.ipynb")
    return folder


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
