"""What each program hands over: named figures, ours beside the peer's of the same run, as rows of Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

HEAD = "| figure | Urban Lab | peer | peer is |\n|---|---:|---:|---|"


@dataclass(frozen=True)
class Figure:
    """One figure with its unit; without a peer there is nothing that does the same."""

    name: str
    ours: str
    peer: str = "–"
    against: str = "–"

    def to_row(self) -> str:
        """Return the figure as a row of a Markdown table."""
        return f"| {self.name} | {self.ours} | {self.peer} | {self.against} |"


def print_figures(figures: Iterable[Figure]) -> None:
    """Print a whole table."""
    print(HEAD)
    for figure in figures:
        print(figure.to_row(), flush=True)


def show_milliseconds(seconds: Iterable[float]) -> str:
    """Return the median as milliseconds."""
    milliseconds = median(seconds) * 1000
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"


def show_seconds(seconds: Iterable[float]) -> str:
    """Return the median as seconds."""
    return f"{median(seconds):.2f} s"
