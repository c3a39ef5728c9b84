"""Style rules of a notebook, kept to what it shows: the portal's frame around it is not theirs to restyle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tinycss2

# In a page, everything that a notebook shows lies in one of these.
SCOPES = (".ul-output", ".ul-text")
_WITH_RULES = frozenset({"media", "supports", "container", "layer"})
_NAMED = frozenset({"keyframes", "-webkit-keyframes"})


def keep_rules_inside(text: str) -> str:
    """Return style rules of which each applies only within a notebook's own part of a page."""
    nodes = tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
    return "\n".join(_keep_inside(nodes))


def _keep_inside(nodes: list[Any]) -> Iterator[str]:
    for node in nodes:
        if node.type == "qualified-rule":
            selectors = ",".join(_scope(node.prelude))
            if selectors:
                yield f"{selectors}{{{tinycss2.serialize(_drop_nested(node.content))}}}"
        elif node.type == "at-rule" and node.content is not None:
            name, prelude = node.lower_at_keyword, tinycss2.serialize(node.prelude)
            if name in _WITH_RULES:
                rules = tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True)
                yield f"@{name}{prelude}{{{' '.join(_keep_inside(rules))}}}"
            elif name in _NAMED:
                yield f"@{name}{prelude}{{{tinycss2.serialize(node.content)}}}"


def _scope(prelude: list[Any]) -> Iterator[str]:
    selector: list[Any] = []
    for token in [*prelude, None]:
        if token is None or (token.type == "literal" and token.value == ","):
            text = tinycss2.serialize(selector).strip()
            # A selector of what is around, or after, what it is put into.
            if text and not text.startswith(("+", "~", ">", "&")):
                yield from (f"{scope} {text}" for scope in SCOPES)
            selector = []
        else:
            selector.append(token)


def _drop_nested(content: list[Any]) -> list[Any]:
    """Return a rule's declarations: a rule nested in it would say `&` for itself, and then anything."""
    return [token for token in content if token.type != "{} block"]
