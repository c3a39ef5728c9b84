"""One page: a process that reads its task from stdin, executes the notebook, renders it, and writes it to stdout.

What it writes are lines of JSON: ``{"cell": N}`` as each of the author's cells begins, ``{"cell": null}`` after the
last, and the outcome ``{"error", "needs", "size"}``; after a success so many bytes of a ZIP follow. Stdin stays
open for as long as the server lives: its end tells this process to end itself and all that it has started.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import logging
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.parameterize import parameterize_notebook

from urbanlab.contract.publications import Page, PageFile, encode, make_digest
from urbanlab_runner import families, page_failures
from urbanlab_runner.attachments import write_attachments
from urbanlab_runner.concealment import hide_process
from urbanlab_runner.data_excel import Terms
from urbanlab_runner.data_files import make_files
from urbanlab_runner.data_offers import OfferError, take_offers
from urbanlab_runner.imports import find_missing
from urbanlab_runner.notebook_client import KERNEL_NAME, OutputLimitError, PageClient
from urbanlab_runner.page_failures import Failure, make_failure
from urbanlab_runner.snapshot.page import make_page
from urbanlab_runner.sources import Sources, make_sources_cell, read_sources

MAX_TASK_BYTES = 20_000_000
MAX_PAGE_BYTES = 50_000_000
PAGE_NAME = "page.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_INJECTED = "injected-parameters"
# Not for pages: nbclient executes no cell with the second tag, `snapshot` shows none with the third.
_SKIPPED, _SKIPPED_BY = "skip-voila", ("skip-execution", "remove-cell")


class FailedError(Exception):
    """The page cannot be made."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.error)
        self.failure = failure


class Answer:
    """What the server is told, through a pipe that no kernel inherits."""

    def __init__(self) -> None:
        self._pipe: BinaryIO = os.fdopen(os.dup(1), "wb")
        # Whatever libraries print must not mix with the answer.
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a descriptor is needed
            os.dup2(nowhere.fileno(), 1)

    def tell(self, values: dict[str, Any], content: bytes = b"") -> None:
        """Write a line, and bytes after it."""
        self._pipe.write(json.dumps(values).encode() + b"\n" + content)
        self._pipe.flush()


def main() -> None:
    """Make the page."""
    hide_process()
    families.adopt_orphans()
    answer = Answer()
    task = json.loads(sys.stdin.buffer.readline(MAX_TASK_BYTES))
    threading.Thread(target=_end_with_server, daemon=True).start()
    try:
        notebook, sources = execute(task, answer)
        answer.tell({"cell": None})
        content = render(notebook, task, sources)
    except FailedError as error:
        answer.tell({**dataclasses.asdict(error.failure), "size": 0})
    else:
        answer.tell({"error": "", "needs": [], "size": len(content)}, content)


def execute(task: dict[str, Any], answer: Answer) -> tuple[NotebookNode, Sources]:
    """Return the executed notebook and what it has read; raise `FailedError`. Nothing it started is left."""
    attached = _write_attachments(task["notebook"])
    notebook = parameterize(read_notebook(task["notebook"]), task["parameters"])
    numbers = _number_cells(notebook)
    if missing := find_missing(notebook, attached):
        answer.tell({"cell": numbers[missing[0][0]]})
        raise FailedError(page_failures.make_missing_failure(name for _, name in missing))
    client = PageClient(
        notebook, task["socket"], task["language"], lambda place: answer.tell({"cell": numbers[place]})
    )
    sources_cell = make_sources_cell()
    try:
        asyncio.run(_execute(client, sources_cell))
    finally:
        families.end_own_descendants()
    _drop_parameters_cell(notebook)
    return notebook, read_sources(sources_cell)


def _write_attachments(notebook: dict[str, Any]) -> tuple[str, ...]:
    try:
        return write_attachments(notebook, Path.cwd())
    except (ValueError, TypeError, AttributeError):
        raise FailedError(Failure(page_failures.NO_NOTEBOOK)) from None


async def _execute(client: PageClient, last: NotebookNode) -> None:
    nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        await client.execute_all(last, **nowhere)
    except CellExecutionError as error:
        raise FailedError(make_failure(error.ename, error.evalue)) from None
    except DeadKernelError:
        raise FailedError(Failure(page_failures.KERNEL_ENDED)) from None
    except OutputLimitError:
        raise FailedError(Failure(page_failures.TOO_MUCH)) from None
    except NoSuchKernel:
        raise FailedError(Failure(page_failures.NOT_STARTED)) from None
    except (CellTimeoutError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, OSError):
        # A kernel sends what its notebook likes, and nbclient takes each message for what it should be.
        raise FailedError(Failure(page_failures.NO_ANSWER)) from None


def read_notebook(content: Any) -> NotebookNode:
    """Return the notebook without anything that an earlier run has left; raise `FailedError` if it is none."""
    try:
        notebook = nbformat.from_dict(content)
        nbformat.validate(notebook)
        notebook = nbformat.convert(notebook, 4)
    # What is JSON, but no notebook, makes nbformat fail in all these ways.
    except (ValueError, nbformat.ValidationError, AttributeError, KeyError, TypeError):
        raise FailedError(Failure(page_failures.NO_NOTEBOOK)) from None
    notebook.metadata = NotebookNode(
        kernelspec={"name": KERNEL_NAME, "display_name": KERNEL_NAME, "language": "python"},
        language_info={"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
    )
    notebook.cells = [cell for cell in notebook.cells if _INJECTED not in _tags(cell)]
    for cell in notebook.cells:
        tags = cell.metadata.setdefault("tags", [])  # papermill takes them for given
        tags += _SKIPPED_BY if _SKIPPED in tags else ()
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def parameterize(notebook: NotebookNode, parameters: dict[str, Any]) -> NotebookNode:
    """Return the notebook with a cell that sets the parameters, behind the one tagged `parameters`."""
    if not parameters:
        return notebook
    notebook.metadata["papermill"] = {}
    made: NotebookNode = parameterize_notebook(
        notebook, parameters, kernel_name=KERNEL_NAME, language="python"
    )
    return made


def render(notebook: NotebookNode, task: dict[str, Any], sources: Sources) -> bytes:
    """Return the page as a ZIP; raise `FailedError`."""
    terms = Terms(task["title"], task["language"], task["licence"], task["source"])
    try:
        offers = take_offers(notebook)
        data_files = make_files(offers, terms)
        made = make_page(
            notebook,
            title=task["title"],
            language=task["language"],
            datasets=sources.datasets,
            data_until=sources.data_until,
            time_zone=task["time_zone"],
        )
    except OfferError as error:
        raise FailedError(Failure(str(error))) from None
    # Outputs are the notebook's own and may be of any form: whatever fails on them ends this page alone.
    except Exception:
        logging.getLogger(__name__).exception("A page could not be rendered")
        raise FailedError(Failure(page_failures.NOT_RENDERED)) from None
    if made.foreign:
        raise FailedError(page_failures.make_foreign_failure(made.foreign))
    files = tuple(PageFile(name, make_digest(content), len(content)) for name, content in data_files.items())
    page = dataclasses.replace(
        made.page,
        simulated=sources.simulated,
        data=tuple(offer.data for offer in offers),
        files=tuple(sorted((*made.page.files, *files), key=lambda file: file.name)),
    )
    return pack(page, {**made.contents, **data_files})


def pack(page: Page, contents: dict[str, bytes]) -> bytes:
    """Return a page and its files as a ZIP; raise `FailedError` where they are too large."""
    if sum(map(len, contents.values())) > MAX_PAGE_BYTES:
        raise FailedError(Failure(page_failures.TOO_LARGE))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {PAGE_NAME: encode(page), **contents}.items():
            archive.writestr(zipfile.ZipInfo(name, date_time=_EPOCH), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _number_cells(notebook: NotebookNode) -> list[int]:
    """Return for each cell its number among the author's, counted from 1."""
    numbers, number = [], 0
    for cell in notebook.cells:
        number += _INJECTED not in _tags(cell)
        numbers.append(number)
    return numbers


def _drop_parameters_cell(notebook: NotebookNode) -> None:
    notebook.cells = [cell for cell in notebook.cells if _INJECTED not in _tags(cell)]


def _tags(cell: NotebookNode) -> list[str]:
    tags: list[str] = cell.get("metadata", {}).get("tags", [])
    return tags


def _end_with_server() -> None:
    # Not by `sys.stdin`: its lock, held by a waiting thread, breaks the interpreter's end.
    os.read(0, 1)
    families.end_own_descendants()
    os._exit(1)


if __name__ == "__main__":
    main()
