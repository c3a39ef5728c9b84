"""The same lines for the analyst and for the publication, against the real engine and gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

import urbanlab as ul
from urbanlab.contract import environment
from urbanlab.errors import NotReleasedError, UnknownTableError
from urbanlab.session import Session
from urbanlab.warehouse import _make_client


@pytest.fixture
def act_as(
    warehouse: Any, tokens: Any, environ: dict[str, str], use_session: Callable[..., Session]
) -> Callable[[str], None]:
    def act(access: str) -> None:
        _make_client.cache_clear()
        tokens.make_token["warehouse"] = lambda: warehouse.token("town", access)
        person = "publications" if access == "publications" else "anna"
        use_session({**environ, environment.WAREHOUSE_URL: warehouse.url, environment.PERSON: person})

    return act


@pytest.fixture
def release(warehouse: Any) -> Iterator[Callable[[str, str], None]]:
    from ..extensions.warehouse.conftest import PUBLISHER  # noqa: TID252

    released: list[str] = []

    def ask(method: str, path: str, **options: Any) -> None:
        url = f"{warehouse.url}/releases/{path}"
        requests.request(method, url, auth=("publisher", PUBLISHER), timeout=20, **options).raise_for_status()

    def release(tenant: str, dataset: str) -> None:
        words = {"title": {"en": "Footfall, open"}, "description": {}, "licence": "dl-de/zero-2.0"}
        body = {"table": f"{tenant}.{dataset}", "released_by": "gabi", **words}
        ask("PUT", f"{tenant}/{dataset}", json=body)
        released.append(f"{tenant}/{dataset}")

    yield release
    for path in released:
        ask("DELETE", path)


def test_a_notebook_runs_unchanged_for_its_author_and_as_a_publication(
    act_as: Callable[[str], None], release: Callable[[str, str], None]
) -> None:
    release("village", "footfall")
    release("town", "footfall")
    tables = {}
    for access in ("analyst", "publications"):
        act_as(access)
        footfall = ul.dataset("footfall")
        tables[access] = footfall.table
        assert ul.query(f"SELECT sum(persons) AS n FROM {footfall.table}").n[0] == 499_500
        assert len(footfall.to_frame(["persons"], where="persons > 900")) == 99
    assert tables == {"analyst": "town.footfall", "publications": "open_data.town__footfall"}
    assert ul.dataset("footfall").title == "Footfall, open"
    assert {item.kind for item in ul.catalog()} == {"open"}


def test_what_is_not_released_is_named_for_the_runner(
    act_as: Callable[[str], None], release: Callable[[str, str], None]
) -> None:
    release("village", "footfall")
    act_as("publications")
    cases = {
        "SELECT * FROM town.footfall JOIN lab_town.mine USING (sensor)": ("town.footfall", "lab_town.mine"),
        "WITH x AS (SELECT 1 AS a) SELECT * FROM x, town.sensors, open_data.village__footfall": (
            "town.sensors",
        ),
        "SELECT * FROM footfall": ("footfall",),
    }
    for sql, names in cases.items():
        with pytest.raises(NotReleasedError) as caught:
            ul.query(sql)
        assert caught.value.names == names
        assert str(caught.value).startswith(f"Not released as open data: {', '.join(names)}\n")
    with pytest.raises(NotReleasedError, match=r"^Not released as open data: sensors\n"):
        ul.dataset("sensors")


def test_a_query_that_names_the_own_table_is_told_the_name_that_fits_both(
    act_as: Callable[[str], None], release: Callable[[str, str], None]
) -> None:
    release("town", "footfall")
    act_as("publications")
    with pytest.raises(UnknownTableError, match=r"ul\.dataset") as caught:
        ul.query("SELECT * FROM town.footfall")
    assert not isinstance(caught.value, NotReleasedError)
    assert "open_data.town__footfall" in str(caught.value)
