"""What goes wrong at the warehouse, in ClickHouse's terms, and what of it a client may read."""

from __future__ import annotations

import re

from urbanlab_services.errors import ServiceError
from urbanlab_services.warehouse.limits import explain_limit

# ClickHouse's own numbers: clients know them.
UNKNOWN_FORMAT, UNKNOWN_SETTING, SYNTAX_ERROR, BAD_REQUEST = 73, 115, 62, 36
UNKNOWN_TABLE, ACCESS_DENIED, AUTHENTICATION_FAILED = 60, 497, 516
TOO_MANY_QUERIES, SUPPORT_IS_DISABLED, NETWORK_ERROR, CANCELLED = 202, 344, 210, 394
UNKNOWN_DATABASE, TIMEOUT, MEMORY, UNKNOWN_EXCEPTION, READONLY = 81, 159, 241, 1002, 164
SESSION_NOT_FOUND, SESSION_IS_LOCKED, SAME_ID_IS_RUNNING, TOO_LARGE = 372, 373, 216, 307
NOT_ENOUGH_SPACE = 243
# What the engine says of files that are not what it wrote: of a checksum, the end of a file, a file, a codec.
DAMAGED = frozenset({40, 33, 226, 271, 432})

_CODE_NAMES = {
    UNKNOWN_FORMAT: "UNKNOWN_FORMAT",
    UNKNOWN_SETTING: "UNKNOWN_SETTING",
    SYNTAX_ERROR: "SYNTAX_ERROR",
    BAD_REQUEST: "BAD_ARGUMENTS",
    UNKNOWN_TABLE: "UNKNOWN_TABLE",
    ACCESS_DENIED: "ACCESS_DENIED",
    AUTHENTICATION_FAILED: "AUTHENTICATION_FAILED",
    TOO_MANY_QUERIES: "TOO_MANY_SIMULTANEOUS_QUERIES",
    SUPPORT_IS_DISABLED: "SUPPORT_IS_DISABLED",
    NETWORK_ERROR: "NETWORK_ERROR",
    CANCELLED: "QUERY_WAS_CANCELLED",
    NOT_ENOUGH_SPACE: "NOT_ENOUGH_SPACE",
    UNKNOWN_EXCEPTION: "UNKNOWN_EXCEPTION",
    READONLY: "READONLY",
    SESSION_NOT_FOUND: "SESSION_NOT_FOUND",
    SESSION_IS_LOCKED: "SESSION_IS_LOCKED",
    SAME_ID_IS_RUNNING: "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING",
    TOO_LARGE: "TOO_MANY_BYTES",
}
_STATUSES = {
    AUTHENTICATION_FAILED: 401,
    ACCESS_DENIED: 403,
    READONLY: 403,
    UNKNOWN_TABLE: 404,
    TOO_MANY_QUERIES: 429,
    UNKNOWN_EXCEPTION: 500,
    NETWORK_ERROR: 500,
}

# Where ClickHouse's HTTP interface has another status than 400 for what a statement may have wrong.
HTTP_STATUSES = {
    **dict.fromkeys((46, 47, 50, 56, UNKNOWN_DATABASE, UNKNOWN_FORMAT, UNKNOWN_SETTING), 404),
    48: 501,  # NOT_IMPLEMENTED
}

# One sentence for what does not exist and for what is another's: nobody learns which.
_NOT_THERE = "There is no such table or database, or it is none of yours"
_IS_DAMAGED = (
    "A part of what this statement reads is damaged on the disk, so nothing of it is given out; the operator "
    "sees by `urbanlab status` which table it is, and restores it from a backup"
)
_CODE = re.compile(r"Code: (\d+)\. ")
_NAME = re.compile(r"\(([A-Z0-9_]+)\)")


class WarehouseError(ServiceError):
    """A refusal or failure with ClickHouse's code; the message is safe to show."""

    def __init__(self, number: int, message: str, *, name: str = "", status: int = 0) -> None:
        super().__init__(message, code=name or _CODE_NAMES.get(number, "ERROR"))
        self.number = number
        self.status = status or _STATUSES.get(number, 400)

    def to_text(self) -> str:
        """Return the body that ClickHouse would send."""
        return f"Code: {self.number}. DB::Exception: {self.message}. ({self.code})\n"


def make_not_there(name: str) -> WarehouseError:
    """Return the one answer for a table that does not exist and for one that is another's."""
    return WarehouseError(UNKNOWN_TABLE, f"{_NOT_THERE}: {name}")


def make_unavailable() -> WarehouseError:
    """Return the answer while the engine is away; a client may ask again."""
    message = "The warehouse is restarting and did not come back within a few seconds; please try again"
    return WarehouseError(NETWORK_ERROR, message, status=503)


def make_uncertain() -> WarehouseError:
    """Return the answer for a change during which the engine went away: nobody may repeat it blindly."""
    message = (
        "The warehouse was restarted while it took this change, so it may be stored in part; "
        "look before you send it again"
    )
    return WarehouseError(NETWORK_ERROR, message)


def from_engine(text: str, statement: str | None = None) -> WarehouseError:
    """Return the error for what chDB said, without paths, guesses at other tables and the version.

    Where the `statement` is given, no table is named that it does not name: views read some that are others'.
    """
    code = _CODE.search(text)
    number = int(code[1]) if code else UNKNOWN_EXCEPTION
    names = _NAME.findall(text)
    name = names[-1] if names else ""
    if number in (UNKNOWN_TABLE, UNKNOWN_DATABASE, ACCESS_DENIED):
        subject = _find_subject(text)
        is_named = statement is None or subject in statement
        return WarehouseError(
            UNKNOWN_TABLE, f"{_NOT_THERE}: {subject}" if subject and is_named else _NOT_THERE
        )
    if number in DAMAGED and "/store/" in text:
        return WarehouseError(number, _IS_DAMAGED, name=name, status=500)
    limit = explain_limit(number, text)
    if limit is not None:
        return WarehouseError(number, limit, name=name)
    if number == 344 and "Interpreting expressions" in text:
        hint = "VALUES takes plain values; write expressions as INSERT INTO … SELECT …"
        return WarehouseError(number, hint, name=name)
    return WarehouseError(number, _clean(text), name=name)


def _find_subject(text: str) -> str:
    quoted = re.search(r"(?:identifier '([^']+)'|(?:Table|Database) ([\w.`]+) |ON ([\w.`*]+))", text)
    return next(part for part in quoted.groups() if part).rstrip(".") if quoted else ""


def _clean(text: str) -> str:
    text = re.sub(
        r"^(Streaming (query|insert \w+) failed: )?(Code: \d+\. )?(DB::Exception: )?", "", text.strip()
    )
    text = re.sub(r"^(Code: \d+\. DB::Exception: )", "", text)
    text = re.sub(r"\.? ?\(version [^)]*\)", "", text)
    text = re.sub(r"\.? ?\([A-Z0-9_]+\)\s*$", "", text)
    text = re.sub(r"[.,;:]? ?[Mm]aybe you meant:? .*?(?=$|\. )", "", text, flags=re.DOTALL)
    # What a view reads is not for everybody who reads the view.
    text = re.sub(r"[.,;:]? ?In scope .*", "", text, flags=re.DOTALL)
    # The engine names the folder that a part lies in.
    text = re.sub(r"\s*\(while reading from part [^)]*\)", "", text)
    text = re.sub(r"(?<![\w'])/[\w.~-]+(/[\w.~-]+)+/?", "…", text)
    return text.strip().rstrip(".") or "The statement failed"
