"""Completion in cells of `%%sql`: tables, columns, functions, and the notebook's variables behind a brace."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from typing import Any

from urbanlab.catalogue import TIMEOUT_SECONDS, fetch_entries
from urbanlab.errors import UrbanlabError
from urbanlab.session import current_session

KEEP_SECONDS = 60
KEYWORDS = (
    *("SELECT", "FROM", "WHERE", "PREWHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "LIMIT BY", "OFFSET"),
    *("WITH", "DISTINCT", "JOIN", "LEFT JOIN", "INNER JOIN", "ASOF JOIN", "ARRAY JOIN", "ON", "USING", "AS"),
    *("UNION ALL", "AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL", "CASE"),
    *(
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "OVER",
        "PARTITION BY",
        "WITH FILL",
        "WITH TOTALS",
        "WITH ROLLUP",
        "DESC",
    ),
    *("ASC", "DESCRIBE", "EXPLAIN", "SHOW TABLES FROM", "INTERVAL", "SETTINGS"),
)
_TABLES = re.compile(
    r"\b(?:FROM|JOIN)\s+(?P<table>[\w.`]+)(?:\s+(?:AS\s+)?(?!ON\b|USING\b|WHERE\b|GROUP\b|ORDER\b|LIMIT\b|JOIN\b|LEFT\b"
    r"|INNER\b|ASOF\b|FINAL\b|PREWHERE\b|SETTINGS\b|UNION\b|ARRAY\b|HAVING\b)(?P<alias>\w+))?",
    re.IGNORECASE,
)
_WANTS_TABLE = re.compile(r"\b(?:FROM|JOIN|INTO|TABLE|DESCRIBE|DESC)\s+[\w.]*$", re.IGNORECASE)
_WANTS_VALUE = re.compile(r"\{\s*\w*$")
_WORD = re.compile(r"[\w.]*$")

Suggestion = tuple[str, str]  # what is written, and what kind of thing it is


class Vocabulary:
    """What there is to complete, fetched anew once in a while; nothing while the warehouse is away."""

    def __init__(self) -> None:
        self._until = 0.0
        self.columns: dict[str, list[str]] = {}  # table with its database -> names of its columns
        self.functions: list[str] = []

    def refresh(self) -> None:
        """Fetch what is older than a minute."""
        if time.monotonic() < self._until:
            return
        self._until = time.monotonic() + KEEP_SECONDS
        try:
            entries = fetch_entries(current_session())
            self.columns = {
                str(entry["table"]): [column["name"] for column in entry.get("columns", ())]
                for entry in entries
            }
            self.functions = self.functions or _fetch_functions()
        except UrbanlabError:
            return  # a notebook is no place to hear of it while one types


def _fetch_functions() -> list[str]:
    import urllib3

    from urbanlab.signed_pool import make_pool

    session = current_session()
    with make_pool(session.credentials) as pool:
        try:
            address = f"{session.warehouse_url.rstrip('/')}/functions"
            response = pool.request("GET", address, timeout=TIMEOUT_SECONDS)
        except urllib3.exceptions.HTTPError:
            return []
    return list(json.loads(response.data)["functions"]) if response.status == 200 else []


def complete(
    cell: str, before: str, vocabulary: Vocabulary, variables: Iterable[str] = ()
) -> list[Suggestion]:
    """Return what the word at the end of `before` may become; `cell` is all of the SQL around it."""
    word = _WORD.search(before)
    begun = word[0] if word else ""
    if _WANTS_VALUE.search(before):
        found: Iterable[Suggestion] = ((name, "instance") for name in variables)
    elif _WANTS_TABLE.search(before):
        found = ((table, "class") for table in vocabulary.columns)
    elif "." in begun:
        found = _list_columns_of(cell, begun.rpartition(".")[0], vocabulary)
    else:
        found = _list_words(cell, begun, vocabulary)
    fits = begun.lower()
    return [(text, kind) for text, kind in dict.fromkeys(found) if text.lower().startswith(fits)]


def _list_columns_of(cell: str, owner: str, vocabulary: Vocabulary) -> Iterator[Suggestion]:
    named = {hit["alias"] or hit["table"]: hit["table"].replace("`", "") for hit in _TABLES.finditer(cell)}
    table = named.get(owner, owner)
    for column in vocabulary.columns.get(table, ()):
        yield f"{owner}.{column}", "property"
    for name in vocabulary.columns:  # a database, or the beginning of one
        yield name, "class"


def _list_words(cell: str, begun: str, vocabulary: Vocabulary) -> Iterator[Suggestion]:
    for hit in _TABLES.finditer(cell):
        for column in vocabulary.columns.get(hit["table"].replace("`", ""), ()):
            yield column, "property"
        if hit["alias"] and hit["alias"] != begun:
            yield hit["alias"], "class"
    if not begun:  # a thousand functions help nobody
        return
    is_lower = begun.islower()
    for keyword in KEYWORDS:
        yield (keyword.lower() if is_lower else keyword), "keyword"
    for name in vocabulary.functions:
        yield name, "function"
    for table in vocabulary.columns:
        yield table, "class"


def register(shell: Any) -> None:
    """Have the shell complete in cells of `%%sql`, for JupyterLab as for every other front end."""
    from IPython.core.completer import SimpleCompletion, context_matcher

    vocabulary = Vocabulary()

    @context_matcher(identifier="urbanlab.sql", priority=1000)  # type: ignore[untyped-decorator]
    def match(context: Any) -> dict[str, Any]:
        line, _, cell = context.full_text.lstrip().partition("\n")
        if not line.startswith("%%sql") or context.cursor_line == 0:
            return {"completions": []}
        vocabulary.refresh()
        lines = context.full_text.split("\n")[: context.cursor_line]
        before = "\n".join([*lines[1:], context.line_with_cursor[: context.cursor_position]])
        own = (name for name in shell.user_ns if not name.startswith("_"))
        found = complete(cell, before, vocabulary, own)
        word = _WORD.search(before)
        return {
            "completions": [SimpleCompletion(text, type=kind) for text, kind in found],
            "matched_fragment": word[0] if word else "",
            # Python's own names mean nothing in SQL.
            "suppress": True,
        }

    shell.Completer.custom_matchers.append(match)
