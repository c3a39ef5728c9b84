"""Small tables for notebooks, as HTML and as text; everything from data is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def table(
    headings: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str = "", notes: Sequence[str] = ()
) -> str:
    """Return a table as HTML with a caption above and notes below it."""
    head = "".join(f'<th scope="col" style="text-align:left">{escape(heading)}</th>' for heading in headings)
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align:left">{escape(str(cell))}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    title = (
        f'<caption style="text-align:left;font-weight:bold">{escape(caption)}</caption>' if caption else ""
    )
    below = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def searchable(shown: str, label: str) -> str:
    """Return a table of `table` with a field above it that hides the rows without the words typed there."""
    act = (
        "const words=this.value.toLowerCase().split(/\\s+/);"
        "for(const row of this.nextElementSibling.tBodies[0].rows)"
        "row.hidden=!words.every(word=>row.textContent.toLowerCase().includes(word))"
    )
    said = escape(label)
    field = f'<input type="search" placeholder="{said}" aria-label="{said}" oninput="{escape(act)}">'
    return f"<div>{field}{shown}</div>"


def plain_table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, width: int = 48) -> str:
    """Return the table as aligned text; long cells are cut at `width`."""
    cells = [[_cut(str(cell), width) for cell in row] for row in (headings, *rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(headings))]
    return "\n".join(
        "  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
