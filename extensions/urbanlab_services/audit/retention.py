"""Takes away what entries said whose time is over; their lines keep the head by which the chain holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from urbanlab_services.audit.index import Index
from urbanlab_services.audit.log import Log


def expire(log: Log, index: Index, found: Iterable[tuple[str, int]]) -> None:
    """Empty lines, each given as its file and number; a log entry that permits it is there already."""
    by_file: dict[str, set[int]] = {}
    for file, seq in found:
        by_file.setdefault(file, set()).add(seq)
    for file, over in by_file.items():
        lines = [line for line, _ in log.read_file(file)]
        # First: a crash in between leaves an index that lacks lines, and is made again, not one that is wrong.
        index.forget(file)
        log.replace(
            file, [dataclasses.replace(line, body=None) if line.seq in over else line for line in lines]
        )
        index.take_file(log, file)
