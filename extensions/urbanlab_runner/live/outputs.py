"""Outputs in the forms that Voilà's program draws with nothing from other hosts and without `eval`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode

from urbanlab_runner.snapshot import diagrams
from urbanlab_runner.snapshot.charts import Charts, find_chart
from urbanlab_runner.snapshot.foreign import ForeignAddresses
from urbanlab_runner.snapshot.images import SVG_TYPE
from urbanlab_runner.snapshot.left_out import is_mute, make_note
from urbanlab_runner.snapshot.outputs import VIEW_TYPE
from urbanlab_runner.snapshot.texts import latex_to_html, markdown_to_html
from urbanlab_runner.snapshot.words import get_words

SCRIPT_TYPE = "application/javascript"
_CONVERTED = {"text/markdown": markdown_to_html, "text/latex": latex_to_html}
_IMAGES = {SVG_TYPE, "image/png", "image/jpeg", "image/gif", "image/webp"}
_DRAWN = frozenset({VIEW_TYPE, "text/html", "application/json", *_IMAGES})
_WIDGET_MODULES = frozenset(
    {"@jupyter-widgets/base", "@jupyter-widgets/controls", "@jupyter-widgets/output", "anywidget"}
)


class LiveOutputs:
    """Settles what the cells of a session have put out; `language` is the page's."""

    def __init__(self, language: str) -> None:
        self._words = get_words(language)
        self._charts = Charts(ForeignAddresses(), self._words, language)

    def settle(self, cell: NotebookNode, widgets: Mapping[str, Any]) -> None:
        """Put into a cell's outputs what can be drawn; `widgets` is the state of the models by their ids."""
        for output in cell.get("outputs", ()):
            data = output.get("data")
            if isinstance(data, dict):
                self._convert(data)
                self._say_what_is_left_out(data, widgets)
        if "outputs" in cell:
            cell["outputs"] = [output for output in cell["outputs"] if output.get("data") != {}]

    def _convert(self, data: dict[str, Any]) -> None:
        chart = find_chart(data)
        drawn = self._charts.draw(chart) if chart else b""
        if drawn:
            data.clear()
            data[SVG_TYPE] = drawn.decode()
        for media_type, convert in _CONVERTED.items():
            if media_type in data and "text/html" not in data:
                data["text/html"] = convert("".join(data.pop(media_type)))
        for media_type in diagrams.MIME_TYPES & data.keys():
            data["text/html"] = diagrams.to_html("".join(data.pop(media_type)), self._words)

    def _say_what_is_left_out(self, data: dict[str, Any], widgets: Mapping[str, Any]) -> None:
        # The portal's policy lets none run, and Voilà's program would show its refusal.
        data.pop(SCRIPT_TYPE, None)
        view = data.get(VIEW_TYPE)
        model = widgets.get(str(view.get("model_id")), {}) if isinstance(view, dict) else {}
        module = model.get("_model_module")
        if module is not None and module not in _WIDGET_MODULES:
            left_out = {str(module)}
        elif data.keys() & _DRAWN or not is_mute("".join(data.get("text/plain", ""))):
            return
        else:
            left_out = data.keys() - {"text/plain"}
        note = make_note(left_out, self._words)
        data.clear()
        if note:
            data["text/html"] = note
