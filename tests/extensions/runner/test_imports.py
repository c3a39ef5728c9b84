"""Imports that cannot succeed are found before anything runs; what cannot be told ahead is left to the kernel."""

from __future__ import annotations

import nbformat
import pytest

from urbanlab_runner.imports import find_missing


def make(*sources: str) -> nbformat.NotebookNode:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("import not_code_x"), *cells])


@pytest.mark.parametrize(
    ("sources", "missing"),
    [
        (["import pandas as pd, nowhere_a.b\nfrom nowhere_b import c"], [(1, "nowhere_a"), (1, "nowhere_b")]),
        (["%matplotlib inline\n!ls\nx = 1", "import nowhere_a", "import nowhere_a"], [(2, "nowhere_a")]),
        (["try:\n    import nowhere_a\nexcept ImportError:\n    pass"], []),
        (["def late():\n    import nowhere_a", "if False:\n    import nowhere_a"], []),
        (["import urbanlab, geopandas, matplotlib.pyplot, __main__"], []),
        (["from . import x", "import )", "%%sql\nimport nowhere_a"], []),
        (["import sys; sys.path.insert(0, 'lib')", "import nowhere_a"], []),
        (["%%writefile nowhere_a.py\nx = 1", "import nowhere_a"], []),
    ],
)
def test_what_is_bound_to_fail_is_named_with_its_place(
    sources: list[str], missing: list[tuple[int, str]]
) -> None:
    assert find_missing(make(*sources)) == missing


def test_a_cell_that_is_not_executed_imports_nothing() -> None:
    notebook = make("x = 1", "import nowhere_a")
    notebook.cells[-1].metadata["tags"] = ["skip-execution"]
    assert find_missing(notebook) == []
