"""Cells with outputs and widgets, as notebooks hold them, and the page that is made of them."""

from __future__ import annotations

import base64
import io
from typing import Any

from nbformat.v4 import new_code_cell, new_notebook, new_output

from urbanlab_runner.snapshot.page import RenderedPage, make_page

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


def make(*cells: Any, widgets: dict[str, Any] | None = None, **options: Any) -> RenderedPage:
    metadata = {"widgets": {STATE: {"state": widgets}}} if widgets else {}
    return make_page(
        new_notebook(cells=list(cells), metadata=metadata), **{"title": "T", "language": "en", **options}
    )


def make_body(*cells: Any, **options: Any) -> str:
    return make(*cells, **options).contents["body.html"].decode()


def show(**data: Any) -> Any:
    """Return a cell that displays something: ``html=…`` is text/html."""
    kinds = {"html": "text/html", "svg": "image/svg+xml", "png": "image/png", "plain": "text/plain"}
    kinds |= {"latex": "text/latex", "markdown": "text/markdown", "js": "application/javascript"}
    bundle = {kinds[name]: value for name, value in data.items()}
    return new_code_cell("code", outputs=[new_output("display_data", data=bundle)])


def make_widget(name: str, **state: Any) -> dict[str, Any]:
    return {"model_name": name, "model_module": "@jupyter-widgets/controls", "state": state}


def view(model_id: str) -> Any:
    return new_code_cell("", outputs=[new_output("display_data", data={VIEW: {"model_id": model_id}})])


def make_png(color: str = "red", size: int = 3) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.effect_noise((size, size), 90).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode()
