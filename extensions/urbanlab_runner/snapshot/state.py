"""The saved state as the page's script draws it: every HTML in it as fit for the page as the rest."""

from __future__ import annotations

from typing import Any

from urbanlab_runner.snapshot.fallback import RECORDINGS, Fallback
from urbanlab_runner.snapshot.headings import settle_headings
from urbanlab_runner.snapshot.models import Model, Models
from urbanlab_runner.snapshot.outputs import VIEW_TYPE
from urbanlab_runner.snapshot.pieces import Pieces

_HTML_MODELS = frozenset({"HTMLModel", "HTMLMathModel"})


def clean_state(models: Models, fallback: Fallback, pieces: Pieces) -> None:
    """Put cleaned HTML in place of what the notebook wrote into its widgets."""
    for _, model in models.items():
        name, state = model.get("model_name"), model["state"]
        if name in _HTML_MODELS:
            state["value"] = settle_headings(pieces.to_html(str(state.get("value") or "")), title="")
        if name == "OutputModel":
            state["outputs"] = [_clean_output(output, fallback) for output in state.get("outputs") or []]
        if name in RECORDINGS:
            _play_from_file(model, fallback)
        if name == "ImageModel" and state.get("format") == "url":
            model["buffers"] = []  # an address in place of a picture
        if state.get("description_allow_html"):
            state["description"] = pieces.to_html(str(state.get("description") or ""))
        if state.get("tooltip") and "description" not in state:
            # With this alone ipywidgets cannot draw a widget; of a picture it is what it shows.
            state["alt"] = state.pop("tooltip")


def _play_from_file(model: Model, fallback: Fallback) -> None:
    """Make a recording's widget one of HTML: the page's file has what it plays, and nothing begins by itself."""
    shown, layout = fallback.show_recording(model), model["state"].get("layout")
    model.update(model_name="HTMLModel", buffers=[])
    names = {"_model_name": "HTMLModel", "_view_name": "HTMLView"}
    modules = dict.fromkeys(("_model_module", "_view_module"), "@jupyter-widgets/controls")
    versions = {name: model["state"].get(name) for name in ("_model_module_version", "_view_module_version")}
    model["state"] = {**names, **modules, **versions, "layout": layout, "description": "", "value": shown}


def _clean_output(output: Any, fallback: Fallback) -> dict[str, Any]:
    data = output.get("data") if isinstance(output, dict) else None
    if data and VIEW_TYPE in data:
        return {"output_type": "display_data", "metadata": {}, "data": {VIEW_TYPE: data[VIEW_TYPE]}}
    html = settle_headings(fallback.outputs.to_html(output), title="")
    return {"output_type": "display_data", "metadata": {}, "data": {"text/html": html}}
