"""Maps: each document that a notebook carries in a frame becomes a file, shown under a policy of its own."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from bs4 import BeautifulSoup, Tag

from urbanlab_runner.snapshot.clean import parse, to_html
from urbanlab_runner.snapshot.files import Files
from urbanlab_runner.snapshot.foreign import ForeignAddresses, clean_css, find_in_script, is_foreign
from urbanlab_runner.snapshot.marks import Marks

# folium says so where scripts are not allowed to run; here they are.
_DISTRUST = "Trusted to load map"
_REMOVED_FROM_FRAMES = ("base", "iframe", "frame", "object", "embed", "form", "portal")


@dataclass
class Frames:
    """Takes frames out of HTML and puts what shows them in their place."""

    files: Files
    foreign: ForeignAddresses
    words: dict[str, str]
    language: str
    marks: Marks

    def take_out(self, soup: BeautifulSoup, picture: str) -> bool:
        """Replace each frame that carries its document by a mark; return whether there was one.

        `picture` is HTML that readers without JavaScript see in place of the first one.
        """
        frames = [frame for frame in soup.find_all("iframe", srcdoc=True) if isinstance(frame, Tag)]
        for frame in frames:
            self.marks.put(frame, self._show(frame, picture))
            picture = ""
        for remark in soup.find_all("span"):
            if _DISTRUST in remark.get_text():
                remark.decompose()
        return bool(frames)

    def _show(self, frame: Tag, picture: str) -> str:
        title = str(frame.get("title") or self.words["map"])
        document = make_document(str(frame["srcdoc"]), title, self.language, self.foreign)
        address = self.files.add("frame", document, "html")
        style = clean_css(str(frame.get("style", "")), self.foreign) or "width:100%;height:450px;border:0"
        instead = picture or f"<p>{escape(self.words['map_needs_script'])}</p>"
        # Without scripts the frame would be an empty place above the picture.
        instead = f"<style>.ul-frame{{display:none}}</style>{instead}"
        return (
            f'<iframe class="ul-frame" src="{address}" title="{escape(title)}" style="{escape(style)}"'
            f' sandbox="allow-scripts" loading="lazy"></iframe><noscript>{instead}</noscript>'
        )


def make_document(text: str, title: str, language: str, foreign: ForeignAddresses) -> bytes:
    """Return the document of a frame without what it would load from others."""
    soup = parse(text)
    for element in soup.find_all(_REMOVED_FROM_FRAMES):
        element.decompose()
    for element in soup.find_all("meta"):
        if element.has_attr("http-equiv") and str(element["http-equiv"]).lower() == "refresh":
            element.decompose()
    for element in list(soup.find_all(True)):
        _remove_foreign(element, foreign)
    for script in soup.find_all("script"):
        for address in find_in_script(script.get_text()):
            foreign.report(address)
    _name(soup, title, language)
    return to_html(soup).encode()


def _remove_foreign(element: Tag, foreign: ForeignAddresses) -> None:
    for name in ("src", "href", "srcset", "poster", "data"):
        address = element.get(name)
        if element.name != "a" and isinstance(address, str) and is_foreign(address):
            foreign.report(address)
            element.decompose()
            return


def _name(soup: BeautifulSoup, title: str, language: str) -> None:
    """Give a document the language and the title that a screen reader says."""
    root, head = soup.find("html"), soup.find("head")
    if isinstance(root, Tag) and not root.has_attr("lang"):
        root["lang"] = language
    if isinstance(head, Tag) and head.find("title") is None:
        named = soup.new_tag("title")
        named.string = title
        head.append(named)
