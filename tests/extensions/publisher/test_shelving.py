"""What the public is told of a tenant: its name, look and statements, and nothing else of its file."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest

from urbanlab.contract.publications import decode_tenants, logo_path, tenants_path
from urbanlab.contract.records import PortalProfile, Tenant
from urbanlab_services.publisher.shelf import Shelf
from urbanlab_services.publisher.shelving import Shelving
from urbanlab_services.publisher.store import Store

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
    """The resolved tenants."""

    def tenants(self) -> Mapping[str, Tenant]:
        return {"town": TENANT}


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
