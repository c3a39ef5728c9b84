"""Deputies in the browser: for whom they decide, how safely they logged in, and that four eyes stay two people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from urbanlab.contract.records import PublishingRules, write_tenant

from ..conftest import make_notebook  # noqa: TID252
from .conftest import PEOPLE, make_small_tenant


def in_days(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


@pytest.fixture
def set_rules(site: Any, wait: Callable[..., Any]) -> Any:
    """Return what changes the town's record, and change it back."""
    import dataclasses

    records = site.state.parent / "records"
    plain = make_small_tenant("town", "Stadt Muster")

    def change(**values: Any) -> None:
        write_tenant(records, dataclasses.replace(plain, **values))

    yield change
    change()


def test_somebody_named_decides_until_the_end(site: Any, set_rules: Any, wait: Callable[..., Any]) -> None:
    set_rules(second_factor=())
    path = site.hand_in(title="Vertreten")
    karl, gerd = site.browse("karl@town"), site.browse("gerd@town")
    assert "release" not in karl.open(path).acts
    assert gerd.press("/deputies", "deputies", person="Gerd", until=in_days(3)).status == 400
    assert gerd.press("/deputies", "deputies", person="karl", until=in_days(200)).status == 400
    page = gerd.press("/deputies", "deputies", person="karl", until=in_days(3))
    assert "karl" in page.text and "Die Vertretung kann ab jetzt entscheiden." in page.text
    wait(lambda: "release" in karl.open(path).acts, 10, "the deputy's right")
    assert "deputies" not in karl.open("/deputies").acts  # a deputy names none
    gerd.press("/deputies", "end")
    assert "release" not in karl.open(path).acts
    assert karl.send(f"{path}/release", {"xsrf": karl.get_xsrf()}).status == 403


def test_a_deputy_never_decides_about_the_own(site: Any, set_rules: Any) -> None:
    set_rules(second_factor=())
    gerd, anna = site.browse("gerd@town"), site.browse("anna@town")
    gerd.press("/deputies", "deputies", person="anna", until=in_days(1))
    path = site.hand_in("anna@town", title="Meins")
    assert anna.send(f"{path}/release", {"xsrf": anna.get_xsrf()}).status == 403
    assert "eingereicht" in anna.open(path).text
    gerd.press("/deputies", "end")


def test_where_a_second_factor_is_needed_a_deputy_has_shown_one(
    site: Any, set_rules: Any, wait: Callable[..., Any]
) -> None:
    set_rules(second_factor=("gatekeeper", "admin"))
    site.hub.people = {**PEOPLE, "ada@town": ("admin",)}
    path = site.hand_in(title="Sicher")
    gerd, karl, ada = (site.browse(f"{name}@town") for name in ("gerd", "karl", "ada"))
    for name in ("karl", "ada"):
        gerd.press("/deputies", "deputies", person=name, until=in_days(1))
    wait(lambda: "release" not in karl.open(path).acts, 10, "the town's rule")
    assert "release" in ada.open(path).acts
    assert "keine Rolle, für die Sie sich mit einem zweiten Faktor anmelden" in karl.open("/deputies").text
    for _ in range(2):
        ada.press("/deputies", "end")


def test_the_gatekeepers_of_another_town_decide_where_the_file_says_so(
    site: Any, set_rules: Any, wait: Callable[..., Any]
) -> None:
    path = site.hand_in(title="Nachbarhilfe", notebook=make_notebook("1"))
    vera = site.browse("vera@village")
    assert vera.open(path).status == 404
    assert vera.send("/deputies/act_for", {"xsrf": vera.get_xsrf(), "town": "town"}).status == 404
    set_rules(publishing=PublishingRules(deputies=("village",)))
    wait(lambda: "act_for" in vera.open("/deputies").acts, 10, "the town in the list")
    page = vera.press("/deputies", "act_for")
    assert "Sie entscheiden hier in Vertretung für Stadt Muster" in page.text
    assert "warten auf eine Entscheidung" in page.text
    assert vera.open("/publish").status == 403
    assert "freigegeben" in vera.press(path, "release").text
    set_rules()
    wait(lambda: vera.open(path).status == 404, 10, "the end of the right")
