"""What the portal counts: nothing about a visitor, and no tenant's name in a label."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "urbanlab_portal_requests", "Answers by kind of address and class of status", ("kind", "status")
)
SECONDS = Histogram(
    "urbanlab_portal_seconds",
    "How long answers took",
    ("kind",),
    buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2, 10),
)
KEPT_BYTES = Gauge("urbanlab_portal_kept_bytes", "Contents that are kept in memory")
LIVE = Gauge("urbanlab_portal_live_connections", "Interactive views that are connected")
CONNECTIONS = Gauge("urbanlab_portal_connections", "Connections that are open")
