"""The warehouse's list of what you may read, as it sends it."""

from __future__ import annotations

import json
from typing import Any

from urbanlab.errors import SessionError, WarehouseDownError
from urbanlab.session import Session

TIMEOUT_SECONDS = 30


def fetch_entries(session: Session) -> list[dict[str, Any]]:
    """Return one entry for each dataset that the session may read; raise an `UrbanlabError` if there is no list."""
    import urllib3

    from urbanlab.signed_pool import make_pool

    address = f"{session.warehouse_url.rstrip('/')}/catalog"
    with make_pool(session.credentials) as pool:
        try:
            response = pool.request("GET", address, timeout=TIMEOUT_SECONDS)
        except urllib3.exceptions.HTTPError:
            raise WarehouseDownError(
                "The warehouse does not answer at the moment. Try again in a few seconds."
            ) from None
    if response.status in {401, 403}:
        raise SessionError("The warehouse no longer knows this session: log in again.")
    if response.status != 200:
        raise WarehouseDownError(
            f"The warehouse gave no catalogue (status {response.status}). Try again in a moment."
        )
    entries: list[dict[str, Any]] = json.loads(response.data)["datasets"]
    return entries
