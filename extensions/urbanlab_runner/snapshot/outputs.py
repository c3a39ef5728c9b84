"""What a cell has put out, as HTML: the richest form that still shows something on a page without a kernel."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from html import escape
from itertools import groupby
from typing import Any

from urbanlab_runner.snapshot import diagrams, recordings
from urbanlab_runner.snapshot.charts import Chart, find_chart
from urbanlab_runner.snapshot.images import SVG_TYPE
from urbanlab_runner.snapshot.left_out import is_mute, make_note
from urbanlab_runner.snapshot.pieces import Pieces
from urbanlab_runner.snapshot.texts import latex_to_html, markdown_to_html

VIEW_TYPE = "application/vnd.jupyter.widget-view+json"
_PICTURES = (SVG_TYPE, "image/png", "image/jpeg", "image/gif", "image/webp")
MAX_ALT = 300
# What is no content by itself: scripts do nothing here, and the rest has been tried already.
_SILENT = frozenset({"text/plain", "text/html", "application/javascript", VIEW_TYPE})
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b\x0c\x0e-\x1f]")

ShowWidget = Callable[[str], str]


class Outputs:
    """Shows outputs; `show_widget` draws the widget of a model's id."""

    def __init__(self, pieces: Pieces, words: dict[str, str], show_widget: ShowWidget) -> None:
        self._pieces = pieces
        self._words = words
        self._show_widget = show_widget
        self._figures = 0

    def to_html(self, output: Any, alt: str = "") -> str:
        """Return an output as HTML; empty for what the public does not see: warnings and errors."""
        if not isinstance(output, dict) or output.get("output_type") == "error":
            return ""
        if output.get("output_type") == "stream":
            return self._show_text(output.get("text", "")) if output.get("name") == "stdout" else ""
        data = output.get("data") or {}
        return next(
            (shown for shown in self._show_forms(data, output.get("metadata") or {}, alt) if shown), ""
        )

    def _show_forms(self, data: Any, metadata: Any, alt: str) -> Iterator[str]:
        """Yield the forms of an output, the best first; a form that shows nothing is empty."""
        view = data.get(VIEW_TYPE)
        if isinstance(view, dict):
            yield self._show_widget(str(view.get("model_id", "")))
        chart = find_chart(data)
        if chart:
            yield self._show_chart(chart, alt)
        if "text/html" in data:
            # Its picture stands for a map where there is no JavaScript.
            yield self._pieces.to_html(
                _join(data["text/html"]), self._show_picture(data, metadata, alt, False), alt
            )
        if "text/markdown" in data:
            yield self._pieces.to_html(markdown_to_html(_join(data["text/markdown"]), words=self._words))
        yield from self._show_recordings(data, alt)
        yield self._show_picture(data, metadata, alt, True)
        if chart:
            yield self._pieces.to_html(self._pieces.charts.show_instead(chart))
        for media_type in sorted(data.keys() & diagrams.MIME_TYPES):
            yield self._pieces.to_html(diagrams.to_html(_join(data[media_type]), self._words))
        if "text/latex" in data:
            yield self._pieces.to_html(latex_to_html(_join(data["text/latex"])))
        if "application/json" in data:
            yield self._show_text(json.dumps(data["application/json"], indent=2, ensure_ascii=False))
        if "text/html" in data:
            yield self._pieces.to_html(_join(data["text/html"]), with_styles=True)
        yield self._show_last(data)

    def _show_last(self, data: Any) -> str:
        """Show the words for an object; where they say nothing, that something is left out."""
        words = _join(data.get("text/plain", ""))
        if len(data) == 1 or not is_mute(words):
            return self._show_text(words)
        return make_note(data.keys() - _SILENT, self._words)

    def _show_picture(self, data: Any, metadata: Any, alt: str, is_figure: bool) -> str:
        for media_type in _PICTURES:
            content = _decode(media_type, data.get(media_type))
            if content:
                about = metadata.get(media_type) or {}
                about = about if isinstance(about, dict) else {}
                said = alt or str(about.get("alt") or metadata.get("alt") or "") or _find_words(data)
                text = said or self._make_name()
                size = (_to_pixels(about.get("width")), _to_pixels(about.get("height")))
                image = self._pieces.images.to_html(media_type, content, text, *size, is_described=bool(said))
                return f"<figure>{image}</figure>" if image and is_figure else image
        return ""

    def _show_chart(self, chart: Chart, alt: str) -> str:
        charts, said = self._pieces.charts, alt or chart.title
        drawn = charts.draw(chart)
        text = said or (self._make_name() if drawn else "")
        image = self._pieces.images.to_html(SVG_TYPE, drawn, text, is_described=bool(said))
        return f"<figure>{image}{self._pieces.to_html(charts.show_data(chart))}</figure>" if image else ""

    def _show_recordings(self, data: Any, alt: str) -> Iterator[str]:
        for media_type in sorted(data.keys() & recordings.TYPES.keys()):
            content = recordings.decode_base64(_join(data[media_type]))
            yield self._pieces.recordings.to_html(media_type, content, alt)

    def _make_name(self) -> str:
        self._figures += 1
        return f"{self._words['figure']} {self._figures}"

    def _show_text(self, text: Any) -> str:
        plain = _ANSI.sub("", _join(text)).rstrip()
        if not plain:
            return ""
        label = escape(self._words["text"])
        return f'<pre class="ul-plain" role="group" tabindex="0" aria-label="{label}">{escape(plain)}</pre>'


def join_texts(outputs: list[Any]) -> list[Any]:
    """Return outputs in which mere texts that were displayed one after the other are one text.

    Each would be a place of its own for whoever goes through the page by keyboard: thousands, of a loop.
    """
    joined: list[Any] = []
    for is_text, group in groupby(outputs, _is_mere_text):
        each = list(group)
        if is_text:
            text = "\n".join(_join(output["data"]["text/plain"]) for output in each)
            each = [{**each[0], "data": {"text/plain": text}}]
        joined += each
    return joined


def _is_mere_text(output: Any) -> bool:
    return (
        isinstance(output, dict)
        and output.get("output_type") == "display_data"
        and isinstance(output.get("data"), dict)
        and output["data"].keys() == {"text/plain"}
    )


def _find_words(data: Any) -> str:
    said = _join(data.get("text/plain", ""))[:MAX_ALT].strip()
    # <Figure size 640x480 with 1 Axes> says nothing to a reader.
    return "" if said.startswith("<") else said


def _join(text: Any) -> str:
    return "".join(map(str, text)) if isinstance(text, list | tuple) else str(text)


def _decode(media_type: str, value: Any) -> bytes:
    if not value:
        return b""
    text = _join(value)
    if media_type == SVG_TYPE:
        return text.encode()
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""


def _to_pixels(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value < 10_000 else 0
