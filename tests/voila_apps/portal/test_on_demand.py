"""Pages made on demand, as they lie in the public folder: shown while their version is public."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from urbanlab.contract.publications import Parameter
from urbanlab.contract.variants import MadeVariant, MadeVariants, encode_variants, variants_path

from .conftest import CHART, Portal, change, make_publication

DAY = Parameter("day", "Tag", (), "date", "2026-11-20", "2026-01-01", "2026-12-31", "1")
PAGE = "/guetersloh/passantenfrequenz/"
OLD = "2026-11-19T05:00:00+00:00"


def write(portal: Portal, version: int, **variants: str) -> None:
    path = variants_path(portal.public.root, "guetersloh", "passantenfrequenz")
    path.parent.mkdir(parents=True, exist_ok=True)
    made = {f"day={day}": MadeVariant(page, OLD, OLD) for day, page in variants.items()}
    path.write_bytes(encode_variants(MadeVariants(version, made)))


def test_a_page_on_demand_is_shown_while_its_version_is_public(start_portal: Callable[[], Portal]) -> None:
    portal = start_portal()
    first = make_publication({"day=2026-11-20": portal.public.add_page("Zwanzigster.")}, parameters=(DAY,))
    portal.public.publish(first)
    digest = portal.public.add_page("Neunzehnter.", made_at=OLD)
    write(portal, 3, **{"2026-11-19": digest})

    page = portal.get(f"{PAGE}?day=2026-11-19&lang=en")
    assert (page.status, "Neunzehnter." in page.text) == (200, True)
    # Not when the page was renewed last, but when this variant was made.
    assert f'last updated <time datetime="{OLD}">' in page.text
    assert 'type="date" min="2026-01-01" max="2026-12-31" step="1" value="2026-11-19"' in page.text
    for query, status in {"day=2026-11-18": 404, "day=2027-01-01": 400, "day=20.11.2026": 400}.items():
        assert portal.get(f"{PAGE}?{query}").status == status  # there is no publisher to make one
    extra = portal.public.add_file("extra.svg", CHART + b"<!-- of no page -->")
    assert portal.get(f"{PAGE}files/{extra.digest}.svg").status == 404

    portal.public.publish(change(first, version=4))
    assert (
        portal.get(f"{PAGE}?day=2026-11-19").status == 404
    )  # nobody has released what an older notebook shows
    assert portal.get(PAGE).status == 200


@pytest.mark.parametrize(
    "content",
    [
        b"[]", b"{", b'{"version": 3, "variants": {"day=2026-11-19": {"page": "../../etc/passwd"}}}',
        b'{"version": 3, "variants": {"day=2026-11-19": {"page": "%s", "updated_at": 1, "made_at": ""}}}'
        % (b"a" * 64),
        b'{"version": null, "variants": []}', b"[" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_record_changes_nothing(portal: Portal, content: bytes) -> None:
    path = variants_path(portal.public.root, "guetersloh", "passantenfrequenz")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    assert portal.get(PAGE).status == 200
    assert portal.get(f"{PAGE}?district=nirgends").status == 400


@pytest.mark.parametrize("limits", [{"minimum": "gestern"}, {"step": "0"}, {"maximum": ""}, {"kind": "text"}])
def test_a_page_whose_limits_are_none_is_not_shown(portal: Portal, limits: dict[str, Any]) -> None:
    pages = {"day=2026-11-20": portal.public.add_page("Zwanzigster.")}
    broken = Parameter(**{**vars(DAY), **limits})
    portal.public.publish(make_publication(pages, slug="kaputt", parameters=(broken,)))
    assert portal.get("/guetersloh/kaputt/").status == 404
    assert portal.get("/guetersloh/").status == 200
    portal.public.withdraw(make_publication({}, slug="kaputt"))
