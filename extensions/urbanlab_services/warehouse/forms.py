"""A form instead of a bare body: arguments that are too long for an address, and files with external data."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tornado.httputil import HTTPFile, HTTPInputError, parse_body_arguments

from urbanlab_services.warehouse.errors import BAD_REQUEST, TOO_LARGE, WarehouseError

MAX_FORM_BYTES = 32 << 20  # all of it lies in memory


@dataclass(frozen=True)
class Form:
    """What a form holds."""

    values: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


async def read_form(content_type: str, body: AsyncIterator[bytes]) -> Form:
    """Return what the body holds; raise `WarehouseError` for one that is too long or damaged."""
    content = bytearray()
    async for piece in body:
        content += piece
        if len(content) > MAX_FORM_BYTES:
            raise WarehouseError(
                TOO_LARGE,
                f"A form holds {MAX_FORM_BYTES >> 20} MiB at most; load more into a table of the workshop",
            )
    fields: dict[str, list[bytes]] = {}
    files: dict[str, list[HTTPFile]] = {}
    try:
        parse_body_arguments(content_type, bytes(content), fields, files)
    except HTTPInputError:
        raise WarehouseError(BAD_REQUEST, "The form is damaged") from None
    return Form(
        {name: items[-1].decode("utf-8", "replace") for name, items in fields.items()},
        {name: items[-1].body for name, items in files.items()},
    )
