"""Headings of a page: the page's title is its only h1, and no level is left out below it."""

from __future__ import annotations

import re

# All text and all values are escaped here, so what looks like a tag is one.
_HEADING = re.compile(r"<(/?)h([1-6])(?=[\s>])")
_FIRST = re.compile(r"\s*(<section class=\"ul-text\"[^>]*>)\s*<h[1-6][^>]*>(.*?)</h[1-6]>", re.DOTALL)
_EMPTY = re.compile(r"<section class=\"ul-text\"[^>]*>\s*</section>\s*")
_TAG = re.compile(r"<[^>]*>")


def settle_headings(body: str, title: str) -> str:
    """Return a body whose headings begin at h2 and go down one level at a time.

    A first heading that only repeats the page's title goes.
    """
    first = _FIRST.match(body)
    if first and _TAG.sub("", first[2]).strip().casefold() == title.strip().casefold():
        body = first[1] + body[first.end() :]
        if empty := _EMPTY.match(body):
            body = body[empty.end() :]
    open_levels: list[tuple[int, int]] = []  # as the author wrote it, as the page has it
    closing: list[int] = []

    def settle(found: re.Match[str]) -> str:
        if found[1]:
            return f"</h{closing.pop() if closing else 2}"
        level = int(found[2])
        while open_levels and open_levels[-1][0] >= level:
            open_levels.pop()
        settled = min(open_levels[-1][1] + 1 if open_levels else 2, 6)
        open_levels.append((level, settled))
        closing.append(settled)
        return f"<h{settled}"

    return _HEADING.sub(settle, body)
