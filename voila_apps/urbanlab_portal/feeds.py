"""What is public, for programs: an Atom feed (RFC 4287) and a sitemap (sitemaps.org)."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, tostring

from urbanlab.contract.publications import PublicTenant
from urbanlab_portal.homes import Homes
from urbanlab_portal.languages import LANGUAGES
from urbanlab_portal.search import Shelf, list_newest

ATOM = "application/atom+xml; charset=utf-8"
XML = "application/xml; charset=utf-8"
NEWEST = 30
_ATOM, _SITEMAP = "http://www.w3.org/2005/Atom", "http://www.sitemaps.org/schemas/sitemap/0.9"
_NEVER = "1970-01-01T00:00:00+00:00"  # a feed of nothing must still say when it changed


def make_feed(homes: Homes, shelves: Iterable[Shelf], tenant: PublicTenant | None, title: str) -> bytes:
    """Return the newest pages, of one town or of all."""
    pairs = list_newest(shelves, NEWEST)
    home = homes.make_url(f"/{tenant.id}/" if tenant else "/", tenant)
    feed = Element("feed", xmlns=_ATOM)
    _add(feed, "id", home)
    _add(feed, "title", title)
    _add(feed, "updated", max((edition.publication.updated_at for _, edition in pairs), default=_NEVER))
    SubElement(feed, "link", rel="self", href=f"{home}feed.xml")
    SubElement(feed, "link", rel="alternate", type="text/html", href=home)
    for town, edition in pairs:
        publication = edition.publication
        address = homes.make_url(f"/{town.id}/{publication.slug}/", town)
        entry = SubElement(feed, "entry", {"xml:lang": publication.language})
        _add(entry, "id", address)
        _add(entry, "title", publication.title)
        _add(entry, "published", publication.released_at)
        _add(entry, "updated", publication.updated_at)
        _add(entry, "summary", publication.summary)
        _add(SubElement(entry, "author"), "name", town.title)
        SubElement(entry, "link", rel="alternate", type="text/html", href=address)
    return bytes(tostring(feed, encoding="utf-8", xml_declaration=True))


def make_sitemap(homes: Homes, shelves: Iterable[Shelf], is_towns_own: bool) -> bytes:
    """Return every address that a search engine may show, in each language of the frame."""
    root = Element("urlset", {"xmlns": _SITEMAP, "xmlns:xhtml": "http://www.w3.org/1999/xhtml"})
    if not is_towns_own:
        _add_place(root, homes.make_url("/"), "")
    for tenant, editions in shelves:
        _add_place(root, homes.make_url(f"/{tenant.id}/", tenant), "")
        for edition in editions:
            address = homes.make_url(f"/{tenant.id}/{edition.publication.slug}/", tenant)
            _add_place(root, address, edition.publication.updated_at)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _add_place(root: Element, address: str, changed: str) -> None:
    place = SubElement(root, "url")
    _add(place, "loc", address)
    if changed:
        _add(place, "lastmod", changed)
    for code in LANGUAGES:
        SubElement(place, "xhtml:link", rel="alternate", hreflang=code, href=f"{address}?lang={code}")


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text
