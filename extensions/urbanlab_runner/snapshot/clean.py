"""HTML of notebooks, rebuilt from what is known to be harmless; the portal's policy is the wall behind it.

Only listed elements and attributes are written out, and all text and all values are escaped anew. None of the
elements but `style`, whose text holds no ``<``, changes how a browser reads what follows, so a browser sees exactly
the elements that were let through, however cunningly they were nested.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PreformattedString, Stylesheet

from urbanlab_runner.snapshot.foreign import ForeignAddresses, clean_css, is_foreign, is_image_data, is_link
from urbanlab_runner.snapshot.rules import keep_rules_inside

# Tables, texts, pictures.
_HTML_NAMES = """
    a abbr address article aside b bdi bdo blockquote br caption center cite code col colgroup dd del
    details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li
    mark meter ol p pre progress q rp rt ruby s samp section small span strike strong style sub summary
    sup table tbody td tfoot th thead time tr tt u ul var wbr
"""
HTML = frozenset(_HTML_NAMES.split())
# In lower case: so the parser names them, and so a browser reads them within HTML.
_SVG_NAMES = """
    svg g path circle ellipse line polyline polygon rect text tspan textpath defs lineargradient
    radialgradient stop clippath mask marker symbol use pattern image title desc
"""
SVG = frozenset(_SVG_NAMES.split())
_SHAPES = SVG - {"svg", "title", "desc"}
_MATHML_NAMES = """
    math mrow mi mo mn ms mtext mspace msup msub msubsup mfrac msqrt mroot mover munder munderover
    mtable mtr mtd mstyle mpadded mphantom menclose mmultiscripts mprescripts none mfenced
"""
MATHML = frozenset(_MATHML_NAMES.split())
KNOWN = HTML | SVG | MATHML
# What is not only left out, but goes with everything in it.
_WITH_CONTENT_NAMES = """
    script iframe frame frameset object embed applet noscript template textarea select option button
    input audio video canvas xmp plaintext noembed noframes link meta base foreignobject animate
    animatetransform animatemotion set handler portal annotation-xml annotation
"""
WITH_CONTENT = frozenset(_WITH_CONTENT_NAMES.split())
EVERYWHERE = frozenset({"class", "id", "title", "lang", "dir", "role", "style", "hidden"})
ATTRIBUTES = {
    "a": {"href", "name"},
    "abbr": {"title"},
    "col": {"span", "width"},
    "colgroup": {"span", "width"},
    "details": {"open"},
    "font": {"color", "size", "face"},
    "img": {"src", "alt", "width", "height", "loading", "decoding"},
    "li": {"value"},
    "meter": {"value", "min", "max", "low", "high", "optimum"},
    "ol": {"start", "reversed", "type"},
    "progress": {"value", "max"},
    "table": {"width", "align"},
    "td": {"colspan", "rowspan", "headers", "align", "valign", "width", "height"},
    "th": {"colspan", "rowspan", "headers", "scope", "abbr", "align", "valign", "width", "height"},
    "time": {"datetime"},
}
_PLAIN_NAME = re.compile(r"[a-z][a-z0-9_-]*\Z")


def parse(text: str) -> BeautifulSoup:
    """Return HTML as a tree."""
    return BeautifulSoup(text, "html.parser")


def to_html(soup: Tag) -> str:
    """Return a tree as HTML in which every text and every value is escaped."""
    return str(soup.decode(formatter="minimal"))


def clean(soup: BeautifulSoup, foreign: ForeignAddresses) -> None:
    """Take out of a tree whatever is not known to be harmless."""
    _remove_markup_that_is_no_element(soup)
    for element in list(soup.find_all(True)):
        if element.decomposed:
            continue
        _clean_element(element, foreign)


def _remove_markup_that_is_no_element(soup: BeautifulSoup) -> None:
    # Comments, declarations, CDATA: what ends them for us may not end them for a browser.
    for text in list(soup.find_all(string=lambda text: isinstance(text, PreformattedString))):
        text.extract()


def _clean_element(element: Tag, foreign: ForeignAddresses) -> None:
    if element.name in WITH_CONTENT or _is_page_title(element):
        _report_removed(element, foreign)
        element.decompose()
    elif element.name not in KNOWN:
        element.unwrap()
    elif element.name == "style":
        _clean_style(element, foreign)
    else:
        _clean_attributes(element, foreign)


def _is_page_title(element: Tag) -> bool:
    """Return whether a browser would take a title for the page's, and read on as text until it ends.

    That of a drawing is its description. But an element of HTML on the way to it ends the drawing, and what
    describes a drawing holds HTML again.
    """
    above = element.parent
    while above is not None and above.name in _SHAPES:
        above = above.parent
    return element.name == "title" and (above is None or above.name != "svg")


def _report_removed(element: Tag, foreign: ForeignAddresses) -> None:
    for name in ("src", "href", "data"):
        address = element.get(name)
        if isinstance(address, str) and is_foreign(address):
            foreign.report(address)


def _clean_style(element: Tag, foreign: ForeignAddresses) -> None:
    # pandas writes scoped rules for each table; browsers ignore the word and would apply them to the whole page.
    text = "" if element.has_attr("scoped") else keep_rules_inside(clean_css(element.get_text(), foreign))
    if not text.strip() or "<" in text:
        element.decompose()
        return
    element.attrs = {}
    element.clear()
    element.append(Stylesheet(text))


def _clean_attributes(element: Tag, foreign: ForeignAddresses) -> None:
    element.attrs = dict(_keep_attributes(element, foreign))
    if element.name == "a" and str(element.get("href", "")).startswith(("http", "//")):
        element["rel"] = "noopener noreferrer"
    if element.name == "img" and not element.has_attr("src"):
        element.replace_with(NavigableString(str(element.get("alt", ""))))


def _keep_attributes(element: Tag, foreign: ForeignAddresses) -> Iterator[tuple[str, str]]:
    for name, given in element.attrs.items():
        value = " ".join(given) if isinstance(given, list) else str(given)
        if name in ("href", "xlink:href", "src"):
            if _may_name(element.name, name, value, foreign):
                yield name, value
        elif name == "style":
            if style := clean_css(value, foreign):
                yield name, style
        elif _is_listed(element.name, name, value):
            yield name, value


def _may_name(tag: str, name: str, address: str, foreign: ForeignAddresses) -> bool:
    if tag == "a" and name == "href":
        return is_link(address)
    if tag == "img" and name == "src":
        if is_foreign(address):
            foreign.report(address)
        return is_image_data(address)
    if tag in SVG and name != "src":
        if is_foreign(address):
            foreign.report(address)
        return address.startswith("#") or (tag == "image" and is_image_data(address))
    return False


def _is_listed(tag: str, name: str, value: str) -> bool:
    if name in EVERYWHERE or name.startswith("aria-"):
        return _PLAIN_NAME.match(name) is not None
    if tag in SVG or tag in MATHML:
        # Presentation attributes are many; none acts but handlers, and none loads but those with an address.
        plain = _PLAIN_NAME.match(name) is not None or name in ("xmlns", "xml:space")
        return plain and not name.startswith(("on", "data-")) and not _loads(value)
    return name in ATTRIBUTES.get(tag, ())


def _loads(value: str) -> bool:
    return "url(" in value.lower() and not value.strip().lower().startswith("url(#")
