"""The texts of a notebook: Markdown with formulas to HTML."""

from __future__ import annotations

from typing import Any

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from urbanlab_runner.snapshot.maths import to_mathml


class _Renderer(IPythonRenderer):  # type: ignore[misc]
    def block_math(self, body: str) -> str:
        """Show a formula in a line of its own."""
        return to_mathml(body, block=True)

    def inline_math(self, body: str) -> str:
        """Show a formula in the text."""
        return to_mathml(body, block=False)

    def latex_environment(self, name: str, body: str) -> str:
        """Show what stands between \\begin and \\end."""
        return to_mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True)


def markdown_to_html(source: str, attachments: dict[str, Any] | None = None) -> str:
    """Return Markdown as HTML, not yet fit for a page; attached pictures are data in it."""
    renderer = _Renderer(escape=False, attachments=attachments or {}, exclude_anchor_links=True)
    return str(MarkdownWithMath(renderer=renderer).render(source))
