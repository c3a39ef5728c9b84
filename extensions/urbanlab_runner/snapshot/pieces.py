"""A piece of HTML from a notebook, made fit for a public page: the one way by which its HTML gets there."""

from __future__ import annotations

from urbanlab_runner.snapshot.clean import clean, parse, to_html
from urbanlab_runner.snapshot.files import Files
from urbanlab_runner.snapshot.foreign import ForeignAddresses
from urbanlab_runner.snapshot.frames import Frames
from urbanlab_runner.snapshot.images import Images
from urbanlab_runner.snapshot.tables import improve_tables


class Pieces:
    """Makes pieces of a page, and keeps the files that they need."""

    def __init__(self, files: Files, foreign: ForeignAddresses, words: dict[str, str], language: str) -> None:
        self.images = Images(files, foreign)
        self._foreign = foreign
        self._words = words
        self._frames = Frames(files, foreign, words, language)

    def to_html(self, text: str, picture: str = "") -> str:
        """Return a piece; `picture` is HTML of ours that stands for its map where there is no JavaScript."""
        soup = parse(text)
        # Frames first: what they carry is a document of its own, not a part of this one.
        has_frame = self._frames.take_out(soup, picture)
        clean(soup, self._foreign)
        self.images.take_out(soup)
        improve_tables(soup, self._words["table"])
        is_empty = not (has_frame or soup.get_text(strip=True) or soup.find(["img", "svg", "hr"]))
        return "" if is_empty else self._frames.put_back(to_html(soup))
