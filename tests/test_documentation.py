"""What is documented by hand is compared with the code that it describes."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import urbanlab
from urbanlab.contract import environment
from urbanlab_hub.services import SERVICES
from urbanlab_hub.settings import Settings
from urbanlab_operate.cli import make_parser

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
]


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_changelog_begins_with_the_version_of_the_distribution() -> None:
    version = tomllib.loads(_read("pyproject.toml"))["project"]["version"]
    newest = re.search(r"^## \[(\d+\.\d+\.\d+)\]", _read("CHANGELOG.md"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == version


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_files_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|mailto:|#)([^)#\s]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), f"{document.name} points to {target}"


def test_every_setting_stands_in_the_example_with_its_default_and_sentence() -> None:
    text = _read("hub_config/settings.example.yaml")
    for spec in dataclasses.fields(Settings):
        assert spec.metadata["help"] in text, f"{spec.name} is not described"
        assert re.search(rf"^# ?{spec.name}:", text, re.MULTILINE), f"{spec.name} is not shown"
    shown = yaml.safe_load(re.sub(r"^# ?(\w+:)", r"\1", text, flags=re.MULTILINE))
    assert set(shown) == {spec.name for spec in dataclasses.fields(Settings)}


def test_every_variable_of_the_contract_is_described() -> None:
    text = _read("kernels/README.md") + _read("extensions/README.md")
    for name in {*environment.KERNEL_VARIABLES, *environment.SERVICE_VARIABLES}:
        assert f"`{name}`" in text, f"{name} is not described"


def test_every_variable_of_the_contract_is_listed_for_a_process() -> None:
    names = {
        value
        for key, value in vars(environment).items()
        if key.isupper() and isinstance(value, str) and value.startswith("URBANLAB_")
    }
    assert names == {*environment.KERNEL_VARIABLES, *environment.SERVICE_VARIABLES}


def test_every_hub_service_and_its_scopes_are_described() -> None:
    text = _read("hub_config/README.md")
    for service in SERVICES:
        assert f"`{service.name}`" in text, f"the service {service.name} is not described"
        for scope in service.scopes:
            assert f"`{scope}`" in text, f"the scope {scope} of {service.name} is not described"


def test_every_service_has_its_entry() -> None:
    text = _read("extensions/README.md")
    folder = ROOT / "extensions/urbanlab_services"
    for package in (path.parent for path in folder.rglob("__main__.py")):
        name = ".".join(package.relative_to(folder).parts)
        assert f"`{name}`" in text, f"{name} is not described"


def test_every_public_name_of_the_kernel_package_is_described() -> None:
    text = _read("kernels/README.md")
    for name in urbanlab.__all__:
        assert f"`ul.{name}" in text, f"ul.{name} is not described"
        assert getattr(urbanlab, name).__doc__, f"ul.{name} has no docstring"


def test_every_curated_notebook_stands_in_the_index() -> None:
    text = _read("notebooks/README.md")
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        assert str(path.relative_to(ROOT / "notebooks")) in text, f"{path.name} is not in the index"
        notebook = json.loads(path.read_text(encoding="utf-8"))
        assert notebook["metadata"]["kernelspec"]["name"] == "urbanlab"
        assert notebook["cells"][0]["source"][0].startswith("# "), f"{path.name} has no title"


def test_every_command_of_make_and_of_the_operator_stands_in_the_readme() -> None:
    text = _read("README.md")
    for target in re.findall(r"^([a-z]+):.*## ", _read("Makefile"), re.MULTILINE):
        assert f"`make {target}`" in text, f"make {target} is not in the README"
    commands = list(_list_commands(make_parser()))
    assert {"up", "tenant add", "audit verify"} <= set(commands)
    for command in commands:
        # Those of a group may stand beside the group's first without the program's name.
        assert f"`urbanlab {command}" in text or f"`{command}" in text, (
            f"urbanlab {command} is not in the README"
        )


def _list_commands(parser: argparse.ArgumentParser, above: str = "") -> Iterator[str]:
    groups = [action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for name, inner in ((name, inner) for group in groups for name, inner in group.items()):
        below = list(_list_commands(inner, f"{above}{name} "))
        yield from below or [above + name]


def test_every_benchmark_stands_in_its_readme() -> None:
    text = _read("tests/benchmarks/README.md")
    for path in (ROOT / "tests/benchmarks").glob("*.py"):
        if not path.name.startswith("_"):
            assert f"`{path.name}`" in text, f"{path.name} is not described"
