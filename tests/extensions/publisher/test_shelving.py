"""What the public is told of a tenant: its name, look and statements, and nothing else of its file."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest

from urbanlab.contract.publications import (
    Page,
    Publication,
    decode_publication,
    decode_tenants,
    encode,
    logo_path,
    page_path,
    publication_path,
    tenants_path,
)
from urbanlab.contract.records import PortalProfile, PublishingRules, Tenant
from urbanlab.contract.variants import MadeVariant, MadeVariants
from urbanlab_services.publisher.publications import State, make_publication
from urbanlab_services.publisher.shelf import Shelf
from urbanlab_services.publisher.shelving import Shelving
from urbanlab_services.publisher.store import Store

from .conftest import make_submission

LOGO = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
TENANT = Tenant(
    id="town",
    title="Town",
    languages=("de",),
    state="NW",
    time_zone="Europe/Berlin",
    latitude=51.0,
    longitude=8.0,
    crs="EPSG:25832",
    population=1,
    contact="info@example.org",
    host_names=("lab.town.example",),
    portal=PortalProfile(
        colour="#1d4f91",
        logo=f"data:image/svg+xml;base64,{base64.b64encode(LOGO).decode()}",
        host_names=("data.town.example",),
        embed_in=("https://www.town.example",),
        imprint={"de": "Rathaus"},
    ),
)


class Records:
    """The resolved tenants, as they are now."""

    def __init__(self) -> None:
        self.now = {"town": TENANT}

    def tenants(self) -> Mapping[str, Tenant]:
        return self.now


@pytest.fixture
def public(tmp_path: Path) -> Path:
    folder = tmp_path / "public"
    Shelving(Store(tmp_path / "store.sqlite"), Shelf(folder), Records()).show_all()  # type: ignore[arg-type]
    return folder


def test_the_public_sees_a_tenants_own_look(public: Path) -> None:
    (tenant,) = decode_tenants(tenants_path(public).read_bytes())
    assert (tenant.title, tenant.colour, tenant.imprint) == ("Town", "#1d4f91", {"de": "Rathaus"})
    assert (tenant.host_names, tenant.embed_in) == (("data.town.example",), ("https://www.town.example",))
    assert logo_path(public, tenant.logo).read_bytes() == LOGO
    text = tenants_path(public).read_text(encoding="utf-8")
    assert "lab.town.example" not in text
    assert "quotas" not in text


def test_what_was_made_on_demand_goes_with_its_version(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "public")
    publication = Publication("town", "page", 1, "T", "", "de", "", "", "", "", "", {"": "0" * 64})
    shelf.show(publication)
    for end in (
        lambda: shelf.show(dataclasses.replace(publication, version=2)),
        lambda: shelf.hide("town", "page"),
    ):
        made = MadeVariants(1, {"a=1": MadeVariant("1" * 64, "", "2026-01-01")})
        shelf.write_made("town", "page", made)
        assert shelf.list_made() == shelf.list_made("town") == {("town", "page"): made}
        shelf.show(
            dataclasses.replace(publication, updated_at="2026-11-24")
        )  # a refresh: they are old, but there
        assert shelf.find_made("town", "page") == made
        end()
        assert shelf.find_made("town", "page") is None


def test_what_is_shown_on_demand_is_not_collected(public: Path, tmp_path: Path) -> None:
    shelf = Shelf(public)
    shelving = Shelving(Store(tmp_path / "store.sqlite"), shelf, Records())  # type: ignore[arg-type]
    kept, gone = (page_path(public, digit * 64) for digit in "12")
    for path in (kept, gone):
        path.write_bytes(encode(Page("T", "de", "", ())))
    shelf.write_made("town", "page", MadeVariants(1, {"a=1": MadeVariant("1" * 64, "", "")}))
    shelving.delete_pages(["1" * 64, "2" * 64])
    assert (kept.exists(), gone.exists()) == (True, False)


@pytest.mark.parametrize(
    ("views", "has_controls", "is_offered"),
    [(5, True, True), (1, True, True), (0, True, False), (5, False, False)],
)
def test_a_town_without_interactive_views_offers_none(
    views: int, has_controls: bool, is_offered: bool
) -> None:
    tenant = dataclasses.replace(TENANT, publishing=PublishingRules(live_views=views))
    assert make_publication(make_submission(live=has_controls), tenant).live is is_offered


def test_what_a_tenants_file_says_now_is_what_the_public_finds(tmp_path: Path) -> None:
    store, records, public = Store(tmp_path / "store.sqlite"), Records(), tmp_path / "public"
    shelving = Shelving(store, Shelf(public), records)  # type: ignore[arg-type]
    store.save_submissions(
        store.create_submission(
            make_submission(slug="page", state=State.RELEASED, live=True, expires="2030-06-30")
        )
    )
    path = publication_path(public, "town", "page")
    for changes, found in (
        ({}, (True, "2030-06-30T22:00:00.000+00:00")),
        ({"publishing": PublishingRules(live_views=0)}, (False, "2030-06-30T22:00:00.000+00:00")),
        ({"time_zone": "UTC"}, (True, "2030-07-01T00:00:00.000+00:00")),
    ):
        records.now = {"town": dataclasses.replace(TENANT, **changes)}  # type: ignore[arg-type]
        shelving.show_all()
        shown = decode_publication(path.read_bytes())
        assert (shown.live, shown.ends_at) == found
    records.now = {}  # records that cannot be read
    shelving.show("town", "page")
    assert path.exists()
