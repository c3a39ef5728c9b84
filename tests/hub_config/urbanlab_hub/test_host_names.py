"""Host names: a tenant's own lead to it, any other to nobody; two users' servers never share one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from urbanlab.contract.records import Tenant
from urbanlab_hub.host_names import find_tenant_of_host, make_host_name

USERS = st.from_regex(r"[a-z0-9._~-]{1,60}@[a-z][a-z0-9]{1,20}", fullmatch=True)


@pytest.fixture
def tenants(make_tenant: Callable[..., Tenant]) -> dict[str, Tenant]:
    """Two tenants with host names, of which one is declared by both, and one without."""
    names = {
        "alpha": ("lab.alpha.example", "both.example"),
        "beta": ("Lab.Beta.Example", "both.example"),
        "gamma": (),
    }
    return {tenant: replace(make_tenant(tenant), host_names=hosts) for tenant, hosts in names.items()}


@pytest.mark.parametrize(
    ("host_name", "tenant"),
    [
        ("lab.alpha.example", "alpha"),
        ("LAB.Alpha.example", "alpha"),
        ("lab.beta.example", "beta"),
        ("both.example", None),
        ("", None),
        ("alpha.example", None),
        ("evil.lab.alpha.example", None),
        ("lab.alpha.example.evil", None),
        ("lab.alpha.example.", None),
        ("lab.alpha.example@evil", None),
        ("lab.alpha.example\r\nX: y", None),
        ("lab.аlpha.example", None),  # a Cyrillic a
        ("127.0.0.1", None),
    ],
)
def test_only_declared_names_lead_to_a_tenant(
    tenants: dict[str, Tenant], host_name: str, tenant: str | None
) -> None:
    assert find_tenant_of_host(tenants, host_name) == tenant


@given(USERS, USERS)
def test_two_users_never_share_a_host_name(one: str, other: str) -> None:
    assume(one != other)
    names = [make_host_name(user, "lab.example", "user") for user in (one, other)]
    assert names[0] != names[1]
    for name in names:
        label, _, domain = name.partition(".")
        assert domain == "lab.example"
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", label)
        assert label[2:4] != "--"  # which marks international names


def test_users_meet_no_service() -> None:
    service = make_host_name("publisher", "lab.example", "service")
    assert service == "publisher--service.lab.example"
    assert make_host_name("publisher--service@alpha", "lab.example", "user") != service
