"""Sharing between two towns: asked for in a kernel, decided and accepted in browsers, read there, and withdrawn."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.installation import Installation
from urbanlab_operate.errors import OperateError

from .login import StaffSession
from .publishing import Town

OWNER, PARTNER = "guetersloh", "rietberg"
VIEW = f"shared_with_{PARTNER}.{OWNER}__weather"

ASK = f"""
import json, urbanlab as ul
terms = dict(columns=["observed_at", "temperature"], where="rain >= 0", until="2090-12-31")
request = ul.share("weather", "{PARTNER}", **terms)
print(json.dumps([request.state, request.table, request.url]))
"""
READ = f"""
import json, urbanlab as ul
shared = ul.dataset("{OWNER}__weather")
frame = ul.query("SELECT * FROM {VIEW} LIMIT 3")
print(json.dumps([shared.kind, list(frame.columns), len(frame), shared.rows > 0]))
"""
TRY = f"""
import json, urbanlab as ul
try:
    ul.query("SELECT count() FROM {VIEW}")
except ul.UrbanlabError as error:
    print(json.dumps(type(error).__name__))
"""


@pytest.fixture(scope="module")
def towns(installation: Installation) -> tuple[Town, Town]:
    return Town(installation, OWNER), Town(installation, PARTNER)


def test_a_partner_reads_what_two_people_here_and_one_there_agreed_on(
    installation: Installation, towns: tuple[Town, Town]
) -> None:
    owner, partner = towns
    with StaffSession(installation, f"analyst-{OWNER}") as staff:
        state, table, url = staff.ask_json(ASK)
    assert (state, table) == ("requested", f"{OWNER}.weather")
    request = urlsplit(url).path
    offer = request.replace("data-releases", "data-offers")
    with pytest.raises(OperateError):
        partner.decide(offer, "accept")
    owner.decide(request, "release")
    assert "rain" not in partner.read(offer)
    with StaffSession(installation, f"analyst-{PARTNER}") as reader:
        assert reader.ask_json(TRY) == "UnknownTableError"
        partner.decide(offer, "accept")
        assert reader.ask_json(READ) == ["shared", ["observed_at", "temperature"], 3, True]
        owner.decide(request, "withdraw")
        assert reader.ask_json(TRY) == "UnknownTableError"
    assert owner.get_state(request) == "withdrawn"
