"""What a CSV file means, for programs: metadata by "CSV on the Web" (https://www.w3.org/TR/tabular-metadata/)."""

from __future__ import annotations

from typing import Any

from urbanlab.contract.page_data import DataColumn, PageData
from urbanlab.contract.publications import Page, Publication, PublicTenant
from urbanlab_portal.licences import make_licence

MEDIA_TYPE = "application/csvm+json"
_DATATYPES = {
    "text": "string",
    "integer": "integer",
    "number": "double",
    "boolean": "boolean",
    "date": "date",
    "instant": "dateTime",
    "geometry": "string",
}
_GUARDED = "A text that a spreadsheet would calculate begins with an apostrophe."


def make_csv_words(
    data: PageData, page: Page, publication: Publication, tenant: PublicTenant, address: str
) -> dict[str, Any]:
    """Return the metadata of a table's CSV file, which is found at `address`, relative to them."""
    licence = make_licence(publication.licence)
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": page.language}],
        "url": address,
        "dc:title": _to_language_map(data.title) or data.name,
        "dc:description": _to_language_map(data.description) or publication.summary,
        "dc:license": {"@id": licence.url} if licence.url else licence.title,
        "dc:source": publication.source,
        "dc:publisher": tenant.title,
        "dc:modified": {"@value": page.made_at, "@type": "xsd:dateTime"},
        "rdfs:comment": {"@value": _GUARDED, "@language": "en"},
        "dialect": {"encoding": "utf-8", "delimiter": ",", "header": True, "lineTerminators": ["\r\n"]},
        "tableSchema": {"columns": [_make_column(column) for column in data.columns]},
    }


def _make_column(column: DataColumn) -> dict[str, Any]:
    said: dict[str, Any] = {"titles": column.name, "datatype": _DATATYPES[column.kind]}
    if column.description:
        said["dc:description"] = _to_language_map(column.description)
    if column.unit:
        said["schema:unitText"] = column.unit
    if column.kind == "geometry":
        said["rdfs:comment"] = {
            "@value": "Well-known text, longitude and latitude in WGS 84",
            "@language": "en",
        }
    return said


def _to_language_map(texts: dict[str, str]) -> list[dict[str, str]]:
    return [{"@value": text, "@language": code} for code, text in texts.items()]
