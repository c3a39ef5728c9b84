"""What a client asks beside the statement: arguments and headers of ClickHouse's HTTP interface."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from urbanlab_services.warehouse.codings import choose_coding
from urbanlab_services.warehouse.errors import SUPPORT_IS_DISABLED, UNKNOWN_FORMAT, WarehouseError
from urbanlab_services.warehouse.policy import check_settings
from urbanlab_services.warehouse.policy_names import OUTPUT_FORMATS

# Arguments that are no settings: read here or elsewhere, or without a meaning at this gateway.
_KNOWN = frozenset(
    {
        *("query", "user", "password", "database", "default_format", "query_id", "enable_http_compression"),
        *("session_id", "session_timeout", "session_check", "close_session", "quota_key", "stacktrace"),
        *("wait_end_of_query", "buffer_size", "send_progress_in_http_headers", "client_protocol_version"),
        *("http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close"),
        *("http_write_exception_in_output_format", "add_http_cors_header", "readonly"),
    }
)
# Arguments whose meaning would be missed: they are refused unless they ask for nothing.
_UNSUPPORTED = {
    "compress": "compress=1 is not available; send Accept-Encoding and enable_http_compression=1",
    "decompress": "decompress=1 is not available; send Content-Encoding",
    "role": "The role follows from the credential and cannot be chosen",
}
_OFF = ("", "0", "false")
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
    is_coded = values.get("enable_http_compression", "").lower() not in _OFF
    query_id = values.get("query_id", "")
    return Arguments(
        query=values.get("query", ""),
        database=values.get("database") or headers.get("X-ClickHouse-Database", ""),
        format=_check_format(values.get("default_format") or headers.get("X-ClickHouse-Format", "")),
        query_id=query_id if _QUERY_ID.fullmatch(query_id) else str(uuid.uuid4()),
        coding=choose_coding(headers.get("Accept-Encoding", "")) if is_coded else "",
        readonly=method == "GET" or values.get("readonly", "0") not in _OFF,
        parameters={
            name.removeprefix("param_"): value for name, value in values.items() if name.startswith("param_")
        },
        settings=settings,
    )


def _check_format(name: str) -> str:
    if name and name not in OUTPUT_FORMATS:
        raise WarehouseError(UNKNOWN_FORMAT, f"The format {name[:40]} is not available in this warehouse")
    return name
