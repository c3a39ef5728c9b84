"""The system's Chromium, as a phone."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Request

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "locale": "de-DE",
}


def count_bytes(requests: list[Request]) -> int:
    """Return the bytes that answers took on their way, headers and packed contents."""
    sizes = [request.sizes() for request in requests]
    return sum(size["responseHeadersSize"] + size["responseBodySize"] for size in sizes)
