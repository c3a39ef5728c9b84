"""Notebooks as they are handed in: checked, stripped of everything that was made by running them, and kept."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat

from urbanlab.contract.files import remove_whole, write_whole
from urbanlab.contract.publications import Parameter, make_digest
from urbanlab_services.errors import InvalidRequestError

MAX_BYTES = 5_000_000
MAX_CELLS = 500
KERNEL = {"name": "urbanlab", "display_name": "Urban Lab (Python)", "language": "python"}
PARAMETERS_TAG = "parameters"
MAX_ALT = 300
_ALT_LINE = re.compile(r"^#\| (?:fig-)?alt: ?(.+)$", re.MULTILINE)

Notebook = dict[str, Any]


class BundleError(InvalidRequestError):
    """A notebook that cannot be published; the message says why."""

    code = "invalid_notebook"


def parse_notebook(content: bytes) -> Notebook:
    """Return a notebook without outputs, for our kernel; raise `BundleError` for anything that is none.

    The name of another kernel is no hindrance, another language is.
    """
    try:
        _check_format(json.loads(content))
        notebook = nbformat.reads(content.decode("utf-8"), as_version=4)
        nbformat.validate(notebook)
        stripped = _strip(notebook)
    except BundleError:
        raise
    # What is JSON, but no notebook, makes nbformat fail in all these ways.
    except (ValueError, nbformat.ValidationError, AttributeError, KeyError, TypeError, RecursionError):
        raise BundleError("This file is no notebook that can be read; hand in an .ipynb file.") from None
    if not stripped["cells"]:
        raise BundleError("This notebook has no cells.")
    if len(stripped["cells"]) > MAX_CELLS:
        raise BundleError(
            f"This notebook has {len(stripped['cells'])} cells; at most {MAX_CELLS} are published."
        )
    language = _find_language(notebook)
    if not language.lower().startswith(("python", "ipython")):
        raise BundleError(f"This notebook is written in {language[:40]}; pages are made from Python.")
    size = len(_encode(stripped))
    if size > MAX_BYTES:
        raise BundleError(
            f"Without its outputs this notebook still has {size / 1e6:.1f} MB; at most {MAX_BYTES / 1e6:.0f} MB "
            "are published. Load large data as a dataset instead of pasting it."
        )
    return stripped


def check_parameters(notebook: Notebook, parameters: Iterable[Parameter]) -> None:
    """Raise `BundleError` unless the cell tagged `parameters` assigns each of these names."""
    names = [parameter.name for parameter in parameters]
    if not names:
        return
    cells = [cell for cell in notebook["cells"] if PARAMETERS_TAG in cell["metadata"].get("tags", ())]
    if not cells:
        raise BundleError(
            "Visitors are to vary something, but no cell has the tag `parameters`: give it to the cell that "
            f"assigns {', '.join(names)}."
        )
    assigned = _find_assigned(cells[0]["source"])
    missing = [name for name in names if name not in assigned]
    if missing:
        raise BundleError(
            f"The cell with the tag `parameters` does not assign {', '.join(missing)}: write "
            f"`{missing[0]} = …` there, as the value that your own runs use."
        )


class Bundles:
    """The stripped notebooks, in a folder of the service's state, each named by the digest of its bytes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, notebook: Notebook) -> str:
        """Keep a notebook and return its digest."""
        content = _encode(notebook)
        digest = make_digest(content)
        self._folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._folder / f"{digest}.ipynb", content)
        return digest

    def load(self, digest: str) -> Notebook:
        """Return the notebook of that digest."""
        notebook: Notebook = json.loads((self._folder / f"{digest}.ipynb").read_bytes())
        return notebook

    def delete(self, digests: Iterable[str]) -> None:
        """Remove notebooks; that one is gone by now is fine."""
        for digest in digests:
            remove_whole(self._folder / f"{digest}.ipynb")


def _check_format(notebook: object) -> None:
    # Formats before 4 are ten years old, and nbformat's way from them fails on strangers in yet other ways.
    version = notebook.get("nbformat") if isinstance(notebook, dict) else None
    if isinstance(version, int) and version in {1, 2, 3}:
        raise BundleError(
            "This notebook has a format of before 2015; open it in JupyterLab and save it anew."
        )
    if version != 4:
        raise ValueError(version)


def _encode(notebook: Notebook) -> bytes:
    return json.dumps(notebook, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")


def _strip(notebook: Any) -> Notebook:
    cells = [_strip_cell(cell) for cell in notebook["cells"]]
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def _strip_cell(cell: Any) -> dict[str, Any]:
    tags = [tag for tag in cell["metadata"].get("tags", ()) if isinstance(tag, str)]
    alt = _find_alt(cell)
    kept: dict[str, Any] = {
        "id": cell.get("id") or nbformat.v4.new_raw_cell()["id"],
        "cell_type": cell["cell_type"],
        "metadata": {**({"tags": tags} if tags else {}), **({"alt": alt} if alt else {})},
        "source": cell["source"],
    }
    if cell["cell_type"] == "code":
        kept |= {"outputs": [], "execution_count": None}
    elif cell.get("attachments"):
        kept["attachments"] = cell["attachments"]  # pictures that belong to the text
    return kept


def _find_alt(cell: Any) -> str:
    """Return the text for those who cannot see a picture: the metadata's `alt`, or of ``#| fig-alt: …``."""
    if cell["cell_type"] != "code":
        return ""
    said = cell["metadata"].get("alt")
    hit = _ALT_LINE.search(cell["source"])
    text = said if isinstance(said, str) else hit[1].strip("\"'") if hit else ""
    return " ".join(text.split())[:MAX_ALT]


def _find_language(notebook: Any) -> str:
    metadata = notebook["metadata"]
    spoken = metadata.get("kernelspec", {}).get("language") or metadata.get("language_info", {}).get("name")
    return str(spoken or "python")


def _find_assigned(source: str) -> set[str]:
    code = "\n".join(line for line in source.splitlines() if not line.lstrip().startswith(("%", "!")))
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise BundleError("The cell with the tag `parameters` is no Python that can be read.") from None
    return {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
