"""Colours of a map and the legend that explains them; everything from data is escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Readable for the colour-blind; the ramp gets darker with the value, so that it survives black and white.
RAMP = ("#fde725", "#7ad151", "#22a884", "#2a788e", "#414487", "#440154")
CATEGORIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#7a3b00", "#5b2a86")
PLAIN = "#0b5cad"
MISSING = "#8a8f98"


@dataclass(frozen=True)
class Colours:
    """A colour for each value, and the legend as HTML; an empty legend where there is nothing to explain.

    `title` and `entries`, pairs of a colour and what it stands for, are the same legend for a picture.
    """

    pick: Callable[[Any], str]
    legend: str = ""
    title: str = ""
    entries: tuple[tuple[str, str], ...] = ()


def make_colours(values: pd.Series[Any] | None, words: dict[str, str]) -> Colours:
    """Return the colours for the values of a column: a ramp for numbers, one colour for each category else."""
    import pandas as pd

    if values is None:
        return Colours(lambda _value: PLAIN)
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return _make_ramp(values, words)
    return _make_categories(values, words)


def escape(text: str) -> str:
    """Return text in which nothing is HTML, and nothing is a template of folium's, which takes data for one."""
    return html.escape(text).replace("{", "&#123;")


def is_missing(value: Any) -> bool:
    """Return whether a cell is empty."""
    import pandas as pd

    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _make_ramp(values: pd.Series[Any], words: dict[str, str]) -> Colours:
    from branca.colormap import LinearColormap

    numbers = values.dropna().astype(float)
    numbers = numbers[numbers.abs() < math.inf]
    low, high = (float(numbers.min()), float(numbers.max())) if len(numbers) else (0.0, 0.0)
    ramp = LinearColormap(list(RAMP), vmin=low, vmax=high if high > low else low + 1)

    def pick(value: Any) -> str:
        if is_missing(value) or math.isinf(value):
            return MISSING
        return str(ramp.rgb_hex_str(float(value)))

    bar = f'<div class="ul-ramp" style="background:linear-gradient(to right,{",".join(RAMP)})"></div>'
    ends = f'<div class="ul-ends"><span>{format_number(low, words)}</span>'
    ends += f"<span>{format_number(high, words)}</span></div>"
    missing = ((MISSING, words["missing"]),) if values.isna().any() else ()
    steps = tuple(
        (colour, format_number(low + (high - low) * index / (len(RAMP) - 1), words))
        for index, colour in enumerate(RAMP)
    )
    box = _box(str(values.name), bar + ends + "".join(_swatch(*entry) for entry in missing))
    return Colours(pick, box, str(values.name), steps + missing)


def _make_categories(values: pd.Series[Any], words: dict[str, str]) -> Colours:
    counted = values.dropna().astype(str).value_counts()
    colours = dict(zip(counted.index[: len(CATEGORIES)], CATEGORIES, strict=False))
    rest = len(counted) > len(CATEGORIES) or values.isna().any()
    entries = [(colour, name) for name, colour in colours.items()]
    entries += [(MISSING, words["others"])] if rest else []
    box = _box(str(values.name), "".join(_swatch(*entry) for entry in entries))
    return Colours(lambda value: colours.get(str(value), MISSING), box, str(values.name), tuple(entries))


def _swatch(colour: str, text: str) -> str:
    return f'<div><span class="ul-swatch" style="background:{colour}"></span> {escape(text)}</div>'


def _box(title: str, inner: str) -> str:
    return f'<div class="ul-legend"><strong>{escape(title)}</strong>{inner}</div>'


def format_number(number: float, words: dict[str, str]) -> str:
    """Return a number as a reader of this language writes it: a thousand and a half is 1.000,5 in German."""
    text = f"{number:,.0f}" if 10_000 <= abs(number) < 1e15 else f"{number:,.6g}"
    return text.translate({ord(","): words["group"], ord("."): words["decimal"]})
