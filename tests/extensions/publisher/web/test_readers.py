"""Numbers and reports of readers: from the portal alone, each once, and shown to those who look after pages."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from urbanlab.contract.readers import Count, Counts, Report, encode

from ..hub_runner_gateway import SECRET  # noqa: TID252


def send(site: Any, name: str, body: bytes, secret: str = SECRET) -> int:
    headers = {"Authorization": f"Bearer {secret}"}
    return requests.post(f"{site.process.url}/portal/{name}", body, headers=headers, timeout=10).status_code


def make_report(**values: Any) -> Report:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    given = {"tenant": "town", "slug": "gelesen", "version": 1, "language": "de", "at": at, "text": "x"}
    return Report(**{"id": uuid.uuid4().hex, **given, **values})


def test_numbers_are_added_once_and_only_for_pages_that_are_there(site: Any) -> None:
    site.hand_in(title="Gelesen")
    today = datetime.now(UTC).date()
    days = (
        today.isoformat(),
        (today - timedelta(days=1)).isoformat(),
        (today - timedelta(days=99)).isoformat(),
    )
    numbers = [Count("town", "gelesen", day, "view", 20 + n) for n, day in enumerate(days)]
    numbers += [
        Count("town", "nirgends", days[0], "view", 777),
        Count("town", "gelesen", days[0], "download", 3),
    ]
    body = encode(Counts(uuid.uuid4().hex, tuple(numbers)))
    assert [send(site, "counts", body) for _ in range(2)] == [204, 204]
    browser = site.browse("anna@town")
    text = browser.open("/readers").text
    assert "Gelesen 41 0 3 0 0" in text and "777" not in text
    days_text = browser.open("/readers/gelesen").text
    assert f"{today:%d.%m.%Y} 20 0 3 0 0" in days_text and "22" not in days_text.partition("Tage")[2]
    assert site.browse("vera@village").open("/readers/gelesen").status == 404
    assert site.browse("karl@town").open("/readers").status == 403


def test_a_report_is_shown_as_text_and_settled_by_somebody(site: Any) -> None:
    site.hand_in(title="Gelesen")
    report = make_report(text="<script>alert(1)</script> stimmt nicht", answer_to="leser@example.org")
    assert [send(site, "reports", encode(report)) for _ in range(2)] == [204, 204]
    assert send(site, "reports", encode(make_report(slug="nirgends", text="verloren"))) == 204
    gerd = site.browse("gerd@town")
    page = gerd.open("/readers")
    assert page.text.count("stimmt nicht") == 1 and "verloren" not in page.text
    assert "<script>alert" not in page.response.text
    vera = site.browse("vera@village")
    assert vera.send(f"/readers/reports/{report.id}/settle", {"xsrf": vera.get_xsrf()}).status == 404
    assert "settle" in gerd.open("/readers").acts
    assert "erledigt von gerd" in gerd.press("/readers", "settle").text
    assert "settle" not in gerd.open("/readers").acts


@pytest.mark.parametrize(
    ("name", "body", "secret", "status"),
    [
        ("counts", b"{}", "guess", 401),
        ("reports", b"{}", "", 401),
        ("counts", b"{}", SECRET, 400),
        ("counts", b"[" * 5000, SECRET, 400),
        ("reports", b"\xff", SECRET, 400),
        ("reports", encode(make_report(text="a\x00b")), SECRET, 400),
    ],
)
def test_what_is_not_agreed_is_refused(site: Any, name: str, body: bytes, secret: str, status: int) -> None:
    assert send(site, name, body, secret) == status
