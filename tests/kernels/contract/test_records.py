"""Records survive their way through JSON, and a secret does not show itself."""

from pathlib import Path

import pytest

from urbanlab.contract.records import (
    Column,
    Feed,
    Report,
    Sensor,
    Tenant,
    has_tenant,
    read_tenants,
    write_tenant,
)
from urbanlab.contract.secrets import Secret, read_secret

TENANT = Tenant(
    id="detmold",
    title="Detmold",
    languages=("de", "en"),
    state="NW",
    time_zone="Europe/Berlin",
    latitude=51.9,
    longitude=8.9,
    crs="EPSG:25832",
    population=74000,
    contact="daten@detmold.example",
    feeds=(
        Feed(
            name="footfall",
            title={"de": "Passanten", "en": "Footfall"},
            description={"de": "Gezählt"},
            columns=(Column("sensor", "category", {"de": "Ort"}),),
            key=("sensor",),
            time="observed_at",
            licence="dl-de/zero-2.0",
        ),
    ),
    sensors=(Sensor("markt", "Marktplatz", "footfall", 8.88, 51.93),),
    reports=(Report("monthly", ("footfall", "lab_detmold.limits")),),
)


def test_a_tenant_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert write_tenant(tmp_path, TENANT)
    assert read_tenants(tmp_path) == {"detmold": TENANT}


def test_writing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    write_tenant(tmp_path, TENANT)
    assert not write_tenant(tmp_path, TENANT)


def test_an_absent_folder_holds_no_tenant(tmp_path: Path) -> None:
    assert read_tenants(tmp_path / "none") == {}


def test_a_folder_that_cannot_be_read_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        read_tenants(tmp_path / "file")


def test_who_is_a_tenant_is_told_by_the_folder_alone_or_not_at_all(tmp_path: Path) -> None:
    write_tenant(tmp_path, TENANT)
    (tmp_path / "rietberg.json").write_text("{")
    assert [has_tenant(tmp_path, name) for name in ("detmold", "rietberg", "gone")] == [True, True, False]
    for nowhere in (tmp_path / "none", tmp_path / "detmold.json"):
        with pytest.raises(OSError, match="directory"):
            has_tenant(nowhere, "detmold")


def test_a_secret_prints_as_stars(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hunter2\n")
    secret = read_secret(tmp_path, "key")
    assert secret.reveal() == "hunter2"
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(FileNotFoundError):
        read_secret(tmp_path, "absent")
    assert isinstance(secret, Secret)
