"""The portal as a visitor's program meets it: addresses, headers, variants, languages, previews."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable

import pytest

from urbanlab.contract import publications as contract
from urbanlab_portal.parts import find_part

from .conftest import (
    CHART,
    FRAME,
    Portal,
    change,
    make_publication,
    publish_footfall,
)

PAGE = "/guetersloh/passantenfrequenz/"
TICKET = "T" * 43


@pytest.mark.parametrize(
    ("path", "status", "shows"),
    [
        ("/", 200, "Gütersloh"),
        ("/?lang=en", 200, "What our towns know about themselves"),
        ("/guetersloh/", 200, "Passantenfrequenz und Wetter"),
        ("/rietberg/", 200, "Hier ist noch nichts veröffentlicht."),
        (PAGE, 200, "Ausgewählt: Innenstadt."),
        (f"{PAGE}?district=isselhorst", 200, "Ausgewählt: Isselhorst."),
        (f"{PAGE}?district=isselhorst&lang=en", 200, "Data as of"),
        ("/imprint/", 200, 'href="/rietberg/imprint/"'),
        ("/rietberg/imprint/", 200, 'href="https://rietberg.example/impressum"'),
        ("/guetersloh/imprint/", 200, '<p lang="de">Berliner Straße 70</p>'),
        ("/guetersloh/imprint/?lang=en", 200, "Town of Gütersloh"),
        ("/guetersloh/privacy/", 200, "datenlabor@guetersloh.example"),
        ("/detmold/imprint/", 404, "Unter dieser Adresse ist nichts"),
        ("/privacy/", 200, "keine Cookies"),
        ("/accessibility/?lang=en", 200, "screen reader"),
        ("/robots.txt", 200, "Disallow: /preview/"),
        ("/livez", 200, "alive"),
        ("/readyz", 200, "ready"),
        ("/detmold/", 404, "Unter dieser Adresse ist nichts"),
        ("/guetersloh/nichts/", 404, "Unter dieser Adresse ist nichts"),
        ("/guetersloh/nichts/?lang=en", 404, "There is nothing at this address"),
        ("/static/portal.css", 200, "--accent"),
        ("/static/handlers.py", 404, "nichts"),
    ],
)
def test_an_address_shows_what_it_should(portal: Portal, path: str, status: int, shows: str) -> None:
    answer = portal.get(path)
    assert answer.status == status
    assert shows in answer.text


@pytest.mark.parametrize(
    "query",
    [
        "district=nirgends",
        "district=innenstadt&district=isselhorst",
        "stadtteil=innenstadt",
        "district=",
        "district",
        "lang=fr",
        "lang=de&lang=en",
        "district=innenstadt&x=" + "y" * 3000,
        "&".join(f"a{n}=1" for n in range(100)),
        "district=%ff",
        "district=%3Cscript%3Ealert(1)%3C/script%3E",
        "voila-template=lab",
    ],
)
def test_what_is_not_declared_is_refused_in_plain_words(portal: Portal, query: str) -> None:
    answer = portal.get(f"{PAGE}?{query}")
    assert answer.status == 400
    assert "Diese Auswahl bietet die Seite nicht an" in answer.text
    assert "Stadtteil: Innenstadt, Isselhorst" in answer.text
    assert "<script>alert" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/?x=1", "/guetersloh/?district=innenstadt", "/privacy/?x=1"])
def test_pages_without_choices_take_none(portal: Portal, path: str) -> None:
    assert portal.get(path).status == 400


def test_a_page_says_how_old_its_data_are_and_whose(portal: Portal) -> None:
    text = re.sub(r"<[^>]+>", "", portal.get(PAGE).text)
    assert (
        "Stand der Daten: 20. November 2026, 05:00 Uhr, zuletzt aktualisiert 20. November 2026, 06:00 Uhr"
        in text
    )
    assert "erneuert sich im Abstand von 1 Stunde" in text
    for fact in ("Zählstellen der Innenstadt", "Datenlizenz Deutschland", "datenlabor@guetersloh.example"):
        assert fact in text
    assert 'href="https://www.govdata.de/dl-de/zero-2-0"' in portal.get(PAGE).text


def test_a_page_says_that_it_is_stale_and_simulated(portal: Portal) -> None:
    text = portal.get("/guetersloh/bluehende-baeume/?lang=en").text
    assert "This page could not be renewed." in text
    assert "since 19 November 2026, 05:00" in text
    assert "The data on this page are simulated" in text
    assert "could not be renewed" not in portal.get(f"{PAGE}?lang=en").text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("fr,de;q=0.3,en;q=0.2", "de"),
        ("de;q=0,en;q=0.1", "en"),
        ("tlh", "de"),
        (";;;q=,,,*", "de"),
    ],
)
def test_the_language_is_the_visitors(portal: Portal, accepted: str, language: str) -> None:
    assert f'<html lang="{language}">' in portal.get("/", Accept_Language=accepted).text
    assert '<html lang="en">' in portal.get("/?lang=en", Accept_Language=accepted).text


def test_the_content_keeps_its_own_language(portal: Portal) -> None:
    text = portal.get(f"{PAGE}?lang=en").text
    assert '<html lang="en">' in text
    assert '<article class="page" lang="de">' in text
    assert '<h1 lang="de">' in text


def test_a_chosen_language_stays_in_the_addresses(portal: Portal) -> None:
    text = portal.get(f"{PAGE}?district=isselhorst&lang=en").text
    assert 'href="?district=isselhorst&amp;lang=de"' in text
    assert 'href="/guetersloh/?lang=en"' in text
    assert '<input type="hidden" name="lang" value="en">' in text


POLICY = {
    "page": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "media-src 'self'; font-src 'self'; frame-src 'self'; connect-src 'self'; worker-src 'none'; "
        "base-uri 'none'; form-action 'self'; object-src 'none'; frame-ancestors 'self'"
    ),
    "frame": "sandbox allow-scripts; default-src 'none'; script-src 'self' 'unsafe-inline'",
    "file": "sandbox; default-src 'none'",
}


@pytest.mark.parametrize(
    ("path", "policy", "cache"),
    [
        ("/", "page", "public, no-cache"),
        (PAGE, "page", "public, no-cache"),
        ("/nichts/", "page", "no-store"),
        (f"{PAGE}files/{contract.make_digest(FRAME)}.html", "frame", "public, max-age=31536000, immutable"),
        (f"{PAGE}files/{contract.make_digest(CHART)}.svg", "file", "public, max-age=31536000, immutable"),
        ("/static/portal.css", "file", "public, max-age=86400"),
    ],
)
def test_each_answer_carries_its_policy(portal: Portal, path: str, policy: str, cache: str) -> None:
    headers = portal.get(path).headers
    assert headers["content-security-policy"].startswith(POLICY[policy])
    assert headers["cache-control"] == cache
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["cross-origin-resource-policy"] in {"same-origin", "cross-origin"}
    assert not {"set-cookie", "server"} & headers.keys()


def test_a_page_names_its_style_so_that_it_can_be_kept_for_ever(portal: Portal) -> None:
    found = re.search(r'href="(/static/portal\.css\?v=\w+)"', portal.get("/").text)
    assert found
    assert portal.get(found[1]).headers["cache-control"].endswith("immutable")


def test_a_page_has_no_script_of_its_own_and_names_nobody_else(portal: Portal) -> None:
    text = portal.get(PAGE).text
    assert not re.search(r"<script(?![^>]* src=)", text)
    assert not re.search(r"\son\w+=", text)
    # What search engines are told, and the lines for other web sites, load nothing.
    loaded = re.sub(r'<link rel="canonical"[^>]*>|<pre tabindex="0">.*?</pre>', "", text, flags=re.DOTALL)
    assert not re.search(r'(?:src|<link[^>]*href)="(?:https?:)?//', loaded)


@pytest.mark.parametrize(
    "path", ["/", PAGE, f"{PAGE}files/{contract.make_digest(FRAME)}.html", "/static/portal.css"]
)
def test_answers_are_compressed_and_asked_for_again_only_if_changed(portal: Portal, path: str) -> None:
    plain, packed = portal.get(path), portal.get(path, Accept_Encoding="br, gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert "Accept-Encoding" in plain.headers["vary"]
    assert packed.headers["etag"] != plain.headers["etag"]
    again = portal.get(path, Accept_Encoding="gzip", If_None_Match=packed.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == packed.headers["etag"]
    assert portal.get(path, Accept_Encoding="gzip;q=0").headers.get("content-encoding") is None


@pytest.mark.parametrize("path", ["/", PAGE, "/nichts/", "/livez", "/static/portal.css"])
def test_a_look_at_the_headers_costs_no_content(portal: Portal, path: str) -> None:
    whole, head = portal.get(path), portal.get(path, "HEAD")
    assert (head.status, head.body) == (whole.status, b"")
    assert head.headers["content-length"] == str(len(whole.body))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_the_portal_takes_nothing_in(portal: Portal, method: str) -> None:
    answer = portal.get(PAGE, method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert "Dieses Portal lässt sich nur lesen" in answer.text


def test_an_address_without_its_last_slash_leads_to_it(portal: Portal) -> None:
    answer = portal.get("/guetersloh/passantenfrequenz?lang=en")
    assert (answer.status, answer.headers["location"]) == (308, f"{PAGE}?lang=en")


def test_the_bundle_of_widgets_is_loaded_only_where_there_are_widgets(
    start_portal: Callable[[], Portal],
) -> None:
    portal = start_portal()
    plain = portal.public.add_file("body.html", b"<div class='ul-page'><p>Nur Text</p></div>")
    portal.public.publish(make_publication({"": portal.public.add_page(files=(plain,))}, slug="text"))
    publish_footfall(portal.public)
    assert "/static/snapshot/" not in portal.get("/guetersloh/text/").text
    assert "/static/snapshot/snapshot.js" in portal.get(PAGE).text


SOUND = b"RIFF" + bytes(range(256)) * 400


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ({}, 200, range(102404)),
        ({"Range": "bytes=0-1"}, 206, range(2)),
        ({"Range": "bytes=100000-"}, 206, range(100000, 102404)),
        ({"Range": "bytes=-4"}, 206, range(102400, 102404)),
        ({"Range": "bytes=5-999999"}, 206, range(5, 102404)),
        ({"Range": "bytes=0-1", "If_Range": '"another"'}, 200, range(102404)),
    ],
)
def test_players_get_the_parts_of_a_recording_that_they_ask_for(
    portal: Portal, asked: dict[str, str], status: int, part: range
) -> None:
    files = (portal.public.add_file("body.html", b"<p>x</p>"), portal.public.add_file("sound.wav", SOUND))
    portal.public.publish(make_publication({"": portal.public.add_page(files=files)}, slug="sound"))
    answer = portal.get(f"/guetersloh/sound/files/{files[1].digest}.wav", **asked)
    assert (answer.status, answer.body) == (status, SOUND[part.start : part.stop])
    headers = answer.headers
    assert (headers["content-type"], headers["accept-ranges"]) == ("audio/wav", "bytes")
    place = f"bytes {part.start}-{part.stop - 1}/{len(SOUND)}"
    assert headers.get("content-range") == (place if status == 206 else None)
    assert headers["content-security-policy"].startswith(POLICY["file"])


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-", range(10)),
        ("bytes=9-9", range(9, 10)),
        ("bytes=-20", range(10)),
        *(
            (text, range(10))
            for text in ("", "bytes=-", "bytes=10-", "bytes=5-4", "bytes=-0", "bytes=0-1,3-4")
        ),
        *((text, range(10)) for text in ("items=0-1", "bytes=a-b", "bytes=٣-", "bytes=" + "9" * 99 + "-")),
    ],
)
def test_what_asks_for_no_part_is_given_the_whole(asked: str, part: range) -> None:
    assert find_part(asked, 10) == part
    assert find_part(asked, 0) == range(0)


def test_what_the_publisher_does_shows_at_once(start_portal: Callable[[], Portal]) -> None:
    portal = start_portal()
    publication = publish_footfall(portal.public)
    assert portal.get(PAGE).status == 200
    page = portal.public.add_page("Neuer Stand.")
    portal.public.publish(change(publication, variants={"": page}, parameters=(), title="Neuer Titel"))
    assert "Neuer Stand." in portal.get(PAGE).text
    assert "Neuer Titel" in portal.get("/guetersloh/").text
    portal.public.withdraw(publication)
    assert portal.get(PAGE).status == 404
    assert portal.get(f"{PAGE}files/{contract.make_digest(FRAME)}.html").status == 404
    assert "Neuer Titel" not in portal.get("/").text


def test_a_preview_is_seen_once_and_its_files_a_little_longer(start_portal: Callable[[], Portal]) -> None:
    portal = start_portal()
    draft = make_publication({"": portal.public.add_page("Entwurf.")}, slug="entwurf")
    path = portal.public.add_ticket(TICKET, draft)
    file = f"{path}files/{contract.make_digest(FRAME)}.html"
    assert portal.get(file).status == 404  # nobody has opened the preview yet
    assert portal.get(path, "HEAD").status == 200
    assert portal.get(path, Sec_Purpose="prefetch;prerender").status == 503
    first = portal.get(path)
    assert (first.status, "Entwurf." in first.text) == (200, True)
    assert first.headers["content-security-policy"].startswith(
        "sandbox allow-scripts allow-downloads; default-src 'none'"
    )
    assert (first.headers["cache-control"], first.headers["x-robots-tag"]) == (
        "no-store",
        "noindex, nofollow",
    )
    again = portal.get(path)
    assert (again.status, "schon geöffnet" in again.text) == (410, True)
    assert portal.get(file).status == 200
    assert portal.get("/guetersloh/entwurf/").status == 404
    portal.kill()
    portal.start()
    assert portal.get(path).status == 410


def test_each_choice_of_a_preview_can_be_seen(start_portal: Callable[[], Portal]) -> None:
    portal = start_portal()
    path = portal.public.add_ticket(TICKET, publish_footfall(portal.public))
    assert portal.get(f"{path}?district=nirgends").status == 400  # a mistake costs no visit
    assert "Ausgewählt: Isselhorst." in portal.get(f"{path}?district=isselhorst").text


@pytest.mark.parametrize("minutes", [-1, 0, 60 * 24])
def test_a_ticket_out_of_its_time_opens_nothing(start_portal: Callable[[], Portal], minutes: float) -> None:
    portal = start_portal()
    path = portal.public.add_ticket(TICKET, publish_footfall(portal.public), minutes)
    answer = portal.get(path)
    assert (answer.status, "abgelaufen" in answer.text) == (410, True)


def test_the_portal_says_what_it_lacks(start_portal: Callable[[], Portal]) -> None:
    portal = start_portal()
    portal.public.root.rename(portal.folder / "elsewhere")
    assert portal.get("/readyz").status == 503
    assert portal.get("/livez").status == 200
    assert portal.get("/").status == 200


def test_metrics_count_and_name_no_tenant(portal: Portal) -> None:
    portal.get(PAGE)
    text = portal.get("/metrics").text
    assert 'urbanlab_portal_requests_total{kind="page",status="2xx"}' in text
    assert "guetersloh" not in text


def test_the_portal_ends_when_asked(start_portal: Callable[[], Portal]) -> None:
    portal = start_portal()
    assert portal.stop() == 0
    assert [line["message"] for line in portal.log_lines()] == ["listening", "stopping"]
