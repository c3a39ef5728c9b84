"""Pictures without words are found with their cells, and what their author writes stands where it belongs."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest

from urbanlab.contract.publications import BODY
from urbanlab_runner.snapshot.page import make_page
from urbanlab_services.publisher.bundles import parse_notebook
from urbanlab_services.publisher.pictures import PictureTextError, check_texts, describe, list_undescribed

from .conftest import ANNA, GERD, ActError, Publisher, make_notebook
from .hub_runner_gateway import make_parcel

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
UNDESCRIBED = make_parcel(
    '<div class="ul-output" data-cell="2"><figure><img src="" alt="Abbildung 1" data-undescribed></figure></div>'
)


def make_executed(notebook: dict[str, Any], figure: str = "<Figure size 640x480 with 1 Axes>") -> str:
    """Return the body of a page whose code cells each show a picture."""
    executed = nbformat.from_dict(json.loads(json.dumps(notebook)))
    data = {"image/png": PNG, "text/plain": figure}
    for cell in executed.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("display_data", data=data)]
    return make_page(executed, title="T", language="de").contents[BODY].decode()


def make_mixed_notebook() -> dict[str, Any]:
    """Return a stripped notebook: hidden cell, two pictures of code, one described, and two in text."""
    picture = {"a.png": {"image/png": PNG}}
    cells = [
        {"cell_type": "code", "source": "plot()", "metadata": {"tags": ["remove-cell"]}},
        {"cell_type": "code", "source": "plot()"},
        {"cell_type": "code", "source": "#| fig-alt: Mehr am Samstag\nplot()"},
        {"cell_type": "markdown", "source": "![](attachment:a.png)", "attachments": picture},
        {"cell_type": "markdown", "source": "![Ein Plan](attachment:a.png)", "attachments": picture},
    ]
    for number, cell in enumerate(cells):
        cell.setdefault("metadata", {})
        cell["id"] = f"c{number}"
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    return parse_notebook(json.dumps(notebook).encode())


def test_pictures_of_code_and_text_are_found_by_the_authors_cells() -> None:
    notebook = make_mixed_notebook()
    body = make_executed(notebook)
    assert list_undescribed(body) == (2, 4)
    assert 'alt="Mehr am Samstag"' in body and 'alt="Ein Plan"' in body


def test_texts_come_to_stand_where_the_page_shows_them() -> None:
    notebook = make_mixed_notebook()
    described = describe(notebook, {2: 'Höher als "je"', 4: "Ein [Plan] \\ der Stadt"})
    body = make_executed(described)
    assert list_undescribed(body) == ()
    assert "Höher als &quot;je&quot;" in body and 'alt="Ein [Plan] \\ der Stadt"' in body
    assert notebook == make_mixed_notebook()  # the version from before stays as it is


def test_pictures_inside_html_widgets_and_text_take_their_cells_text() -> None:
    shown = f'<p title="data-undescribed"><img src="data:image/png;base64,{PNG}"></p>'
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "m1"}}
    notebook = parse_notebook(make_notebook("show()", "widget()").encode())
    text = {"cell_type": "markdown", "id": "m", "metadata": {}, "source": shown}
    notebook["cells"].append({**text, "source": shown.replace("<img", "<img alt='A & B'") + shown})

    def make_body(notebook: dict[str, Any]) -> str:
        executed = nbformat.from_dict(json.loads(json.dumps(notebook)))
        for cell, data in zip(executed.cells, ({"text/html": shown}, view), strict=False):
            cell.outputs = [nbformat.v4.new_output("display_data", data=data)]
        state = {"format": "png", "value": None}
        buffers = [{"path": ["value"], "data": PNG, "encoding": "base64"}]
        model = {"model_name": "ImageModel", "model_module": "@jupyter-widgets/controls", "state": state}
        held = {"m1": {**model, "model_module_version": "2.0.0", "buffers": buffers}}
        executed.metadata["widgets"] = {
            "application/vnd.jupyter.widget-state+json": {
                "version_major": 2,
                "version_minor": 0,
                "state": held,
            }
        }
        return make_page(executed, title="T", language="de").contents[BODY].decode()

    assert list_undescribed(make_body(notebook)) == (1, 2, 3)
    body = make_body(describe(notebook, {1: 'Mehr "je" <Tag>', 2: "Ein Plan", 3: "Eine Karte"}))
    assert list_undescribed(body) == ()
    assert (
        body.count('alt="A &amp; B"') == body.count('alt="Eine Karte"') == body.count('alt="Ein Plan"') == 1
    )


def test_what_a_picture_says_by_itself_is_enough() -> None:
    notebook = parse_notebook(make_notebook("plot()").encode())
    assert list_undescribed(make_executed(notebook, "Passanten je Stunde")) == ()


@pytest.mark.parametrize(
    ("texts", "in_text", "said"),
    [
        ({}, False, "Without a text are still the pictures of these cells: 2, 4."),
        ({2: "x", 4: "  "}, False, "Without a text are still the pictures of these cells: 4."),
        ({3: "x"}, True, "Cell 3 has no picture that needs a text."),
        ({2: "x" * 301}, True, "The text for cell 2 must be one of up to 300 characters."),
        ({2: "a\u202eb"}, True, "The text for cell 2 must be one of up to 300 characters."),
    ],
)
def test_texts_that_are_missing_or_none_are_refused(texts: dict[int, str], in_text: bool, said: str) -> None:
    with pytest.raises(PictureTextError) as caught:
        check_texts(texts, (2, 4), in_text)
    assert caught.value.message == said


def test_a_page_waits_for_its_authors_words(publisher: Publisher) -> None:
    publisher.town.parcel = UNDESCRIBED
    submission = publisher.act(ANNA, "submit", {"title": "Bilder"}, make_notebook("a", "plot()"))
    waiting = publisher.wait_for(submission["id"], "incomplete")
    assert waiting["undescribed"] == [2]
    for person, texts, code in ((GERD, {2: "x"}, "forbidden"), (ANNA, {}, "pictures_undescribed")):
        with pytest.raises(ActError) as caught:
            publisher.ask(person, "POST", f"/api/submissions/{submission['id']}/pictures", {"texts": texts})
        assert caught.value.code == code
    with pytest.raises(ActError):
        publisher.act(GERD, "release", submission["id"])

    publisher.town.parcel = None
    path = f"/api/submissions/{submission['id']}/pictures"
    publisher.ask(ANNA, "POST", path, {"texts": {"2": "Mehr am Samstag"}})
    done = publisher.wait_for(submission["id"], "submitted")
    assert (done["version"], done["undescribed"]) == (1, [])
    assert len(list((publisher.state / "bundles").iterdir())) == 1  # the one from before is deleted
    assert publisher.town.tasks[-1][1]["notebook"]["cells"][1]["metadata"] == {"alt": "Mehr am Samstag"}
    assert [line["action"] for line in publisher.read_audit() if line["action"] == "describe"]


def test_the_authors_word_that_the_text_says_it_is_enough(publisher: Publisher) -> None:
    publisher.town.parcel = UNDESCRIBED
    submission = publisher.act(ANNA, "submit", {"title": "Bilder"}, make_notebook("a", "plot()"))
    publisher.wait_for(submission["id"], "incomplete")
    runs = len(publisher.town.tasks)
    done = publisher.act(ANNA, "describe", submission["id"], {}, True)
    assert (done["state"], done["undescribed"], len(publisher.town.tasks)) == ("submitted", [2], runs)
    before = publisher.submit(title="Gleich", pictures_in_text=True)
    assert (before["state"], before["undescribed"]) == ("submitted", [2])
