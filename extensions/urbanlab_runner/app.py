"""The server extension of runner servers; in the servers of persons it does nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_server.utils import url_path_join

from urbanlab.contract.environment import CURATED_PATH, PERSON, TOKENS_URL
from urbanlab.contract.naming import SERVICE_PERSONS
from urbanlab.contract.secrets import Secret
from urbanlab_runner import concealment
from urbanlab_runner.families import Children, adopt_orphans
from urbanlab_runner.handlers import OutputHandler, RunHandler, RunsHandler
from urbanlab_runner.kernel_environment import make_kernel_environment
from urbanlab_runner.page_handlers import PageFileHandler, PageHandler, PagesHandler
from urbanlab_runner.page_process import PageProcesses
from urbanlab_runner.pages import Pages
from urbanlab_runner.relay import CredentialRelay, serve_credentials
from urbanlab_runner.runs import Runs
from urbanlab_runner.store import RunStore

HUB_TOKEN = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - a variable's name
_Routes = list[tuple[str, type, dict[str, Any]]]


def _load_jupyter_server_extension(server: Any) -> None:
    person = os.environ.get(PERSON)
    if person not in SERVICE_PERSONS:
        return
    runtime = Path(os.environ["JUPYTER_RUNTIME_DIR"])
    relay = CredentialRelay(os.environ.get(TOKENS_URL, ""), _take_hub_token(server))
    environ = make_kernel_environment(os.environ, serve_credentials(relay, runtime))
    # Kernels that the server itself starts, for live views, get the server's environment.
    os.environ.update(environ)
    adopt_orphans()
    base = url_path_join(server.base_url, "urbanlab", "runner")
    # Each purpose has its own addresses and no others.
    make_routes = _make_run_routes if person == "reports" else _make_page_routes
    server.web_app.add_handlers(".*$", make_routes(server, base, runtime, environ))


def _take_hub_token(server: Any) -> Secret:
    """Return the hub token, which nothing of this account can read from now on."""
    # JupyterHub's parts of the server read the variable when they first need it.
    extensions = server.extension_manager.extension_apps.values()
    for part in (server.identity_provider, *(app for apps in extensions for app in apps)):
        _ = getattr(getattr(part, "hub_auth", None), "api_token", None)
    concealment.hide_process()
    return Secret(concealment.take_variable(os.environ, HUB_TOKEN))


def _make_run_routes(server: Any, base: str, runtime: Path, environ: dict[str, str]) -> _Routes:
    runs = Runs(RunStore(Path.home() / "runs"), Path(os.environ[CURATED_PATH]), runtime, environ=environ)
    runs.fail_interrupted()
    wiring = {"runs": runs}
    run = f"{base}/runs/([0-9a-f]+)"
    return [
        (f"{base}/runs", RunsHandler, wiring),
        (run, RunHandler, wiring),
        (f"{run}/output", OutputHandler, wiring),
    ]


def _make_page_routes(server: Any, base: str, runtime: Path, environ: dict[str, str]) -> _Routes:
    children = Children()
    children.keep(lambda: list_kernels(server.kernel_manager))
    processes = PageProcesses(environ, children)
    wiring = {"pages": Pages(processes, Path.home(), runtime)}
    page = f"{base}/pages/([0-9a-f]+)"
    # Voilà is large, and no other server needs it.
    from urbanlab_runner.live.routes import make_live_routes

    return [
        *make_live_routes(base, processes, runtime),
        (f"{base}/pages", PagesHandler, wiring),
        (page, PageHandler, wiring),
        (f"{page}/page", PageFileHandler, wiring),
    ]


def list_kernels(manager: Any) -> list[int]:
    """Return the process numbers of the kernels that a kernel manager has started."""
    kernels = (manager.get_kernel(kernel_id) for kernel_id in manager.list_kernel_ids())
    return [kernel.provisioner.pid for kernel in kernels if kernel.has_kernel]
