"""What comes from a runner is taken for hostile: names, types, sizes, digests, bombs, bodies."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urbanlab_services.publisher.page_body import BodyError, check_body
from urbanlab_services.publisher.pages import CheckedPage, PageError, read_page

from .hub_runner_gateway import PNG, make_parcel, pack

NOW = "2026-03-02T00:00:00+00:00"
DIGEST = "a" * 64


def _read(parcel: bytes) -> CheckedPage:
    return read_page(parcel, title="Title", language="en", now=NOW)


def _change(parcel: bytes, **changes: Any) -> bytes:
    """Return a parcel whose record says something else."""
    with zipfile.ZipFile(io.BytesIO(parcel)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    record = {**json.loads(members["page.json"]), **changes}
    return pack({**members, "page.json": json.dumps(record).encode()})


def _flag_encrypted(parcel: bytes) -> bytes:
    at = parcel.index(b"PK\x01\x02")
    return parcel[: at + 8] + struct.pack("<H", 1) + parcel[at + 10 :]


def test_a_good_page_is_taken_with_what_the_application_says() -> None:
    checked = _read(make_parcel("<h2>x</h2>", live=True, map_png=PNG))
    assert (checked.page.title, checked.page.language, checked.page.live) == ("Title", "en", True)
    assert {file.name for file in checked.page.files} == {"body.html", "map.png"}
    assert set(checked.contents) == {file.digest for file in checked.page.files}
    late = _read(_change(make_parcel("x"), made_at="2099-01-01T00:00:00+00:00"))
    assert late.page.made_at == NOW


FILE = {"name": "body.html", "digest": DIGEST, "size": 1}


@pytest.mark.parametrize(
    "parcel",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"PK\x03\x04" + bytes(100), id="torn"),
        pytest.param(make_parcel("x")[:-30], id="cut"),
        pytest.param(_flag_encrypted(make_parcel("x")), id="encrypted"),
        pytest.param(pack({}), id="nothing"),
        pytest.param(pack({"body.html": b"x"}), id="no record"),
        pytest.param(pack({"page.json": b"[]"}), id="a list"),
        pytest.param(pack({"page.json": b"[" * 100_000}), id="deep"),
        *(
            pytest.param(pack({"page.json": b"{}", name: b"x"}), id=name.replace("\0", "0"))
            for name in (
                *("../x.css", "/etc/x.css", "a/b.css", "a\\b.css", "C:x.css", ".x.css", "x", "x.exe", "x.js"),
                *("x.css\0.png", "x.CSS", "x.css/", "ä.css", "x" * 120 + ".css"),
            )
        ),
        pytest.param(_change(make_parcel("x"), files=[FILE]), id="another digest"),
        pytest.param(_change(make_parcel("x"), files=[]), id="a file unnamed"),
        pytest.param(_change(make_parcel("x"), files=[{**FILE, "name": "page.json"}]), id="names the record"),
        pytest.param(_change(make_parcel("x"), live="yes"), id="kind"),
        pytest.param(_change(make_parcel("x"), datasets=["a b"]), id="dataset"),
        pytest.param(_change(make_parcel("x"), made_at="yesterday"), id="time"),
        pytest.param(_change(make_parcel("x"), made_at="2026-03-01T00:00:00"), id="zone"),
        pytest.param(_change(make_parcel("x"), secret="x"), id="unknown key"),
        pytest.param(make_parcel("x", map_png=b"<html>"), id="no picture"),
        *(
            pytest.param(make_parcel("x", **{f"x_{ending}": b"<html>"}), id=f"no {ending}")
            for ending in ("wav", "mp3", "ogg", "flac", "mp4", "webm")
        ),
        pytest.param(make_parcel("x", state_json=b"{"), id="no state"),
        pytest.param(make_parcel("x", x_css=b"\xff"), id="no text"),
        pytest.param(make_parcel("x", **{f"x{n}_css": b"x" for n in range(400)}), id="too many"),
    ],
)
def test_a_parcel_that_lies_is_refused_in_a_sentence(parcel: bytes) -> None:
    with pytest.raises(PageError):
        _read(parcel)


def test_a_file_twice_is_refused() -> None:
    buffer = io.BytesIO(make_parcel("x"))
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("body.html", b"y")
    with pytest.raises(PageError, match="twice"):
        _read(buffer.getvalue())


def test_a_bomb_is_not_unpacked_whatever_its_directory_says() -> None:
    parcel = bytearray(pack({"body.html": b"0" * 200_000_000, "page.json": b"{}"}))
    at = parcel.index(b"PK\x01\x02")
    for size in (200_000_000, 5):  # honest and lying
        parcel[at + 24 : at + 28] = struct.pack("<I", size)
        with pytest.raises(PageError):
            _read(bytes(parcel))


@given(st.binary(max_size=300), st.integers(0, 600))
def test_whatever_comes_is_refused_in_a_sentence_or_taken(noise: bytes, place: int) -> None:
    good = make_parcel("<p>x</p>", map_png=PNG)
    try:
        checked = _read(good[:place] + noise + good[place + len(noise) :])
    except PageError:
        return
    assert checked.page.find("body.html")


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        '<script type="module" src="files/x.mjs"></script>',
        "<SCRIPT SRC=//evil.example/x></SCRIPT>",
        "<img src=x onerror=alert(1)>",
        "<a href='java\nscript:alert(1)'>x</a>",
        "<svg><a xlink:href='javascript:alert(1)'>x</a></svg>",
        "<form action='javascript:alert(1)'>",
        "<base href='//evil.example/'>",
        "<meta http-equiv=refresh content='0;url=//evil.example'>",
        "<iframe srcdoc='<script>1</script>'></iframe>",
        "<iframe src='data:text/html,<script>1</script>'></iframe>",
        "<iframe src='https://evil.example/'></iframe>",
        "<img src='https://evil.example/x.png'>",
        "<img src='/static/../hub/x'>",
        "<img srcset='https://evil.example/x.png 2x'>",
        "<link rel=stylesheet href='https://evil.example/x.css'>",
        "<object data='files/x'></object>",
        f"<img src='files/{'b' * 64}.png'>",
        "<img src='files/../../x'>",
    ],
)
def test_a_body_that_runs_or_loads_something_is_refused(body: str) -> None:
    with pytest.raises(BodyError):
        check_body(body, {f"{DIGEST}.png"})


def test_a_body_of_text_pictures_frames_and_links_is_taken() -> None:
    body = (
        f"<h2>x</h2><img src='files/{DIGEST}.png' alt=''><img src='data:image/png;base64,xx'>"
        f"<iframe sandbox='allow-scripts' src='files/{DIGEST}.html'></iframe><style>p {{color: red}}</style>"
        "<a href='https://example.org/' rel='noopener'>x</a><a href='#top'>x</a>"
        "<script type='application/vnd.jupyter.widget-view+json'>{}</script>"
    )
    check_body(body, {f"{DIGEST}.png", f"{DIGEST}.html"})
