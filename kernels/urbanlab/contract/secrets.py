"""Secrets: a type that does not print itself, and one file for each in a directory of their own."""

from __future__ import annotations

from pathlib import Path


class Secret:
    """A string that shows itself only to those who ask by `reveal()`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself; call it where it leaves for its one purpose and nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('**********')"

    def __str__(self) -> str:
        return "**********"


def read_secret(directory: Path, name: str) -> Secret:
    """Return the secret kept in the file `name` of `directory`; raise `FileNotFoundError` if there is none."""
    return Secret((directory / name).read_text(encoding="utf-8").strip())
