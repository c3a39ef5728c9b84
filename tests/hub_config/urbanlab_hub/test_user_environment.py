"""What a user's server finds: every name of the contract, and nothing that the contract does not know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from urbanlab.contract import environment
from urbanlab.contract.records import Tenant
from urbanlab_hub.settings import Settings
from urbanlab_hub.user_environment import make_user_environment

SYSTEM = {"HOME", "PATH", "LANG", "SHELL", "MPLCONFIGDIR"}


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
