"""Connections of chDB that are made ready ahead: a statement need not wait until its role has been taken."""

from __future__ import annotations

import threading
from collections.abc import Callable

from chdb.state.sqlitelike import Connection

MOST = 32
MOST_ALIKE = 4


class Spares:
    """Keeps a few connections of each kind that was asked for lately; any thread may ask."""

    def __init__(self) -> None:
        self._ready: dict[tuple[str, ...], list[Connection]] = {}
        self._lock = threading.Lock()

    def take(self, kind: tuple[str, ...], make: Callable[[], Connection]) -> Connection:
        """Return a connection that was made ready by `make`, now or earlier; it is the caller's."""
        with self._lock:
            ready = self._ready.pop(kind, None)
            spare = ready.pop() if ready else None
            # At the end again: what is asked for stays longest.
            self._ready[kind] = ready or []
        return spare or make()

    def has_room(self, kind: tuple[str, ...]) -> bool:
        """Whether another one of this kind is worth making."""
        return len(self._ready.get(kind, ())) < MOST_ALIKE

    def put(self, kind: tuple[str, ...], connection: Connection) -> None:
        """Keep a connection, or close it if there are enough; the kind not asked for longest makes room."""
        with self._lock:
            ready = self._ready.setdefault(kind, [])
            ready.append(connection)
            closed = [ready.pop(0)] if len(ready) > MOST_ALIKE else []
            while sum(map(len, self._ready.values())) > MOST:
                closed += self._ready.pop(next(iter(self._ready)))
        for connection in closed:
            connection.close()

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            ready, self._ready = self._ready, {}
        for connection in [connection for connections in ready.values() for connection in connections]:
            connection.close()
