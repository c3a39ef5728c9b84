"""Instants of the hub's database, which holds them in UTC and does not say so."""

from __future__ import annotations

from datetime import UTC, datetime


def read_instant(moment: datetime) -> datetime:
    """Return the instant with its time zone."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
