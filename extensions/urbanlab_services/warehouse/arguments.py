"""What a client asks beside the statement: arguments and headers of ClickHouse's HTTP interface."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from urbanlab_services.warehouse.codings import OWN_CODING, choose_coding
from urbanlab_services.warehouse.errors import (
    BAD_REQUEST,
    SUPPORT_IS_DISABLED,
    UNKNOWN_FORMAT,
    WarehouseError,
)
from urbanlab_services.warehouse.policy import check_settings
from urbanlab_services.warehouse.policy_names import OUTPUT_FORMATS

# Arguments that are no settings: read here or elsewhere, or without a meaning at this gateway.
_KNOWN = frozenset(
    {
        *("query", "user", "password", "database", "default_format", "query_id", "enable_http_compression"),
        *("session_id", "session_timeout", "session_check", "close_session", "quota_key", "stacktrace"),
        *("wait_end_of_query", "buffer_size", "send_progress_in_http_headers", "client_protocol_version"),
        *("compress", "decompress", "replace_running_query"),
        *("http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close"),
        *("http_write_exception_in_output_format", "add_http_cors_header", "readonly"),
    }
)
# Arguments whose meaning would be missed: they are refused unless they ask for nothing.
_UNSUPPORTED = {
    "role": "The role follows from the credential and cannot be chosen",
}
_OFF = ("", "0", "false")
COLUMNS_HEADER = "X-Urbanlab-Columns"  # asks for names and types of the columns, and answers with them
MAX_SESSION_SECONDS, SESSION_SECONDS = 3600, 60
MAX_SESSION_ID = 200
_QUERY_ID = re.compile(r"[\w.:-]{1,100}")


@dataclass(frozen=True)
class Arguments:
    """A request, taken apart."""

    query: str = ""
    database: str = ""
    format: str = ""
    query_id: str = ""
    coding: str = ""
    readonly: bool = False
    waits_for_end: bool = False  # an error has a status of its own, however late
    progress_seconds: float | None = None  # between headers that say how far the statement is
    with_columns: bool = False
    session_id: str = ""
    session_seconds: int = SESSION_SECONDS
    checks_session: bool = False
    closes_session: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


def parse_arguments(method: str, values: Mapping[str, str], headers: Mapping[str, str]) -> Arguments:
    """Return the arguments of a request; raise `WarehouseError` for those that are not available."""
    for name, sentence in _UNSUPPORTED.items():
        if values.get(name, "").lower() not in _OFF:
            raise WarehouseError(SUPPORT_IS_DISABLED, sentence)
    settings = {
        name: value
        for name, value in values.items()
        if name not in _KNOWN and name not in _UNSUPPORTED and not name.startswith("param_")
    }
    check_settings(settings)
    query_id = values.get("query_id", "")
    return Arguments(
        query=values.get("query", ""),
        database=values.get("database") or headers.get("X-ClickHouse-Database", ""),
        format=_check_format(values.get("default_format") or headers.get("X-ClickHouse-Format", "")),
        query_id=query_id if _QUERY_ID.fullmatch(query_id) else str(uuid.uuid4()),
        coding=_choose_coding(values, headers),
        readonly=method == "GET" or is_on(values, "readonly"),
        waits_for_end=is_on(values, "wait_end_of_query"),
        progress_seconds=_find_interval(values),
        with_columns=headers.get(COLUMNS_HEADER, "") == "1",
        session_id=_check_session_id(values.get("session_id", "")),
        session_seconds=min(_read_number(values, "session_timeout", SESSION_SECONDS), MAX_SESSION_SECONDS),
        checks_session=is_on(values, "session_check"),
        closes_session=is_on(values, "close_session"),
        parameters={
            name.removeprefix("param_"): value for name, value in values.items() if name.startswith("param_")
        },
        settings=settings,
    )


def is_on(values: Mapping[str, str], name: str) -> bool:
    """Whether an argument asks for something."""
    return values.get(name, "").lower() not in _OFF


def _read_number(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name) or str(default)
    if not (text.isascii() and text.isdigit()):
        raise WarehouseError(BAD_REQUEST, f"{name} is no number")
    return int(text[:12])


def _find_interval(values: Mapping[str, str]) -> float | None:
    if not is_on(values, "send_progress_in_http_headers"):
        return None
    return _read_number(values, "http_headers_progress_interval_ms", 100) / 1000


def _choose_coding(values: Mapping[str, str], headers: Mapping[str, str]) -> str:
    if is_on(values, "compress"):
        return OWN_CODING
    if is_on(values, "enable_http_compression"):
        return choose_coding(headers.get("Accept-Encoding", ""))
    return ""


def _check_session_id(name: str) -> str:
    if len(name) > MAX_SESSION_ID:
        raise WarehouseError(BAD_REQUEST, f"session_id has {MAX_SESSION_ID} characters at most")
    return name


def _check_format(name: str) -> str:
    if name and name not in OUTPUT_FORMATS:
        raise WarehouseError(UNKNOWN_FORMAT, f"The format {name[:40]} is not available in this warehouse")
    return name
