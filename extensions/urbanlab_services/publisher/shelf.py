"""The folder of what is public, as `urbanlab.contract.publications` says; this service alone writes it.

Files and pages are named by their content and never change; a publication is replaced whole. So a reader, and
whoever comes after a crash, finds the last good page or the new one, never half of one.
"""

from __future__ import annotations

import base64
import json
import os
import stat
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from urbanlab.contract.files import DRAFT, remove_whole, write_whole
from urbanlab.contract.publications import (
    BODY,
    Page,
    Publication,
    PublicTenant,
    Ticket,
    catalog_path,
    decode_page,
    decode_publication,
    decode_ticket,
    encode,
    encode_tenants,
    file_path,
    logo_path,
    make_digest,
    page_path,
    publication_path,
    tenants_path,
    ticket_path,
)
from urbanlab.contract.variants import MadeVariants, decode_variants, encode_variants, variants_path
from urbanlab_services.errors import ConflictError
from urbanlab_services.publisher.pages import CheckedPage

# What nothing refers to is kept for so long: a page that is being made refers to nothing yet.
GRACE_SECONDS = 24 * 3600.0


class Shelf:
    """Writes and removes what the public finds."""

    def __init__(self, public: Path) -> None:
        self._public = public
        public.mkdir(parents=True, exist_ok=True)
        # Who may read is said by the folder's own mode and group; all below follows it.
        self._folder_mode = stat.S_IMODE(public.stat().st_mode)
        self._file_mode = self._folder_mode & 0o666
        for name in ("files", "pages", "publications", "variants", "tickets", "logos"):
            self._ensure_folder(public / name)
        for draft in public.rglob(f".*{DRAFT}"):
            draft.unlink()

    def write_page(self, checked: CheckedPage) -> str:
        """Keep a page and its files; return its digest. Nobody sees it before a publication names it."""
        for digest, content in checked.contents.items():
            self._write_once(file_path(self._public, digest), content)
        content = encode(checked.page)
        digest = make_digest(content)
        self._write_once(page_path(self._public, digest), content)
        return digest

    def check_pages(self, digests: Iterable[str]) -> None:
        """Raise `ConflictError` unless each page and all its files are there, byte for byte."""
        for digest in digests:
            try:
                page = decode_page(_read_checked(page_path(self._public, digest), digest))
                for file in page.files:
                    _read_checked(file_path(self._public, file.digest), file.digest)
            except (OSError, ValueError):
                raise ConflictError(
                    "The stored page is no longer whole, so it cannot be released; hand the notebook in again."
                ) from None

    def read_body(self, digest: str) -> str:
        """Return the content of a page as HTML; raise `OSError` or `ValueError` where it is not there."""
        page = decode_page(page_path(self._public, digest).read_bytes())
        body = page.find(BODY)
        if body is None:
            raise ValueError(digest)
        return file_path(self._public, body.digest).read_text(encoding="utf-8")

    def read_file(self, digest: str) -> bytes:
        """Return a file of a page; raise `OSError` or `ValueError` where it is not there, byte for byte."""
        return _read_checked(file_path(self._public, digest), digest)

    def list_datasets(self, digest: str) -> tuple[str, ...]:
        """Return the open data that a page has read; none for a page that is not there."""
        try:
            return decode_page(page_path(self._public, digest).read_bytes()).datasets
        except (OSError, ValueError):
            return ()

    def show(self, publication: Publication) -> None:
        """Make a publication public, or its newer state."""
        path = publication_path(self._public, publication.tenant, publication.slug)
        made = self.find_made(publication.tenant, publication.slug)
        if made is not None and made.version != publication.version:
            remove_whole(variants_path(self._public, publication.tenant, publication.slug))
        self._ensure_folder(path.parent)
        self._write(path, encode(publication))

    def hide(self, tenant: str, slug: str) -> None:
        """Take a publication away."""
        remove_whole(publication_path(self._public, tenant, slug))
        remove_whole(variants_path(self._public, tenant, slug))

    def find_made(self, tenant: str, slug: str) -> MadeVariants | None:
        """Return what was made on demand for a publication, or None."""
        try:
            return decode_variants(variants_path(self._public, tenant, slug).read_bytes())
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write_made(self, tenant: str, slug: str, made: MadeVariants) -> None:
        """Show what was made on demand."""
        path = variants_path(self._public, tenant, slug)
        self._ensure_folder(path.parent)
        self._write(path, encode_variants(made))

    def list_made(self, tenant: str = "") -> dict[tuple[str, str], MadeVariants]:
        """Return what was made on demand by tenant and slug, of all or of one tenant."""
        paths = (self._public / "variants").glob(f"{tenant or '*'}/*.json")
        names = [(path.parent.name, path.stem) for path in paths]
        return {name: made for name in names if (made := self.find_made(*name))}

    def list_shown(self) -> set[tuple[str, str]]:
        """Return tenant and slug of all that is public."""
        paths = (self._public / "publications").glob("*/*.json")
        return {(path.parent.name, path.stem) for path in paths}

    def write_ticket(self, text: str, ticket: Ticket) -> None:
        """Keep the record of a preview."""
        self._write(ticket_path(self._public, text), encode(ticket))

    def write_tenants(self, tenants: list[PublicTenant]) -> None:
        """Keep the list of tenants."""
        self._write(tenants_path(self._public), encode_tenants(tenants))

    def write_catalog(self, tenant: str, forms: Mapping[str, bytes]) -> None:
        """Keep a tenant's catalogue, or that of all, in each of its forms."""
        for form, content in forms.items():
            path = catalog_path(self._public, tenant, form)
            self._ensure_folder(path.parent)
            self._write(path, content)

    def keep_catalogs(self, tenants: Collection[str]) -> None:
        """Take the catalogues of all other tenants away."""
        for path in (self._public / "catalogs").glob("*.*"):
            if path.stem not in tenants:
                remove_whole(path)

    def list_publications(self) -> Iterator[Publication]:
        """Yield what is public, by tenant and slug."""
        for tenant, slug in sorted(self.list_shown()):
            try:
                yield decode_publication(publication_path(self._public, tenant, slug).read_bytes())
            except FileNotFoundError:
                continue

    def read_page(self, digest: str) -> bytes:
        """Return a page's record; raise `OSError` or `ValueError` where it is not there."""
        return page_path(self._public, digest).read_bytes()

    def write_logo(self, data_url: str) -> str:
        """Keep a tenant's mark and return its name; there are few, and each stays."""
        kind, _, content = data_url.partition(";base64,")
        ending = "svg" if kind.endswith("svg+xml") else "png"
        raw = base64.b64decode(content)
        name = f"{make_digest(raw)}.{ending}"
        self._write_once(logo_path(self._public, name), raw)
        return name

    def delete_pages(self, digests: Iterable[str], referenced: set[str]) -> None:
        """Delete pages at once, with the files and previews that nothing else refers to."""
        doomed = set(digests) - referenced
        self._delete_tickets(doomed)
        files = {file for digest in doomed for file in self._list_files(digest)}
        for digest in doomed:
            remove_whole(page_path(self._public, digest))
        for digest in files - self._list_used_files():
            remove_whole(file_path(self._public, digest))

    def collect(self, referenced: set[str], grace: float = GRACE_SECONDS) -> int:
        """Delete what nothing refers to for longer than `grace` seconds; return how many things that were."""
        self._delete_tickets(set())
        oldest = time.time() - grace
        pages = [path for path in (self._public / "pages").glob("*.json") if path.stem not in referenced]
        doomed = [path for path in pages if path.stat().st_mtime < oldest]
        for path in doomed:
            path.unlink()
        used = self._list_used_files()
        files = [path for path in (self._public / "files").iterdir() if path.name not in used]
        old = [path for path in files if path.stat().st_mtime < oldest]
        for path in old:
            path.unlink()
        return len(doomed) + len(old)

    def _list_used_files(self) -> set[str]:
        return {
            file for path in (self._public / "pages").glob("*.json") for file in self._list_files(path.stem)
        }

    def _list_files(self, digest: str) -> Iterator[str]:
        try:
            page: Page = decode_page(page_path(self._public, digest).read_bytes())
        except FileNotFoundError:
            return
        yield from (file.digest for file in page.files)

    def _delete_tickets(self, pages: set[str]) -> None:
        """Delete the previews that have expired, and those of these pages."""
        moment = datetime.now(UTC)
        for path in (self._public / "tickets").glob("*.json"):
            ticket = decode_ticket(path.read_bytes())
            expired = datetime.fromisoformat(ticket.expires_at) < moment
            if expired or pages & set(ticket.publication.variants.values()):
                path.unlink()

    def _write_once(self, path: Path, content: bytes) -> None:
        if path.exists():
            os.utime(path)  # in use again: its grace begins anew
        else:
            write_whole(path, content, self._file_mode)

    def _write(self, path: Path, content: bytes) -> None:
        if not path.exists() or path.read_bytes() != content:
            write_whole(path, content, self._file_mode)

    def _ensure_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir()
            folder.chmod(self._folder_mode)


def _read_checked(path: Path, digest: str) -> bytes:
    content = path.read_bytes()
    if make_digest(content) != digest:
        raise ValueError(json.dumps(digest))
    return content
