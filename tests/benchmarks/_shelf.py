"""A shelf of many public pages, each with content of its own, written by the publisher's own hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from urbanlab.contract.publications import (
    BODY,
    Page,
    PageFile,
    decode_page,
    decode_publication,
    decode_tenants,
    file_path,
    make_digest,
    page_path,
    publication_path,
    tenants_path,
)
from urbanlab_services.publisher.pages import CheckedPage
from urbanlab_services.publisher.shelf import Shelf


def write_shelf(public: Path, source: Path, tenant: str, slug: str, number: int) -> list[str]:
    """Fill a public folder with so many pages like one that is public in another; return their paths.

    Each has the variants, pictures, maps and tables of that one; its text, and so each of its bytes when packed, is
    its own.
    """
    shelf = Shelf(public)
    shelf.write_tenants(decode_tenants(tenants_path(source).read_bytes()))
    model = decode_publication(publication_path(source, tenant, slug).read_bytes())
    pages = {
        variant: _read_page(page_path(source, digest), source) for variant, digest in model.variants.items()
    }
    paths = []
    for place in range(1, number + 1):
        slug, title = f"seite-{place}", f"{model.title} {place}"
        variants = {variant: shelf.write_page(_vary(page, place)) for variant, page in pages.items()}
        shelf.show(dataclasses.replace(model, slug=slug, title=title, variants=variants))
        paths.append(f"/{tenant}/{slug}/")
    return paths


def _read_page(path: Path, source: Path) -> CheckedPage:
    page = decode_page(path.read_bytes())
    return CheckedPage(
        page, {file.digest: file_path(source, file.digest).read_bytes() for file in page.files}
    )


def _vary(checked: CheckedPage, place: int) -> CheckedPage:
    """Return a page whose text says at its beginning and its end which one it is."""
    page: Page = checked.page
    body = page.find(BODY)
    assert body is not None
    said = f"<p>Das ist die Seite {place}.</p>".encode()
    content = said + checked.contents[body.digest] + said
    own = PageFile(BODY, make_digest(content), len(content))
    files = tuple(own if file is body else file for file in page.files)
    return CheckedPage(dataclasses.replace(page, files=files), {**checked.contents, own.digest: content})
