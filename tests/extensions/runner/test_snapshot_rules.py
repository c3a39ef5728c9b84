"""What becomes of a notebook's HTML, pictures, headings and widget states; nothing in them is trusted."""

from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from urbanlab_runner.snapshot.foreign import ForeignAddresses, clean_css, is_foreign, is_link
from urbanlab_runner.snapshot.headings import settle_headings
from urbanlab_runner.snapshot.images import clean_svg
from urbanlab_runner.snapshot.page import RenderedPage, make_page
from urbanlab_runner.snapshot.rules import keep_rules_inside

from .hostile_html import HOSTILE

ACTING = """
    script object embed applet form input button select meta base link template textarea xmp title video audio
    iframe foreignobject animate body html noscript
""".split()  # noqa: SIM905 - a list of words


class Watch(HTMLParser):
    """Notes the elements and attributes of a page that could act or load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        is_description = tag == "title" and self._open[-1:] in (["svg"], ["g"])
        self.found += [tag] if tag in ACTING and not is_description else []
        self._open.append(tag)
        for name, value in attrs:
            address = (value or "").lower()
            is_source = name in ("src", "srcset", "data", "poster", "background", "action")
            is_bad = name.startswith("on") or (
                is_source and not address.startswith(("data:image/", "files/"))
            )
            is_bad |= name.endswith("href") and address.startswith(("javascript", "data", "vbscript"))
            is_bad |= name == "style" and "far.example" in address
            self.found += [f"{tag} {name}={value}"] if is_bad else []

    def handle_endtag(self, tag: str) -> None:
        while tag in self._open and self._open.pop() != tag:
            pass

    def handle_comment(self, data: str) -> None:
        self.found.append(f"<!--{data}")

    def handle_data(self, data: str) -> None:
        self.found += [data] if self.cdata_elem == "style" and ("far" in data or "<" in data) else []


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


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_is_left_wherever_it_stands(text: str) -> None:
    output = {"output_type": "display_data", "data": {"text/html": text}, "metadata": {}}
    widgets = {
        "a": make_widget("HTMLModel", value=text, description=text, description_allow_html=True),
        "b": make_widget("OutputModel", outputs=[output]),
        "c": make_widget("LabelModel", value=text, description=text),
        "d": make_widget("TabModel", children=["IPY_MODEL_a"], titles=[text]),
    }
    cells = [
        new_markdown_cell(text),
        show(html=text),
        show(markdown=text),
        show(plain=text),
        *map(view, "abcd"),
    ]
    page = make(*cells, widgets=widgets, title="T")
    state = json.loads(page.contents["state.json"])["state"]
    shown = [state["a"]["state"]["value"], state["a"]["state"]["description"]]
    shown += [state["b"]["state"]["outputs"][0]["data"]["text/html"]]
    for html in (page.contents["body.html"].decode(), *shown):
        assert Watch(html).found == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from([*HOSTILE, "<b>", "</b>", "<svg>", "</svg>", "<style>", "'", '"', "<!--"]), max_size=5
    )
)
def test_nor_when_it_is_put_together(parts: list[str]) -> None:
    text = make_body(show(html="".join(parts)))
    assert Watch(text).found == []


@pytest.mark.parametrize("way", ["<p>", "<g><div>", "<desc>", "<title>", "<a>"])
def test_a_title_that_a_browser_would_take_for_the_pages_goes(way: str) -> None:
    assert "x</title>" not in make_body(show(html=f"<svg>{way}<title>x</title></svg>"))
    assert "x</title>" in make_body(show(html="<svg><g><title>x</title><rect/></g></svg>"))


def test_deep_nesting_is_no_harm() -> None:
    text = make_body(show(html="<div>" * 3000 + "deep" + "</div>" * 3000), new_markdown_cell("after"))
    assert "deep" in text and "after" in text


@pytest.mark.parametrize(
    ("html", "host"),
    [
        ("<img src='https://far.example/a.png'>", "far.example"),
        ("<iframe src='//far.example/'></iframe>", "far.example"),
        ("<script src='https://far.example/a.js'></script>", "far.example"),
        ("<b style='background:url(https://far.example/a.png)'>x</b>", "far.example"),
        ("<iframe srcdoc='<script src=https://far.example/a.js></script>'></iframe>", "far.example"),
        (
            "<iframe srcdoc='<script>L.tileLayer(\"https://far.example/{z}\")</script>'></iframe>",
            "far.example",
        ),
    ],
)
def test_what_a_page_would_load_from_others_is_reported(html: str, host: str) -> None:
    page = make(show(html=html))
    assert page.foreign == (host,)
    assert not re.search(r"(?:src|url)[=(]\W*https?://", page.contents["body.html"].decode())


def test_links_lead_wherever_they_like_and_say_nothing_of_where_they_came_from() -> None:
    page = make(
        new_markdown_cell("[a](https://far.example/) [b](mailto:a@b.example) [c](#d) [d](notes.ipynb)")
    )
    text = page.contents["body.html"].decode()
    assert page.foreign == ()
    assert '<a href="https://far.example/" rel="noopener noreferrer">a</a>' in text
    assert 'href="mailto:a@b.example"' in text and 'href="#d"' in text and "<a>d</a>" in text


@pytest.mark.parametrize(
    ("address", "foreign", "link"),
    [
        ("https://a.example/", True, True),
        ("//a.example/", True, True),
        ("\\\\a.example", True, True),
        ("ht\ntps://a.example", True, True),
        ("java\tscript:x", True, False),
        ("data:image/png;base64,AA", False, False),
        ("#a", False, True),
        ("/town/", False, True),
        ("a.png", False, False),
    ],
)
def test_addresses_are_told_apart_as_browsers_do(address: str, foreign: bool, link: bool) -> None:
    assert (is_foreign(address), is_link(address)) == (foreign, link)


@pytest.mark.parametrize(
    ("css", "kept"),
    [
        ("color: red", True),
        ("background: url(#a)", True),
        ("background: url(data:image/png;base64,AA)", True),
        ("background: url('https://far.example')", False),
        ("background: u/**/rl(https://far.example)", False),
        ("@import 'x'", False),
        ("a{} </style>", False),
        ("\\75rl(x)", False),
    ],
)
def test_style_loads_nothing(css: str, kept: bool) -> None:
    assert bool(clean_css(css, ForeignAddresses())) is kept


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ("#T td {color: red}", ".ul-output #T td,.ul-text #T td{color: red}"),
        ("a, b{c:d}", ".ul-output a,.ul-text a,.ul-output b,.ul-text b{c:d}"),
        ("@media print{a{c:d}}", "@media print{.ul-output a,.ul-text a{c:d}}"),
        ("@keyframes x{to{c:d}}", "@keyframes x{to{c:d}}"),
        ("a{c:d;body{display:none}}", ".ul-output a,.ul-text a{c:d;body}"),
        ("+ footer{c:d} @font-face{src:x} @page{c:d} }", ""),
    ],
)
def test_style_rules_reach_no_further_than_what_the_notebook_shows(rules: str, kept: str) -> None:
    assert keep_rules_inside(rules) == kept


@pytest.mark.parametrize(
    "text", ["\ud800", "\x00", "\u2028", "<b>\ud800", " " * 1_000_000, "url(" + " " * 200_000, "$" * 50_000]
)
def test_odd_text_is_no_harm(text: str) -> None:
    cells = [new_markdown_cell(text), show(html=text), show(svg=text), show(latex=text), show(plain=text)]
    cells += [
        show(html=f"<b style='{text}'>x</b><style>{text}</style><iframe srcdoc='{text}'></iframe>"),
        view("a"),
    ]
    model = {
        "model_name": "AnyModel",
        "model_module": "anywidget",
        "state": {"_esm": text, "n": float("nan")},
    }
    page = make(*cells, widgets={"a": model})
    assert b"after" in make(*cells, new_markdown_cell("after")).contents["body.html"]
    json.loads(page.contents["state.json"], parse_constant=pytest.fail)


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
