"""What portal, publisher and runner agree on about interactive views.

A visitor holds a *seat*: first a place in the queue, then a session of the tenant's runner. The publisher gives
seats to the portal and to nobody else; the session's page is had once, for its *ticket*, and whatever that page
asks for afterwards names the session's *key*, which stands in that page alone.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from typing import Any

SECRET = "portal-publisher"  # noqa: S105 - a secret's name; portal and publisher hold it
WAITING, READY, ENDED = "waiting", "ready", "ended"
STATES = frozenset({WAITING, READY, ENDED})
SEAT = re.compile(r"[A-Za-z0-9_-]{32,64}")  # also the form of tickets and keys
KERNEL = re.compile(r"[0-9a-f]{32}")

# Why a seat has come to its end, or there was none; the portal has a sentence for each.
REASONS = frozenset({"full", "gone", "failed", "idle", "over", "left", "ended"})

MAX_SESSIONS = 20  # of a tenant's runner at once; more cannot stand in the tenant's file
MAX_TOGETHER = 60  # which the portal carries at once; more cannot be set

HEARTBEAT_SECONDS = 10.0  # the portal asks after its seats at least so often
FORGOTTEN_SECONDS = 45.0  # a seat that nobody asks after is free again
SPARE_SECONDS = 600.0  # a session that was made ahead waits so long for a visitor
LEAVE_SECONDS = 30.0  # a session whose connection is broken may be taken up again within this time
CLOSED_BY_US = 4000  # closing code of a connection whose session has ended; the reason is one of `REASONS`


@dataclass(frozen=True)
class LiveSeat:
    """A visitor's seat; `runner`, `ticket` and `key` are set while it is `READY`, `reason` once it has `ENDED`."""

    id: str
    state: str
    position: int = 0  # in the queue, counted from 1; 0 while the session is being prepared
    runner: str = ""  # address of the tenant's runner, with a slash at its end
    ticket: str = ""
    key: str = ""
    reason: str = ""


def encode_seat(seat: LiveSeat) -> dict[str, Any]:
    """Return plain values for JSON."""
    return dataclasses.asdict(seat)


def decode_seat(content: bytes) -> LiveSeat:
    """Return the seat that `encode_seat` took apart; raise `ValueError`, `TypeError` for anything else."""
    values = json.loads(content)
    if not isinstance(values, dict):
        raise TypeError("not an object")
    seat = LiveSeat(**values)
    secrets = (seat.id, *((seat.ticket, seat.key) if seat.state == READY else ()))
    if seat.state not in STATES or not all(SEAT.fullmatch(secret) for secret in secrets):
        raise ValueError("not a seat")
    return seat


def make_page_name(tenant: str, slug: str) -> str:
    """Return the name of a page, for which a session is prepared and a ticket is good."""
    return f"{tenant}/{slug}"


def make_session_path(page: str, key: str) -> str:
    """Return the path below which visitors reach a session."""
    return f"/{page}/live/session/{key}/"
