"""Charts of Vega: drawn as pictures without asking anybody, and what is shown where they cannot be drawn."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_output

from urbanlab_runner.snapshot.charts import Chart, Charts, find_chart
from urbanlab_runner.snapshot.drawing import Drawing
from urbanlab_runner.snapshot.foreign import ForeignAddresses
from urbanlab_runner.snapshot.words import get_words

from .snapshot_cells import make, make_png

ROWS = [{"day": "2026-05-01", "n": 1234.5, "name": "secret"}, {"day": "2026-05-02", "n": 2, "name": "secret"}]
X, Y = {"field": "day", "type": "nominal"}, {"field": "n", "type": "quantitative"}
LITE = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.20.1.json",
    "description": "Visitors a day",
    "data": {"values": ROWS},
    "mark": "bar",
    "encoding": {"x": X, "y": Y},
}
VEGA = {
    "$schema": "https://vega.github.io/schema/vega/v5.json",
    "width": 100,
    "height": 50,
    "marks": [{"type": "rect", "encode": {"enter": {"width": {"value": 9}, "height": {"value": 9}}}}],
}
ALTAIR = """<style>#altair-viz-1.vega-embed {{ width: 100%; }}</style><div id="altair-viz-1"></div>
<script type="text/javascript">
  (function(spec, embedOpt){{ const paths = {{"vega": "https://far.example/vega@6?noext"}};
    function displayChart(vegaEmbed) {{ vegaEmbed(outputDiv, spec); }}
  }})({spec}, {{"mode": "vega-lite"}});
</script>"""


def show(**data: Any) -> Any:
    kinds = {"lite": "application/vnd.vegalite.v5+json", "vega": "application/vnd.vega.v5+json"}
    kinds |= {"html": "text/html", "plain": "text/plain", "png": "image/png"}
    bundle = {kinds[name]: value for name, value in data.items()}
    return new_code_cell("code", outputs=[new_output("display_data", data=bundle)])


def change(**values: Any) -> dict[str, Any]:
    return {**LITE, **values}


def test_charts_become_pictures_with_their_description_and_their_data() -> None:
    page = make(show(lite=LITE, plain="<VegaLite 5 object>"), show(vega=VEGA, plain="x"), language="de")
    body = page.contents["body.html"].decode()
    assert page.foreign == ()
    assert re.findall(r'<img [^>]*alt="([^"]*)"', body) == ["Visitors a day", "Abbildung 1"]
    assert body.count("data-undescribed") == 1 and "VegaLite" not in body
    drawn = page.contents["image-1.svg"].decode()
    # Two bars, and numbers as they are written in German.
    assert drawn.count('aria-roledescription="bar"') == 2 and "1.000" in drawn and "<script" not in drawn
    assert "<td>1.234,5</td>" in body and "secret" not in body


def test_a_chart_in_altairs_page_is_drawn_without_what_that_would_load() -> None:
    page = make(show(html=ALTAIR.format(spec=json.dumps(LITE)), plain="alt.Chart(...)"))
    body = page.contents["body.html"].decode()
    assert page.foreign == () and 'alt="Visitors a day"' in body
    assert not re.search("far.example|vegaEmbed|alt.Chart", body)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"application/vnd.vegalite.v4+json": LITE}, ("vegalite", "4")),
        ({"application/vnd.vegalite.v6.json": LITE}, ("vegalite", "6")),
        ({"application/vnd.vega.v5+json": VEGA}, ("vega", "5")),
        ({"text/html": ALTAIR.format(spec=json.dumps(VEGA))}, ("vega", "5")),
        ({"text/html": [ALTAIR.format(spec='{"mark": "bar", "n": NaN}')]}, ("vegalite", "")),
        ({"application/vnd.vegalite.v5+json": "text"}, None),
        ({"text/html": "vegaEmbed })({ no json"}, None),
        ({"text/html": "vegaEmbed " + "})({" * 20_000}, None),
        ({"text/html": "vegaEmbed })(" + '{"a":' * 100_000}, None),
        ({"text/html": "<b>x</b>", "application/vnd.plotly.v1+json": {}}, None),
    ],
)
def test_charts_are_found(data: dict[str, Any], found: tuple[str, str] | None) -> None:
    chart = find_chart(data)
    assert (chart and (chart.library, chart.major)) == found


@pytest.mark.parametrize(
    ("spec", "title"),
    [
        ({"description": " a ", "title": "b"}, "a"),
        ({"title": {"text": ["b", "c"]}}, "b c"),
        ({"title": ["b"]}, "b"),
        ({"description": 5, "title": {"text": {"signal": "x"}}}, ""),
        ({"title": "b" * 1000}, "b" * 300),
    ],
)
def test_charts_say_what_they_show(spec: dict[str, Any], title: str) -> None:
    assert Chart(spec, "vegalite", "5").title == title


LAYERS = [{"mark": "line", "encoding": {"x": X}}, {"mark": "point", "encoding": {"y": Y}}]
SUM = {**Y, "aggregate": "sum"}


@pytest.mark.parametrize(
    ("spec", "columns"),
    [
        (LITE, ["day", "n"]),
        ({"data": {"name": "a"}, "datasets": {"a": ROWS}, "layer": LAYERS}, ["day", "n"]),
        (change(encoding={"x": X, "y": SUM}), []),
        (change(encoding={"x": {**X, "timeUnit": "month"}}), []),
        (change(encoding={"x": {**X, "sort": {"field": "name"}}, "detail": {"field": "name"}}), ["day"]),
        (change(transform=[{"filter": "datum.n > 5"}]), []),
        (change(mark={"type": "boxplot"}), []),
        (change(layer=[{"data": {"values": ROWS}}]), []),
        (change(data={"values": ROWS * 100}), []),
        (change(data={"values": [1, 2]}), []),
        (change(data={"values": "a,b"}), []),
        (change(datasets=5), ["day", "n"]),
        (VEGA, []),
    ],
)
def test_the_table_of_a_chart_holds_no_more_than_is_seen(spec: dict[str, Any], columns: list[str]) -> None:
    table = Charts(ForeignAddresses(), get_words("en"), "en").show_data(Chart(spec, "vegalite", "5"))
    assert re.findall("<th>(.*?)</th>", table) == columns and "secret" not in table


@pytest.mark.parametrize(
    ("address", "hosts"),
    [
        ("https://far.example/a.json", ("far.example",)),
        ("//far.example/a.csv", ("far.example",)),
        ("file:///etc/hostname", ("file:///etc/hostname",)),
        ("/etc/hostname", ()),
        ("data/cars.json", ()),
        ({"signal": "'https://far.example'"}, ()),
    ],
)
def test_a_chart_whose_data_lie_elsewhere_says_so(address: Any, hosts: tuple[str, ...]) -> None:
    page = make(show(lite=change(data={"url": address}), plain="x"))
    body = page.contents["body.html"].decode()
    assert page.foreign == hosts
    assert "<b>Visitors a day</b> This chart cannot be drawn here." in body and "<img" not in body


def test_a_wrong_chart_is_its_own_picture_or_its_data() -> None:
    wrong = change(mark=5)
    assert 'src="data:image/png' in make(show(lite=wrong, png=make_png())).contents["body.html"].decode()
    body = make(show(lite=wrong, plain="x")).contents["body.html"].decode()
    assert "cannot be drawn" in body and "<td>1,234.5</td>" in body


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    server.server_close()


def test_whoever_draws_asks_nobody_and_reads_no_file(asked: tuple[str, list[str]], tmp_path: Path) -> None:
    url, paths = asked
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps([{"day": "KEPT", "n": 1}]))
    pictures = {"values": [{"u": f"{url}/a.png"}, {"u": str(kept)}, {"u": f"file://{kept}"}]}
    lookup = {"lookup": "day", "from": {"data": {"url": f"{url}/b.json"}, "key": "day", "fields": ["n"]}}
    specs = [
        change(data={"url": f"{url}/a.json"}),
        change(data={"url": f"file://{kept}"}),
        change(data={"url": str(kept)}),
        change(transform=[lookup]),
        change(data=pictures, mark="image", encoding={"url": {"field": "u"}, "x": {"value": 1}}),
        {"layer": [change(transform=[{"calculate": f"Deno.readTextFileSync('{kept}')", "as": "day"}])]},
    ]
    drawn = [Drawing("en").draw(spec, "vegalite", "5") for spec in specs]
    assert paths == [] and not any(b"KEPT" in svg for svg in drawn)
    picture = make(show(lite=specs[4]))
    assert "127.0.0.1" in picture.foreign
    assert b"127.0.0.1" not in b"".join(
        content for name, content in picture.contents.items() if name != "body.html"
    )
    assert not re.search(r'(?:src|href)="(?!data:image/|files/)', picture.contents["body.html"].decode())


@pytest.mark.parametrize("count", [1e9, 2e5])
def test_a_chart_that_never_ends_or_is_too_large_is_not_drawn(count: float) -> None:
    data = {"sequence": {"start": 0, "stop": count}}
    drawing = Drawing("en", seconds=1.5)
    spec = change(data=data, encoding={"x": {"field": "data", "type": "quantitative"}})
    assert drawing.draw(spec, "vegalite", "5") == b""
    assert drawing.left < 90
    assert Drawing("en", left=0).draw(LITE, "vegalite", "5") == b""
    assert Drawing("en").draw({"a": "x" * 9_000_000}, "vegalite", "5") == b""


def test_the_clocks_of_a_chart_are_the_towns() -> None:
    time = {"field": "t", "type": "ordinal", "timeUnit": "yearmonthdatehours"}
    spec = {"data": {"values": [{"t": "2026-07-01T22:30:00Z"}]}, "mark": "point", "encoding": {"y": time}}
    for zone, hour in (("UTC", b"Jul 01, 2026 22:00"), ("Europe/Berlin", b"Jul 02, 2026 00:00")):
        assert hour in Drawing("en", zone).draw(spec, "vegalite", "5")


def test_text_in_a_chart_stays_text() -> None:
    bad = "</text><script>window.hit=1</script><image href='https://far.example/a.png'/>"
    page = make(show(lite=change(description=bad, title=bad, data={"values": [{"day": bad, "n": 1}]})))
    body = page.contents["body.html"].decode()
    assert page.foreign == () and "<script" not in body and "<image" not in body
    assert b"<script" not in page.contents["image-1.svg"] and b"<image" not in page.contents["image-1.svg"]
