"""Diagrams in Mermaid's language, as text that can be read: nothing that we may use draws all of them whole.

Tried were `merman` 0.9 (an alpha; cuts labels off, no build for ARM) and what needs a browser.
"""

from __future__ import annotations

import re
from html import escape

MIME_TYPES = frozenset({"text/vnd.mermaid"})
LANGUAGE = "mermaid"
_SAID = re.compile(
    r"^[ \t]{0,20}acc(?:Title|Descr)[ \t]{0,5}(?::[ \t]{0,5}([^\n]{1,300})|\{([^}]{1,500})\})", re.MULTILINE
)


def to_html(source: str, words: dict[str, str]) -> str:
    """Return a diagram's text with what its author says of it (``accTitle``, ``accDescr``); not yet cleaned."""
    said = " ".join(" ".join((one or other).split()) for one, other in _SAID.findall(source))
    caption = f"{words['diagram']}: {said}" if said else words["diagram"]
    text = source.strip("\n")
    # Wrapped, it needs no scrolling, which would have to be possible by keyboard.
    return (
        f'<figure class="ul-diagram"><figcaption>{escape(caption)}</figcaption>'
        f'<pre style="white-space:pre-wrap"><code>{escape(text)}</code></pre></figure>\n'
    )
