"""The numbers for the hub: right, of one tenant, and for nobody else."""

from __future__ import annotations

from typing import Any

import pytest
import requests


def ask(site: Any, tenant: str, secret: str = "the hub's") -> requests.Response:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return requests.get(f"{site.process.url}/api/pending/{tenant}", headers=headers, timeout=20)


def test_it_counts_what_waits_in_one_tenant(site: Any) -> None:
    before, elsewhere = ask(site, "town").json(), ask(site, "village").json()
    handed_in = site.hand_in(title="Wartet auf eine Entscheidung")
    site.browse("karl@town").press("/data-releases", "data-releases", dataset="zaehler", title_de="Zähler")
    counted = ask(site, "town").json()
    assert counted == {"pages": before["pages"] + 1, "datasets": before["datasets"] + 1}
    assert ask(site, "village").json() == elsewhere
    site.browse("gerd@town").press(handed_in, "release")
    assert ask(site, "town").json() == {**counted, "pages": before["pages"]}
    assert ask(site, "nowhere").json() == {"pages": 0, "datasets": 0}


@pytest.mark.parametrize("secret", ["", "the hub", "the hub's.", "\u00e4"])
def test_nobody_else_is_told(site: Any, secret: str) -> None:
    answer = ask(site, "town", secret.encode().decode("latin-1"))
    assert answer.status_code == 401
    assert "pages" not in answer.json()


def test_no_login_of_a_person_is_told_either(site: Any) -> None:
    assert site.browse("gerd@town").open("/api/pending/town").status == 401
