"""What each kind of real file of the open data becomes: rows, columns, and what has to be said of it."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import shapely

from urbanlab.errors import LoadError
from urbanlab.loading.prepare import Prepared

Understand = Callable[..., Prepared]
# File (and the file in it) -> rows, columns, the kinds of some, and what is said.
FILES: dict[str, tuple[int, int, dict[str, str], str]] = {
    "koeln-gebiete/LSA_Koeln_11_2013.shp.zip": (
        986,
        6,
        {"lsa_nr": "string", "longitude": "double"},
        "Shapefile",
    ),
    "koeln-gebiete/Stadtteil.shp.zip": (86, 5, {"stt_nr": "string", "geometry": "string"}, "WKT in WGS 84"),
    "koeln-gebiete/stadtteile_epsg25832.geojson.gz": (86, 5, {"geometry": "string"}, "WKT in WGS 84"),
    "koeln-gebiete/trafficlights.csv": (986, 4, {"lsa_nr": "string", "x": "double"}, "begin with zeros"),
    "koeln-osm-poi/osm-pois-koeln.zip": (3664, 5, {"tags_name": "string", "file": "string"}, "16 files"),
    "dwd-proben/10minutenwerte_SOLAR_01766_akt.zip": (
        288,
        8,
        {"mess_datum": "timestamp"},
        "digits read as a time",
    ),
    "dwd-proben/Meta_Daten_zehn_min_sd_01766.zip Metadaten_Geographie_01766.txt": (
        4,
        7,
        {"stationsname": "string", "stationshoehe": "double"},
        "Windows-1252",
    ),
    "dwd-proben/observations_current.csv": (
        25,
        43,
        {"surface_observations": "date32", "dry_bulb_temperature_at_2_meter_above_ground": "double"},
        "further heading in line 3: Datum; Uhrzeit (UTC)",
    ),
    "muenster-parkhaus/2024.zip 2024-11-10.csv": (
        240,
        18,
        {"ph_theater": "int64"},
        "further heading in line 2",
    ),
    "muenster-radzaehlstellen/300037405.zip": (
        38522,
        16,
        {"datetime": "timestamp"},
        "14 files of the archive",
    ),
    "muenster-luftqualitaet/luftqualitaet_muenster_2020-01-01_2022-01-01_station1140.csv.gz": (
        17545,
        7,
        {"date": "timestamp", "air_quality_index": "string"},
        "footer in line 17548",
    ),
    "pegel-isar/16005701_wassertemperatur_01.01.2025_30.11.2025_ezw_0.csv.gz": (
        32065,
        3,
        {"datum": "timestamp", "wassertemperatur_c": "double"},
        "as the source says (MEZ)",
    ),
    "pegelonline/stations.json": (787, 10, {"km": "double", "history_from": "date32"}, "Read as JSON"),
    "ttn-uplink/codec-beispiele.ndjson": (4, 12, {"bytes": "string"}, "Read as JSON"),
}


@pytest.mark.parametrize("source", FILES)
def test_a_real_file_becomes_what_it_is(understand: Understand, open_data: Path, source: str) -> None:
    path, _, part = source.partition(" ")
    found = understand(open_data / path, sheet=part or None)
    rows, columns, kinds, said = FILES[source]
    assert found.table.shape == (rows, columns)
    for name, kind in kinds.items():
        assert str(found.table.schema.field(name).type).startswith(kind), name
    notes = [*found.notes, *(note for notes in found.column_notes for note in notes)]
    assert said in "\n".join(note.say("en") for note in notes)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("muenster-radzaehlstellen/300038855.zip", "different columns: 2024-01.csv has Datetime"),
        ("ttn-uplink/dragino_ttn_payload.json", "holds no table"),
        ("ngsi-ld-beispiele/WaterObserved/example.json", "holds no table"),
    ],
)
def test_a_real_file_that_is_no_table_is_told(
    understand: Understand, open_data: Path, source: str, said: str
) -> None:
    with pytest.raises(LoadError, match=said):
        understand(open_data / source)


def test_winter_time_all_year_has_every_quarter_of_an_hour(understand: Understand, open_data: Path) -> None:
    found = understand(open_data / "pegel-isar/16005701_wassertemperatur_01.01.2025_30.11.2025_ezw_0.csv.gz")
    instants = found.table["datum"].to_pylist()
    steps = {after - before for before, after in itertools.pairwise(instants)}
    assert steps == {datetime.timedelta(minutes=15)}


def test_a_system_of_its_own_leads_to_the_same_places(understand: Understand, open_data: Path) -> None:
    # The shapefile has a false easting and heights; the other file was made of it in degrees.
    own = understand(open_data / "koeln-gebiete/Stadtteil.shp.zip").table["geometry"].to_pylist()
    degrees = (
        understand(open_data / "koeln-gebiete/stadtteile_wgs84.geojson.gz").table["geometry"].to_pylist()
    )
    centres = zip(*(shapely.centroid(shapely.from_wkt(texts)) for texts in (own, degrees)), strict=True)
    assert max(one.distance(other) for one, other in centres) < 2e-5  # two metres
