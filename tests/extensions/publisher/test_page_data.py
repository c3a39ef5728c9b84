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


def _make_sheet(content: bytes) -> bytes:
    return _add_part("xl/worksheets/sheet2.xml", content)


def test_plain_data_pass() -> None:
    book = _make_workbook("the dataValidation of a hyperlink, TargetMode <f>")
    geojson = b'{"type": "FeatureCollection", "features": []}'
    others = {"data-x.xlsx": book, "data-x.parquet": b"PAR1PAR1", "data-x.geojson": geojson}
    check_page_data([DATA], {"body.html": b"", **CSV, **others})
    check_page_data([], {"body.html": b""})


def test_a_long_border_in_one_cell_and_very_small_numbers_pass() -> None:
    border = f"LINESTRING ({', '.join(['8.1 51.2'] * 30_000)})"
    check_page_data([DATA], {"data-x.csv": f'a\r\n"{border}"\r\n-3.2e-05\r\n-inf\r\n'.encode()})


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
        ([DATA], {**CSV, "data-x.xlsx": _make_sheet(b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>")}),
        ([DATA], {**CSV, "data-x.xlsx": _make_sheet(b"<c><f\t>1+1</f></c>")}),
        (
            [DATA],
            {**CSV, "data-x.xlsx": _make_sheet("<?xml version='1.0'?><c><f>1+1</f></c>".encode("utf-16"))},
        ),
        ([DATA], {**CSV, "data-x.xlsx": _make_sheet(b"<a-b:c xmlns:a-b='x'><a-b:f>1+1</a-b:f></a-b:c>")}),
        ([DATA], {**CSV, "data-x.xlsx": _make_sheet(b"<x><hyperlink/></x>")}),
        ([DATA], {**CSV, "data-x.xlsx": _make_sheet(b"<x><dataValidation/></x>")}),
        ([DATA], {**CSV, "data-x.xlsx": _make_sheet(b"<x TargetMode='External'/>")}),
        ([DATA], {**CSV, "data-x.xlsx": _make_sheet(b"<x><y></x>")}),
    ],
)
def test_anything_else_is_refused(data: list[PageData], members: dict[str, bytes]) -> None:
    with pytest.raises(PageDataError):
        check_page_data(data, {"body.html": b"", **members})


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *(("=1", True), ("+1+1", True), ("-x", True), ("@x", True), ("\t=1", True), ("＝1", True)),
        *(("-3.2e-05", False), ("+1.5e+20", False), ("-inf", False), ("-1e", True), ("-inf+1", True)),
        *(("-5", False), ("+5.2", False), ("-3,7", False), ("5=5", False), ("", False), ("'=1", False)),
    ],
)
def test_what_a_spreadsheet_would_calculate(text: str, is_one: bool) -> None:
    assert is_formula(text) is is_one
