"""The files that a page consists of, each kept once and addressed by its digest."""

from __future__ import annotations

from urbanlab.contract.publications import PageFile, make_digest

# What is smaller stays in the page: a request would cost more.
MIN_IMAGE_BYTES = 4096


class Files:
    """Collects files; the same bytes are one file."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}  # digest, ending -> name
        self.contents: dict[str, bytes] = {}

    def add(self, kind: str, content: bytes, ending: str) -> str:
        """Keep a file and return its address."""
        name = self._names.get((make_digest(content), ending)) or f"{kind}-{len(self._names) + 1}.{ending}"
        return self.keep(name, content)

    def keep(self, name: str, content: bytes) -> str:
        """Keep a file under a name of its own; return its address relative to the page, ``files/DIGEST.ENDING``."""
        digest, ending = make_digest(content), name.rpartition(".")[2]
        self._names[digest, ending] = name
        self.contents[name] = content
        return f"files/{digest}.{ending}"

    def list_files(self) -> tuple[PageFile, ...]:
        """Return what the contract says about each file, sorted by name."""
        return tuple(
            PageFile(name, make_digest(content), len(content))
            for name, content in sorted(self.contents.items())
        )
