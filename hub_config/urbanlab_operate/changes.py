"""How a reconciler changes the world: one difference at a time, said in a sentence, or only said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from urbanlab_operate.errors import OperateError

Item = TypeVar("Item")
Report = Callable[[str], object]


def say(line: str) -> None:
    """Print a line so that it is seen at once, also in a file or by another program."""
    print(line, flush=True)


class ApplyError(OperateError):
    """What stopped a reconciler: one sentence that names the system and what to do."""


class Changes:
    """Carries out the changes of one part and reports each; in a dry run it only reports."""

    def __init__(self, part: str, *, dry_run: bool, report: Report) -> None:
        self.part = part
        self.dry_run = dry_run
        self.lines: list[str] = []
        self._report = report

    def make(self, sentence: str, action: Callable[[], object]) -> None:
        """Carry out `action`, which does what `sentence` says, and report it once it is done."""
        if not self.dry_run:
            action()
        self.note(sentence)

    def make_all(
        self, items: Sequence[tuple[str, Item]], action: Callable[[list[Item]], object], most: int
    ) -> None:
        """Carry out what belongs to each sentence, up to `most` at once, and report each once it is done."""
        for start in range(0, len(items), most):
            some = items[start : start + most]
            if not self.dry_run:
                action([item for _, item in some])
            for sentence, _ in some:
                self.note(sentence)

    def note(self, sentence: str) -> None:
        """Report a change that somebody else carried out, or would carry out."""
        line = f"{self.part}: {'would ' if self.dry_run else ''}{sentence}"
        self.lines.append(line)
        self._report(line)
