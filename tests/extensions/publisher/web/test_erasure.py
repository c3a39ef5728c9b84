"""What the publisher keeps of a tenant that left is deleted for the operator alone, and nothing of another."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from urbanlab.contract.publications import Page, page_path
from urbanlab.contract.publications import encode as encode_page
from urbanlab.contract.readers import encode
from urbanlab.contract.records import read_tenants, write_tenant
from urbanlab.contract.variants import MadeVariant, MadeVariants, encode_variants, variants_path

from ..conftest import make_notebook  # noqa: TID252
from .conftest import Site
from .test_readers import make_report, send

OPERATOR = {"Authorization": "Bearer the operator's"}


def ask(site: Site, method: str, tenant: str, headers: dict[str, str] = OPERATOR) -> requests.Response:
    address = f"{site.process.url}/operator/tenants/{tenant}"
    return requests.request(method, address, headers=headers, timeout=20)


def list_files(site: Site) -> set[Path]:
    """Return pages, their files, publications and notebooks."""
    public = site.state.parent / "public"
    folders = (public / "pages", public / "files", public / "publications", site.state / "bundles")
    return {path for folder in folders for path in folder.rglob("*") if path.is_file()}


def count_rows(site: Site, tenant: str) -> dict[str, int]:
    """Return how much each table of the store that knows tenants has of one."""
    with sqlite3.connect(site.state / "publisher.sqlite") as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {name: {row[1] for row in database.execute(f"PRAGMA table_info({name})")} for name in names}
        return {
            name: database.execute(f"SELECT count(*) FROM {name} WHERE tenant = ?", (tenant,)).fetchone()[0]
            for name in names
            if "tenant" in columns[name]
        }


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer the hub's"},
        {"Authorization": "the operator's?"},
        {"Authorization": "Bearer "},
    ],
)
def test_nobody_but_the_operator_is_let_in(site: Site, method: str, headers: dict[str, str]) -> None:
    assert ask(site, method, "village", headers).status_code == 401


@pytest.mark.parametrize("tenant", ["..", "Town", "to'wn", "x"])
def test_what_is_no_tenant_has_no_address(site: Site, tenant: str) -> None:
    assert ask(site, "DELETE", tenant).status_code == 404


def test_a_tenant_loses_nothing(site: Site) -> None:
    site.hand_in(notebook=make_notebook("'of this test'"))
    before = ask(site, "GET", "town").json()

    assert ask(site, "DELETE", "town").status_code == 409
    assert ask(site, "GET", "town").json() == before
    assert before["submissions"] > 0


def test_a_tenant_loses_nothing_while_nobody_can_read_who_is_one(site: Site) -> None:
    before = ask(site, "GET", "town").json()
    records = site.state.parent / "records"
    away = records.rename(records.with_name("records.away"))
    try:
        answer = ask(site, "DELETE", "town")
        assert (answer.status_code, "cannot be told" in answer.text) == (503, True)
    finally:
        away.rename(records)
    assert ask(site, "GET", "town").json() == before
    assert before["submissions"] > 0


def test_one_that_left_loses_everything_and_another_nothing(site: Site, wait: Any) -> None:
    before = list_files(site)
    path = site.hand_in("vera@village")
    kept = list_files(site) - before
    same = site.hand_in()  # the same notebook and page as the other's
    own = site.hand_in(notebook=make_notebook("'only here'"), title="Eigenes")
    for each in (same, own):
        site.browse("gerd@town").press(each, "release")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    site.browse("gerd@town").press("/deputies", "deputies", person="karl", until=tomorrow)
    assert send(site, "reports", encode(make_report(slug="eigenes"))) == 204
    assert count_rows(site, "town")["deputies"] and count_rows(site, "town")["reader_reports"]
    records = site.state.parent / "records"
    town = read_tenants(records)["town"]
    public, digest = records.with_name("public"), "e" * 64
    made = MadeVariants(1, {"a=1": MadeVariant(digest, "", "2026-01-01")})
    page_path(public, digest).write_bytes(encode_page(Page("T", "de", "", ())))
    path_of_made = variants_path(public, "town", "eigenes")
    path_of_made.parent.mkdir(exist_ok=True)
    path_of_made.write_bytes(encode_variants(made))
    assert list_files(site) > kept

    (records / "town.json").unlink()
    try:
        assert ask(site, "DELETE", "town").json() == {"submissions": 0, "pages": 0, "requests": 0}
        assert ask(site, "DELETE", "town").status_code == 200
        assert list_files(site) == kept
        assert set(count_rows(site, "town").values()) == {0}
    finally:
        write_tenant(records, town)
    assert site.browse("vera@village").open(path).status == 200
    wait(lambda: site.browse("gerd@town").open(same).status == 404, 10, "the tenant is back, and has nothing")
    assert list_files(site) == kept
