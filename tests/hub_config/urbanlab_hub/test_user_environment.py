"""What a user's server finds: every name of the contract, and nothing that the contract does not know."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from urbanlab.contract import environment
from urbanlab.contract.records import Tenant
from urbanlab_hub.settings import Settings
from urbanlab_hub.user_environment import make_user_environment

SYSTEM = {"HOME", "PATH", "LANG", "SHELL", "MPLCONFIGDIR", "PIP_NO_INDEX"}


def test_every_variable_of_the_contract_is_filled_and_nothing_else_is_set(
    settings: Settings, make_tenant: Callable[..., Tenant]
) -> None:
    made = make_user_environment(
        settings, make_tenant("alpha"), "anna@alpha", Path("/homes/anna"), "/user/x/"
    )

    assert made.keys() == {*environment.KERNEL_VARIABLES, *SYSTEM}
    assert all(made.values())


def test_the_values_are_the_tenants_and_the_persons(
    settings: Settings, make_tenant: Callable[..., Tenant]
) -> None:
    made = make_user_environment(
        settings, make_tenant("alpha"), "~c3~a4nne@alpha", Path("/homes/a"), "/lab/user/x/"
    )

    assert (made[environment.TENANT], made[environment.TENANT_TITLE]) == ("alpha", "Alpha")
    assert made[environment.PERSON] == "änne"
    assert made[environment.MAP_CENTRE] == "51.9,8.4"
    assert made[environment.ASSETS_URL] == "/lab/user/x/urbanlab/assets/"
    assert made["HOME"] == "/homes/a"


def test_what_notebooks_left_in_a_service_users_home_does_not_become_part_of_its_server(
    settings: Settings, make_tenant: Callable[..., Tenant]
) -> None:
    for person, kept in (("publications", True), ("reports", True), ("anna", False)):
        made = make_user_environment(
            settings, make_tenant("alpha"), f"{person}@alpha", Path("/h"), "/user/x/"
        )
        assert ("JUPYTERHUB_DISABLE_USER_CONFIG" in made and "PYTHONNOUSERSITE" in made) is kept


@pytest.fixture
def make_variables(settings: Settings, make_tenant: Callable[..., Tenant]) -> Callable[..., dict[str, str]]:
    """Return a function that makes the variables of a person whose tenant allows what is given."""

    def make(*allow: str) -> dict[str, str]:
        tenant = dataclasses.replace(make_tenant("alpha"), allow=allow)
        return make_user_environment(settings, tenant, "anna@alpha", Path("/homes/a"), "/user/x/")

    return make


@pytest.mark.parametrize("program", ["pip", "pip3", "git"])
def test_what_is_not_allowed_says_whom_to_ask(
    make_variables: Callable[..., dict[str, str]], program: str
) -> None:
    variables = make_variables()
    found = shutil.which(program, path=variables["PATH"])
    assert found
    done = subprocess.run(
        [found, "install", "x"], env=variables, capture_output=True, text=True, check=False, timeout=10
    )
    assert done.returncode == 1
    assert "in Alpha nicht freigegeben" in done.stderr and "ask the administrator" in done.stderr


def test_what_is_allowed_is_the_real_program(make_variables: Callable[..., dict[str, str]]) -> None:
    paths = {allow: make_variables(*allow)["PATH"] for allow in ((), ("pip",), ("git",), ("pip", "git"))}
    assert [("refusals/pip" in path, "refusals/git" in path) for path in paths.values()] == [
        (True, True),
        (False, True),
        (True, False),
        (False, False),
    ]


def test_own_packages_go_into_the_home_and_the_products_come_first(
    make_variables: Callable[..., dict[str, str]],
) -> None:
    variables = make_variables("pip")
    assert variables["PIP_PREFIX"] == "/homes/a/.local/urbanlab"
    assert variables["PYTHONPATH"].startswith("/homes/a/.local/urbanlab/lib/python3.")
    assert variables["PATH"].endswith(":/homes/a/.local/urbanlab/bin")
    assert "PIP_NO_INDEX" not in variables
    assert {"PYTHONPATH", "PIP_PREFIX"}.isdisjoint(make_variables("git", "terminals"))
