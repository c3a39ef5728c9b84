"""A notebook's page as Voilà makes it: executed on the session's kernel, with the addresses of the portal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from html import escape
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_path
from nbformat import NotebookNode
from traitlets.config import Config
from voila.configuration import VoilaConfiguration
from voila.exporter import VoilaMarkdownRenderer
from voila.notebook_renderer import NotebookRenderer
from voila.paths import collect_template_paths
from voila.utils import get_page_config

from urbanlab.contract.live import make_session_path
from urbanlab_runner.kernel_client import OUTPUT_SECONDS
from urbanlab_runner.live.kernel import SessionKernel
from urbanlab_runner.live.outputs import LiveOutputs
from urbanlab_runner.snapshot.maths import to_mathml
from urbanlab_runner.snapshot.page import HIDDEN

logger = logging.getLogger(__name__)

TEMPLATE = "urbanlab"
STATIC_URL = "/static/voila/"  # the portal's; whoever has seen one view has the files of the next
EXTENSIONS_URL = "/static/labextensions/"
EXTENSIONS = ("@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget")
_CHECKOUT = Path(__file__).parents[3] / "voila_apps" / "templates"


class _NoFiles:
    """Stands for the files of a server, of which a page shows none."""

    def file_exists(self, path: str) -> bool:
        return False


class _MarkdownRenderer(VoilaMarkdownRenderer):  # type: ignore[misc]
    """Makes headings and formulas as on the page itself; `title` is what the portal's frame says already."""

    title = ""

    def __init__(self, *values: Any, **options: Any) -> None:
        super().__init__(*values, **{**options, "exclude_anchor_links": True})

    def heading(self, text: str, level: int, **options: Any) -> str:
        if level == 1 and text.strip() == self.title:
            return ""
        return str(super().heading(text, max(level, 2), **options))

    def block_math(self, body: str) -> str:
        return to_mathml(body, block=True)

    def inline_math(self, body: str) -> str:
        return to_mathml(body, block=False)

    def latex_environment(self, name: str, body: str) -> str:
        return to_mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True)


class _Renderer(NotebookRenderer):  # type: ignore[misc]
    """Takes the notebook that it is given, and lets a cell that fails end the page."""

    def __init__(self, notebook: NotebookNode, language: str, **options: Any) -> None:
        super().__init__(**options)
        self._given = notebook
        self._outputs = LiveOutputs(language)

    async def load_notebook(self, path: str) -> NotebookNode:
        return self._given

    async def _jinja_cell_generator(self, nb: NotebookNode, kernel_id: str) -> AsyncIterator[NotebookNode]:
        for place, cell in enumerate(nb.cells):
            executed = await self.executor.execute_cell(cell, None, place, store_history=False)
            if HIDDEN not in cell.metadata.get("tags", ()):
                # Charts are drawn by processes that may take their time.
                await asyncio.to_thread(self._outputs.settle, executed, self.executor.widget_state)
                yield executed
        await self._cleanup_resources()


async def render(
    notebook: NotebookNode,
    kernel: SessionKernel,
    *,
    page: str,
    key: str,
    kernel_id: str,
    title: str,
    language: str,
) -> str:
    """Return the page as HTML, its notebook executed; raise what nbclient and Jinja raise."""
    base_url = make_session_path(page, key)
    configuration = _make_configuration()
    notebook.metadata["title"] = title
    renderer = _Renderer(
        notebook,
        language,
        notebook_path="page.ipynb",
        template_paths=find_template_paths(),
        traitlet_config=Config(
            {
                "TemplateExporter": {"exclude_input": True},
                "HTMLExporter": {"language_code": language},
                # Of a cell with many outputs none is left out because a busy machine takes longer to read them.
                "VoilaExecutor": {"iopub_timeout": OUTPUT_SECONDS, "raise_on_iopub_timeout": True},
                "VoilaExporter": {
                    "markdown_renderer_class": type("_Titled", (_MarkdownRenderer,), {"title": escape(title)})
                },
            }
        ),
        voila_configuration=configuration,
        contents_manager=_NoFiles(),
        base_url=base_url,
        page_config=make_page_config(base_url, configuration),
        mathjax_url="",
        mathjax_config="",
    )
    await renderer.initialize()
    renderer.resources["static_url"] = STATIC_URL

    async def get_manager() -> Any:
        return kernel.manager

    made: str = await renderer.generate_content_str(kernel_id, get_manager())
    return made


def _make_configuration() -> VoilaConfiguration:
    # Nothing about a page is chosen by its notebook's metadata, nor by an address.
    return VoilaConfiguration(
        config=Config({"VoilaConfiguration": {"resources": {}}}),
        template=TEMPLATE,
        theme="light",
        allow_template_override="NO",
        allow_theme_override="NO",
        strip_sources=True,
        show_tracebacks=False,
        show_margins=False,
        extension_allowlist=list(EXTENSIONS),
    )


def make_page_config(base_url: str, configuration: VoilaConfiguration) -> dict[str, Any]:
    """Return what Voilà's program reads from its page; nothing in it names another host."""
    settings = {"mathjax_url": "", "mathjax_config": ""}
    made: dict[str, Any] = get_page_config(base_url, settings, logger, configuration)
    kept = ("federated_extensions", "extensionConfig", "progressiveRendering", "appVersion")
    return {
        **{name: made[name] for name in kept if name in made},
        "appUrl": "voila/",
        "themesUrl": f"{STATIC_URL}themes",
        "baseUrl": base_url,
        "fullStaticUrl": STATIC_URL.rstrip("/"),
        "fullLabextensionsUrl": EXTENSIONS_URL.rstrip("/"),
        "terminalsAvailable": False,
        # Formulas are made here; whoever looks for the program of another host finds one of ours that does nothing.
        "fullMathjaxUrl": "/static/live-maths.js",
        "mathjaxConfig": "none",
    }


def find_template_paths() -> list[str]:
    """Return where templates are looked for: ours, then those that it is built on."""
    own = [_CHECKOUT / "voila" / TEMPLATE]
    own += [Path(root) / "voila" / "templates" / TEMPLATE for root in jupyter_path()]
    return [*map(str, own), *collect_template_paths(["voila", "nbconvert"], "lab")]
