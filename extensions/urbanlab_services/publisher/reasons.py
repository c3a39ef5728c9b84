"""Why somebody decided as they did, in their own words."""

from __future__ import annotations

from urbanlab_services.errors import InvalidRequestError

MAX_REASON = 500


def check_reason(reason: str) -> str:
    """Return a reason without blanks around it; raise `InvalidRequestError` where there is none, or too much."""
    reason = reason.strip()
    if not reason or len(reason) > MAX_REASON:
        raise InvalidRequestError(f"Give a reason, in up to {MAX_REASON} characters.")
    return reason
