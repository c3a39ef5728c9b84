"""For which towns somebody decides: nobody without the second factor that the town demands of its gatekeepers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from urbanlab.contract.records import PublishingRules, Tenant
from urbanlab_services.publisher.actors import Actor
from urbanlab_services.publisher.deputies import Deputies
from urbanlab_services.publisher.store import Store


class Records:
    """The resolved tenants."""

    def __init__(self, *tenants: Tenant) -> None:
        self._tenants = {tenant.id: tenant for tenant in tenants}

    def tenants(self) -> Mapping[str, Tenant]:
        return self._tenants


@pytest.mark.parametrize(
    ("demanded", "own", "roles", "decides"),
    [
        (("gatekeeper",), ("gatekeeper",), {"gatekeeper"}, True),
        (("gatekeeper",), (), {"gatekeeper"}, False),
        (("gatekeeper",), ("admin",), {"gatekeeper"}, False),
        (("gatekeeper",), ("admin",), {"gatekeeper", "admin"}, True),
        (("admin",), (), {"gatekeeper"}, True),
        ((), (), {"gatekeeper"}, True),
        ((), ("gatekeeper",), {"publisher"}, False),
    ],
)
def test_acting_for_another_town_takes_the_second_factor_that_it_demands(
    demanded: tuple[str, ...],
    own: tuple[str, ...],
    roles: set[str],
    decides: bool,
    make_tenant: Callable[..., Tenant],
    tmp_path: Path,
) -> None:
    town = make_tenant("town", second_factor=demanded, publishing=PublishingRules(deputies=("village",)))
    records = Records(town, make_tenant("village", second_factor=own))
    engine = Store(tmp_path / "store.sqlite").engine
    deputies = Deputies(engine, records, None)  # type: ignore[arg-type]
    vera = Actor("vera@village", "village", frozenset(roles), may_decide=True)
    assert deputies.list_towns(vera) == (["town"] if decides else [])
    acting = deputies.extend(vera, "town")
    assert (acting.tenant, acting.is_deputy) == (("town", True) if decides else ("village", False))
