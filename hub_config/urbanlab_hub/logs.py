"""The hub's log: one JSON object a line, and no secret in it, whichever library wrote the line."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime

STARS = "**********"
# What follows one of these names is for nobody to read: in addresses, forms, JSON, headers and reprs alike.
_NAMED = re.compile(
    r"""(?i)\b(                                        # the name, and whatever separates it from the value
        (?:[\w-]*(?:token|secret|password|cookie|ticket)|code|state|nonce|session_state|id_token_hint)
        ["']?\s*(?:=|:\s?)\s*["']?
        |authorization["']?\s*[:=]\s*["']?(?:bearer|token|basic)\s+
        |(?:bearer|token|basic)\s(?=[\w.~+/=-]{16})
    )([\w.~+/=%-]{8,})""",
    re.VERBOSE,
)
_SIGNED = re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*")  # a signed token has this form wherever it stands


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
