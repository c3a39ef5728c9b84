"""How a text file of cells is written: its encoding, what separates the cells, where the headings stand."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass

from urbanlab.errors import FileFormatError

SEPARATORS = {";": ";", ",": ",", "\t": "Tab", "|": "|"}
_SAMPLE_LINES = 200
_NUMBER_OR_TIME = re.compile(r"[\s\d.,:;/+\-TZ%€]*")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Dialect:
    """What separates cells, how many there are in a line, how many lines come before the first record."""

    separator: str
    width: int
    preamble: tuple[str, ...]
    headings: tuple[str, ...]  # empty where the file has none
    skip: int


def decode(content: bytes, name: str) -> tuple[str, str]:
    """Return the text and its encoding; raise `FileFormatError` if it is no text."""
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return _decode(content, encoding, name), encoding.removesuffix("-sig").upper()
    sample = content[:65536]
    controls = sum(sample.count(byte) for byte in (*range(9), *range(14, 27), *range(28, 32)))
    if controls > len(sample) / 1000:
        raise FileFormatError(f"{name} is not a table: it holds binary data. {ADVICE}")
    try:
        return content.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        # Excel in Germany saves CSV in this encoding; it has no marks of its own.
        return content.decode("cp1252", errors="replace"), "Windows-1252"


ADVICE = "Load a CSV, Excel, JSON, GeoJSON or Parquet file; from another program, export it as CSV first."


def detect_dialect(text: str, name: str) -> Dialect:
    """Return how the text is written; raise `FileFormatError` if it has no columns."""
    start = text.lstrip()[:200].lower()
    if start.startswith(("<!doctype", "<html", "<?xml", "<")):
        raise FileFormatError(
            f"{name} is a web page or XML, not a table; often the address of a page was saved instead of that of "
            f"the file behind its download button. {ADVICE}"
        )
    lines = text[:4_000_000].split("\n", _SAMPLE_LINES)[:_SAMPLE_LINES]
    found = [_try_separator(lines, separator) for separator in SEPARATORS]
    good = [(score, dialect) for score, dialect in found if dialect is not None]
    if not good:
        raise FileFormatError(
            f"{name} has only one column, or is no table: none of semicolon, comma, tab and | separates its lines "
            "into cells. If it is a list on purpose, read it with pandas and give the frame to ul.load."
        )
    others = [pair for pair in good if pair[1].separator != ","]
    if others and _holds_decimal_commas(lines):
        good = others
    return max(good, key=lambda pair: pair[0])[1]


def _holds_decimal_commas(lines: list[str]) -> bool:
    """Return whether commas stand between digits in nearly all lines that have one."""
    with_comma = [line for line in lines if "," in line]
    decimal = sum(len(re.findall(r"\d,\d", line)) == line.count(",") for line in with_comma)
    return decimal >= 0.9 * len(with_comma)


def _try_separator(lines: list[str], separator: str) -> tuple[tuple[bool, float, int], Dialect | None]:
    cells, ends = _split(lines, separator)
    filled = [row for row in cells if any(cell.strip() for cell in row)]
    widths = Counter(len(row) for row in filled if len(row) > 1)
    if not widths:
        return (False, 0.0, 0), None
    width, times = widths.most_common(1)[0]
    share = times / len(filled)
    if share < 0.5:
        return (False, share, width), None
    before = next(
        number for number, row in enumerate(cells) if len(row) == width and any(cell.strip() for cell in row)
    )
    head = [re.sub(r"\s+", " ", cell).strip() for cell in cells[before]]
    headless = all(_NUMBER_OR_TIME.fullmatch(cell) for cell in head)
    preamble = tuple(separator.join(row).strip() for row in cells[:before])
    skip = ends[before - 1] if headless and before else 0 if headless else ends[before]
    dialect = Dialect(separator, width, preamble, () if headless else tuple(head), skip)
    return (before == 0 and not headless, share, width), dialect


def _split(lines: list[str], separator: str) -> tuple[list[list[str]], list[int]]:
    """Return the rows and in which line each ends; a heading in quotation marks may go over several."""
    reader = csv.reader((line.rstrip("\r") + "\n" for line in lines), delimiter=separator)
    rows, ends = [], []
    try:
        for row in reader:
            rows.append(row)
            ends.append(reader.line_num)
    except csv.Error:  # a cell of endless length: this is no separator
        return [], []
    return rows, ends


def _decode(content: bytes, encoding: str, name: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise FileFormatError(
            f"{name} begins as {encoding.upper()} but is damaged. Save it again as UTF-8 and load that."
        ) from None
