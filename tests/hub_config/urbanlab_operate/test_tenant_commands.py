"""`urbanlab tenant add | list | remove` on the files alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from urbanlab_hub.tenants import load_tenants
from urbanlab_operate.cli import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of tenants of an installation that the command finds by the environment."""
    for name in [name for name in os.environ if name.startswith("URBANLAB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("URBANLAB_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("URBANLAB_DEMO", "0")
    return Path(tmp_path / "state" / "tenants")


def test_a_tenant_is_added_listed_and_removed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--title", "Bad Salzuflen", "--centre", "52.08,8.75", "--population", "54000")
    assert main(["tenant", "add", "badsalzuflen", *options, "--no-apply"]) == 0
    tenant = load_tenants(folder)["badsalzuflen"]
    assert (tenant.title, tenant.latitude, tenant.population) == ("Bad Salzuflen", 52.08, 54000)

    assert main(["tenant", "list"]) == 0
    assert "badsalzuflen          Bad Salzuflen, NW, 54,000 inhabitants" in capsys.readouterr().out
    assert main(["tenant", "remove", "badsalzuflen", "--no-apply"]) == 0
    assert load_tenants(folder) == {}
    assert len(list((folder / "archive").iterdir())) == 1


def test_the_demo_brings_its_tenants_and_a_removed_one_stays_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("URBANLAB_DEMO", "1")
    assert main(["tenant", "list"]) == 0
    first = capsys.readouterr().out.split()[0]
    assert main(["tenant", "remove", first, "--no-apply"]) == 0
    assert main(["tenant", "list"]) == 0

    assert len(load_tenants(folder)) == 2
    assert first not in load_tenants(folder)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "Bad", "--title", "x"), "'Bad' cannot be a tenant's id"),
        (("add", "open", "--title", "x"), "the platform uses that name itself"),
        (("add", "../etc", "--title", "x"), "cannot be a tenant's id"),
        (("add", "herford", "--title", ""), "title"),
        (("add", "herford", "--title", "x", "--state", "XX"), "state is 'XX' but must be"),
        (("remove", "herford"), "There is no tenant herford"),
        (("remove", "../herford"), "cannot be a tenant's id"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_leaves_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert main(["tenant", *arguments, "--no-apply"]) == 1
    out = capsys.readouterr()

    assert said in out.out + out.err
    assert "Traceback" not in out.out + out.err
    assert [path.name for path in folder.parent.rglob("*") if path.is_file()] == []


def test_a_tenant_is_never_written_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tenant", "add", "herford", "--title", "Herford", "--no-apply"]) == 0
    assert main(["tenant", "add", "herford", "--title", "Other", "--no-apply"]) == 1

    assert "There is a tenant herford already" in capsys.readouterr().out
    assert load_tenants(folder)["herford"].title == "Herford"


def test_before_the_first_start_the_file_is_kept_and_apply_says_what_is_missing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tenant", "add", "herford", "--title", "Herford"]) == 1

    assert "run `urbanlab up` first" in capsys.readouterr().out.replace("\n", " ")
    assert list(load_tenants(folder)) == ["herford"]
