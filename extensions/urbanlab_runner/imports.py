"""What a notebook imports and this environment does not have, found before its first cell runs."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

MAX_NAMES = 10
_NOT_EXECUTED = "skip-execution"  # the tag that nbclient looks at
# Where a notebook makes modules of its own or changes where they are looked for, nothing can be told ahead.
_MADE = re.compile(r"sys\.path|%%writefile|%%file|importlib|__import__")


def find_missing(notebook: NotebookNode, attached: tuple[str, ...] = ()) -> list[tuple[int, str]]:
    """Return place and name of the modules that cells import and that are neither here nor `attached`, once each.

    Counted are imports that are bound to happen: not those in functions, conditions and attempts.
    """
    sources = [cell.source if _is_executed(cell) else "" for cell in notebook.cells]
    if any(_MADE.search(source) for source in sources):
        return []
    places: dict[str, int] = {}
    for place, source in enumerate(sources):
        for name in _list_imports(source):
            if name not in places and f"{name}.py" not in attached and not _is_here(name):
                places[name] = place
    return [(place, name) for name, place in places.items()][:MAX_NAMES]


def _is_executed(cell: NotebookNode) -> bool:
    return bool(cell.cell_type == "code" and _NOT_EXECUTED not in cell.metadata.get("tags", ()))


def _list_imports(source: str) -> Iterator[str]:
    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # the kernel says so, in its place
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            yield from (each.name.partition(".")[0] for each in statement.names)
        elif isinstance(statement, ast.ImportFrom) and not statement.level:
            yield (statement.module or "").partition(".")[0]


def _is_here(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # a module without a spec is there
        return True
