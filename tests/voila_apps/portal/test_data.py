"""The data behind a page: saved, never opened; from the snapshot, in the variant that is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from .conftest import DISTRICT, TREES, Portal, add_page_with_data, make_publication

PAGE = "/guetersloh/bluehende-baeume/"
DATA = f"{PAGE}data/trees"


def test_a_table_is_saved_with_its_licence(portal: Portal) -> None:
    answer = portal.get(f"{DATA}.csv")
    assert (answer.status, answer.body) == (200, TREES)
    headers = answer.headers
    assert headers["content-type"].startswith("text/csv; charset=utf-8")
    assert headers["content-disposition"] == 'attachment; filename="bluehende-baeume-trees.csv"'
    assert headers["content-security-policy"].startswith("sandbox;") and "set-cookie" not in headers
    assert '<https://www.govdata.de/dl-de/zero-2-0>; rel="license"' in headers["link"]
    assert '<trees.csv-metadata.json>; rel="describedby"' in headers["link"]
    assert portal.get(f"{DATA}.csv", If_None_Match=headers["etag"]).status == 304
    assert portal.get(f"{DATA}.csv", method="HEAD").headers["content-length"] == str(len(TREES))


def test_a_large_one_comes_from_the_disk_with_the_same_headers(portal: Portal) -> None:
    answer = portal.get(f"{DATA}.parquet")
    assert (answer.status, len(answer.body)) == (200, 5_000_008)
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"


def test_programs_learn_what_the_columns_mean(portal: Portal) -> None:
    answer = portal.get(f"{DATA}.csv-metadata.json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/csvm+json")
    words = json.loads(answer.body)
    assert (words["url"], words["dc:publisher"]) == ("trees.csv", "Gütersloh")
    assert words["dc:license"] == {"@id": "https://www.govdata.de/dl-de/zero-2-0"}
    place = words["tableSchema"]["columns"][1]
    assert (place["titles"], place["datatype"]) == ("place", "string")
    assert {"@value": "Ort", "@language": "de"} in place["dc:description"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{DATA}.xlsx", 404),
        (f"{DATA}.html", 404),
        (f"{PAGE}data/none.csv", 404),
        (f"{PAGE}data/none.csv-metadata.json", 404),
        (f"{PAGE}data/../../trees.csv", 404),
        (f"{PAGE}data/body.html", 404),
        (f"{DATA}.csv?more=1", 400),
        (f"{DATA}.csv?lang=en", 200),
        ("/guetersloh/passantenfrequenz/data/trees.csv", 404),
        ("/guetersloh/nichts/data/trees.csv", 404),
    ],
)
def test_nothing_else_is_had(portal: Portal, path: str, status: int) -> None:
    assert portal.get(path).status == status


def test_the_page_says_what_there_is_in_both_languages(portal: Portal) -> None:
    german, english = portal.get(PAGE).text, portal.get(f"{PAGE}?lang=en").text
    assert "Daten zum Herunterladen" in german and "Bäume" in german and "5 MB" in german
    assert "Data to download" in english and "Trees" in english and "Place" in english
    assert f'href="{DATA}.csv"' in german and ".xlsx" not in german
    assert "Daten zum Herunterladen" not in portal.get("/guetersloh/passantenfrequenz/").text


def test_variants_have_their_own_data_and_a_preview_has_them_too(start_portal: Callable[[], Portal]) -> None:
    portal = start_portal()
    variants = {
        "district=innenstadt": add_page_with_data(portal.public),
        "district=isselhorst": portal.public.add_page(),
    }
    publication = make_publication(variants, parameters=(DISTRICT,))
    portal.public.publish(publication)
    page = "/guetersloh/passantenfrequenz/"
    assert portal.get(f"{page}data/trees.csv").status == 200
    assert portal.get(f"{page}data/trees.csv?district=isselhorst").status == 404
    assert f'href="{page}data/trees.csv?district=innenstadt"' in portal.get(page).text
    link = portal.get(f"{page}data/trees.csv?district=innenstadt").headers["link"]
    assert "trees.csv-metadata.json?district=innenstadt" in link
    address = portal.public.add_ticket("D" * 43, publication)
    text = portal.get(address).text
    file = text.split('href="files/')[1].split('"')[0]
    assert portal.get(f"{address}files/{file}").body == TREES
    portal.public.withdraw(publication)
    assert portal.get(f"{page}data/trees.csv").status == 404
