"""Sounds, videos and Mermaid's diagrams of a page: what is played from its files, and what is shown as text."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from IPython.display import Audio, Video
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from urbanlab_runner.snapshot import recordings

from .snapshot_cells import make, make_body, make_widget, show, view

WAV = b"RIFF\x24\0\0\0WAVEfmt "
MP4 = b"\0\0\0\x18ftypmp42"
PLAYER = re.compile(
    r'<(audio|video) controls preload="none" src="files/([0-9a-f]{64})\.(\w+)" aria-label="([^"]*)"'
)


def encode(content: bytes) -> str:
    return base64.b64encode(content).decode()


def show_as(media_type: str, value: Any) -> Any:
    data = {media_type: value, "text/plain": "<IPython.lib.display.Audio object>"}
    return new_code_cell("code", outputs=[new_output("display_data", data=data)])


def test_recordings_become_files_that_play_when_they_are_asked_to() -> None:
    sound = Audio(WAV, autoplay=True)._repr_html_()
    video = Video(
        MP4, embed=True, mimetype="video/mp4", html_attributes="controls autoplay loop"
    )._repr_html_()
    page = make(show(html=sound), show(html=video), show_as("audio/x-wav", encode(WAV)), language="de")
    body = page.contents["body.html"].decode()
    found = [(kind, label, ending) for kind, _, ending, label in PLAYER.findall(body)]
    assert found == [
        ("audio", "Tonaufnahme 1", "wav"),
        ("video", "Video 2", "mp4"),
        ("audio", "Tonaufnahme 3", "wav"),
    ]
    assert not re.search("autoplay|loop|data:|Audio object", body)
    # The same sound is one file.
    assert page.contents["recording-1.wav"] == WAV and page.contents["recording-2.mp4"] == MP4
    assert {file.digest for file in page.page.files if file.name != "body.html"} == {
        digest for _, digest, _, _ in PLAYER.findall(body)
    }


def test_a_recording_is_named_by_its_author() -> None:
    cell = show(html=Audio(WAV)._repr_html_())
    cell.metadata["alt"] = 'Bells "at noon"'
    body = make_body(cell)
    name = "Bells &quot;at noon&quot;"
    assert f"<figcaption>{name}</figcaption>" in body and f'aria-label="{name}"' in body
    text = f'<audio title="Rain" src="data:audio/wav;base64,{encode(WAV)}"></audio>'
    assert 'aria-label="Rain"' in make_body(new_markdown_cell(text))


@pytest.mark.parametrize(
    ("media_type", "content", "ending"),
    [
        ("audio/wav", WAV, "wav"),
        ("audio/mpeg", b"ID3\x04", "mp3"),
        ("audio/mp3", b"\xff\xfb\x90\x00", "mp3"),
        ("audio/ogg", b"OggS\0", "ogg"),
        ("audio/flac", b"fLaC", "flac"),
        ("video/webm", b"\x1a\x45\xdf\xa3", "webm"),
        ("AUDIO/WAV", WAV, "wav"),
        ("audio/wav", b"<html><script>", ""),
        ("audio/wav", b"RIFF\x24\0\0\0WEBP", ""),
        ("audio/wav", b"", ""),
        ("audio/midi", b"MThd", ""),
        ("video/mp4", WAV, ""),
        ("audio/wav", WAV + bytes(recordings.MAX_BYTES), ""),
    ],
)
def test_only_recordings_of_known_types_are_served(media_type: str, content: bytes, ending: str) -> None:
    page = make(new_markdown_cell(f"<audio src='data:{media_type};base64,{encode(content)}'></audio>"))
    body = page.contents["body.html"].decode()
    assert [name.rpartition(".")[2] for name in page.contents if name != "body.html"] == [ending] * bool(
        ending
    )
    assert ("This recording is not part of the page." in body) is not bool(ending)


@pytest.mark.parametrize(
    ("html", "hosts"),
    [
        (Audio(url="https://far.example/a.mp3")._repr_html_(), ("far.example",)),
        ("<video poster='//far.example/a.png' src='a.mp4'></video>", ("far.example",)),
        (
            "<audio><source src='https://far.example/a.wav' onerror='x()'><script>x()</script></audio>",
            ("far.example",),
        ),
        (
            "<audio><audio src='https://far.example/a'></audio><img src=x onerror=x()></audio>",
            ("far.example",),
        ),
        ("<video src='notes.mp4'></video><audio>", ()),
        ("<audio src='data:text/html,<script>x()</script>'><track src='data:text/vtt,x'></audio>", ()),
        ("<audio src='blob:x'></audio>", ("blob:x",)),
    ],
)
def test_recordings_load_nothing_and_do_nothing(html: str, hosts: tuple[str, ...]) -> None:
    page = make(show(html=html, plain="x"))
    body = page.contents["body.html"].decode()
    assert set(page.foreign) == set(hosts)
    assert "not part of the page" in body and not re.search(
        "<audio|<video|<source|<track|<script|onerror", body
    )


def test_widgets_that_play_something_play_the_pages_file() -> None:
    sound = make_widget("AudioModel", format="wav", autoplay=True, loop=True, tooltip="Bells", value=None)
    sound["buffers"] = [{"path": ["value"], "encoding": "base64", "data": encode(WAV)}]
    far = make_widget("VideoModel", format="url", value=None)
    far["buffers"] = [{"path": ["value"], "encoding": "base64", "data": encode(b"https://far.example/")}]
    box = make_widget("VBoxModel", children=["IPY_MODEL_a", "IPY_MODEL_b"])
    page = make(view("c"), widgets={"a": sound, "b": far, "c": box})
    assert PLAYER.search(page.contents["body.html"].decode())
    saved = json.loads(page.contents["state.json"])["state"]
    assert saved["a"]["model_name"] == saved["a"]["state"]["_model_name"] == "HTMLModel"
    assert PLAYER.search(saved["a"]["state"]["value"])
    assert "not part of the page" in saved["b"]["state"]["value"]
    assert encode(WAV) not in str(saved) and "autoplay" not in str(saved) and "far.example" not in str(saved)


DIAGRAM = "flowchart LR\n  accTitle: The way\n  accDescr: From A\\nto B\n  A --> B[<script>x()</script>]"


@pytest.mark.parametrize(
    "cell",
    [
        new_markdown_cell(f"```mermaid\n{DIAGRAM}\n```"),
        show(markdown=f"~~~ mermaid\n{DIAGRAM}\n~~~"),
        show_as("text/vnd.mermaid", DIAGRAM),
    ],
)
def test_a_diagram_is_text_with_what_its_author_says_of_it(cell: Any) -> None:
    body = make_body(cell, language="de")
    assert "<figcaption>Diagramm, als Text in der Sprache Mermaid: The way From A" in body
    assert "A --&gt; B[&lt;script&gt;x()&lt;/script&gt;]</code></pre></figure>" in body
    assert "Audio object" not in body


def test_other_code_stays_code_and_much_text_is_no_harm() -> None:
    assert "figcaption" not in make_body(new_markdown_cell("```python\nmermaid = 1\n```\n\n    indented"))
    for hostile in ("accDescr {" * 50_000, "accDescr:" + " " * 200_000, "acc" * 100_000):
        assert "<figcaption>" in make_body(new_markdown_cell(f"```mermaid\n{hostile}\n```"))
