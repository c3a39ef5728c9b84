"""Tables that can be read on a phone and by a screen reader."""

from __future__ import annotations

from bs4 import BeautifulSoup, Tag


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
