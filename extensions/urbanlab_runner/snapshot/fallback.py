"""Widgets without JavaScript: what their saved state says, as plain HTML."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from urbanlab_runner.snapshot.models import Model, Models, get_buffer, to_model_id
from urbanlab_runner.snapshot.outputs import Outputs
from urbanlab_runner.snapshot.pieces import Pieces
from urbanlab_runner.snapshot.recordings import decode_base64
from urbanlab_runner.snapshot.tables import make_table
from urbanlab_runner.snapshot.words import format_value

MAX_DEPTH = 30
_HTML_MODELS = frozenset({"HTMLModel", "HTMLMathModel"})
_PROGRESS_MODELS = frozenset({"IntProgressModel", "FloatProgressModel"})
RECORDINGS = {"AudioModel": "audio", "VideoModel": "video"}
_MUTE_MODELS = frozenset({"ButtonModel", "ControllerModel", "PlayModel", "PasswordModel"})


class Fallback:
    """Shows the models of a page."""

    def __init__(self, models: Models, pieces: Pieces, words: dict[str, str]) -> None:
        self._models = models
        self._pieces = pieces
        self._words = words
        self.outputs = Outputs(pieces, words, self.show_view)
        self.shown: list[str] = []  # what cells display, in order
        self._open: list[str] = []

    def show_view(self, model_id: str) -> str:
        """Return the place of a widget: its fallback, which the page's script replaces; empty for a lost one."""
        model = self._models.find(model_id)
        if model is None:
            return ""
        if self._open:  # within another widget, which is replaced as a whole
            return self._show(model_id)
        self.shown.append(model_id)
        return (
            f'<div class="ul-widget" data-model="{escape(model_id)}">'
            f'<div class="ul-fallback">{self._show(model_id)}</div></div>'
        )

    def _show(self, model_id: str) -> str:
        model = self._models.find(model_id)
        if model is None or model_id in self._open or len(self._open) >= MAX_DEPTH or self._is_hidden(model):
            return ""
        self._open.append(model_id)
        try:
            return self._show_model(model)
        finally:
            self._open.pop()

    def _is_hidden(self, model: Model) -> bool:
        layout = self._models.find(to_model_id(model["state"].get("layout")))
        state = layout["state"] if layout else {}
        return state.get("display") == "none" or state.get("visibility") == "hidden"

    def _show_model(self, model: Model) -> str:
        name, state = str(model.get("model_name", "")), model["state"]
        if name == "OutputModel":
            return "".join(self.outputs.to_html(output) for output in state.get("outputs") or [])
        if isinstance(state.get("children"), list):
            return self._show_children(name, state)
        if name in _HTML_MODELS:
            return self._label(state) + self._pieces.to_html(str(state.get("value") or ""))
        if name == "ImageModel":
            return self._show_image(model)
        if name in RECORDINGS:
            return self.show_recording(model)
        if name in _MUTE_MODELS:
            return ""
        if name in _PROGRESS_MODELS:
            return self._show_progress(state)
        return self._show_other(state)

    def _show_children(self, name: str, state: dict[str, Any]) -> str:
        children = [self._show(to_model_id(child)) for child in state["children"]]
        titles = list(state.get("titles") or [])
        chosen = state.get("selected_index")
        if name == "StackModel":
            return children[chosen] if isinstance(chosen, int) and 0 <= chosen < len(children) else ""
        if name == "AccordionModel":
            return "".join(
                f"<details open><summary>{escape(title)}</summary>{child}</details>"
                for title, child in _pair(titles, children)
            )
        if name == "TabModel":
            return "".join(
                f'<section class="ul-tab"><h4>{escape(title)}</h4>{child}</section>' if title else child
                for title, child in _pair(titles, children)
            )
        return f'<div class="ul-box">{"".join(children)}</div>' if any(children) else ""

    def _show_image(self, model: Model) -> str:
        state = model["state"]
        try:
            content = base64.b64decode(get_buffer(model, "value"))
        except (binascii.Error, ValueError):
            return ""
        kind = str(state.get("format") or "png").replace("jpg", "jpeg").replace("svg+xml", "svg")
        media_type = "image/" + ("svg+xml" if kind == "svg" else kind)
        said = str(state.get("alt") or state.get("tooltip") or state.get("description") or "")
        image = self._pieces.images.to_html(
            media_type, content, said or self._words["figure"], is_described=bool(said)
        )
        return f"<figure>{image}</figure>" if image else ""

    def show_recording(self, model: Model) -> str:
        """Return what plays the recording of a widget, as HTML that is fit for the page."""
        state, kind = model["state"], RECORDINGS[str(model["model_name"])]
        label = str(state.get("tooltip") or self._words[kind])
        content = decode_base64(get_buffer(model, "value"))
        return self._pieces.recordings.to_html(f"{kind}/{state.get('format')}", content, label)

    def _show_progress(self, state: dict[str, Any]) -> str:
        low, high = _to_number(state.get("min")), _to_number(state.get("max"))
        value = _to_number(state.get("value"))
        label = escape(str(state.get("description") or self._words["text"]))
        bar = f'<progress aria-label="{label}" value="{value - low:g}" max="{max(high - low, 1e-9):g}"></progress>'
        return f"<p>{self._label(state)}{bar} {escape(format_value(state.get('value'), self._words))}</p>"

    def _show_other(self, state: dict[str, Any]) -> str:
        snapshot = state.get("snapshot")
        if isinstance(snapshot, dict) and snapshot.get("rows"):
            return self._show_rows(state, snapshot)
        value = _find_value(state, self._words)
        if value is not None:
            return f"<p>{self._label(state)}<b>{escape(value)}</b></p>"
        if "_esm" in state:
            return f'<p class="ul-note">{escape(self._words["needs_script"])}</p>'
        return ""

    def _show_rows(self, state: dict[str, Any], snapshot: dict[str, Any]) -> str:
        """Show the last rows of a live view, the newest first, with the time of their being there."""
        rows = [row for row in snapshot["rows"] if isinstance(row, dict)][::-1]
        names = list(dict.fromkeys(name for row in rows for name in row.get("value") or {}))
        zone = _get_zone(str(state.get("time_zone", "")))
        headings = [self._words["time"], self._words["key"], *names]
        body = [
            [
                _format_time(row.get("time"), zone),
                row.get("key"),
                *((row.get("value") or {}).get(name) for name in names),
            ]
            for row in rows
        ]
        as_of = _format_time(rows[0].get("time") if rows else None, zone)
        title = f"{state.get('topic', '')} · {self._words['as_of']} {as_of}"
        return self._pieces.to_html(make_table(title, headings, body, self._words))

    def _label(self, state: dict[str, Any]) -> str:
        label = str(state.get("description") or "").strip()
        if not label:
            return ""
        is_html = state.get("description_allow_html")
        return f"{self._pieces.to_html(label) if is_html else escape(label)} "


def _pair(titles: list[Any], children: list[str]) -> Iterator[tuple[str, str]]:
    for index, child in enumerate(children):
        yield str(titles[index] or "") if index < len(titles) else "", child


def _find_value(state: dict[str, Any], words: dict[str, str]) -> str | None:
    """Return what a control was set to as a reader sees it, or None where it has no value."""
    labels, index = state.get("_options_labels"), state.get("index")
    if isinstance(labels, list):
        chosen = index if isinstance(index, list) else [index]
        names = [str(labels[each]) for each in chosen if isinstance(each, int) and 0 <= each < len(labels)]
        return ", ".join(names) or words["none"]
    value = state.get("value")
    if "value" not in state or isinstance(value, dict):
        return None
    return format_value(value, words)


def _to_number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _get_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _format_time(milliseconds: Any, zone: ZoneInfo | None) -> str:
    if not isinstance(milliseconds, int | float):
        return ""
    try:
        return f"{datetime.fromtimestamp(milliseconds / 1000, zone or UTC):%d.%m.%Y %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return ""
