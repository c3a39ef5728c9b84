"""The publisher's client and its gate for pages, with a real runner server and real kernels."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from urbanlab.contract import environment
from urbanlab.contract.secrets import Secret
from urbanlab_services.publisher.bundles import parse_notebook
from urbanlab_services.publisher.pages import read_page
from urbanlab_services.publisher.publications import now
from urbanlab_services.publisher.runner_client import PageFailedError, RunnerClient, Task

from ..jupyter_process import JupyterServer  # noqa: TID252
from .conftest import make_notebook
from .hub_runner_gateway import HubRunnerGateway

RICH = (
    "import ipywidgets as w\nslider = w.IntSlider(value=3); out = w.Output()\n"
    "slider.observe(lambda change: out.append_stdout('x'), 'value')\n"
    "w.Tab([w.VBox([slider, out])], titles=['One'])",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3]);",
    "import pandas as pd\npd.DataFrame({'day': ['Mo', 'Di'], 'persons': [n, 2 * n]})",
    "import urbanlab as ul\nul.map(pd.DataFrame({'latitude': [51.9], 'longitude': [8.4]}))",
)


@pytest.fixture(scope="module")
def server() -> Iterator[JupyterServer]:
    environ = {
        environment.PERSON: "publications",
        environment.TENANT: "town",
        environment.TOKENS_URL: "http://127.0.0.1:9",
        environment.WAREHOUSE_URL: "http://127.0.0.1:9",
        environment.KAFKA_BOOTSTRAP: "127.0.0.1:9",
        environment.ASSETS_URL: "/static/assets/",
        "JUPYTERHUB_API_TOKEN": "hub-token",
        "USER": "runner",
    }
    with tempfile.TemporaryDirectory(prefix="ulhome", dir="/tmp") as home:
        running = JupyterServer(Path(home), environ)
        yield running
        running.stop()


@pytest.fixture
def client(server: JupyterServer, town: HubRunnerGateway) -> RunnerClient:
    town.server_path = "/"
    return RunnerClient(f"http://127.0.0.1:{town.port}/hub/api", server.url, Secret(server.token))


def _make_task(*sources: str) -> Task:
    notebook = json.loads(make_notebook(*sources, parameters="n = 1"))
    notebook["cells"].append(
        {
            "cell_type": "markdown",
            "id": "m",
            "metadata": {},
            "source": "# Über\n<script>alert(1)</script> $x^2$",
        }
    )
    return Task(parse_notebook(json.dumps(notebook).encode()), {"n": 21}, "de", "Titel")


async def test_a_page_of_a_real_runner_passes_the_gate(client: RunnerClient) -> None:
    parcel = await client.make_page("town", _make_task(*RICH))
    checked = read_page(parcel, title="Titel", language="de", now=now())
    page: Any = checked.page
    body = checked.contents[page.find("body.html").digest].decode()
    assert page.live and "42" in body and "alert(1)" not in body
    assert {file.name.rpartition(".")[2] for file in page.files} >= {"html", "json", "png"}


async def test_the_failing_cell_of_a_real_runner_is_told(client: RunnerClient) -> None:
    with pytest.raises(PageFailedError) as failed:
        await client.make_page("town", _make_task("1 + 1", "1 / 0"))
    assert "ZeroDivisionError" in failed.value.failure.message
    assert failed.value.failure.failed_cell is not None
