"""The functions that completion offers are those that statements may use, spelt so that the engine knows them."""

from __future__ import annotations

import requests

from tests.extensions.warehouse.conftest import Warehouse


def _get_functions(warehouse: Warehouse) -> list[str]:
    headers = {"Authorization": f"Bearer {warehouse.token('alba')}"}
    answer = requests.get(f"{warehouse.url}/functions", headers=headers, timeout=60)
    assert answer.status_code == 200
    return list(answer.json()["functions"])


def test_functions_are_those_of_the_policy_as_one_writes_them(warehouse: Warehouse) -> None:
    functions = _get_functions(warehouse)
    assert {"toStartOfHour", "sum", "arrayMap", "geoDistance"} <= set(functions)
    assert not {"file", "url", "dictGet", "_CAST", "tostartofhour"} & set(functions)
    assert functions == _get_functions(warehouse)


def test_nobody_without_a_credential_is_answered(warehouse: Warehouse) -> None:
    assert requests.get(f"{warehouse.url}/functions", timeout=60).status_code == 401
