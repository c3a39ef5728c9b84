"""How a page failed, in a sentence that its owner may be shown: no traceback, no credential."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_SENTENCE = 500
MAX_NEEDS = 20
MAX_HOSTS = 10
# A kernel's error of this name lists what is to be released first; see `urbanlab.errors.NotReleasedError`.
NOT_RELEASED = "NotReleasedError"
_NEEDS_PREFIX = "Not released as open data: "
_TABLE = re.compile(r"\w[\w.-]{0,120}")

_NO_MODULE = re.compile(r"No module named '([\w.]{1,100})'")
_NO_BACKEND = re.compile("is not a recognised GUI loop or backend name")
# Error -> what else is to be known of it.
HINTS = {
    "FileNotFoundError": "a page has the files that were handed in with its notebook, all in one folder",
    "backend": "figures of a page are pictures: write `%matplotlib inline`",
    **dict.fromkeys(
        ("URLError", "ConnectionError", "ConnectTimeout", "ConnectError", "gaierror"),
        "a page reads nothing from the network: load it as a dataset, or hand it in as a file",
    ),
}

_ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_CREDENTIAL = re.compile(r"(?<![\w-])eyJ[\w-]++\.[\w-]++\.[\w-]++")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

NO_NOTEBOOK = "what was sent is no notebook that can be read"
KERNEL_ENDED = "the kernel ended by itself; it may have used more memory than it is given"
TOO_MUCH = "the notebook wrote more than the 20 MB of output that a page may have"
NO_ANSWER = "the kernel sent something that is no output, or stopped answering"
NOT_RENDERED = "the notebook ran, but what it shows could not be made into a page"
TOO_LARGE = "the page would be larger than the 50 MB that it may have"
NOT_STARTED = "the kernel could not be started"


@dataclass(frozen=True)
class Failure:
    """`needs` names what is to be released as open data before the notebook can run."""

    error: str
    needs: tuple[str, ...] = ()


def make_failure(ename: str, evalue: str) -> Failure:
    """Return the failure that an error of a cell means."""
    missing = _NO_MODULE.search(evalue) if ename == "ModuleNotFoundError" else None
    if missing:
        return make_missing_failure([missing[1].partition(".")[0]])
    hint = HINTS.get("backend" if _NO_BACKEND.search(evalue) else ename, "")
    said = make_sentence(f"{ename}: {evalue}")
    return Failure(make_sentence(f"{said} ({hint})") if hint else said, find_needs(ename, evalue))


def make_foreign_failure(hosts: Sequence[str]) -> Failure:
    """Return the failure of a page that would load something from others."""
    named = ", ".join(hosts[:MAX_HOSTS])
    return Failure(make_sentence(f"a page takes nothing from third parties, but this one would: {named}"))


def make_missing_failure(names: Iterable[str]) -> Failure:
    """Return the failure of a notebook that imports what the kernel does not have."""
    named = ", ".join(names)
    return Failure(make_sentence(f"the kernel of public pages does not have what is imported here: {named}"))


def make_sentence(text: str) -> str:
    """Return a text without escapes and credentials, cut where it is long."""
    for pattern, replacement in ((_ESCAPE, ""), (_CREDENTIAL, "***"), (_CONTROL, " ")):
        text = pattern.sub(replacement, text)
    return text if len(text) <= MAX_SENTENCE else text[: MAX_SENTENCE - 1] + "…"


def find_needs(ename: str, evalue: str) -> tuple[str, ...]:
    """Return the names that an error lists as not released."""
    first, *_ = evalue.splitlines() or [""]
    if ename != NOT_RELEASED or not first.startswith(_NEEDS_PREFIX):
        return ()
    return _clean(first.removeprefix(_NEEDS_PREFIX).split(", "))


def _clean(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if _TABLE.fullmatch(name)))[:MAX_NEEDS]
