"""The vocabularies that DCAT-AP.de 3.0 asks for: licences, formats, frequencies, themes, languages."""

from __future__ import annotations

import re
from datetime import timedelta

from rdflib import Namespace, URIRef

from urbanlab.contract.publications import TOPICS

DCAT = Namespace("http://www.w3.org/ns/dcat#")
DCATDE = Namespace("http://dcat-ap.de/def/dcatde/")
CONTRIBUTORS = Namespace("http://dcat-ap.de/def/contributors/")
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
GEOCODING = Namespace("http://dcat-ap.de/def/politicalGeocoding/")
WKT = URIRef("http://www.opengis.net/ont/geosparql#wktLiteral")
MEDIA_TYPES = Namespace("https://www.iana.org/assignments/media-types/")
_EU = "http://publications.europa.eu/resource/authority/"
THEMES, FREQUENCIES = Namespace(f"{_EU}data-theme/"), Namespace(f"{_EU}frequency/")
LANGUAGES = {"de": URIRef(f"{_EU}language/DEU"), "en": URIRef(f"{_EU}language/ENG")}
PUBLIC = URIRef(f"{_EU}access-right/PUBLIC")
THEME_TAXONOMY = URIRef(f"{_EU}data-theme")
LOCAL_AUTHORITY = URIRef("http://purl.org/adms/publishertype/LocalAuthority")
# Of a page's `FORMATS` and of a page itself: the EU's file type, and the media type.
FORMATS = {
    "csv": ("CSV", "text/csv"),
    "xlsx": ("XLSX", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "geojson": ("GEOJSON", "application/geo+json"),
    "parquet": ("PARQUET", "application/vnd.apache.parquet"),
    "html": ("HTML", "text/html"),
}
FILE_TYPES = Namespace(f"{_EU}file-type/")
# As tenants write them -> in DCAT-AP.de's list.
_LICENCES = {
    "dl-de/zero-2.0": "dl-zero-de/2.0",
    "dl-de/by-2.0": "dl-by-de/2.0",
    "cc0-1.0": "cc-zero",
    "cc-by-4.0": "cc-by/4.0",
    "cc-by-sa-4.0": "cc-by-sa/4.0",
    "odbl-1.0": "odbl",
}
OTHER_LICENCE = URIRef("http://dcat-ap.de/def/licenses/other-closed")
_SPANS = (
    (timedelta(minutes=59), "UPDATE_CONT"),
    (timedelta(hours=23), "HOURLY"),
    (timedelta(days=6), "DAILY"),
    (timedelta(days=27), "WEEKLY"),
    (timedelta(days=85), "MONTHLY"),
    (timedelta(days=360), "QUARTERLY"),
    (timedelta(days=720), "ANNUAL"),
)
_DURATION = re.compile(
    r"P(?=.)(?:(\d{1,3})Y)?(?:(\d{1,3})M)?(?:(\d{1,3})W)?(?:(\d{1,4})D)?"
    r"(?:T(?=.)(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?"
)
_DAYS = (365, 30, 7, 1)


def find_licence(text: str) -> URIRef | None:
    """Return a licence of DCAT-AP.de's list, or None for one that is not in it."""
    name = _LICENCES.get(text.strip().lower().replace(" ", "-"))
    return URIRef(f"http://dcat-ap.de/def/licenses/{name}") if name else None


def find_frequency(duration: str) -> URIRef | None:
    """Return how often that is, for an ISO 8601 duration; None for what is none."""
    found = _DURATION.fullmatch(duration)
    if found is None:
        return None
    *dates, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    days = sum(number * size for number, size in zip(dates, _DAYS, strict=True))
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    name = next((name for most, name in _SPANS if span <= most), "IRREG")
    return URIRef(f"{FREQUENCIES}{name}")


def find_theme(code: str) -> URIRef | None:
    """Return a theme, or None for what is none."""
    return URIRef(f"{THEMES}{code}") if code in TOPICS else None
