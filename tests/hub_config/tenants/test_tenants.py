"""A tenant's file: what is refused and how it is said, and what comes out when it lies over the defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from urbanlab.contract.records import (
    PublishingRules,
    Quotas,
    SharedFolder,
)
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
host_names: []
second_factor: [gatekeeper, admin]
quotas: {memory_mb: 4096, cpus: 2, processes: 256, open_files: 4096, home_mb: 5000, servers: 40}
warehouse:
  {read_rows: 5000, read_mb: 500, result_rows: 1000, result_mb: 200, memory_mb: 3000, seconds: 300, queries: 8,
   queries_each: 6, wait_seconds: 10, data_mb: 2000, lab_mb: 500}
idle_minutes: 240
undelete_days: 7
allow: []
shared_folders: {}
audit_days: 730
accept_shares: by_hand
publishing: {mail: "", deputies: [], live_views: 5, live_views_each: 3}
portal:
  {colour: "", logo: "", host_names: [], contributor: "", municipality_key: "", embed_in: [], imprint: {},
   privacy: {}, accessibility: {}}
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
reports: {}
simulation: {sensors: {}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "_defaults.yaml").write_text(DEFAULTS, encoding="utf-8")
    (tmp_path / "sign.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    (tmp_path / "text.svg").write_text("no picture", encoding="utf-8")
    (tmp_path / "large.png").write_bytes(b"\x89PNG\r\n\x1a\n".ljust(60_000, b"x"))
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
        ("host_names: [lab.m.example]", lambda tenant: tenant.host_names == ("lab.m.example",)),
        ("host_names: [xn--mnchen-3ya.de]", lambda tenant: tenant.host_names == ("xn--mnchen-3ya.de",)),
        ("second_factor: []", lambda tenant: tenant.second_factor == ()),
        ("quotas: {cpus: 1}", lambda tenant: tenant.quotas == Quotas(cpus=1.0)),
        (
            "warehouse: {lab_mb: 7}",
            lambda tenant: (tenant.warehouse.lab_mb, tenant.warehouse.seconds) == (7, 300),
        ),
        ("allow: [git, pip]", lambda tenant: tenant.allow == ("git", "pip")),
        (
            "shared_folders: {plans: {writers: [steward]}, forms: {writers: []}}",
            lambda tenant: (
                tenant.shared_folders == (SharedFolder("plans", ("steward",)), SharedFolder("forms", ()))
            ),
        ),
        (
            "publishing: {live_views: 0}",
            lambda tenant: tenant.publishing == PublishingRules(live_views=0),
        ),
        (
            "publishing: {live_views: 20, live_views_each: 20, mail: a@x.example}",
            lambda tenant: tenant.publishing == PublishingRules("a@x.example", (), 20, 20),
        ),
        (
            "portal: {colour: '#9b2335', embed_in: ['https://www.m.example']}",
            lambda tenant: (
                (tenant.portal.colour, tenant.portal.embed_in) == ("#9b2335", ("https://www.m.example",))
            ),
        ),
        (
            "portal: {logo: sign.svg, imprint: {de: Rathaus}}",
            lambda tenant: (
                tenant.portal.logo.startswith("data:image/svg+xml;base64,")
                and tenant.portal.imprint == {"de": "Rathaus"}
            ),
        ),
        (
            "{idle_minutes: 30, undelete_days: 0, audit_days: 90}".strip("{}").replace(", ", "\n"),
            lambda tenant: (tenant.idle_minutes, tenant.undelete_days, tenant.audit_days) == (30, 0, 90),
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
        ("weight: red", ":2: weight is unknown; possible are title, languages, state, time_zone"),
        ("colour: red", ":2: colour is unknown here; did you mean portal.colour?"),
        ("portal: {colour: red}", ":2: portal.colour is 'red' but must be a colour like"),
        (
            "portal: {colour: '#ffee00'}",
            ":2: portal.colour is #ffee00, which is too pale to be read on white",
        ),
        ("portal: {logo: ../mark.svg}", ":2: portal.logo is '../mark.svg' but must be the name of a"),
        ("portal: {logo: mark.svg}", ":2: portal.logo names mark.svg, which cannot be read"),
        ("portal: {logo: text.svg}", ":2: portal.logo names text.svg, which is no SVG file"),
        ("portal: {logo: large.png}", ":2: portal.logo names large.png, which has 60000 bytes"),
        (
            "portal: {embed_in: [http://a.example]}",
            "portal.embed_in.0 is 'http://a.example' but must be a web site",
        ),
        ("portal: {embed_in: ['https://a.example;x']}", "embed_in.0 is 'https://a.example;x' but must be"),
        (
            "portal: {imprint: https://a.example}",
            "portal.imprint is 'https://a.example' but must be for each",
        ),
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
        ("host_name: [a.example]", ":2: host_name is unknown; did you mean host_names?"),
        ("host_names: a.example", ":2: host_names is 'a.example' but must be a list of host names"),
        ("host_names:\n- a.example\n- A.example", ":4: host_names.1 is 'A.example' but must be a host name"),
        ("host_names: ['a.example:8000']", "host_names.0 is 'a.example:8000'"),
        ("host_names: ['a.example/x']", "host_names.0 is 'a.example/x'"),
        ("host_names: [münchen.de]", "host_names.0 is 'münchen.de' but must be a host name in lower case"),
        ("host_names: [127.0.0.1]", "host_names.0 is '127.0.0.1'"),
        ("host_names: [localhost]", "host_names.0 is 'localhost'"),
        ("host_names: ['*.example']", "host_names.0 is '*.example'"),
        ("host_names: [-a.example]", "host_names.0 is '-a.example'"),
        ("host_names: [a..example]", "host_names.0 is 'a..example'"),
        ('host_names: ["a.example\\n"]', "host_names.0 is 'a.example\\n'"),
        ("host_names: [a.example, a.example]", "host_names is a list but must be a list of host names"),
        ("second_factor: [gatekeper]", "second_factor.0 is 'gatekeper'"),
        ("second_factor: [gatekeper]", "; did you mean gatekeeper?"),
        ("second_factor: yes", ":2: second_factor is True but must be a list of roles"),
        ("second_factor:", "second_factor is missing"),
        ("quota: {cpus: 1}", ":2: quota is unknown; did you mean quotas?"),
        ("quotas: {memory: 512}", ":2: quotas.memory is unknown; did you mean memory_mb?"),
        ("quotas: {memory_mb: 4}", "quotas.memory_mb is 4 but must be a number of megabytes, 256 or more"),
        ("quotas: {memory_mb: 4G}", "quotas.memory_mb is '4G'"),
        ("quotas: {cpus: 0}", "quotas.cpus is 0 but must be a number of processors"),
        ("quotas: {cpus: .nan}", ":2: .nan is no number that can be used"),
        ("quotas: {processes: 8}", "quotas.processes is 8"),
        ("quotas: {open_files: 64}", "quotas.open_files is 64"),
        ("quotas: {home_mb: -1}", "quotas.home_mb is -1"),
        ("quotas: {servers: 0}", "quotas.servers is 0"),
        ("quotas: {servers: }", ":2: quotas.servers is missing"),
        ("warehouse: {second: 5}", ":2: warehouse.second is unknown; did you mean seconds?"),
        ("warehouse: {seconds: 0}", "warehouse.seconds is 0 but must be a number of seconds, between 1 and"),
        ("warehouse: {queries: 41}", "warehouse.queries is 41 but must be a number of statements, between 1"),
        ("warehouse: {memory_mb: 3G}", "warehouse.memory_mb is '3G' but must be a number of megabytes"),
        ("memory_mb: 512", ":2: memory_mb is unknown here; did you mean quotas.memory_mb?"),
        ("idle_minutes: 0", "idle_minutes is 0 but must be a number of minutes"),
        ("undelete_days: 1000", "undelete_days is 1000"),
        ("audit_days: 0", "audit_days is 0"),
        ("accept_shares: yes", "accept_shares is True but must be by_hand or automatic"),
        (
            "publishing: {mail: everybody}",
            "publishing.mail is 'everybody' but must be the e-mail address of those",
        ),
        (
            "publishing: {mail: 'a@x.example, b@y.example'}",
            "publishing.mail is 'a@x.example, b@y.example' but",
        ),
        (
            "publishing: {deputies: [Herford]}",
            "publishing.deputies.0 is 'Herford' but must be the id of a tenant",
        ),
        (
            "publishing: {live_views: -1}",
            ":2: publishing.live_views is -1 but must be how many interactive views",
        ),
        (
            "publishing: {live_views: 21}",
            "publishing.live_views is 21 but must be how many interactive views",
        ),
        ("publishing: {live_views: yes}", "publishing.live_views is True but"),
        ("publishing: {live_views: '3'}", "publishing.live_views is '3' but"),
        ("publishing: {live_views: 1.5}", "publishing.live_views is 1.5 but"),
        ("publishing: {live_views: }", ":2: publishing.live_views is missing"),
        ("publishing: {live_view: 3}", "publishing.live_view is unknown; did you mean live_views?"),
        ("publishing: {live_views_each: 0}", "publishing.live_views_each is 0 but must be how many"),
        ("live_views: 3", ":2: live_views is unknown here; did you mean publishing.live_views?"),
        ("reports: [monthly]", "reports is a list but must be a list of reports by name"),
        ("reports: {monthly: {}}", "reports.monthly.datasets is missing"),
        ("reports: {monthly: {datasets: level}}", "datasets is 'level' but must be a list of datasets, like"),
        (
            "reports: {monthly: {datasets: [level, rietberg.level]}}",
            ":2: reports.monthly.datasets.1: 'rietberg.level' is no dataset of musterstadt: name one alone or",
        ),
        ("reports: {monthly: {datasets: ['lab_musterstadt.a b']}}", "'a b' cannot name a dataset"),
        (
            "allow: [terminal]",
            ":2: allow.0 is 'terminal' but must be one of pip, terminals, git; did you mean",
        ),
        ("shared_folders: [plans]", "shared_folders is a list but must be a list of folders by name"),
        ("shared_folders: {plans: }", "shared_folders.plans is empty but must be a folder with writers"),
        ("shared_folders: {plans: {}}", "shared_folders.plans.writers is missing"),
        ("shared_folders: {plans: {writers: [mayor]}}", "plans.writers.0 is 'mayor' but must be one of"),
        ("shared_folders: {../x: {writers: []}}", "shared_folders.../x cannot be a name"),
        ("shared_folders: {.plans: {writers: []}}", "shared_folders..plans cannot be a name"),
        ('shared_folders: {"a/b": {writers: []}}', "shared_folders.a/b cannot be a name"),
        ('shared_folders: {"a\\n": {writers: []}}', "cannot be a name: it must be made of"),
        ("shared_folders: {Pläne: {writers: []}, pläne: {writers: []}}", "pläne is too much like Pläne"),
        (f"shared_folders: {{{'a' * 61}: {{writers: []}}}}", "cannot be a name"),
        ("shared_folders:\n  a: {writers: []}\n  a: {writers: []}", ":4: a stands twice, first on line 3"),
        ("population: 2024-05-45", ":2: '2024-05-45' cannot be read as a value"),
        ("population: 2024-05-04", ":2: population is 2024-05-04 but must be the number"),
        ("population: !!bool perhaps", ":2: 'perhaps' cannot be read as a value"),
        (f"population: {'9' * 5000}", ":2: '9999999"),
        (f"population: {'[' * 5000}", "musterstadt.yaml: lists within lists"),
        ("centre: {latitude: .inf}", ":2: .inf is no number"),
        ('contact: "a@b.example\\nBcc: x@y.example"', "contact is 'a@b.example\\n"),
        ('contact: "a@b.example\\n"', "contact is 'a@b.example\\n'"),
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


@pytest.mark.parametrize("title", ["", " ", "A\\nB", "\\e[31mred", "\\u202eB", "x" * 81])
def test_a_title_is_one_line_that_shows_as_it_is(folder: Path, title: str) -> None:
    (problem,) = _read_problems(folder, f'title: "{title}"\n')

    assert problem.startswith("musterstadt.yaml:1: title is ")


def test_no_two_tenants_have_the_same_host_name(folder: Path) -> None:
    (folder / "astadt.yaml").write_text("title: A\nhost_names: [a.example, lab.example]\n", encoding="utf-8")
    (folder / "cstadt.yaml").write_text("title: C\nhost_names: [c.example]\n", encoding="utf-8")

    problems = _read_problems(folder, "title: B\nhost_names:\n- b.example\n- lab.example\n", "bstadt.yaml")

    assert problems == ["bstadt.yaml:4: host_names.1 is lab.example, which astadt has already"]


def test_a_name_leads_to_the_workbench_or_to_the_portal(folder: Path) -> None:
    names = "host_names: [a.example]\nportal: {host_names: [a.example]}"
    (problem,) = _read_problems(folder, f"title: A\n{names}\n")
    assert problem == "musterstadt.yaml:3: portal.host_names.0 is a.example, which musterstadt has already"


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
        "bstadt.yaml:1: title is a list but must be a name, one line of up to 80 characters",
    ]


def test_no_tenant_is_a_folder_that_is_absent_or_an_archive(folder: Path) -> None:
    (folder / "archive").mkdir()
    (folder / "archive" / "musterstadt-1.yaml").write_text("broken: [", encoding="utf-8")

    assert load_tenants(folder, folder / "_defaults.yaml") == {}
    assert load_tenants(folder / "nowhere", folder / "_defaults.yaml") == {}
