"""How large a file may be for this kernel."""

from __future__ import annotations

from urbanlab.errors import LoadError
from urbanlab.memory import find_room

# Whatever the kernel has: one reads more than this in parts.
MOST_BYTES = 1_000_000_000
# Beside a file's content stand its cells as text, the understood columns and what is sent.
_COPIES = 4


def find_most_bytes() -> int:
    """Return how many bytes of content this kernel can take."""
    return min(MOST_BYTES, find_room() // _COPIES)


def check_size(
    name: str, size: int, advice: str = "split it, or load it in parts", *, most: int | None = None
) -> None:
    """Raise `LoadError` if a content of so many bytes is more than `most`, else than what this kernel can take."""
    most = find_most_bytes() if most is None else most
    if size > most:
        raise LoadError(
            f"{name} takes {size // 10**6} MB, and this kernel has room for {most // 10**6} MB: {advice}."
        )
