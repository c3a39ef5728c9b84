"""What runner, publisher and portal agree on: a page, a publication, and the folder in which the public finds them.

The publisher alone writes the folder (`environment.PUBLIC`), the portal reads it:

* ``files/DIGEST`` – a file of a page, named by the SHA-256 of its bytes; never changed
* ``pages/DIGEST.json`` – a `Page`, named by the SHA-256 of exactly these bytes; never changed
* ``publications/TENANT/SLUG.json`` – a `Publication`, the version that is public now; replaced whole
* ``tenants.json`` – the tenants as the public sees them: a list of `PublicTenant`
* ``catalog.ttl``, ``catalogs/TENANT.ttl`` and the same as ``.jsonld`` – the open data, for harvesters, see
  `urbanlab.contract.catalogs`
* ``logos/DIGEST.ENDING`` – a tenant's mark, named by the SHA-256 of its bytes
* ``variants/TENANT/SLUG.json`` – its pages that are made on demand, see `urbanlab.contract.variants`
* ``tickets/DIGEST.json`` – a `Ticket` for one preview, named by the SHA-256 of the ticket's text
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from urbanlab.contract.page_data import PageData, make_page_data

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MAX_SLUG = 60
DIGEST = re.compile(r"[0-9a-f]{64}")
# What stands below a page's own address, and below a tenant's beside its pages.
LIVE_SLUGS = frozenset(
    {"data", "embed", "files", "live", "report", "static", "imprint", "privacy", "accessibility"}
)

# The themes of DCAT-AP with their names, by which a town's pages and datasets are sorted:
# http://publications.europa.eu/resource/authority/data-theme
TOPICS = {
    "AGRI": {
        "de": "Landwirtschaft, Fischerei, Forst, Ernährung",
        "en": "Agriculture, fisheries, forestry, food",
    },
    "ECON": {"de": "Wirtschaft und Finanzen", "en": "Economy and finance"},
    "EDUC": {"de": "Bildung, Kultur und Sport", "en": "Education, culture and sport"},
    "ENER": {"de": "Energie", "en": "Energy"},
    "ENVI": {"de": "Umwelt", "en": "Environment"},
    "GOVE": {"de": "Regierung und öffentlicher Sektor", "en": "Government and public sector"},
    "HEAL": {"de": "Gesundheit", "en": "Health"},
    "INTR": {"de": "Internationale Themen", "en": "International issues"},
    "JUST": {"de": "Justiz, Recht und öffentliche Sicherheit", "en": "Justice, law and public safety"},
    "REGI": {"de": "Regionen und Städte", "en": "Regions and cities"},
    "SOCI": {"de": "Bevölkerung und Gesellschaft", "en": "Population and society"},
    "TECH": {"de": "Wissenschaft und Technologie", "en": "Science and technology"},
    "TRAN": {"de": "Verkehr", "en": "Transport"},
}

# File ending -> media type: what a page may consist of. Nothing else is stored or served.
FILE_TYPES = {
    "html": "text/html; charset=utf-8",  # a frame, shown under a policy of its own
    "css": "text/css; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "json": "application/json",
    "png": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "csv": "text/csv; charset=utf-8; header=present",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "geojson": "application/geo+json",
    "parquet": "application/vnd.apache.parquet",
}
PICTURES = frozenset({"png", "jpg", "gif", "webp", "svg"})  # which of them are pictures
MIN_COVER = 1500  # bytes: a picture that is smaller is an icon
FILES_KEY = (
    "urbanlab_files"  # in a bundle's metadata: file name -> content in Base64, for the folder it runs in
)
# What harvesters get: a catalogue of the open data by DCAT-AP.de.
CATALOG_TYPES = {"ttl": "text/turtle; charset=utf-8", "jsonld": "application/ld+json"}
BODY = "body.html"  # the page's content, without the portal's frame
STATE = "state.json"  # the state of its widgets, where it has any


@dataclass(frozen=True)
class PageFile:
    """A file of a page: `name` is a plain file name with one of the endings of `FILE_TYPES`."""

    name: str
    digest: str
    size: int

    @property
    def ending(self) -> str:
        """What the name ends with, one of `FILE_TYPES`."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True)
class Page:
    """One rendered page; `files` hold `BODY`, which refers to the others as ``files/DIGEST.ENDING``."""

    title: str
    language: str
    made_at: str  # ISO 8601, UTC: when its notebook had been executed
    files: tuple[PageFile, ...]
    live: bool = False  # whether something on it needs a kernel
    datasets: tuple[str, ...] = ()  # what it has read: tables of the open data
    data_until: str = ""  # ISO 8601, UTC: the youngest record it has read, where it is known
    simulated: bool = False  # whether something that it has read is made up and says so
    data: tuple[PageData, ...] = ()  # what its readers may download

    def find(self, name: str) -> PageFile | None:
        """Return the file of that name, or None."""
        return next((file for file in self.files if file.name == name), None)

    def find_cover(self) -> PageFile | None:
        """Return the picture that stands for the page in lists, its first that does not move, or None."""
        still = PICTURES - {"gif"}
        return next(
            (file for file in self.files if file.ending in still and file.size >= MIN_COVER),
            None,
        )


@dataclass(frozen=True)
class Choice:
    """A value that visitors may choose."""

    value: str
    title: str = ""


@dataclass(frozen=True)
class Parameter:
    """What visitors may vary: a name of the notebook's parameters cell and the values it may take.

    It has choices, or limits: `urbanlab.contract.ranges` knows which values those allow.
    """

    name: str
    title: str
    choices: tuple[Choice, ...]
    kind: str = "text"  # text, integer, number or date: as what the notebook gets the value, a date as text
    default: str = ""  # one of the values
    minimum: str = ""
    maximum: str = ""
    step: str = ""  # from the minimum on; of dates in days


@dataclass(frozen=True)
class Publication:
    """What is public under ``/TENANT/SLUG/``; `variants` maps `make_variant` to a page's digest."""

    tenant: str
    slug: str
    version: int
    title: str
    summary: str
    language: str
    contact: str
    licence: str
    source: str
    released_at: str
    updated_at: str
    variants: dict[str, str]
    parameters: tuple[Parameter, ...] = ()
    refresh: str = ""  # ISO 8601 duration, or empty where it is never made anew
    stale_since: str = ""  # when the first refresh failed that none has made good since
    live: bool = False  # whether visitors may start an interactive view
    topics: tuple[str, ...] = ()  # of TOPICS
    embed_in: tuple[str, ...] = ()  # origins of web sites that may show the page in theirs
    ends_at: str = ""  # ISO 8601, UTC: from then on it is public no more, though it may still lie here


@dataclass(frozen=True)
class PublicTenant:
    """A tenant as the public sees it; its statements are texts by language, or addresses (https) of them."""

    id: str
    title: str
    languages: tuple[str, ...]
    contact: str
    time_zone: str = "Europe/Berlin"
    imprint: dict[str, str] = field(default_factory=dict, hash=False)
    privacy: dict[str, str] = field(default_factory=dict, hash=False)
    accessibility: dict[str, str] = field(default_factory=dict, hash=False)
    colour: str = ""  # #rrggbb of links and buttons on white
    logo: str = ""  # DIGEST.ENDING of a file in logos/
    host_names: tuple[str, ...] = ()  # at which the portal is this tenant's alone
    embed_in: tuple[str, ...] = ()  # origins of web sites that its pages may allow


@dataclass(frozen=True)
class Ticket:
    """A preview that one visit may see: the page and how the public would see it, until when."""

    publication: Publication
    expires_at: str


def check_slug(slug: str) -> str:
    """Return `slug` if it may stand in an address; raise `ValueError` with what is allowed otherwise."""
    if len(slug) > MAX_SLUG or not SLUG.fullmatch(slug) or slug in LIVE_SLUGS:
        raise ValueError(
            f"{slug!r} cannot be an address: use up to {MAX_SLUG} of a-z, 0-9 and single hyphens between them"
        )
    return slug


def is_over(ends_at: str, now: datetime) -> bool:
    """Return whether what ends at that moment has ended; never for an empty text. Raises `ValueError`."""
    return bool(ends_at) and datetime.fromisoformat(ends_at) <= now


def make_variant(values: dict[str, str]) -> str:
    """Return the one spelling of a choice of values: ``a=1&b=x``, sorted by name; empty for no parameters."""
    return "&".join(f"{name}={values[name]}" for name in sorted(values))


def make_digest(content: bytes) -> str:
    """Return the name of a content: its SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def encode(record: Page | Publication | Ticket | PublicTenant) -> bytes:
    """Return a record as canonical JSON: the same record always gives the same bytes."""
    return (
        json.dumps(dataclasses.asdict(record), ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"
    )


def decode_page(content: bytes) -> Page:
    """Return the page that `encode` wrote; raise `ValueError`, `TypeError` or `KeyError` for anything else."""
    values = _to_object(content)
    files = tuple(PageFile(**file) for file in values["files"])
    data = tuple(map(make_page_data, values.get("data", ())))
    return Page(**{**values, "files": files, "datasets": tuple(values.get("datasets", ())), "data": data})


def decode_publication(content: bytes) -> Publication:
    """Return the publication that `encode` wrote; raise as `decode_page` does."""
    return _make_publication(_to_object(content))


def decode_ticket(content: bytes) -> Ticket:
    """Return the ticket that `encode` wrote; raise as `decode_page` does."""
    values = _to_object(content)
    return Ticket(_make_publication(values["publication"]), values["expires_at"])


def encode_tenants(tenants: list[PublicTenant]) -> bytes:
    """Return the list of public tenants as JSON."""
    return json.dumps(
        [dataclasses.asdict(tenant) for tenant in tenants], ensure_ascii=False, indent=1
    ).encode()


def decode_tenants(content: bytes) -> list[PublicTenant]:
    """Return what `encode_tenants` wrote; raise as `decode_page` does."""
    values = json.loads(content)
    if not isinstance(values, list):
        raise TypeError("not a list")
    return [
        PublicTenant(**{**each, **_to_tuples(each, "languages", "host_names", "embed_in")}) for each in values
    ]


def file_path(public: Path, digest: str) -> Path:
    """Return where a file of a page lies."""
    return public / "files" / _check_digest(digest)


def page_path(public: Path, digest: str) -> Path:
    """Return where a page lies."""
    return public / "pages" / f"{_check_digest(digest)}.json"


def publication_path(public: Path, tenant: str, slug: str) -> Path:
    """Return where a publication lies; both names must have been checked."""
    return public / "publications" / tenant / f"{slug}.json"


def ticket_path(public: Path, ticket: str) -> Path:
    """Return where the record of a ticket's text lies."""
    return public / "tickets" / f"{make_digest(ticket.encode())}.json"


def tenants_path(public: Path) -> Path:
    """Return where the list of tenants lies."""
    return public / "tenants.json"


def logo_path(public: Path, name: str) -> Path:
    """Return where a tenant's mark lies; the name must have been checked."""
    return public / "logos" / name


def catalog_path(public: Path, tenant: str, form: str) -> Path:
    """Return where a tenant's catalogue lies in one of `CATALOG_TYPES`, or that of all where there is none."""
    return public / "catalogs" / f"{tenant}.{form}" if tenant else public / f"catalog.{form}"


def _check_digest(digest: str) -> str:
    if not DIGEST.fullmatch(digest):
        raise ValueError("a digest is 64 hex digits")
    return digest


def _to_object(content: bytes) -> dict[str, Any]:
    values = json.loads(content)
    if not isinstance(values, dict):
        raise TypeError("not an object")
    return values


def _make_publication(values: dict[str, Any]) -> Publication:
    parameters = tuple(
        Parameter(**{**each, "choices": tuple(Choice(**choice) for choice in each["choices"])})
        for each in values.get("parameters", ())
    )
    return Publication(**{**values, "parameters": parameters, **_to_tuples(values, "topics", "embed_in")})


def _to_tuples(values: dict[str, Any], *names: str) -> dict[str, tuple[str, ...]]:
    return {name: tuple(values.get(name, ())) for name in names}
