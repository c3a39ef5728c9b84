"""How the engine is asked to read a statement: its canonical text and, for most kinds, its tree as JSON."""

from __future__ import annotations

import re

BOTH = "SELECT formatQuerySingleLine({text:String}) AS canonical, parseQueryToJSON(canonical)"
TEXT = "SELECT formatQuerySingleLine({text:String})"
UNSUPPORTED = "does not support JSON serialization"
# What the engine adds is about our question, not about the statement in it.
_OUR_QUESTION = re.compile(r"\.? ?: In scope SELECT (formatQuery|parseQuery).*", re.DOTALL)


def strip_question(text: str) -> str:
    """Return an error without what it says of the question."""
    return _OUR_QUESTION.sub(" (SYNTAX_ERROR)", text)


def escape(text: str) -> str:
    """Return a text as the engine reads the value of a parameter, which is as TabSeparated's text."""
    for plain, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\0", "\\0")):
        text = text.replace(plain, escaped)
    return text
