"""Why there is no interactive view; each becomes a page that leads back to what can always be read."""

from __future__ import annotations

from urbanlab.contract.live import REASONS
from urbanlab_portal.errors import PortalError


class LiveError(PortalError):
    """Its `kind` names the words in templates/error.html."""


class BusyError(LiveError):
    """There is none now: all places are taken, or who prepares them is away."""

    status = 503

    def __init__(self, reason: str = "away") -> None:
        super().__init__(reason)
        self.kind = f"live-{reason}"


class EndedError(LiveError):
    """It has come to its end, or its ticket was used."""

    status = 410

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        known = {*REASONS, "spent"}
        self.kind = f"live-{reason if reason in known else 'ended'}"


class LivePrefetchError(LiveError):
    """A browser asks for a view that nobody has asked for yet."""

    status, kind = 503, "live-prefetch"
