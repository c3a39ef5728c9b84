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


def _remove(tenant: str) -> None:
    assert main(["tenant", "add", tenant, "--title", "Herford", "--population", "3", "--no-apply"]) == 0
    assert main(["tenant", "remove", tenant, "--no-apply"]) == 0


def test_a_removed_tenant_is_listed_brought_back_and_not_given_away(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _remove("herford")
    assert main(["tenant", "list"]) == 0
    assert "Herford" not in capsys.readouterr().out.partition("no data was deleted")[2]
    assert main(["tenant", "list", "--archived"]) == 0
    assert "herford               Herford, removed 20" in capsys.readouterr().out

    assert main(["tenant", "add", "herford", "--title", "Other", "--no-apply"]) == 1
    assert "herford was a tenant until 20" in capsys.readouterr().out
    assert load_tenants(folder) == {}
    assert main(["tenant", "add", "herford", "--restore", "--no-apply"]) == 0
    assert load_tenants(folder)["herford"].population == 3
    assert list((folder / "archive").iterdir()) == []


def test_of_several_removals_the_last_comes_back(folder: Path) -> None:
    _remove("herford")
    (first,) = (folder / "archive").iterdir()
    (folder / "herford.yaml").write_text("title: Later\n", encoding="utf-8")
    assert main(["tenant", "remove", "herford", "--no-apply"]) == 0
    (folder / "archive" / "herford-not-a-moment.yaml").write_text("title: Foreign\n", encoding="utf-8")

    assert main(["tenant", "add", "herford", "--restore", "--no-apply"]) == 0
    assert load_tenants(folder)["herford"].title == "Later"
    assert first.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: Herford\nstat: NW\n", "herford.yaml:2: stat is unknown; did you mean state?"),
        ("title: [\n", "herford.yaml:2: no YAML"),
        (
            "title: Herford\nhost_names: [lab.minden.example]\n",
            "lab.minden.example, which minden has already",
        ),
    ],
)
def test_what_can_no_longer_be_used_stays_in_the_archive(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    _remove("herford")
    (archived,) = (folder / "archive").iterdir()
    archived.write_text(text, encoding="utf-8")
    (folder / "minden.yaml").write_text("title: Minden\nhost_names: [lab.minden.example]\n", encoding="utf-8")

    assert main(["tenant", "add", "herford", "--restore", "--no-apply"]) == 1
    assert said in capsys.readouterr().out
    assert archived.exists()
    assert list(load_tenants(folder)) == ["minden"]
    assert main(["tenant", "list", "--archived"]) == 0


@pytest.mark.parametrize("options", [(), ("--restore", "--title", "Both")])
def test_a_new_tenant_has_a_title_and_an_old_one_its_own(folder: Path, options: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["tenant", "add", "herford", *options])
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("add", "herford", "--restore", "--state", "BY", "--population", "0"),
            "comes back as it was: leave out --state, --population",
        ),
        (("remove", "minden", "--confirm", "minden"), "goes with --purge"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    _remove("herford")
    (folder / "minden.yaml").write_text("title: Minden\n", encoding="utf-8")

    assert main(["tenant", *arguments, "--no-apply"]) == 1
    assert said in capsys.readouterr().out
    assert list(load_tenants(folder)) == ["minden"]


def test_a_purge_is_never_without_apply(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _remove("herford")
    with pytest.raises(SystemExit) as ended:
        main(["tenant", "remove", "herford", "--purge", "--confirm", "herford", "--no-apply"])
    assert ended.value.code == 2
    assert "--no-apply: not allowed with argument --purge" in capsys.readouterr().err
    assert len(list((folder / "archive").iterdir())) == 1


def test_a_living_tenant_is_not_restored_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _remove("herford")
    (folder / "herford.yaml").write_text("title: Living\n", encoding="utf-8")

    assert main(["tenant", "add", "herford", "--restore", "--no-apply"]) == 1
    assert "There is a tenant herford already" in capsys.readouterr().out
    assert load_tenants(folder)["herford"].title == "Living"
    assert len(list((folder / "archive").iterdir())) == 1


@pytest.mark.parametrize("confirmed", [(), ("--confirm", "Herford"), ("--confirm", "")])
def test_nothing_is_purged_without_the_id(
    folder: Path, capsys: pytest.CaptureFixture[str], confirmed: tuple[str, ...]
) -> None:
    _remove("herford")

    assert main(["tenant", "remove", "herford", "--purge", *confirmed]) == 1
    assert "Nothing was deleted. To delete the file for good, confirm by --confirm herford" in (
        capsys.readouterr().out
    )
    assert len(list((folder / "archive").iterdir())) == 1


def test_what_never_was_cannot_be_purged(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for tenant in ("herford", "../herford"):
        assert main(["tenant", "remove", tenant, "--purge", "--confirm", tenant]) == 1
    out = capsys.readouterr().out
    assert "There is no tenant herford, and nothing is left of one." in out
    assert "cannot be a tenant's id" in out


def test_before_the_first_start_the_file_is_kept_and_apply_says_what_is_missing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tenant", "add", "herford", "--title", "Herford"]) == 1

    assert "run `urbanlab up` first" in capsys.readouterr().out.replace("\n", " ")
    assert list(load_tenants(folder)) == ["herford"]
