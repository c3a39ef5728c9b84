"""The hub's log: one JSON object a line, no secret in it, whichever library wrote it, and addresses that count."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from jupyterhub.log import log_request

from urbanlab_hub.client_address import Network, find_client_address

STARS = "**********"
# What follows one of these names is for nobody to read: in addresses, forms, JSON, headers and reprs alike. Anybody
# chooses the text: no word of it may be looked at again from each of its letters, or a long one would stop the hub.
_NAMED = re.compile(
    r"""(?i)(                                        # the name, and whatever separates it from the value
        (?:token|secret|password|cookie|ticket|\b(?:code|state|nonce|session_state|id_token_hint))
        ["']?\s*+(?:=|:)\s*+["']?
        |\bauthorization["']?\s*+[:=]\s*+["']?(?:bearer|token|basic)\s++
        |\b(?:bearer|token|basic)\s(?=[\w.~+/=-]{16})
    )([\w.~+/=%-]{8,}+)""",
    re.VERBOSE,
)
# A signed token has this form wherever it stands.
_SIGNED = re.compile(r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]++\.[\w-]*+")


def conceal(text: str) -> str:
    """Return `text` with stars in the place of tokens, codes and passwords."""
    return _NAMED.sub(rf"\g<1>{STARS}", _SIGNED.sub(STARS, text))


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON, also where the message or the traceback has several."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": conceal(record.getMessage()),
        }
        if record.exc_info:
            line["traceback"] = conceal(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def make_request_log(trusted: Sequence[Network]) -> Callable[[Any], None]:
    """Return what writes JupyterHub's line about each request, with the address of the browser behind `trusted`."""

    def log(handler: Any) -> None:
        request = handler.request
        peer = request.connection.context.address
        forwarded = request.headers.get("X-Forwarded-For", "")
        request.remote_ip = find_client_address(peer[0], forwarded, trusted)
        log_request(handler)

    return log
