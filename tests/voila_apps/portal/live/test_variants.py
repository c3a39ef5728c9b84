"""What nobody has asked for before: made once for all who ask, bounded, and never for what is not declared."""

from __future__ import annotations

import http.client
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Browser, expect

from urbanlab.contract.variants import decode_variants, variants_path
from urbanlab_services.publisher.demand.queue import Caps
from urbanlab_services.publisher.readers import Readers
from urbanlab_services.publisher.store import Store

from ....kafka_broker import wait_until  # noqa: TID252
from ..test_browser import AXE, PHONE  # noqa: TID252
from .conftest import Town

PAGE = "/town/jahre/"


def read_runs(town: Town) -> Counter[str]:
    """Return how often the notebook ran for each year."""
    runs = town.public.parent.parent / "runs"
    return Counter(runs.read_text().split()) if runs.exists() else Counter()


def test_a_hundred_who_ask_at_once_cost_one_run(town: Town) -> None:
    with ThreadPoolExecutor(20) as visitors:
        answers = list(visitors.map(lambda _: town.portal.get(f"{PAGE}?year=1984"), range(100)))
    assert {answer.status for answer in answers} <= {200, 202}
    waiting = answers[0]
    assert (waiting.headers["refresh"], waiting.headers["cache-control"]) == ("2", "no-store")
    assert "Es wird berechnet" in waiting.text
    wait_until(lambda: town.portal.get(f"{PAGE}?year=1984").status == 200, 40, "the page is there")
    page = town.portal.get(f"{PAGE}?year=1984&lang=en")
    assert "Jahr 1984" in page.text
    assert 'type="number" min="1900" max="2026" step="1" value="1984"' in page.text
    # The same number, spelt otherwise, is the same page.
    assert town.portal.get(f"{PAGE}?year=01984&lang=en").body == page.body
    assert read_runs(town) == {"1984": 1}


def test_what_is_not_declared_runs_nothing(town: Town) -> None:
    before = read_runs(town)
    for query in ("year=1899", "year=2027", "year=1984.5", "year=abc", "year=", "jahr=1984", "year=1&year=2"):
        answer = town.portal.get(f"{PAGE}?{query}")
        assert answer.status == 400, query
    assert "von 1.900 bis 2.026" in town.portal.get(f"{PAGE}?year=1899").text.replace("\u202f", ".")
    # Nobody reads what is only looked at, or fetched ahead.
    assert town.portal.get(f"{PAGE}?year=1901", "HEAD").status == 202
    assert town.portal.get(f"{PAGE}?year=1902", Sec_Purpose="prefetch").status == 202
    # A run of theirs would have been the first, for this one is asked for later.
    wait_until(lambda: town.portal.get(f"{PAGE}?year=1903").status == 200, 40, "the later page is there")
    assert read_runs(town) == before + Counter(["1903"])


def test_a_failure_is_shown_and_not_repeated_at_once(town: Town) -> None:
    wait_until(lambda: town.portal.get(f"{PAGE}?year=1913").status == 503, 40, "it has failed")
    answers = [town.portal.get(f"{PAGE}?year=1913") for _ in range(5)]
    assert {answer.status for answer in answers} == {503}
    assert "ließ sich nicht berechnen" in answers[0].text
    assert "keine Zahlen" not in answers[0].text
    assert read_runs(town)["1913"] == 1


def test_a_choice_takes_the_place_of_the_one_before(browser: Browser, town: Town) -> None:
    page = browser.new_context(locale="de-DE").new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(f"{town.portal.url}{PAGE}?year=1984")
    page.evaluate("window.isTheSame = true")
    page.get_by_label("Jahr").fill("1985")
    page.get_by_role("button", name="Anzeigen").press("Enter")
    expect(page.get_by_role("status")).to_have_text("Bitte warten.")
    expect(page.locator("main article")).to_contain_text("Jahr 1985", timeout=40_000)
    expect(page.get_by_role("status")).to_have_text("Die neue Auswahl wird angezeigt.")
    expect(page.get_by_role("button", name="Anzeigen")).to_be_focused()
    assert page.url.endswith("?year=1985")
    assert "year=1985" in str(page.get_by_role("link", name="English").get_attribute("href"))
    page.go_back()
    expect(page.locator("main article")).to_contain_text("Jahr 1984")
    assert page.evaluate("window.isTheSame")
    page.get_by_label("Jahr").fill("1913")  # which has failed: its own page says so
    page.get_by_role("button", name="Anzeigen").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("ließ sich nicht berechnen")
    assert [each for each in problems if "503" not in each] == []
    page.context.close()


def test_on_a_phone_without_javascript_the_page_comes_by_itself(browser: Browser, town: Town) -> None:
    page = browser.new_context(java_script_enabled=False, locale="de-DE", **PHONE).new_page()
    page.goto(f"{town.portal.url}{PAGE}?year=1984")
    page.get_by_label("Jahr").fill("1986")
    page.get_by_role("button", name="Anzeigen").click()
    page.wait_for_selector("#waiting", timeout=10_000)
    expect(page.locator("main article")).to_contain_text("Jahr 1986", timeout=40_000)
    page.context.close()


@pytest.mark.parametrize(
    "path", ["/town/jahre/?year=1987", "/town/jahre/report/", "/town/jahre/report/thanks/"]
)
def test_axe_finds_nothing(browser: Browser, town: Town, path: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core has not been fetched; `make test` does that")
    page = browser.new_context(bypass_csp=True, locale="de-DE", **PHONE).new_page()
    page.goto(f"{town.portal.url}{path}")
    page.add_script_tag(path=AXE)
    found = page.evaluate(
        "async () => (await axe.run()).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])"
    )
    assert found == []
    page.context.close()


def test_a_flood_of_choices_is_bounded_and_pages_go_on(town: Town) -> None:
    def ask(year: int) -> int:
        return town.portal.get(f"{PAGE}?year={year}").status

    with ThreadPoolExecutor(20) as visitors:
        statuses = Counter(visitors.map(ask, range(1920, 2000)))
        assert visitors.submit(ask, 2000).result() == 200
    assert statuses.keys() <= {200, 202, 503}
    assert statuses[503] >= 80 - 2 * Caps.page
    text = town.portal.get(f"{PAGE}?year=1999").text
    assert "fragen viele" in text or "wird berechnet" in text
    made = decode_variants(variants_path(town.public, "town", "jahre").read_bytes())
    assert made.variants["year=1984"].page
    assert all(count == 1 for count in read_runs(town).values())


def test_a_report_arrives_at_the_publisher_with_the_numbers(town: Town) -> None:
    sent = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    connection = http.client.HTTPConnection("127.0.0.1", town.portal.port, timeout=20)
    connection.request("POST", f"{PAGE}report/", "text=Die+Zahl+fehlt.", sent)
    assert connection.getresponse().status == 303
    connection.close()
    store = Store(town.state / "publisher.sqlite")
    readers = Readers(store.engine)
    try:
        wait_until(lambda: "jahre" in readers.sum_up("town", "2026-01-01"), 20, "the publisher has both")
        (report,) = readers.list_reports("town")
    finally:
        store.engine.dispose()
    assert (report.slug, report.text) == ("jahre", "Die Zahl fehlt.")
    assert not list((town.portal.folder / "state" / "reports").iterdir())
