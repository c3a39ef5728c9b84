"""The texts of a notebook: Markdown with formulas to HTML."""

from __future__ import annotations

from typing import Any

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from urbanlab_runner.snapshot import diagrams
from urbanlab_runner.snapshot.maths import to_mathml


class _Renderer(IPythonRenderer):  # type: ignore[misc]
    def __init__(self, words: dict[str, str] | None, **options: Any) -> None:
        super().__init__(**options)
        self._words = words

    def block_code(self, code: str, info: str | None = None) -> str:
        """Show code; where there are words for it, the text of a diagram as one."""
        if self._words and info is not None and info.split()[:1] == [diagrams.LANGUAGE]:
            return diagrams.to_html(code, self._words)
        return str(super().block_code(code, info))

    def block_math(self, body: str) -> str:
        """Show a formula in a line of its own."""
        return to_mathml(body, block=True)

    def inline_math(self, body: str) -> str:
        """Show a formula in the text."""
        return to_mathml(body, block=False)

    def latex_environment(self, name: str, body: str) -> str:
        """Show what stands between \\begin and \\end."""
        return to_mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True)


def latex_to_html(source: str) -> str:
    """Return LaTeX that a cell displays as HTML: one formula, or words with formulas among them."""
    return markdown_to_html(source) if "$" in source.strip().strip("$") else to_mathml(source, block=True)


def markdown_to_html(
    source: str, attachments: dict[str, Any] | None = None, words: dict[str, str] | None = None
) -> str:
    """Return Markdown as HTML, not yet fit for a page; attached pictures are data in it."""
    renderer = _Renderer(words, escape=False, attachments=attachments or {}, exclude_anchor_links=True)
    return str(MarkdownWithMath(renderer=renderer).render(source))
