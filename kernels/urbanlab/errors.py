"""What can go wrong, in words an analyst can act on.

UrbanlabError
├── SessionError              not in Urban Lab, or the session has ended
│   └── CredentialsDownError  the tokens service does not answer; trying again helps
├── WarehouseError            a query that failed
│   ├── QuerySyntaxError      the text is no SQL; says where
│   ├── ParameterError        a parameter that is missing, unused or of no known type
│   ├── UnknownTableError     no such table, or not yours; names similar ones
│   ├── UnknownColumnError    no such column
│   ├── AccessDeniedError     something your role may not do
│   ├── LimitError            stopped by a limit; says which
│   └── WarehouseDownError    the warehouse does not answer
├── DatasetNotFoundError      no dataset of that name; names similar ones
├── StreamError               a topic that cannot be read
│   └── TopicNotFoundError    no topic of that name, or not yours; names similar ones
├── NotReleasedError          in a publication, each of the three above: what is not released as open data
├── PublishError              a notebook that cannot be handed in, or data that cannot be asked for
├── LoadError                 a table that cannot be loaded
│   └── FileFormatError       a file that is not what its name says
└── MapError                  something that cannot be drawn
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UrbanlabError(Exception):
    """The root of all errors of `urbanlab`; its text is a sentence and holds no secret."""

    def _render_traceback_(self) -> list[str]:
        # Jupyter shows this in place of forty lines of our own calls; the cell's own line is what helps.
        return [f"{type(self).__name__}: {self}"]


class SessionError(UrbanlabError):
    """Not in Urban Lab, or the session has ended."""


class CredentialsDownError(SessionError):
    """The service that gives credentials does not answer; trying again helps."""


class WarehouseError(UrbanlabError):
    """A query that failed; `code` is ClickHouse's number of the error, where it gave one."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class QuerySyntaxError(WarehouseError):
    """The text is no SQL."""


class ParameterError(WarehouseError):
    """A parameter that is missing, unused or of no known type."""


class UnknownTableError(WarehouseError):
    """No such table, or not yours."""


class UnknownColumnError(WarehouseError):
    """No such column."""


class AccessDeniedError(WarehouseError):
    """Something your role may not do."""


class LimitError(WarehouseError):
    """Stopped by a limit."""


class WarehouseDownError(WarehouseError):
    """The warehouse does not answer."""


class DatasetNotFoundError(UrbanlabError):
    """No dataset of that name."""


class StreamError(UrbanlabError):
    """A topic that cannot be read."""


class TopicNotFoundError(StreamError):
    """No topic of that name, or not yours."""


class NotReleasedError(DatasetNotFoundError, UnknownTableError, TopicNotFoundError):
    """In a publication: data that is not released as open data; `names` are as the notebook wrote them.

    The first line of its text is for the runner, which collects what has to be released first.
    """

    def __init__(self, *names: str, advice: str = "", code: int | None = None) -> None:
        super().__init__(
            f"Not released as open data: {', '.join(names)}\nA publication reads open data only. Ask for the "
            f"release of this data; once a gatekeeper has released it, the notebook runs unchanged.{advice}",
            code,
        )
        self.names = names


class PublishError(UrbanlabError):
    """A notebook that cannot be handed in, or data that cannot be asked for."""


class LoadError(UrbanlabError):
    """A table that cannot be loaded."""


class FileFormatError(LoadError):
    """A file that is not what its name says."""


class MapError(UrbanlabError):
    """Something that cannot be drawn."""


def suggest(name: str, names: Iterable[str]) -> str:
    """Return a sentence that names what `name` may have meant, or lists what there is, or nothing."""
    known = sorted(set(names))
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if close:
        return f" Did you mean {' or '.join(close)}?"
    if known:
        return f" There is {', '.join(known[:12])}{' and more' if len(known) > 12 else ''}."
    return ""
