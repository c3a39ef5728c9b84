"""What becomes of a notebook's headings, outputs, pictures, tables, maps and widget states in a page."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from urbanlab_runner.snapshot.foreign import ForeignAddresses
from urbanlab_runner.snapshot.headings import settle_headings
from urbanlab_runner.snapshot.images import clean_svg
from urbanlab_runner.snapshot.page import make_page

from .snapshot_cells import make, make_body, make_png, make_widget, show, view


@pytest.mark.parametrize(
    ("html", "settled"),
    [
        ("<h1>A</h1><h2>B</h2>", "<h2>A</h2><h3>B</h3>"),
        ("<h3>A</h3><h1>B</h1><h4>C</h4>", "<h2>A</h2><h2>B</h2><h3>C</h3>"),
        ("<h6>A</h6><h6>B</h6>", "<h2>A</h2><h2>B</h2>"),
        (
            "<h1>1</h1><h2>2</h2><h3>3</h3><h4>4</h4><h5>5</h5><h6>6</h6>",
            "<h2>1</h2><h3>2</h3><h4>3</h4><h5>4</h5><h6>5</h6><h6>6</h6>",
        ),
        ("<hr><header>x</header>", "<hr><header>x</header>"),
    ],
)
def test_headings_begin_at_two_and_leave_out_no_level(html: str, settled: str) -> None:
    assert settle_headings(html, "Title") == settled


def test_a_first_heading_that_repeats_the_title_goes() -> None:
    text = make_body(new_markdown_cell("# My  *title*\n\ntext\n\n## Next"), title="my  title")
    assert "title" not in text and "<h2" in text and "text" in text
    assert "<section" not in make_body(new_markdown_cell("# T"), title="T")


def test_code_warnings_and_errors_are_not_shown_and_order_is_kept() -> None:
    outputs = [
        new_output("stream", name="stdout", text="first"),
        new_output("stream", name="stderr", text="warning"),
        new_output("error", ename="E", evalue="secret", traceback=["secret"]),
        new_output("execute_result", data={"text/plain": "last\x1b[31m"}),
    ]
    text = make_body(new_code_cell("code()", outputs=outputs))
    assert re.findall(r">(\w+)</pre>", text) == ["first", "last"]
    assert "secret" not in text and "warning" not in text and "code()" not in text


def test_a_cell_that_is_for_staff_only_is_not_on_the_page() -> None:
    body = make_body(
        new_markdown_cell("How to change this notebook", metadata={"tags": ["remove-cell"]}),
        new_markdown_cell("What it says"),
    )
    assert "What it says" in body
    assert "How to change" not in body


def test_the_best_form_that_shows_something_is_taken() -> None:
    text = make_body(show(html="<script>draw()</script>", png=make_png(), plain="<Figure>"))
    assert "<figure><img" in text
    assert "draw" not in make_body(show(js="draw()", plain="x"))


@pytest.mark.parametrize(
    ("cell", "alt"),
    [
        (show(png=make_png(), plain="<Figure size 1x1>"), "Figure 1"),
        (show(png=make_png(), plain="Visitors by hour"), "Visitors by hour"),
    ],
)
def test_pictures_say_what_they_show(cell: Any, alt: str) -> None:
    assert f'alt="{alt}"' in make_body(cell)
    cell.metadata["alt"] = 'Said by "the author"'
    assert "alt='Said by \"the author\"'" in make_body(cell) or "Said by &quot;the author&quot;" in make_body(
        cell
    )


def test_large_pictures_become_files_once_and_small_ones_stay() -> None:
    large, small = make_png(size=90), make_png()
    page = make(show(png=large), show(png=large), show(png=small), show(png=base64.b64encode(b"no").decode()))
    names = [file.name for file in page.page.files]
    assert names == ["body.html", "image-1.png"] and page.contents["image-1.png"] == base64.b64decode(large)
    text = page.contents["body.html"].decode()
    address = f"files/{page.page.files[1].digest}.png"
    assert text.count(address) == 2 and text.count("data:image/png") == 1 and 'width="90"' in text


def test_a_drawing_keeps_its_lines_and_loses_what_acts() -> None:
    source = b"""<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://x.example/svg11.dtd">
    <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 1 1" onload="x">
    <script>x</script><style>@import 'https://far.example'</style><linearGradient id="g"/><use xlink:href="#g"/>
    <image xlink:href="https://far.example/a.png"/><path d="M0 0" fill="url(#g)" onclick="x"/></svg>"""
    foreign = ForeignAddresses()
    cleaned = clean_svg(source, foreign)
    assert b'viewBox="0 0 1 1"' in cleaned and b"linearGradient" in cleaned and b'"url(#g)"' in cleaned
    assert not re.search(rb"script|onload|onclick|far\.example", cleaned)
    assert "far.example" in foreign.list_hosts()


@pytest.mark.parametrize(
    "content", [b"", b"<html/>", b"<svg", b"\xff", b'<!DOCTYPE a [<!ENTITY b "c">]><svg>&b;</svg>']
)
def test_what_is_no_drawing_is_none(content: bytes) -> None:
    assert clean_svg(content, ForeignAddresses()) == b""


def test_tables_say_what_their_headings_head_and_scroll_by_keyboard() -> None:
    table = "<table><thead><tr><th></th><th>a</th></tr></thead><tbody><tr><th>0</th><td>1</td></tr></tbody></table>"
    text = make_body(show(html=table))
    assert '<td></td><th scope="col">a</th>' in text and '<th scope="row">0</th>' in text
    assert re.search(r'<div [^>]*role="group"[^>]*tabindex="0"[^>]*><table>', text)


def test_formulas_are_mathml_and_mistakes_in_them_stay_text() -> None:
    text = make_body(new_markdown_cell("It is $a^2$, not $\\frac{$."), show(latex="$$\\sum x$$"))
    assert "<msup>" in text and "∑" in text and text.count("<math") >= 2


FRAME = "<iframe srcdoc='&lt;html&gt;&lt;body&gt;MAP &lt;script&gt;draw()&lt;/script&gt;' title='My map'></iframe>"


def test_a_map_becomes_a_file_with_a_picture_for_readers_without_scripts() -> None:
    picture = '<svg xmlns="http://www.w3.org/2000/svg"><circle r="1"/></svg>'
    page = make(show(html=FRAME, svg=picture, plain="My town"))
    text = page.contents["body.html"].decode()
    frame = next(file for file in page.page.files if file.name.startswith("frame"))
    assert f'src="files/{frame.digest}.html"' in text and 'title="My map"' in text
    assert re.search(r'<noscript>.*<img [^>]*alt="My town".*</noscript>', text)
    assert (
        page.contents[frame.name].decode().count("draw()") == 1 and b'lang="en"' in page.contents[frame.name]
    )
    assert "needs JavaScript" in make_body(show(html=FRAME))


def test_a_frame_neither_leaves_its_place_nor_asks_for_another() -> None:
    inner = "<base href=x><meta http-equiv=Refresh content=0><iframe src=x></iframe><form></form>in"
    page = make(show(html=f'<iframe srcdoc="{inner}"></iframe>'))
    assert page.contents["frame-1.html"] == b"in"


def test_what_a_widget_holds_and_nobody_is_shown_is_not_published() -> None:
    widgets = {
        "a": make_widget("VBoxModel", children=["IPY_MODEL_b"]),
        "b": make_widget("LabelModel", value="shown"),
        "c": make_widget("LabelModel", value="secret"),
        "l": make_widget("LinkModel", source=["IPY_MODEL_b", "value"], target=["IPY_MODEL_c", "value"]),
    }
    assert b"secret" in make(view("a"), widgets=widgets).contents["state.json"]  # linked with what is shown
    del widgets["l"]
    assert b"secret" not in make(view("a"), widgets=widgets).contents["state.json"]


def test_widgets_that_hold_themselves_end() -> None:
    widgets = {"a": make_widget("VBoxModel", children=["IPY_MODEL_a", "IPY_MODEL_gone", 5])}
    assert 'data-model="a"' in make_body(view("a"), widgets=widgets)
    assert "data-model" not in make_body(view("gone"), widgets=widgets)


@pytest.mark.parametrize(
    ("model", "live"),
    [
        (make_widget("IntSliderModel", value=1, disabled=False), True),
        (make_widget("IntSliderModel", value=1, disabled=True), False),
        (make_widget("HTMLModel", value="x"), False),
        (make_widget("TabModel", children=[], titles=[]), False),
        (
            {"model_name": "AnyModel", "model_module": "anywidget", "state": {"_esm": "export default {}"}},
            True,
        ),
    ],
)
def test_a_page_is_live_where_something_needs_a_kernel(model: dict[str, Any], live: bool) -> None:
    page = make(view("a"), widgets={"a": model})
    assert page.page.live is live
    assert (b'"disabled": true' in page.contents["state.json"]) is ("disabled" in model["state"])


def test_what_is_linked_in_the_browser_stays_active() -> None:
    slider, text = (make_widget(name, value=1, disabled=False) for name in ("IntSliderModel", "IntTextModel"))
    link = make_widget("LinkModel", source=["IPY_MODEL_a", "value"], target=["IPY_MODEL_b", "value"])
    page = make(view("a"), view("b"), widgets={"a": slider, "b": text, "l": link})
    assert not page.page.live and b'"disabled": true' not in page.contents["state.json"]


@pytest.mark.parametrize(
    ("code", "host"),
    [
        ("import x from 'https://far.example/x.js'", "far.example"),
        ("const x = await import(`//far.example/x.js`)", "far.example"),
        ("https://far.example/x.mjs", "far.example"),
    ],
)
def test_a_script_that_comes_from_others_is_left_out_and_reported(code: str, host: str) -> None:
    model = {"model_name": "AnyModel", "model_module": "anywidget", "state": {"_esm": code, "_css": ""}}
    page = make(view("a"), widgets={"a": model})
    assert page.foreign == (host,)
    assert [page.contents[name] for name in page.contents if name.endswith("mjs")] == [
        b"export default {};\n"
    ]


def test_a_script_that_begins_with_a_remark_is_one() -> None:
    code = "// A widget, see https://far.example/\nexport default {};"
    model = {"model_name": "AnyModel", "model_module": "anywidget", "state": {"_esm": code, "_css": ""}}
    page = make(view("a"), widgets={"a": model})
    assert page.foreign == () and page.contents["module-1.mjs"] == code.encode()


def test_the_last_rows_of_a_live_view_are_a_table_with_their_time() -> None:
    row = {"time": 1_767_225_600_000, "key": "k<b>", "value": {"n": 1234.5, "on": True}}
    state = {
        "_esm": "export default {}",
        "topic": "feed",
        "time_zone": "Europe/Berlin",
        "snapshot": {"rows": [row]},
    }
    model = {"model_name": "AnyModel", "model_module": "anywidget", "state": state}
    text = make_body(view("a"), widgets={"a": model}, language="de")
    assert "feed · Stand 01.01.2026 01:00:00" in text
    assert "<td>k&lt;b&gt;</td><td>1.234,5</td><td>ja</td>" in text


def test_a_page_holds_what_the_contract_says_and_the_notebook_is_left_alone() -> None:
    notebook = new_notebook(cells=[show(html="<b onclick=x>text</b>")])
    before = str(notebook)
    page = make_page(
        notebook, title="T", language="de", datasets=("a.b",), data_until="2026-01-01T00:00:00+00:00"
    )
    assert str(notebook) == before
    assert page.page.datasets == ("a.b",) and page.page.language == "de" and not page.page.live
    assert {file.name: file.size for file in page.page.files} == {
        name: len(c) for name, c in page.contents.items()
    }
