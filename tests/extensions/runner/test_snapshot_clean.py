"""What a page takes out of a notebook's HTML, drawings and styles: whatever acts, loads or reaches further."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_markdown_cell

from urbanlab_runner.snapshot.foreign import ForeignAddresses, clean_css, is_foreign, is_link
from urbanlab_runner.snapshot.rules import keep_rules_inside

from .hostile_html import HOSTILE
from .snapshot_cells import make, make_body, make_widget, show, view

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
