"""ZIP archives: one table, many that are one, a shapefile; and GeoPackages."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from urbanlab.errors import FileFormatError, LoadError
from urbanlab.loading.prepare import Prepared

Understand = Callable[..., Prepared]
PLACES = gpd.GeoDataFrame(
    {"code": ["007", "008"], "n": [1, 2]},
    geometry=[shapely.Point(8.4, 51.9), shapely.Point(8.5, 51.8)],
    crs=4326,
)


def _said(found: Prepared) -> str:
    return "\n".join(note.say("en") for note in found.notes)


def _zip(**files: bytes | str) -> bytes:
    with zipfile.ZipFile(content := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/").replace("_", ".").replace("~", "__"), data)
    return content.getvalue()


def _shapefile(folder: Path, frame: gpd.GeoDataFrame = PLACES) -> dict[str, bytes]:
    frame.to_file(folder / "districts.shp")
    return {path.name.replace(".", "_"): path.read_bytes() for path in folder.glob("districts.*")}


def test_one_table_in_an_archive_is_read_and_what_is_beside_it_is_not(understand: Understand) -> None:
    found = understand(
        _zip(in__table_csv="a;b\n1;2\n", README_md="x", **{"~MACOSX__table_csv": "y"}), "x.zip"
    )
    assert found.table.to_pylist() == [{"a": 1, "b": 2}] and "archive: in/table.csv" in _said(found)


def test_files_with_the_same_columns_are_one_table_that_says_from_where(understand: Understand) -> None:
    months = {f"m{month}_csv": f"n;x\n{month};1,5\n" for month in (2, 1)} | {"m3_csv": "n;x\n"}
    found = understand(_zip(**months), "x.zip")
    assert found.table.to_pylist() == [
        {"n": 1, "x": 1.5, "file": "m1.csv"},
        {"n": 2, "x": 1.5, "file": "m2.csv"},
    ]
    assert "2 files of the archive put one below the other (m1.csv … m2.csv)" in _said(found)
    assert "Without rows, left out: m3.csv" in _said(found)


@pytest.mark.parametrize(
    ("files", "sheet", "said"),
    [
        (
            {"a_csv": "n;x\n1;2\n", "b_csv": "n;y\n1;2\n"},
            None,
            "different columns: a.csv has n, x; b.csv has n, y",
        ),
        ({"a_csv": "n;x\n1;2\n", "b_json": "[]"}, None, "several tables: a.csv, b.json. Choose one"),
        ({"a_csv": "n;x\n1;2\n"}, "c.csv", "has no file 'c.csv'; its files are a.csv"),
        ({"a_md": "x"}, None, "without a table in it; it holds a.md"),
        ({"a_csv": _zip(b_csv="x;y\n1;2\n")}, None, "archive within an archive"),
        ({"a_csv": ""}, None, "is empty"),
        ({"a_shp": b"\0\0\x27\x0a" + b"\0" * 96}, None, r"its table \(.dbf\) is missing"),
        ({f"a_{end}": b"\0\0\x27\x0a" + b"\0" * 96 for end in ("shp", "dbf", "shx")}, None, "is damaged"),
    ],
)
def test_an_archive_that_is_no_table_is_told(
    understand: Understand, files: dict[str, str | bytes], sheet: str | None, said: str
) -> None:
    with pytest.raises(LoadError, match=said):
        understand(_zip(**files), "x.zip", sheet=sheet)


def test_a_file_of_an_archive_is_chosen(understand: Understand) -> None:
    content = _zip(in__a_csv="n;x\n1;2\n", in__b_csv="n;y\n3;4\n")
    assert understand(content, "x.zip", sheet="b.csv").table.to_pylist() == [{"n": 3, "y": 4}]


def test_a_shapefile_is_read_from_an_archive_and_from_its_folder(
    understand: Understand, tmp_path: Path
) -> None:
    parts = _shapefile(tmp_path, PLACES.to_crs(25832))
    expected = [
        {"code": "007", "n": 1, "longitude": pytest.approx(8.4), "latitude": pytest.approx(51.9)},
        {"code": "008", "n": 2, "longitude": pytest.approx(8.5), "latitude": pytest.approx(51.8)},
    ]
    for source in (_zip(**parts), tmp_path / "districts.shp"):
        found = understand(source, "x.zip")
        assert found.table.to_pylist() == expected and "Read as Shapefile" in _said(found)
    (tmp_path / "districts.dbf").unlink()
    with pytest.raises(FileFormatError, match="only a part of a shapefile"):
        understand(tmp_path / "districts.shp")


def test_two_shapefiles_are_told_apart_by_name(understand: Understand, tmp_path: Path) -> None:
    parts = _shapefile(tmp_path)
    both = {**parts, **{name.replace("districts", "in__roads"): data for name, data in parts.items()}}
    with pytest.raises(LoadError, match=r"several tables: districts\.shp, in/roads\.shp"):
        understand(_zip(**both), "x.zip")
    assert understand(_zip(**both), "x.zip", sheet="roads.shp").table.num_rows == 2


def test_a_layer_of_a_geopackage_is_read(understand: Understand, tmp_path: Path) -> None:
    path = tmp_path / "town.gpkg"
    PLACES.to_file(path, layer="places")
    PLACES.drop(columns="geometry").assign(n=[3, 4]).pipe(gpd.GeoDataFrame).to_file(
        path, layer="plain", mode="a"
    )
    found = understand(path)
    assert found.table.column_names == ["code", "n", "longitude", "latitude"]
    assert "GeoPackage (places)" in _said(found) and "not read: plain" in _said(found)
    assert understand(path, sheet="plain").table.to_pylist()[0] == {"code": "007", "n": 3}
    with pytest.raises(LoadError, match="no layer 'roads'; its layers are places, plain"):
        understand(path, sheet="roads")


def test_places_without_a_reference_system_are_asked_for_it(understand: Understand, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="do not say their reference system"):
        understand(_zip(**_shapefile(tmp_path, PLACES.set_crs(None, allow_override=True))), "x.zip")


def test_names_in_an_archive_lead_nowhere(understand: Understand, tmp_path: Path) -> None:
    def rename(**files: Any) -> bytes:
        with zipfile.ZipFile(content := io.BytesIO(), "w") as archive:
            for name, data in files.items():
                archive.writestr(f"../../{name.replace('_', '.')}", data)
        return content.getvalue()

    folder = tmp_path / "deep/down"
    folder.mkdir(parents=True)
    parts = _shapefile(folder)
    (tmp_path / "all.zip").write_bytes(rename(**parts))
    before = sorted(tmp_path.rglob("*"))
    assert understand(tmp_path / "all.zip").table.num_rows == 2
    assert sorted(tmp_path.rglob("*")) == before
