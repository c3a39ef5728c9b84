"""Sounds and videos of a page: files of it, started by their readers alone; checked, limited and named."""

from __future__ import annotations

import base64
import binascii
import re
from html import escape

from bs4 import BeautifulSoup, Tag

from urbanlab_runner.snapshot.files import Files
from urbanlab_runner.snapshot.foreign import ForeignAddresses, is_foreign
from urbanlab_runner.snapshot.marks import Marks

MAX_BYTES = 12_000_000
_NAMES = ("audio", "video")
_DATA = re.compile(r"data:((?:audio|video)/[a-z0-9.+-]+)(?:;[^,]*)?;base64,", re.IGNORECASE)
# Media type -> ending and how such a file begins; "…" is any byte.
_WAV, _MP3 = re.compile(rb"RIFF....WAVE", re.DOTALL), re.compile(rb"ID3|\xff[\xe2-\xfb]", re.DOTALL)
_OGG, _FLAC = re.compile(rb"OggS"), re.compile(rb"fLaC")
_MP4, _WEBM = re.compile(rb"\0\0\0.ftyp", re.DOTALL), re.compile(rb"\x1a\x45\xdf\xa3")
TYPES = {
    **dict.fromkeys(("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"), ("wav", _WAV)),
    **dict.fromkeys(("audio/mpeg", "audio/mp3"), ("mp3", _MP3)),
    **dict.fromkeys(("audio/ogg", "audio/opus"), ("ogg", _OGG)),
    **dict.fromkeys(("audio/flac", "audio/x-flac"), ("flac", _FLAC)),
    "video/mp4": ("mp4", _MP4),
    "video/webm": ("webm", _WEBM),
}


class Recordings:
    """Turns recordings into files and what plays them."""

    def __init__(self, files: Files, foreign: ForeignAddresses, words: dict[str, str]) -> None:
        self._files = files
        self._foreign = foreign
        self._words = words
        self._count = 0

    def to_html(self, media_type: str, content: bytes, label: str = "") -> str:
        """Return what plays a recording; a sentence for one that is none, too large or of another type."""
        ending, beginning = TYPES.get(media_type.lower(), ("", _OGG))
        if not ending or len(content) > MAX_BYTES or not beginning.match(content):
            return self._miss()
        address = self._files.add("recording", content, ending)
        kind = media_type.lower().partition("/")[0]
        if not label:
            self._count += 1
            label = f"{self._words[kind]} {self._count}"
        # None begins by itself, and none is fetched before somebody wants it.
        return (
            f'<figure class="ul-recording"><figcaption>{escape(label)}</figcaption>'
            f'<{kind} controls preload="none" src="{address}" aria-label="{escape(label)}"'
            f' style="max-width:100%"></{kind}></figure>'
        )

    def take_out(self, soup: BeautifulSoup, marks: Marks, label: str = "") -> bool:
        """Replace the players in a tree by ours; return whether there was one."""
        players = [element for element in soup.find_all(_NAMES) if isinstance(element, Tag)]
        for player in players:
            if not player.decomposed and player.find_parent(_NAMES) is None:
                marks.put(player, self._show(player, label))
        return bool(players)

    def _show(self, player: Tag, label: str) -> str:
        sources = [player, *(each for each in player.find_all(("source", *_NAMES)) if isinstance(each, Tag))]
        addresses = [str(each["src"]) for each in sources if each.has_attr("src")]
        for address in [*addresses, str(player.get("poster", ""))]:
            if is_foreign(address):
                self._foreign.report(address)
        label = str(player.get("aria-label") or player.get("title") or "") or label
        found = next(filter(None, map(decode_data, addresses)), None)
        return self.to_html(*found, label) if found else self._miss()

    def _miss(self) -> str:
        return f'<p class="ul-note">{escape(self._words["recording_missing"])}</p>'


def decode_data(address: str) -> tuple[str, bytes] | None:
    """Return media type and content of a ``data:`` address of a recording, or None."""
    found = _DATA.match(address)
    if found is None:
        return None
    content = decode_base64(address[found.end() :])
    return (found[1], content) if content else None


def decode_base64(text: str) -> bytes:
    """Return the content; nothing where it is none, or too long to be looked at."""
    if len(text) > MAX_BYTES * 2:
        return b""
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""
