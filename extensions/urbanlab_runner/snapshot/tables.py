"""Tables that can be read on a phone and by a screen reader."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from bs4 import BeautifulSoup, Tag

from urbanlab_runner.snapshot.words import format_value


def make_table(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[Any]], words: dict[str, str]
) -> str:
    """Return a table as HTML, not yet improved."""
    head = "".join(f"<th>{escape(str(heading))}</th>" for heading in headings)
    lines = ("".join(f"<td>{escape(format_value(cell, words))}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    caption = f"<caption>{escape(title)}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def improve_tables(soup: BeautifulSoup, label: str) -> None:
    """Say of each heading what it heads, and let wide tables scroll in a place of their own."""
    for table in soup.find_all("table"):
        _give_scopes(table)
        if table.find_parent("table") is None:
            caption = table.find("caption")
            name = caption.get_text(" ", strip=True) if isinstance(caption, Tag) else ""
            table.wrap(_make_region(soup, name or label))


def _make_region(soup: BeautifulSoup, label: str) -> Tag:
    # What scrolls must be reachable by keyboard, and what is reachable must have a name.
    attributes = {"class": "ul-table", "role": "group", "tabindex": "0", "aria-label": label}
    return soup.new_tag("div", attrs=attributes)


def _give_scopes(table: Tag) -> None:
    for cell in table.find_all("th"):
        if not cell.get_text(strip=True) and cell.find("img") is None:
            cell.name = "td"  # pandas leaves the corner above its index empty
            cell.attrs.pop("scope", None)
        elif not cell.has_attr("scope"):
            cell["scope"] = "col" if cell.find_parent("thead") is not None else "row"
