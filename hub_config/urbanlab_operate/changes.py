"""How a reconciler changes the world: one difference at a time, said in a sentence, or only said."""

from __future__ import annotations

from collections.abc import Callable

from urbanlab_operate.errors import OperateError

Report = Callable[[str], object]


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

    def note(self, sentence: str) -> None:
        """Report a change that somebody else carried out, or would carry out."""
        line = f"{self.part}: {'would ' if self.dry_run else ''}{sentence}"
        self.lines.append(line)
        self._report(line)
