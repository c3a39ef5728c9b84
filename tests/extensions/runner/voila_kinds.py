"""Notebooks of our own that use what the notebooks of the Voilà project use, and what pages hold of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from .snapshot_cells import make_png

ATTACHED_FILE = ("zahlen.txt", b"aus der Datei: 17")


@dataclass(frozen=True)
class Kind:
    """`page` and `live` are what the snapshot and the interactive view hold, `never` what neither does.

    Of `live` each is a media type and a text in what Voilà's program is given to draw.
    """

    name: str
    cells: tuple[str | NotebookNode, ...]
    page: tuple[str, ...]
    live: tuple[tuple[str, str], ...] = ()
    never: tuple[str, ...] = ()


PLAIN, HTML, STREAM = "text/plain", "text/html", "stream"
WIDGET = "application/vnd.jupyter.widget-view+json"

SQUARE = """
import ipywidgets as w
side, area = w.FloatSlider(description="$s$"), w.FloatText(description="$s^2$", disabled=True)
side.observe(lambda change: area.set_trait("value", change.new ** 2), "value")
side.value = 6.5
w.VBox([side, area])
"""
GRID = """
grid = w.GridspecLayout(4, 3)
grid[0, 0] = w.Dropdown(options=["Nord", "Ost"], value="Ost", description="Bezirk")
for row in range(1, 4):
    grid[row, 0] = w.Button(description=f"Linie {row}", button_style="info")
    grid[row, 1] = w.BoundedIntText(value=row * 7, max=99, description=f"Fahrten {row}")
    grid[row, 2] = w.Valid(value=row == 2, description=f"geprüft {row}")
grid
"""
INTERACTIVE = """
hours, price = w.IntSlider(3, description="Stunden"), w.IntSlider(2, description="Preis")
shown = w.interactive_output(lambda h, p: print(f"{h} h kosten {h * p} Euro"), {"h": hours, "p": price})
display(w.HBox([w.VBox([hours, price]), shown]))
"""
DASHBOARD = """
import matplotlib.pyplot as plt
from IPython.display import HTML
plt.ioff()
display(HTML("<style>.hinweis p { color: #106b43 }</style>"))
place = w.Output()
with place:
    plt.figure(figsize=(2, 1.5))
    plt.plot([1, 4, 2])
    plt.show()
years = w.IntRangeSlider(value=(2019, 2024), min=2010, max=2026, description="Jahre")
about = w.HTML('<h1>Besuche im Bad</h1><div class="hinweis"><p>Nach <b>Tagen</b></p></div>')
w.VBox([about, w.HBox([w.Label("Zeitraum:"), years]), place], layout=w.Layout(max_width="900px"))
"""
FORMULAS = r"""
from IPython.display import Latex, Markdown
display(Markdown("### Dichte\n\n*Einwohner* je Fläche: $d = n/a$."))
display(Latex("$v = s/t$"))
Latex(r"\begin{align} a & = b \\ c & = \frac{d}{e} \end{align}")
"""
OUTPUTS = """
kept, waited, emptied, outer, inner = (w.Output() for _ in range(5))
display(kept, waited, emptied, outer, inner)
print("neben den Ausgaben")
with kept:
    print("blieb stehen")
with waited:
    print("verschwand")
    clear_output(wait=True)
    print("kam danach")
with emptied:
    print("wurde geleert")
    clear_output()
with inner:
    print("innen vorher")
    with outer:
        print("ganz außen")
    print("innen nachher")
"""
AGAIN = """
for number in range(3):
    with again:
        clear_output(wait=True)
        print("Stand:", number)
"""
CHART = """
rows = [{"Halt": "Markt", "Fahrten": 31}, {"Halt": "Bad", "Fahrten": 12}]
fields = {"x": {"field": "Halt", "type": "nominal"}, "y": {"field": "Fahrten", "type": "quantitative"}}
chart = {"data": {"values": rows}, "mark": "bar", "encoding": fields, "title": "Fahrten je Halt"}
display({"application/vnd.vegalite.v5+json": chart, "text/plain": "<VegaLite object>"}, raw=True)
"""
CLEARED = """
print("vorläufig")
clear_output()
print("endgültig")
"""
DATA = """
from IPython.display import GeoJSON, JSON
display(GeoJSON({"type": "Feature", "geometry": {"type": "Point", "coordinates": [8.38, 51.91]}}))
display(JSON({"stadt": {"brunnen": [3, 5]}}))
display({"application/vnd.fasta.fasta": ">A\\nACGT", "text/plain": ">A\\nACGT"}, raw=True)
"""
PDF = """
from matplotlib_inline.backend_inline import set_matplotlib_formats
set_matplotlib_formats("pdf")
plt.figure(figsize=(2, 1.5))
plt.scatter([1, 2], [3, 4])
plt.show()
set_matplotlib_formats("png")
"""
OTHER_COMMS = """
%matplotlib notebook
figure = plt.figure(figsize=(2, 1.5))
figure.show()
%matplotlib inline
print("das Notebook lief")
"""
QUERY = """
import os
from urllib.parse import parse_qs
chosen = parse_qs(os.environ.get("QUERY_STRING", ""))
print("gewählt:", chosen.get("bezirk", ["alle"])[0], os.environ.get("VOILA_REQUEST_URL"), os.getenv("FOO"))
"""
BROKEN = """
import traitlets
class Foreign(w.DOMWidget):
    _model_name = traitlets.Unicode("ForeignModel").tag(sync=True)
    _view_name = traitlets.Unicode("ForeignView").tag(sync=True)
    _model_module = traitlets.Unicode("town-widgets").tag(sync=True)
    _view_module = traitlets.Unicode("town-widgets").tag(sync=True)
    _model_module_version = traitlets.Unicode("^9.0.0").tag(sync=True)
    value = traitlets.Int(41).tag(sync=True)
display(w.Label("davor"), Foreign(), w.HBox([Foreign(), w.Label("daneben")]), w.Label("danach"))
"""
BUTTONS = """
rows = ([w.Button(description=f"{row}.{place}") for place in range(20)] for row in range(20))
w.VBox([w.HBox(row) for row in rows])
"""
YAML = r"""
import yaml
display(Markdown("```yaml\n" + yaml.dump({"bad": {"becken": [25, 50]}}) + "\n```"))
"""


def _make_cell(source: str, *tags: str) -> NotebookNode:
    return new_code_cell(source, metadata={"tags": list(tags)})


KINDS = (
    Kind("print", ('print("Einwohner:", 100_000)',), ("Einwohner: 100000",), ((STREAM, "Einwohner"),)),
    Kind(
        "a parameter",
        (_make_cell('place = "niemand"', "parameters"), 'print("Gruß an", place)'),
        ("Gruß an Gütersloh",),
        ((STREAM, "Gruß an Gütersloh"),),
        ("niemand",),
    ),
    Kind("a slider and its square", (SQUARE,), ("6,5", "42,25"), ((WIDGET, ""),)),
    Kind(
        "a table",
        ('import pandas as pd\npd.DataFrame({"Halt": ["Markt", "Bad"], "Fahrten": [31, 12]})',),
        ("<table", 'scope="col">Halt', "<td>31</td>"),
        ((HTML, "<td>31</td>"),),
    ),
    Kind(
        "a grid",
        (GRID,),
        ("Bezirk <b>Ost</b>", "Fahrten 2 <b>14</b>", "geprüft 2 <b>ja</b>", "geprüft 3 <b>nein</b>"),
        ((WIDGET, ""),),
    ),
    Kind("an interactive output", (INTERACTIVE,), ("Stunden <b>3</b>", "3 h kosten 6 Euro"), ((WIDGET, ""),)),
    Kind(
        "a figure in an Output",
        (DASHBOARD,),
        ("<h2>Besuche im Bad</h2>", ".ul-output .hinweis p", "2019 – 2024", "<figure><img"),
        ((HTML, ".hinweis p"), (WIDGET, "")),
        ("<h1",),
    ),
    Kind(
        "formulas",
        (new_markdown_cell("\\begin{align}\nx & = y\n\\end{align}"), FORMULAS),
        ("<mi>d</mi>", "<mi>v</mi>", "<mtable", "<mfrac>", ">Dichte</h"),
        ((HTML, "<mi>d</mi>"), (HTML, "<mi>v</mi>"), (HTML, "<mfrac>")),
        ("begin{align}</code>",),
    ),
    Kind(
        "what is printed as an error",
        ('import sys\nprint("nur Warnung", file=sys.stderr)',),
        (),
        (),
        ("nur Warnung",),
    ),
    Kind(
        "HTML and SVG",
        (
            "from IPython.display import SVG\nHTML('<div style=\"width:9px;background:grey\">grau</div>')",
            'SVG(\'<svg xmlns="http://www.w3.org/2000/svg"><rect width="7" height="5"/></svg>\')',
        ),
        ('<div style="width:9px;background:grey">grau</div>', "data:image/svg+xml;base64,"),
        ((HTML, "grau"), ("image/svg+xml", "rect")),
    ),
    Kind(
        "JSON and what is unknown",
        (DATA,),
        ("application/geo+json", "brunnen", "ACGT"),
        (("application/json", "brunnen"), (HTML, "application/geo+json"), (PLAIN, "ACGT")),
        ("GeoJSON object",),
    ),
    Kind(
        "a figure as PDF",
        (PDF,),
        ("nicht zeigen kann: application/pdf",),
        ((HTML, "nicht zeigen kann: application/pdf"),),
        ("Figure size",),
    ),
    Kind("400 buttons", (BUTTONS,), ('data-model="',), ((WIDGET, ""),)),
    Kind("a query string", (QUERY,), ("gewählt: alle None None",), ((STREAM, "gewählt: alle None None"),)),
    Kind("fenced YAML", (YAML,), ('<div class="highlight"><pre>', "becken"), ((HTML, "becken"),)),
    Kind(
        "an Output that is written again and again",
        ("from IPython.display import clear_output\nagain = w.Output()\nagain", *[AGAIN] * 40),
        ("Stand: 2",),
        ((WIDGET, ""),),
    ),
    Kind("a chart", (CHART,), ("<figure><img",), (("image/svg+xml", "Markt"),)),
    Kind(
        "Outputs",
        (OUTPUTS, CLEARED),
        (
            "neben den Ausgaben",
            "blieb stehen",
            "kam danach",
            "innen vorher\ninnen nachher",
            "ganz außen",
            "endgültig",
        ),
        ((STREAM, "neben den Ausgaben"), (STREAM, "endgültig")),
        ("verschwand", "wurde geleert", "vorläufig"),
    ),
    Kind(
        "5,000 messages",
        ('for number in range(5000):\n    display(number)\ndisplay("und " + "Schluss")',),
        ("2718", "und Schluss"),
        ((PLAIN, "4999"), (PLAIN, "und Schluss")),
    ),
    Kind(
        "other comms",
        (OTHER_COMMS,),
        ("das Notebook lief",),
        ((STREAM, "das Notebook lief"),),
        ("Javascript object",),
    ),
    Kind(
        "a file beside it",
        ('with open("./zahlen.txt") as file:\n    print(file.read())',),
        ("aus der Datei: 17",),
        ((STREAM, "aus der Datei: 17"),),
    ),
    Kind(
        "widgets that the browser does not know",
        (BROKEN,),
        ("davor", "<b>41</b>", "daneben", "danach"),
        ((WIDGET, ""), (HTML, "nicht zeigen kann: town-widgets")),
    ),
    Kind(
        "a skipped cell",
        (
            'print("für " + "alle")',
            _make_cell('print("ohne " + "Voilà")', "skip-voila"),
            _make_cell('print("für " + "uns")', "remove-cell"),
        ),
        ("für alle",),
        ((STREAM, "für alle"),),
        ("ohne Voilà", "für uns"),
    ),
    Kind(
        "an attached picture",
        (
            new_markdown_cell(
                "![Wappen](attachment:wappen.png)", attachments={"wappen.png": {"image/png": make_png()}}
            ),
        ),
        ('alt="Wappen"', "data:image/png;base64,"),
    ),
)


def make_all() -> dict[str, Any]:
    """Return one notebook with all kinds, each below a heading with its name; its kernel is none that is here."""
    kernel = {"name": "xpython2", "display_name": "Xeus Python 2", "language": "python"}
    return dict(new_notebook(cells=list(_list_cells()), metadata={"kernelspec": kernel}))


def _list_cells() -> Iterator[NotebookNode]:
    for kind in KINDS:
        yield new_markdown_cell(f"## {kind.name}")
        for cell in kind.cells:
            yield cell if isinstance(cell, NotebookNode) else new_code_cell(cell)
