"""Files made to harm: each ends in a sentence, in little memory, and reaches nothing."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

SHEET = "xl/worksheets/sheet1.xml"
MB = 1 << 20
# What reading takes beside the libraries: all of this stays under the limit, or is refused before it is read.
ROOM_MB = 300
ENTITIES = "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
BOMB = f'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">{ENTITIES}]>'
LOAD = f"""
import resource, sys, pathlib, psutil, pandas, openpyxl, geopandas, pyarrow.parquet
from urbanlab.errors import LoadError
from urbanlab.loading.prepare import Options, prepare
from urbanlab.loading.sources import read_source
most = psutil.Process().memory_info().data + {ROOM_MB} * {MB}
resource.setrlimit(resource.RLIMIT_DATA, (most, most))
for path in sys.argv[1:]:
    try:
        found = prepare(read_source(pathlib.Path(path), None), Options("UTC"))
        print(pathlib.Path(path).name, "loaded", found.table.to_pylist()[:2])
    except LoadError as error:
        print(pathlib.Path(path).name, "refused", str(error)[:150])
"""


def _make_book(*changes: Callable[[str], str]) -> bytes:
    book = openpyxl.Workbook()
    book.active.append(["one", "two"])
    book.active.append([1, 2])
    book.save(content := io.BytesIO())
    with (
        zipfile.ZipFile(content) as source,
        zipfile.ZipFile(out := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            data = source.read(name).decode()
            for change in changes if name == SHEET else ():
                data = change(data)
            target.writestr(name, data)
    return out.getvalue()


def _put(doctype: str, entity: str) -> Callable[[str], str]:
    return lambda xml: doctype + xml[xml.index("<worksheet") :].replace("<v>1</v>", f"<v>&{entity};</v>")


def _add(before: str, more: str) -> Callable[[str], str]:
    return lambda xml: xml.replace(before, more + before)


def _zip(size: int) -> bytes:
    with zipfile.ZipFile(content := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * size * MB)
    return content.getvalue()


def _parquet() -> bytes:
    table = pa.table({"a": ["x" * 1000] * 50_000})
    with pq.ParquetWriter(content := io.BytesIO(), table.schema) as writer:
        for _ in range(5):
            writer.write_table(table)
    return content.getvalue()


WIDE = ",".join(f"c{number}" for number in range(10_000))
LAST = '<row r="{0}"><c r="A{0}"><v>5</v></c></row>'
# Name of the file -> its content, and how the answer begins.
FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "entities.xlsx": (lambda: _make_book(_put(BOMB, "j")), "refused"),
    "foreign.xlsx": (
        lambda: _make_book(_put('<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "x")),
        "refused",
    ),
    "size.xlsx": (lambda: _make_book(lambda xml: xml.replace("A1:B2", "A1:XFD1048576")), "loaded [{'one': 1"),
    "gap.xlsx": (lambda: _make_book(_add("</sheetData>", LAST.format(99999999999))), "refused The sheet"),
    "merged.xlsx": (
        lambda: _make_book(_add("<pageMargins", '<mergeCells><mergeCell ref="A2:XFD1048576"/></mergeCells>')),
        "refused The table has 16384 columns",
    ),
    "merges.xlsx": (
        lambda: _make_book(
            _add("</sheetData>", LAST.format(30_000)),
            _add("<pageMargins", '<mergeCells><mergeCell ref="A2:SF30000"/></mergeCells>'),
        ),
        "refused The sheet 'Sheet' of merges.xlsx has merged cells over more cells",
    ),
    "wide.xlsx": (
        lambda: _make_book(_add("</sheetData>", '<row r="9"><c r="XFD9"><v>5</v></c></row>')),
        "refused The table has 16384 columns",
    ),
    "bomb.xlsx": (lambda: _make_book(_add("<v>1</v>", "<v>" + "1" * 90 * MB + "</v>")), "refused bomb.xlsx"),
    "bomb.zip": (lambda: _zip(120), "refused bomb.zip, unpacked, takes 125 MB"),
    "bomb.parquet": (_parquet, "refused bomb.parquet takes"),
    "wide.csv": (lambda: f"{WIDE}\n{WIDE}\n".encode(), "refused The table has 10000 columns"),
    "cell.csv": (lambda: b"a;b\n1;" + b"x" * 20 * MB + b"\n", "refused cell.csv"),
    "deep.json": (lambda: b"[" * 100_000 + b"]" * 100_000, "refused deep.json is nested too deeply"),
    "deeper.json": (lambda: b'[{"a":' * 2500 + b"1" + b"}]" * 2500, "refused deeper.json"),
    "chain.json": (
        lambda: b"[" + b'{"a":' * 2500 + b"1" + b"}" * 2500 + b"]",
        "refused",
    ),
    "keys.json": (
        lambda: json.dumps([{f"k{number}": 1} for number in range(50_000)]).encode(),
        "refused The table has 50000 columns",
    ),
    "long.json": (lambda: json.dumps([{"k" * 10 * MB: 1}]).encode(), "refused A heading has more than"),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what loading each file says, all in one process whose memory is limited."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (make, _) in FILES.items():
        (folder / name).write_bytes(make())
    paths = [str(folder / name) for name in FILES]
    done = subprocess.run([sys.executable, "-c", LOAD, *paths], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    return {line.split(" ")[0]: line.partition(" ")[2] for line in done.stdout.splitlines()}


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_ends_in_a_sentence(answers: dict[str, str], name: str) -> None:
    assert answers[name].startswith(FILES[name][1]), answers[name]
    assert "root:" not in answers[name]


def test_a_file_larger_than_the_kernel_is_not_even_read(tmp_path: Path) -> None:
    with (path := tmp_path / "large.csv").open("wb") as file:
        file.truncate(2_000_000_000)
    done = subprocess.run([sys.executable, "-c", LOAD, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("large.csv refused large.csv takes 2000 MB, and this kernel has room for")
