"""What is public now: the publisher's folder, read anew where it has changed, without what has come to its end.

Looking costs a `stat`; what could not be read, or only half, is ignored and logged once.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Generic, TypeVar

from urbanlab.contract.catalogs import list_held, read_catalog, read_ends
from urbanlab.contract.naming import TENANT_ID
from urbanlab.contract.publications import (
    BODY,
    DIGEST,
    FILE_TYPES,
    MAX_SLUG,
    SLUG,
    Page,
    Publication,
    PublicTenant,
    Ticket,
    catalog_path,
    decode_page,
    decode_publication,
    decode_tenants,
    decode_ticket,
    file_path,
    is_over,
    logo_path,
    make_digest,
    page_path,
    publication_path,
    tenants_path,
    ticket_path,
)
from urbanlab.contract.ranges import count_values, find_default, find_today
from urbanlab.contract.variants import MadeVariant, MadeVariants, decode_variants, variants_path

logger = logging.getLogger(__name__)

MAX_RECORD_BYTES = 1_000_000
MAX_BODY_BYTES = 6_000_000
MAX_CATALOG_BYTES = 12_000_000
MAX_RECORDS = 4096  # kept in memory
_BROKEN = (
    *(OSError, ValueError, TypeError, KeyError),
    *(AttributeError, IndexError, ArithmeticError, RecursionError),
)

Value = TypeVar("Value")
_Signature = tuple[int, int, int]


@dataclass(frozen=True)
class Edition:
    """A publication as it is public now; `digest` changes with whatever changes in its record."""

    publication: Publication
    digest: str


class Records(Generic[Value]):
    """Decoded files of one kind; a broken one leaves the last good value, an absent one leaves nothing."""

    def __init__(self, decode: Callable[[bytes], Value]) -> None:
        self._decode = decode
        self._kept: OrderedDict[Path, tuple[_Signature, Value | None]] = OrderedDict()

    def find(self, path: Path) -> Value | None:
        """Return what stands in the file, or None."""
        try:
            status = path.stat()
        except OSError:
            self._kept.pop(path, None)
            return None
        signature = (status.st_mtime_ns, status.st_size, status.st_ino)
        kept = self._kept.get(path)
        if kept is None or kept[0] != signature:
            kept = (signature, self._read(path, status, kept[1] if kept else None))
            self._keep(path, kept)
        return kept[1]

    def _read(self, path: Path, status: os.stat_result, last_good: Value | None) -> Value | None:
        try:
            # Anything but a plain file might make the reader wait.
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_RECORD_BYTES:
                raise ValueError("no plain file of the size of a record")
            return self._decode(path.read_bytes())
        except _BROKEN as error:
            logger.warning(
                "unreadable record ignored", extra={"record": path.name, "error": type(error).__name__}
            )
            return last_good

    def _keep(self, path: Path, entry: tuple[_Signature, Value | None]) -> None:
        self._kept[path] = entry
        self._kept.move_to_end(path)
        if len(self._kept) > MAX_RECORDS:
            self._kept.popitem(last=False)


def find_now() -> datetime:
    """Return the moment that it is."""
    return datetime.now(UTC)


class Directory:
    """The public folder as the visitor's questions need it; `clock` says what has ended."""

    def __init__(self, public: Path, clock: Callable[[], datetime] = find_now) -> None:
        self._public, self.clock = public, clock
        self._tenants = Records(_decode_tenants)
        self._editions = Records(_decode_edition)
        self._pages = Records(_decode_page)
        self._made = Records(decode_variants)
        self._whole: OrderedDict[str, None] = OrderedDict()  # digests of pages whose files have been seen
        self._half: OrderedDict[str, None] = OrderedDict()  # and of those that were told in the log

    def is_readable(self) -> bool:
        """Tell whether the folder can be read at all."""
        try:
            with os.scandir(self._public):
                return os.access(self._public, os.R_OK | os.X_OK)
        except OSError:
            return False

    def list_tenants(self) -> dict[str, PublicTenant]:
        """Return the tenants by id, in the publisher's order."""
        return self._tenants.find(tenants_path(self._public)) or {}

    def find_edition(self, tenant: str, slug: str) -> Edition | None:
        """Return what is public under these names, whatever was asked for; None if nothing is."""
        if not _is_name(tenant, slug) or tenant not in self.list_tenants():
            return None
        edition = self._editions.find(publication_path(self._public, tenant, slug))
        if edition is None or (edition.publication.tenant, edition.publication.slug) != (tenant, slug):
            return None
        # Whether or not the publisher is there to take it away.
        return None if is_over(edition.publication.ends_at, self.clock()) else edition

    def has_live_view(self, tenant: str, slug: str) -> bool:
        """Return whether visitors may have an interactive view of what is public there now."""
        edition = self.find_edition(tenant, slug)
        return edition is not None and edition.publication.live

    def find_made(self, publication: Publication, variant: str) -> MadeVariant | None:
        """Return what was made on demand of just this version, or None."""
        return self._list_made(publication).get(variant)

    def list_pages(self, publication: Publication) -> Iterator[Page]:
        """Yield all pages of a publication that can be shown, made ahead or on demand."""
        made = (each.page for each in self._list_made(publication).values() if each.page)
        for digest in chain(publication.variants.values(), made):
            if page := self.find_page(digest):
                yield page

    def _list_made(self, publication: Publication) -> dict[str, MadeVariant]:
        made: MadeVariants | None = self._made.find(
            variants_path(self._public, publication.tenant, publication.slug)
        )
        return made.variants if made and made.version == publication.version else {}

    def list_editions(self, tenant: str) -> list[Edition]:
        """Return the publications of a tenant that can be shown, by title."""
        folder = publication_path(self._public, tenant, "x").parent
        try:
            with os.scandir(folder) as entries:
                names = [entry.name for entry in entries]
        except OSError:
            return []
        found = [self.find_edition(tenant, name[:-5]) for name in names if name.endswith(".json")]
        shown = [edition for edition in found if edition and self._can_show(edition.publication)]
        return sorted(shown, key=lambda edition: (edition.publication.title.casefold(), edition.digest))

    def find_page(self, digest: str) -> Page | None:
        """Return a page all of whose files are there; None for a page that is half made."""
        try:
            page = self._pages.find(page_path(self._public, digest))
        except ValueError:
            return None
        if page is None or not self._is_whole(digest, page):
            return None
        return page

    def find_ticket(self, ticket: str) -> Ticket | None:
        """Return the record of a preview's ticket, or None."""
        path = ticket_path(self._public, ticket)
        # Not kept: a ticket is looked at a few times and never again.
        return Records(_decode_ticket).find(path)

    def read_file(self, digest: str) -> bytes:
        """Return the bytes of a page's file; raise `OSError` if it is gone."""
        return file_path(self._public, digest).read_bytes()

    def file_path(self, digest: str) -> Path:
        """Return where a page's file lies."""
        return file_path(self._public, digest)

    def read_logo(self, name: str) -> bytes:
        """Return the bytes of a tenant's mark; raise `OSError` if it is gone."""
        return logo_path(self._public, name).read_bytes()

    def find_catalog_change(self, tenant: str, form: str) -> tuple[int, int, tuple[str, ...]]:
        """Return what changes with a catalogue, which of its parts hold among it.

        Raises `OSError` if there is none, `ValueError` or `TypeError` for one that is broken.
        """
        with catalog_path(self._public, tenant, form).open("rb") as file:
            status = os.fstat(file.fileno())
            return status.st_mtime_ns, status.st_size, list_held(read_ends(file), self.clock())

    def read_catalog(self, tenant: str, form: str) -> bytes:
        """Return what holds of a catalogue; raise `OSError` also for one that is too large."""
        with catalog_path(self._public, tenant, form).open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_CATALOG_BYTES:
                raise OSError("a catalogue that is too large")
            return read_catalog(file, form, self.clock())

    def _can_show(self, publication: Publication) -> bool:
        return any(self.find_page(digest) is not None for digest in publication.variants.values())

    def _is_whole(self, digest: str, page: Page) -> bool:
        if digest in self._whole:
            return True
        whole = all(self._has_file(file.digest, file.size) for file in page.files)
        if not whole and digest not in self._half:
            logger.warning("a page lacks files and is not shown", extra={"page": digest})
        (self._whole if whole else self._half)[digest] = None
        for seen in (self._whole, self._half):
            if len(seen) > MAX_RECORDS:
                seen.popitem(last=False)
        return whole

    def _has_file(self, digest: str, size: int) -> bool:
        try:
            status = file_path(self._public, digest).stat()
        except OSError:
            return False
        return stat.S_ISREG(status.st_mode) and status.st_size == size


def _is_name(tenant: str, slug: str) -> bool:
    return bool(TENANT_ID.fullmatch(tenant) and len(slug) <= MAX_SLUG and SLUG.fullmatch(slug))


def _decode_tenants(content: bytes) -> dict[str, PublicTenant]:
    tenants = {tenant.id: tenant for tenant in decode_tenants(content)}
    for tenant in tenants.values():
        _check_tenant(tenant)
    return {name: tenant for name, tenant in tenants.items() if TENANT_ID.fullmatch(name)}


def _check_tenant(tenant: PublicTenant) -> None:
    """Raise `TypeError` or `ValueError` for what would break a page or reach beyond the folder."""
    _check_texts(tenant)
    if tenant.colour and not re.fullmatch("#[0-9a-fA-F]{6}", tenant.colour):
        raise ValueError("a colour is #rrggbb")
    if tenant.logo and not re.fullmatch(r"[0-9a-f]{64}\.(svg|png)", tenant.logo):
        raise ValueError("a logo is named by its digest")
    statements = (tenant.imprint, tenant.privacy, tenant.accessibility)
    _check_pairs(*statements)
    _check_lists(tenant.languages, tenant.host_names, tenant.embed_in)


def _check_pairs(*maps: dict[str, str]) -> None:
    if not all(isinstance(text, str) for each in maps for pair in each.items() for text in pair):
        raise TypeError("texts are mapped to texts")


def _check_lists(*lists: tuple[str, ...]) -> None:
    if not all(isinstance(text, str) for texts in lists for text in texts):
        raise TypeError("a list holds texts")
    if any(set(text) & set(" ;,'\"\r\n") for texts in lists for text in texts):
        raise ValueError("a list holds words")  # some stand in headers


def _decode_edition(content: bytes) -> Edition:
    return Edition(check_publication(decode_publication(content)), make_digest(content))


def _decode_ticket(content: bytes) -> Ticket:
    ticket = decode_ticket(content)
    _check_texts(ticket)
    check_publication(ticket.publication)
    if not _is_name(ticket.publication.tenant, ticket.publication.slug):
        raise ValueError("a ticket for a name that cannot be an address")
    return ticket


def _decode_page(content: bytes) -> Page:
    page = decode_page(content)
    _check_texts(page)
    for file in page.files:
        _check_texts(file)
        if not DIGEST.fullmatch(file.digest) or file.name.rpartition(".")[2] not in FILE_TYPES:
            raise ValueError("a file that is not served")
    body = page.find(BODY)
    if body is None or body.size > MAX_BODY_BYTES:
        raise ValueError("no content, or too much of it")
    return page


def check_publication(publication: Publication) -> Publication:
    """Return a publication whose values have the types that they are declared with; raise `TypeError`."""
    records = [publication, *publication.parameters]
    for record in [*records, *(choice for each in publication.parameters for choice in each.choices)]:
        _check_texts(record)
    _check_pairs(publication.variants)
    _check_lists(publication.topics, publication.embed_in)
    is_over(publication.ends_at, find_now())  # raises for what is no moment
    for parameter in publication.parameters:  # raises for limits that are none
        find_default(parameter, find_today())
        count_values(parameter, find_today())
    return publication


def _check_texts(record: Publication | Page | Ticket | PublicTenant | object) -> None:
    for spec in fields(record):  # type: ignore[arg-type]
        if spec.type == "str" and not isinstance(getattr(record, spec.name), str):
            raise TypeError(f"{spec.name} is no text")
