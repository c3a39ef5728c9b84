"""A piece of HTML from a notebook, made fit for a public page: the one way by which its HTML gets there."""

from __future__ import annotations

from urbanlab_runner.snapshot.charts import Charts
from urbanlab_runner.snapshot.clean import clean, parse, to_html
from urbanlab_runner.snapshot.files import Files
from urbanlab_runner.snapshot.foreign import ForeignAddresses
from urbanlab_runner.snapshot.frames import Frames
from urbanlab_runner.snapshot.images import Images
from urbanlab_runner.snapshot.marks import Marks
from urbanlab_runner.snapshot.recordings import Recordings
from urbanlab_runner.snapshot.tables import improve_tables


class Pieces:
    """Makes pieces of a page, and keeps the files that they need."""

    def __init__(
        self,
        files: Files,
        foreign: ForeignAddresses,
        words: dict[str, str],
        language: str,
        time_zone: str = "UTC",
    ) -> None:
        self.images = Images(files, foreign)
        self._foreign = foreign
        self._words = words
        self._marks = Marks()
        self._frames = Frames(files, foreign, words, language, self._marks)
        self.charts = Charts(foreign, words, language, time_zone)
        self.recordings = Recordings(files, foreign, words)

    def to_html(self, text: str, picture: str = "", label: str = "", *, with_styles: bool = False) -> str:
        """Return a piece; `picture` is HTML of ours that stands for its map where there is no JavaScript.

        `label` says what there is to hear or to see in its recordings.
        A piece that shows nothing is empty; `with_styles`, also one of rules for other pieces is something.
        """
        soup = parse(text)
        # Frames first: what they carry is a document of its own, not a part of this one.
        is_shown = self._frames.take_out(soup, picture)
        is_shown |= self.recordings.take_out(soup, self._marks, label)
        clean(soup, self._foreign)
        self.images.take_out(soup)
        improve_tables(soup, self._words["table"])
        shown = ["img", "svg", "hr", *(["style"] if with_styles else [])]
        is_empty = not (is_shown or soup.get_text(strip=True) or soup.find(shown))
        return "" if is_empty else self._marks.put_back(to_html(soup))
