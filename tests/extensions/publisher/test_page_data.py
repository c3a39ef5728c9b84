"""The data of a page that comes from a runner: what is no plain data is refused, whatever its name says."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from openpyxl import Workbook

from urbanlab.contract.page_data import DataColumn, PageData, is_formula
from urbanlab_services.publisher.page_data import PageDataError, check_page_data

DATA = PageData("x", 1, (DataColumn("a", "integer"),))
CSV = {"data-x.csv": b"a\r\n1\r\n"}


def _make_workbook(value: Any, link: str = "") -> bytes:
    book, buffer = Workbook(), io.BytesIO()
    cell = book.active["A1"]
    cell.value = value
    if link:
        cell.hyperlink = link
    book.save(buffer)
    return buffer.getvalue()


def _add_part(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO(_make_workbook("x"))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def test_plain_data_pass() -> None:
    book = _make_workbook("x")
    geojson = b'{"type": "FeatureCollection", "features": []}'
    others = {"data-x.xlsx": book, "data-x.parquet": b"PAR1PAR1", "data-x.geojson": geojson}
    check_page_data([DATA], {"body.html": b"", **CSV, **others})
    check_page_data([], {"body.html": b""})


@pytest.mark.parametrize(
    ("data", "members"),
    [
        ([DATA], {}),
        ([DATA, DATA], CSV),
        ([], CSV),
        ([DATA], {**CSV, "data-y.csv": b""}),
        ([DATA], {**CSV, "other.xlsx": b""}),
        ([DATA], {"data-x.csv": b"=1+1\r\n"}),
        ([DATA], {"data-x.csv": b'a\r\n"@SUM(1)"\r\n'}),
        ([DATA], {"data-x.csv": b"\xff"}),
        ([DATA], {**CSV, "data-x.geojson": b"[]"}),
        ([DATA], {**CSV, "data-x.geojson": b'{"type": "FeatureCollection", "x": NaN}'}),
        ([DATA], {**CSV, "data-x.geojson": b"[" * 100_000}),
        ([DATA], {**CSV, "data-x.parquet": b"PAR1"[:3]}),
        ([DATA], {**CSV, "data-x.xlsx": b"PK\x03\x04"}),
        ([DATA], {**CSV, "data-x.xlsx": _make_workbook("=1+1")}),
        ([DATA], {**CSV, "data-x.xlsx": _make_workbook("x", "https://evil.example")}),
        ([DATA], {**CSV, "data-x.xlsx": _add_part("xl/vbaProject.bin", b"macro")}),
        ([DATA], {**CSV, "data-x.xlsx": _add_part("../outside", b"x")}),
        ([DATA], {**CSV, "data-x.xlsx": _add_part("xl/worksheets/sheet2.xml", b" " * 90_000_000)}),
        ([DATA], {**CSV, "data-x.xlsx": _add_part("xl/worksheets/sheet2.xml", b"<!DOCTYPE x>")}),
    ],
)
def test_anything_else_is_refused(data: list[PageData], members: dict[str, bytes]) -> None:
    with pytest.raises(PageDataError):
        check_page_data(data, {"body.html": b"", **members})


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *(("=1", True), ("+1+1", True), ("-x", True), ("@x", True), ("\t=1", True), ("＝1", True)),
        *(("-5", False), ("+5.2", False), ("-3,7", False), ("5=5", False), ("", False), ("'=1", False)),
    ],
)
def test_what_a_spreadsheet_would_calculate(text: str, is_one: bool) -> None:
    assert is_formula(text) is is_one
