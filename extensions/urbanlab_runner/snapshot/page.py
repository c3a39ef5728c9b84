"""From an executed notebook to the files of a page: what the gatekeeper sees and the public reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import nbformat
from markupsafe import Markup, escape
from nbconvert.exporters import TemplateExporter

from urbanlab.contract.publications import BODY, STATE, Page
from urbanlab_runner.snapshot.controls import disable_controls
from urbanlab_runner.snapshot.fallback import Fallback
from urbanlab_runner.snapshot.files import Files
from urbanlab_runner.snapshot.foreign import ForeignAddresses
from urbanlab_runner.snapshot.headings import settle_headings
from urbanlab_runner.snapshot.images import describe_pictures
from urbanlab_runner.snapshot.models import Models
from urbanlab_runner.snapshot.modules import take_out_modules
from urbanlab_runner.snapshot.outputs import join_texts
from urbanlab_runner.snapshot.pieces import Pieces
from urbanlab_runner.snapshot.state import clean_state
from urbanlab_runner.snapshot.texts import markdown_to_html
from urbanlab_runner.snapshot.words import get_words

TEMPLATE = "snapshot"
HIDDEN = "remove-cell"  # the tag of a cell that is for the notebook's own readers
TEMPLATE_EXTENSION = ".html.j2"


@dataclass(frozen=True)
class RenderedPage:
    """A page, the bytes of each of its files by name, and whom it would have loaded something from.

    `foreign` holds hosts: what came from them is not in the page. A page with any is to be refused, with the
    hosts named: nothing comes from third parties.
    """

    page: Page
    contents: dict[str, bytes]
    foreign: tuple[str, ...]


def make_page(
    notebook: nbformat.NotebookNode,
    *,
    title: str,
    language: str,
    made_at: datetime | None = None,
    datasets: tuple[str, ...] = (),
    data_until: str = "",
    time_zone: str = "UTC",
) -> RenderedPage:
    """Return the page of an executed notebook; nothing in the notebook is trusted.

    Args:
        notebook: Format 4, executed with ``store_widget_state=True``; it is not changed.
        title: The page's title; a first heading that repeats it is left out.
        language: The language of the notebook, ``de`` or ``en``; of the few words that the page says by itself.
        made_at: When the notebook had been executed; now if left out.
        datasets: The tables of the open data that it has read.
        data_until: When its youngest record was made, as ISO 8601.
        time_zone: The zone of the clocks in charts that are drawn here.
    """
    notebook = _copy(notebook)
    words = get_words(language)
    files, foreign, models = Files(), ForeignAddresses(), Models(notebook)
    pieces = Pieces(files, foreign, words, language, time_zone)
    fallback = Fallback(models, pieces, words)
    content = _render(notebook, pieces, fallback, words)
    models.keep_reachable(fallback.shown)
    live = disable_controls(models)
    widgets = ""
    if fallback.shown:
        take_out_modules(models, files, foreign)
        clean_state(models, fallback, pieces)
        state = json.dumps(models.to_state(), sort_keys=True)
        said = {
            "widgets": files.keep(STATE, state.encode()),
            "hint": words["inactive"],
        }
        said |= {name: words[name] for name in ("figure", "control")}
        widgets = "".join(f' data-{name}="{escape(value)}"' for name, value in said.items())
    # Whatever is placed or fixed in it stays in it: the portal's frame cannot be covered.
    style = "contain:layout paint;padding:4px"
    content = settle_headings(content, title)
    body = f'<div class="ul-page" style="{style}"{widgets}>\n{content}\n</div>\n'
    files.keep(BODY, body.encode())
    page = Page(
        title=title,
        language=language,
        made_at=(made_at or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds"),
        files=files.list_files(),
        live=live,
        datasets=datasets,
        data_until=data_until,
    )
    return RenderedPage(page, files.contents, foreign.list_hosts())


def _copy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a copy that can be written: without halves of characters and numbers that are none."""
    text = json.dumps(notebook, ensure_ascii=False).encode("utf-8", "replace")
    return nbformat.from_dict(json.loads(text, parse_constant=lambda _: None))


def _render(
    notebook: nbformat.NotebookNode, pieces: Pieces, fallback: Fallback, words: dict[str, str]
) -> str:
    def show_text(cell: Any) -> Markup:
        shown = pieces.to_html(
            markdown_to_html(cell.source, cell.get("attachments"), words), label=_find_alt(cell)
        )
        return Markup(describe_pictures(shown, _find_alt(cell)))  # noqa: S704

    def show_output(output: Any, cell: Any) -> Markup:
        alt = _find_alt(cell)
        return Markup(describe_pictures(fallback.outputs.to_html(output, alt), alt))  # noqa: S704

    # Not `HTMLExporter`: it would read and write the whole page once more, to repair what is whole here.
    exporter = TemplateExporter(
        template_name=TEMPLATE,
        template_file=f"index{TEMPLATE_EXTENSION}",
        template_extension=TEMPLATE_EXTENSION,
        exclude_input=True,
        filters={"show_text": show_text, "show_output": show_output},
        default_preprocessors=[],  # they prepare code and styles, which are not shown
    )
    body, _ = exporter.from_notebook_node(_without_hidden(notebook))
    return str(body)


def _find_alt(cell: Any) -> str:
    alt = cell.metadata.get("alt", "")
    return alt.strip() if isinstance(alt, str) else ""


def _without_hidden(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    for number, cell in enumerate(notebook.cells, 1):
        cell.metadata["number"] = number  # among the author's cells, by which people speak of them
        if cell.cell_type == "code":
            cell.outputs = join_texts(cell.outputs)
    cells = [cell for cell in notebook.cells if HIDDEN not in cell.metadata.get("tags", ())]
    return nbformat.NotebookNode({**notebook, "cells": cells})
