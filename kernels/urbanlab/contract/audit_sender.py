"""Sends entries to the audit log: each is on disk before anything else happens, and arrives later, in order, once.

An entry is a file in a folder of the sender's own. A thread hands the files to the writer, over its Unix socket,
and removes those that it has taken; while the writer is away they stay.
"""

from __future__ import annotations

import dataclasses
import http.client
import itertools
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from urbanlab.contract.audit import (
    INTERRUPTED,
    MAX_ENTRY_BYTES,
    Entry,
    decode_entry,
    encode_entry,
    make_entry,
)
from urbanlab.contract.audit_limits import Limits
from urbanlab.contract.files import DRAFT, write_whole

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 2.0
BATCH = 100
MAX_PAUSE_SECONDS = 5.0
FLOOD_SECONDS = 30.0  # until somebody looks whether a flood has ended
READY, BEGUN, BAD = ".json", ".begun", ".bad"


class AuditAwayError(Exception):
    """The audit log's writer does not answer, or refuses; the message is safe to show."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask_audit(
    path: Path, method: str, target: str, body: Any = None, timeout: float = TIMEOUT_SECONDS
) -> Any:
    """Return what the writer answers at its socket; raise `AuditAwayError`."""
    connection = _UnixConnection(path, timeout)
    try:
        connection.request(method, target, None if body is None else json.dumps(body).encode())
        answer = connection.getresponse()
        content = json.loads(answer.read() or b"null")
    except (OSError, http.client.HTTPException, ValueError):
        raise AuditAwayError("The audit log does not answer.") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise AuditAwayError(str((content or {}).get("error", {}).get("message", answer.status)))
    return content


class AuditSender:
    """What one process has to say; `source` is the name by which the writer knows it.

    Without a `socket` entries stay in the folder.
    """

    def __init__(self, socket_path: Path | None, folder: Path, source: str) -> None:
        self.socket_path, self.source = socket_path, source
        self._folder = folder
        self._limits = Limits()
        self._numbers = itertools.count()
        self._lock, self._wake, self._idle = threading.Lock(), threading.Event(), threading.Event()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._wake.set()
        if socket_path is not None:
            threading.Thread(target=self._deliver_always, name="audit", daemon=True).start()

    # --- writing ---

    def record(self, event: str, tenant: str, **data: Any) -> None:
        """Put an entry on disk, and on its way; raise `OSError` where the disk does not take it."""
        self._put(make_entry(event, tenant, **data), self._make_path(READY))

    def record_often(self, event: str, tenant: str, **data: Any) -> None:
        """As `record`, but no more of one person than `Limits` lets through, see `bound`."""
        bounded = self.bound(event, tenant, **data)
        if bounded is not None:
            self.record(event, tenant, **bounded)

    def bound(self, event: str, tenant: str, **data: Any) -> dict[str, Any] | None:
        """Return the data to record, or None where this is one too many.

        How many were too many is told by the next that is not, or by the last of them when the flood has ended. A
        process that ends meanwhile tells of no more.
        """
        suppressed = self._limits.count(make_entry(event, tenant, **data))
        return None if suppressed is None else {**data, "suppressed": suppressed or None}

    def record_ended_floods(self, now: float | None = None) -> None:
        """Record the last entry of each flood that has ended, with how many went before it."""
        for flood in self._limits.take_ended(now):
            before = {"suppressed": flood.count - 1} if flood.count > 1 else {}
            entry = dataclasses.replace(flood.last, data={**flood.last.data, **before})
            self._put(entry, self._make_path(READY))

    @contextmanager
    def begin(self, event: str, tenant: str, **data: Any) -> Iterator[dict[str, Any]]:
        """Put an entry on disk before the block runs, and send it when it ends, with what the block has added.

        Where the process ends in between, `recover` sends it with the outcome `interrupted`.
        """
        entry = make_entry(event, tenant, **data)
        path = self._make_path(BEGUN)
        self._put(entry, path)
        added = dict(entry.data)
        try:
            yield added
        finally:
            self._put(dataclasses.replace(entry, data=added), path)
            path.rename(path.with_suffix(READY))
            self._notify()

    def recover(self) -> None:
        """Send what a former process of this sender has begun; for senders of a single process, when they start."""
        for path in sorted(self._folder.glob(f"*{BEGUN}")):
            with suppress(ValueError):
                entry = decode_entry(json.loads(path.read_text(encoding="utf-8")))
                self._put(
                    dataclasses.replace(entry, data={"outcome": INTERRUPTED, **entry.data}),
                    path.with_suffix(READY),
                )
            path.unlink()
        for path in self._folder.glob(f"*{DRAFT}"):
            path.unlink()

    def flush(self, seconds: float = TIMEOUT_SECONDS) -> bool:
        """Wait until everything has arrived, for so long at most; return whether it has."""
        if self.socket_path is None:
            return False
        self._notify()
        return self._idle.wait(seconds) and not self._list_ready()

    def list_waiting(self) -> list[Entry]:
        """Return what has not arrived yet, the oldest first."""
        return [entry for _, entry in self._read(self._list_ready())]

    def ask(self, target: str, timeout: float = TIMEOUT_SECONDS) -> Any:
        """Return what the writer says at an address of its own, when all that was sent has arrived."""
        if self.socket_path is None:
            raise AuditAwayError("The audit log does not answer.")
        self.flush()
        return ask_audit(self.socket_path, "GET", target, timeout=timeout)

    def _make_path(self, ending: str) -> Path:
        name = f"{time.time_ns():020d}-{os.getpid():07d}-{next(self._numbers):06d}"
        return self._folder / f"{name}{ending}"

    def _put(self, entry: Entry, path: Path) -> None:
        content = encode_entry(entry).encode()
        if len(content) > MAX_ENTRY_BYTES:
            raise ValueError(f"an entry of {len(content)} bytes is none of the audit log's")
        write_whole(path, content)
        self._notify()

    # --- delivering ---

    def _notify(self) -> None:
        with self._lock:
            self._idle.clear()
            self._wake.set()

    def _rest(self) -> None:
        """Say that everything has arrived, unless something has come up meanwhile."""
        with self._lock:
            if not self._wake.is_set():
                self._idle.set()

    def _deliver_always(self) -> None:
        pause = 0.0
        while True:
            self._wake.wait(FLOOD_SECONDS)
            try:
                self._wake.clear()
                self.record_ended_floods()
                while self._deliver():
                    pause = 0.0
                self._rest()
            # Whatever the other side says, the next attempt may succeed.
            except (AuditAwayError, OSError, LookupError, TypeError, ValueError) as error:
                if not pause:
                    logger.warning("the audit log takes no entries now: %s", error)
                pause = min(MAX_PAUSE_SECONDS, 2 * pause or 0.25)
                self._idle.set()  # nobody waits for somebody who is away
                self._wake.set()
                time.sleep(pause)

    def _deliver(self) -> bool:
        """Hand some entries over; return whether there may be more."""
        assert self.socket_path is not None
        found = self._read(self._list_ready()[:BATCH])
        if not found:
            return False
        body = {"source": self.source, "entries": [dataclasses.asdict(entry) for _, entry in found]}
        answer = ask_audit(self.socket_path, "POST", "/events", body)
        for _, entry in found:
            if reason := answer["refused"].get(entry.id):
                logger.error("the audit log refused an entry (%s): %s", entry.event, reason)
        for path, _ in found:
            path.unlink(missing_ok=True)
        return True

    def _list_ready(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{READY}"))

    def _read(self, paths: list[Path]) -> list[tuple[Path, Entry]]:
        found = []
        for path in paths:
            try:
                found.append((path, decode_entry(json.loads(path.read_text(encoding="utf-8")))))
            except ValueError:
                logger.error("no entry of the audit log: %s", path)
                path.rename(path.with_suffix(BAD))
            except FileNotFoundError:
                continue  # another process of this sender was quicker
        return found
