"""Pages from notebooks that a real kernel executed, in a real browser under the portal's policies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from urbanlab_runner.snapshot.page import RenderedPage, make_page

from .hostile_html import HOSTILE
from .notebooks_to_pages import PARTS, SNAPSHOT, execute, make_notebook, serve

AXE = PARTS / "npm/node_modules/axe-core/axe.min.js"
NOTEBOOK = make_notebook(
    "# Seite\n\n## Einleitung\n\nDie Formel $E = mc^2$ und ein [Verweis](https://far.example/).",
    """import ipywidgets as w, anywidget, traitlets, pandas as pd
from IPython.display import HTML, Markdown
slider = w.IntSlider(description="Jahr", min=2000, max=2030, value=2024)
output = w.Output()
with output:
    print("im Output")
    display(pd.DataFrame({"a": [1.5, 2.0]}))
w.Tab([slider, output, w.HTML("<b onclick=x>fett</b>")], titles=["Regler", "Ausgabe", "Text"])""",
    """class Counter(anywidget.AnyWidget):
    _esm = '''export default { render({ model, el }) {
      const button = document.createElement("button");
      const show = () => { button.textContent = "Zähler " + model.get("n"); };
      button.onclick = () => { model.set("n", model.get("n") + 1); model.save_changes(); };
      model.on("change:n", show); show(); el.append(button); } };'''
    _css = ".counter { color: red }"
    n = traitlets.Int(3).tag(sync=True)
Counter()""",
    """w.VBox([
    w.Dropdown(options=["Rathaus", "Markt"], value="Markt", description="Ort"),
    w.Checkbox(True, description="Haken"), w.IntProgress(30, description="Fortschritt"),
    w.Accordion([w.Label("darin")], titles=["Klappe"]), w.Button(description="Los", icon="check"),
])""",
    """left, right = w.IntSlider(description="links"), w.IntText(description="rechts")
link = w.jslink((left, "value"), (right, "value"))
w.HBox([left, right])""",
    "%md\n## Bilder",
    "import matplotlib.pyplot as plt\nplt.plot(range(100))\nplt.show()",
    """import urbanlab as ul
places = pd.DataFrame({"name": ["Rathaus", "Markt"], "n": [1, 2]})
places = places.assign(longitude=[8.3, 8.4], latitude=[51.9, 51.95])
ul.map(places, value="n", tooltip="name")""",
    """import folium
plain = folium.Map((51.9, 8.4), tiles=None)
folium.Marker((51.9, 8.4), icon=folium.Icon(icon="info-sign")).add_to(plain)
plain""",
    'pd.DataFrame({"Ort": ["X", "Y"], "Wert": [1, 2]}).style.highlight_max(color="yellow", subset="Wert")',
    """import io
figure, axes = plt.subplots()
axes.bar([1, 2], [3, 4])
buffer = io.BytesIO()
figure.savefig(buffer, format="png")
plt.close(figure)
w.Image(value=buffer.getvalue(), format="png", tooltip="Balken")""",
)


pytestmark = pytest.mark.skipif(
    not SNAPSHOT.is_dir(), reason="the widgets of pages have not been built; `make test` does that"
)


@pytest.fixture(scope="module")
def rendered() -> RenderedPage:
    return make_page(execute(NOTEBOOK), title="Seite", language="de")


class Visit:
    """A page in the browser, and everything that it asked for and complained about."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on(
            "console",
            lambda text: self.complaints.append(text.text) if text.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(url)

    def list_foreign(self) -> list[str]:
        own = self.url.removesuffix("town/page/")
        return [url for url in self.requests if not url.startswith((own, f"blob:{own}", "data:"))]

    def wait_until_drawn(self) -> None:
        self.page.wait_for_selector(".ul-page[data-drawn]", state="attached", timeout=20_000)


@contextmanager
def visit(
    browser: Browser, rendered: RenderedPage, with_policy: bool = True, **options: Any
) -> Iterator[Visit]:
    with serve(rendered, with_policy) as url:
        context = browser.new_context(**options)
        yield Visit(context.new_page(), url)
        context.close()


@pytest.fixture(scope="module")
def visited(browser: Browser, rendered: RenderedPage) -> Iterator[Visit]:
    with visit(browser, rendered) as visit_:
        visit_.wait_until_drawn()
        yield visit_


def test_the_page_has_nothing_foreign_and_says_that_a_live_view_has_more(rendered: RenderedPage) -> None:
    assert rendered.foreign == () and rendered.page.live
    kinds = {name.partition("-")[0].partition(".")[0] for name in rendered.contents}
    assert kinds == {"body", "state", "frame", "image", "module", "style"}


def test_widgets_are_drawn_where_their_fallback_was(visited: Visit) -> None:
    page = visited.page
    assert page.get_attribute(".ul-page", "data-drawn") == "5"
    assert page.locator(".ul-fallback").count() == 0
    expect(page.get_by_role("tab", name="Regler")).to_be_visible()
    page.get_by_role("tab", name="Ausgabe").click()
    expect(page.get_by_text("im Output")).to_be_visible()
    page.get_by_role("tab", name="Text").click()
    expect(page.get_by_text("fett")).to_be_visible()
    image = page.get_by_role("img", name="Balken")
    assert image.evaluate("image => image.naturalWidth") > 100


def test_a_script_of_its_own_runs_from_a_file(visited: Visit) -> None:
    button = visited.page.get_by_role("button", name="Zähler 3")
    button.click()
    expect(visited.page.get_by_role("button", name="Zähler 4")).to_be_visible()
    assert [url for url in visited.requests if url.endswith(".mjs")]


def test_what_needs_a_kernel_is_inactive_and_says_so(visited: Visit) -> None:
    page = visited.page
    expect(page.get_by_role("combobox")).to_be_disabled()
    expect(page.get_by_role("button", name="Los")).to_be_disabled()
    expect(page.get_by_role("checkbox")).to_be_disabled()
    assert page.get_by_text("wirkt nur in der interaktiven Ansicht").count() == 2
    assert page.get_attribute(".ul-page", "data-inactive") == "2"
    page.evaluate("addEventListener('urbanlab:live-wanted', () => { window.wanted = true; })")
    page.locator(".ul-inactive").last.locator(".ul-drawn").click(position={"x": 4, "y": 4})
    assert page.evaluate("window.wanted")


def test_what_is_linked_in_the_browser_goes_on_working(visited: Visit) -> None:
    number = visited.page.locator(".widget-text input[type=number]")
    number.fill("42")
    number.press("Enter")
    expect(visited.page.locator(".widget-readout").filter(has_text="42")).to_be_visible()


def test_maps_are_drawn_in_frames_of_their_own(visited: Visit) -> None:
    for index, drawn in enumerate(("path.leaflet-interactive", ".awesome-marker-icon-blue")):
        place = visited.page.locator("iframe.ul-frame").nth(index)
        place.scroll_into_view_if_needed()
        frame = visited.page.frame_locator("iframe.ul-frame").nth(index)
        expect(frame.locator(drawn).first).to_be_visible()
        reach = "() => { try { return parent.document.title } catch { return 'closed' } }"
        assert frame.locator("body").evaluate(reach) == "closed"


def test_nothing_is_asked_of_others_and_nothing_goes_wrong(visited: Visit) -> None:
    visited.page.wait_for_timeout(500)
    assert visited.list_foreign() == [] and visited.complaints == []
    fonts = [url for url in visited.requests if "/static/snapshot/" in url and url.endswith(".woff2")]
    assert fonts, "the icon of a button has no font"


def test_axe_finds_nothing(browser: Browser, rendered: RenderedPage) -> None:
    if not AXE.exists():
        pytest.skip("axe has not been fetched; `make test` does that")
    for scripts in (True, False):
        with visit(browser, rendered, bypass_csp=True) as visited:
            if scripts:
                visited.wait_until_drawn()
            else:
                visited.page.route("**/snapshot.js", lambda route: route.abort())
                visited.page.reload()
            visited.page.add_script_tag(path=str(AXE))
            found = visited.page.evaluate("axe.run({ iframes: false })")
            assert [
                (each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found["violations"]
            ] == []


def test_it_reads_without_javascript(browser: Browser, rendered: RenderedPage) -> None:
    with visit(browser, rendered, java_script_enabled=False) as visited:
        page = visited.page
        text = page.locator("main").inner_text()
        for said in ("Jahr 2024", "im Output", "fett", "Ort Markt", "Haken ja", "Klappe", "darin", "links 0"):
            assert said in text
        expect(page.get_by_role("img", name="Balken")).to_be_visible()
        expect(page.get_by_role("img", name="Karte: n, 2 Orte")).to_be_visible()
        expect(page.locator("iframe").first).to_be_hidden()
        assert "Diese Karte braucht JavaScript." in text
        assert page.get_by_role("columnheader", name="Wert").count() == 1
        assert visited.list_foreign() == [] and visited.complaints == []


def test_it_fits_a_phone(browser: Browser, rendered: RenderedPage) -> None:
    with visit(browser, rendered, viewport={"width": 360, "height": 740}) as visited:
        visited.wait_until_drawn()
        images = visited.page.add_style_tag(content="img { max-width: 100%; height: auto }")
        assert images and visited.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_live_view_is_a_table_with_its_time(browser: Browser) -> None:
    source = """import urbanlab as ul
tail = ul.tail("footfall")
rows = [{"id": str(n), "time": 1_767_225_600_000 + n, "key": "markt", "value": {"persons": 20.5 + n}, "error": ""}
        for n in range(3)]
tail.snapshot = {"kind": "rows", "rows": rows, "received": 3, "skipped": 0, "error": ""}
tail"""
    rendered = make_page(execute(make_notebook("# Seite", source)), title="Seite", language="de")
    with visit(browser, rendered, java_script_enabled=False) as visited:
        expect(visited.page.get_by_text("footfall · Stand 01.01.2026 01:00:00")).to_be_visible()
        assert visited.page.get_by_role("cell", name="22,5").count() == 1
    with visit(browser, rendered) as visited:
        visited.wait_until_drawn()
        expect(visited.page.get_by_text("Stand 01.01.2026, 01:00:00")).to_be_visible()
        assert visited.page.get_by_role("row").count() == 4
        assert (
            visited.page.get_by_role("button").count() == 0
            and visited.page.get_by_role("searchbox").count() == 0
        )
        assert visited.list_foreign() == [] and visited.complaints == []


def test_hostile_html_does_nothing_even_where_no_policy_holds_it(browser: Browser) -> None:
    notebook = make_notebook(*[f"%md\n{text}" for text in HOSTILE])
    for number, text in enumerate(HOSTILE):
        source = f"from IPython.display import HTML\nimport ipywidgets as w\ntext = {text!r}\ndisplay(HTML(text))\n"
        source += "output = w.Output()\noutput.append_display_data(HTML(text))\n"
        source += f"display(w.VBox([w.HTML(text), w.Label(text), w.Tab([output], titles=['{number}'])]))"
        notebook.cells += make_notebook(source).cells
    rendered = make_page(execute(notebook), title="Seite", language="de")
    with visit(browser, rendered, with_policy=False) as visited:
        visited.wait_until_drawn()
        assert visited.page.get_attribute(".ul-page", "data-drawn") == str(len(HOSTILE))
        for link in visited.page.locator("main a[href]").all():
            assert re.match(r"https?:|mailto:|#|/|\?", link.get_attribute("href") or "")
        visited.page.wait_for_timeout(1000)
        assert visited.page.evaluate("window.hit") is None
        assert visited.list_foreign() == [] and visited.complaints == []
        assert visited.page.evaluate("document.title") == "Seite" and visited.page.locator("h1").count() == 1
        assert visited.page.evaluate("document.querySelectorAll('main .ul-page').length") == 1
    with visit(browser, rendered, with_policy=False, java_script_enabled=False) as visited:
        assert visited.list_foreign() == []


RICH = make_notebook(
    "# Seite\n\n## Weg\n\n```mermaid\nflowchart LR\n  accDescr: Vom Sensor zur Seite\n  Sensor --> Seite\n```",
    """import numpy as np, ipywidgets as w
from IPython.display import Audio
rows = [{"Monat": f"2026-{n:02}-01", "Anzahl": 900 + 40 * n} for n in range(1, 13)]
shown = {"x": {"field": "Monat", "type": "temporal"}, "y": {"field": "Anzahl", "type": "quantitative"}}
chart = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "description": "Besuche je Monat",
         "data": {"values": rows}, "mark": "line", "encoding": shown, "width": 500}
display({"application/vnd.vegalite.v5+json": chart, "text/plain": "<VegaLite 5 object>"}, raw=True)""",
    "sound = Audio(np.sin(np.arange(16000) / 3), rate=8000, autoplay=True)\nsound",
    "w.VBox([w.Label('Glocke:'), w.Audio(value=sound.data, format='wav', tooltip='Glocke')])",
)
PLAY = """async player => { player.muted = true; await player.play();
    while (!player.currentTime) await new Promise(done => setTimeout(done, 20)); return player.duration; }"""


@pytest.fixture(scope="module")
def rich() -> RenderedPage:
    return make_page(execute(RICH), title="Seite", language="de")


def test_charts_diagrams_and_sounds_are_the_pages_own(browser: Browser, rich: RenderedPage) -> None:
    assert rich.foreign == () and [name for name in rich.contents if "recording" in name] == [
        "recording-2.wav"
    ]
    with visit(browser, rich, viewport={"width": 360, "height": 740}) as visited:
        visited.wait_until_drawn()
        page = visited.page
        chart = page.get_by_role("img", name="Besuche je Monat")
        chart.scroll_into_view_if_needed()
        page.wait_for_function("document.querySelector('figure img').naturalWidth > 400")
        page.get_by_text("Daten des Diagramms").first.click()
        expect(page.get_by_role("cell", name="940", exact=True)).to_be_visible()
        expect(page.get_by_text("Mermaid: Vom Sensor zur Seite")).to_be_visible()
        assert page.locator("audio").evaluate_all("all => all.map(each => each.paused)") == [True, True]
        for name in ("Tonaufnahme 1", "Glocke"):
            assert page.locator(f"audio[aria-label='{name}']").evaluate(PLAY) == 2
        page.add_style_tag(content="img { max-width: 100%; height: auto }")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert visited.list_foreign() == [] and visited.complaints == []
    with visit(browser, rich, java_script_enabled=False) as visited:
        text = visited.page.locator("main").inner_text()
        assert all(said in text for said in ("Sensor --> Seite", "Tonaufnahme 1", "Glocke:"))
        assert visited.page.locator("audio").count() == 2 and visited.list_foreign() == []


def test_axe_finds_nothing_in_them_either(browser: Browser, rich: RenderedPage) -> None:
    if not AXE.exists():
        pytest.skip("axe has not been fetched; `make test` does that")
    with visit(browser, rich, bypass_csp=True) as visited:
        visited.wait_until_drawn()
        visited.page.add_script_tag(path=str(AXE))
        found = visited.page.evaluate("axe.run()")["violations"]
        assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found] == []
