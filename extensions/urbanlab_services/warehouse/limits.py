"""What a statement that reached a limit is told: which limit, its value, what to do, and who can change it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from urbanlab.contract.records import WarehouseLimits


@dataclass(frozen=True)
class _Limit:
    subject: str
    setting: str  # of the engine
    key: str  # below `warehouse` in the tenant's file
    advice: str


_READ_LESS = (
    "ask for a shorter time in WHERE, with the column that the table is ordered by, or for fewer columns"
)
_GIVE_LESS = "count or average in the query, or take a part with LIMIT"
_LIMITS = {
    158: _Limit("rows that a statement may read", "max_rows_to_read", "read_rows", _READ_LESS),
    307: _Limit("bytes that a statement may read", "max_bytes_to_read", "read_mb", _READ_LESS),
    159: _Limit("seconds that a statement may take", "max_execution_time", "seconds", _READ_LESS),
    160: _Limit("seconds that a statement may take", "max_execution_time", "seconds", _READ_LESS),
    241: _Limit(
        "memory that a statement may use",
        "max_memory_usage",
        "memory_mb",
        "group by fewer values, join with the smaller table on the right, or sort less",
    ),
}
_ROWS = _Limit("rows of a result", "max_result_rows", "result_rows", _GIVE_LESS)
_SPILLED = _Limit(
    "disk that a statement may use while it works",
    "max_temporary_data_on_disk_size_for_query",
    "result_mb",
    "sort or group less",
)
_BYTES = _Limit("bytes of a result", "max_result_bytes", "result_mb", _GIVE_LESS)
_HELD = re.compile(r"\w+ holds [\d.]+ of \d+ MB")
_VALUE = re.compile(r"max(?:imum| rows| bytes): ([\d.]+ ?[A-Za-z]*)")
_WHO = "the operator can change it"
_EVERYBODYS_MEMORY = (
    "The warehouse has no memory left for this just now, because of what others run; try again in a moment"
)


def explain_limit(number: int, text: str) -> str | None:
    """Return the sentence for a limit that the engine names in `text`, or None where it is about none."""
    if number == 243:
        return _explain_full(text)
    if number == 241 and "otal)" in text:
        return _EVERYBODYS_MEMORY
    limit = _find_result_limit(text) if number == 396 else _LIMITS.get(number)
    # Under the same numbers there are sentences of our own.
    if limit is None or not ("exceeded" in text or number == 160):
        return None
    value = _VALUE.search(text)
    held = f"{limit.setting} = {value[1].strip()}" if value else limit.setting
    return (
        f"The limit on {limit.subject} was reached ({held}): {limit.advice}; "
        f"{_WHO} (warehouse.{limit.key} in the tenant's file)"
    )


def _find_result_limit(text: str) -> _Limit:
    if "emporary" in text:
        return _SPILLED
    return _BYTES if "max bytes" in text else _ROWS


def _explain_full(text: str) -> str | None:
    held = _HELD.search(text)
    if held is None:
        return None
    return (
        f"The limit on disk space was reached: {held[0]}. Drop or empty tables that nobody needs (DROP TABLE, "
        f"TRUNCATE TABLE), or delete rows; {_WHO} (warehouse.data_mb in the tenant's file, for the workshop "
        "warehouse.lab_mb). Of an INSERT that had begun, what was written stays"
    )


def explain_queue(limits: WarehouseLimits, *, own: bool, seconds: float | None) -> str:
    """Return the sentence for a statement that found no place, after so many seconds or because too many wait.

    `own` says that the person alone has reached the limit, and not the whole tenant.
    """
    who, key, number = ("each person", "queries_each", limits.queries_each) if own else _of_tenant(limits)
    waited = "so many wait already" if seconds is None else f"none ended within {seconds:g} s"
    return (
        f"The limit on statements that run at once was reached ({number} for {who}, max_concurrent_queries), and "
        f"{waited}: wait until others have ended, or interrupt them; {_WHO} (warehouse.{key} in the tenant's file)"
    )


def _of_tenant(limits: WarehouseLimits) -> tuple[str, str, int]:
    return "each tenant", "queries", limits.queries


def make_full(database: str, used_mb: float, limit_mb: int) -> str:
    """Return what the engine says where a database has no room for more."""
    return f"Code: 243. DB::Exception: {database} holds {used_mb:.1f} of {limit_mb} MB. (NOT_ENOUGH_SPACE)"
