"""A tenant's file: what is refused and how it is said, and what comes out when it lies over the defaults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from urbanlab.contract.records import COLUMN_TYPES
from urbanlab_hub.tenant_schema import SCHEMA
from urbanlab_hub.tenants import TenantError, load_tenant, load_tenants

DEFAULTS = """\
languages: [de, en]
state: NW
time_zone: Europe/Berlin
centre: {latitude: 51.5, longitude: 7.5}
crs: EPSG:25832
population: 0
contact: ""
licence: dl-de/zero-2.0
feeds:
  level:
    title: {de: Pegel, en: Water level}
    description: {de: Wasserstand, en: Water level}
    columns:
      sensor: {type: category, title: {de: Pegel, en: Gauge}}
      observed_at: {type: instant, title: {de: Zeit, en: Time}}
      level: {type: number, title: {de: Stand, en: Level}, unit: cm}
    key: [sensor, observed_at]
    time: observed_at
simulation: {sensors: {}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "_defaults.yaml").write_text(DEFAULTS, encoding="utf-8")
    return tmp_path


def _load(folder: Path, text: str, name: str = "musterstadt.yaml"):  # type: ignore[no-untyped-def]
    (folder / name).write_text(text, encoding="utf-8")
    return load_tenants(folder, folder / "_defaults.yaml")


def _read_problems(folder: Path, text: str, name: str = "musterstadt.yaml") -> list[str]:
    with pytest.raises(TenantError) as caught:
        _load(folder, text, name)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_a_title_is_enough_and_the_rest_comes_from_the_defaults(folder: Path) -> None:
    tenant = _load(folder, "title: Musterstadt\n")["musterstadt"]

    assert (tenant.id, tenant.title, tenant.languages) == ("musterstadt", "Musterstadt", ("de", "en"))
    assert (tenant.latitude, tenant.longitude, tenant.crs) == (51.5, 7.5, "EPSG:25832")
    (feed,) = tenant.feeds
    assert feed.key == ("sensor", "observed_at")
    assert feed.licence == "dl-de/zero-2.0"
    assert [column.name for column in feed.columns] == ["sensor", "observed_at", "level"]
    assert feed.columns[2].unit == "cm"
    assert not feed.simulated


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("languages: [en]", lambda tenant: tenant.languages == ("en",)),
        ("licence: cc-by/4.0", lambda tenant: tenant.feeds[0].licence == "cc-by/4.0"),
        ("feeds: {level: {licence: cc-zero}}", lambda tenant: tenant.feeds[0].licence == "cc-zero"),
        ("feeds: {level: {keep_days: 3}}", lambda tenant: tenant.feeds[0].keep_days == 3),
        ("feeds: {level: {title: {de: Stand}}}", lambda tenant: tenant.feeds[0].title["en"] == "Water level"),
        ("feeds: {level: }", lambda tenant: tenant.feeds == ()),
        (
            "feeds: {level: {columns: {quality: {type: text, title: {de: Güte, en: Quality}}}}}",
            lambda tenant: tenant.feeds[0].columns[3].name == "quality",
        ),
        (
            "simulation: {sensors: {am-markt: {name: Am Markt, kind: footfall, latitude: 51, longitude: 8}}}",
            lambda tenant: (tenant.sensors[0].id, tenant.sensors[0].level) == ("am-markt", 1.0),
        ),
    ],
)
def test_a_file_lies_over_the_defaults(folder: Path, text: str, expected) -> None:  # type: ignore[no-untyped-def]
    assert expected(_load(folder, f"title: Musterstadt\n{text}\n")["musterstadt"])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("titel: M", ":2: titel is unknown; did you mean title?"),
        ("longitude: 8", ":2: longitude is unknown here; did you mean centre.longitude?"),
        ("colour: red", ":2: colour is unknown; possible are title, languages, state, time_zone"),
        ("<<: {title: M}", ":2: << is unknown"),
        ("centre:\n  latitud: 51", ":3: centre.latitud is unknown; did you mean latitude?"),
        ("feeds:\n  level:\n    colums: {}", ":4: feeds.level.colums is unknown; did you mean columns?"),
        ("languages: de", ":2: languages is 'de' but must be a list of languages"),
        ("languages: [de, fr]", ":2: languages.1 is 'fr' but must be de or en"),
        ("languages: []", ":2: languages is a list but must be a list of languages"),
        ("state: Bayern", ":2: state is 'Bayern' but must be the two letters"),
        ("population: many", ":2: population is 'many' but must be the number"),
        ("population: -1", ":2: population is -1"),
        ("population: true", ":2: population is True"),
        ("centre: [51, 8]", ":2: centre is a list but must be latitude and longitude"),
        ("centre: {latitude: 151}", ":2: centre.latitude is 151 but must be degrees north"),
        ("crs: 25832", ":2: crs is 25832 but must be a coordinate system, like EPSG:25832"),
        ("contact: office", ":2: contact is 'office' but must be the e-mail address"),
        ("contact:", "contact is missing"),
        ("unknown:", ":2: unknown is unknown"),
        ("time_zone: Europe/Guetersloh", ":2: time_zone is 'Europe/Guetersloh', which is no time zone"),
        ("time_zone: ../etc/passwd", ":2: time_zone is '../etc/passwd', which is no time zone"),
        ("time_zone: Europe", ":2: time_zone is 'Europe', which is no time zone"),
        ("feeds: {level: {keep_days: 1.5}}", ":2: feeds.level.keep_days is 1.5"),
        ("feeds: {level: {refresh: 1h}}", ":2: feeds.level.refresh is '1h' but must be an ISO 8601"),
        ("feeds: {level: {refresh: PT}}", ":2: feeds.level.refresh is 'PT'"),
        ("feeds: {level: {key: [gauge]}}", ":2: feeds.level.key names 'gauge', which is no column"),
        ("feeds: {level: {time: level}}", ":2: feeds.level.time must name a column of type instant"),
        ("feeds: {level: {columns: {level: {type: float}}}}", "level.type is 'float' but must be one of"),
        ("feeds: {level: {columns: {Level: {type: text, title: {de: a, en: a}}}}}", "'Level' cannot name"),
        ("feeds: {level: {title: {en: }}}", "feeds.level.title.en is missing: the tenant's languages"),
        ("feeds: {rain: {title: {de: Regen, en: Rain}}}", ":2: feeds.rain.columns is missing"),
        ("simulation: {sensors: {Am Markt: {}}}", ":2: simulation.sensors.Am Markt cannot be a name"),
        ("simulation: {sensors: {a: {kind: radar}}}", "sensors.a.kind is 'radar' but must be footfall"),
        ("title: Twice", ":2: title stands twice, first on line 1"),
        ("a: &x 1\nb: *x", ":3: no YAML: aliases (*name) are not possible here"),
        ("feeds: {", ":3: no YAML: "),
        ("contact: !!python/object:os.system ls", ":2: no YAML: could not determine a constructor"),
    ],
)
def test_what_is_refused_and_how_it_is_said(folder: Path, text: str, problem: str) -> None:
    problems = _read_problems(folder, f"title: Musterstadt\n{text}\n")

    assert any(problem in found for found in problems), problems
    assert all(found.startswith("musterstadt.yaml") for found in problems)


@pytest.mark.parametrize("name", ["open", "labor", "x", "Musterstadt", "muster-stadt", "reports", "a" * 22])
def test_a_file_whose_name_is_no_tenants_id_is_refused(folder: Path, name: str) -> None:
    (problem,) = _read_problems(folder, "title: M\n", f"{name}.yaml")

    assert problem.startswith(f"{name}.yaml: '{name}' cannot be a tenant's id")


def test_a_feed_cannot_take_the_name_of_the_table_of_sensors(folder: Path) -> None:
    feed = DEFAULTS.partition("feeds:\n")[2].partition("simulation:")[0].replace("  level:\n", "  sensors:\n")

    (problem,) = _read_problems(folder, f"title: M\nfeeds:\n{feed}")

    assert problem.startswith("musterstadt.yaml:3: feeds.sensors: the table sensors holds the places")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "musterstadt.yaml: title is missing"),
        (b"- title", "musterstadt.yaml:1: a tenant's file must be a list of keys with values"),
        (b"title: G\xfctersloh", "musterstadt.yaml is not written in UTF-8 (byte 8)"),
        (b"title: \x07", "musterstadt.yaml: no YAML: unreadable characters"),
    ],
)
def test_a_file_that_is_no_tenant_at_all(folder: Path, content: bytes, problem: str) -> None:
    (folder / "musterstadt.yaml").write_bytes(content)

    with pytest.raises(TenantError) as caught:
        load_tenants(folder, folder / "_defaults.yaml")

    assert caught.value.problems == [problem]


def test_a_missing_file_is_named(folder: Path) -> None:
    with pytest.raises(TenantError, match=r"^nirgendwo\.yaml does not exist$"):
        load_tenant(folder / "nirgendwo.yaml", folder / "_defaults.yaml")


def test_the_problems_of_all_files_come_together_and_those_of_the_defaults_once(folder: Path) -> None:
    defaults = DEFAULTS.replace("state: NW", "stat: NW")
    (folder / "_defaults.yaml").write_text(defaults, encoding="utf-8")
    (folder / "astadt.yaml").write_text("title: A\nstate: NW\n", encoding="utf-8")

    problems = _read_problems(folder, "title: [B]\nstate: NW\n", "bstadt.yaml")

    assert problems == [
        "_defaults.yaml:2: stat is unknown; did you mean state?",
        "bstadt.yaml:1: title is a list but must be the municipality's name, up to 80 characters",
    ]


def test_no_tenant_is_a_folder_that_is_absent_or_an_archive(folder: Path) -> None:
    (folder / "archive").mkdir()
    (folder / "archive" / "musterstadt-1.yaml").write_text("broken: [", encoding="utf-8")

    assert load_tenants(folder, folder / "_defaults.yaml") == {}
    assert load_tenants(folder / "nowhere", folder / "_defaults.yaml") == {}


def test_the_schema_knows_the_column_types_of_the_contract() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))

    assert schema["$defs"]["column"]["properties"]["type"]["enum"] == list(COLUMN_TYPES)
