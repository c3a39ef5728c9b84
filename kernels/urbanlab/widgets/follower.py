"""The thread behind a tail: reads a topic into a ring and hands batches on, as fast as somebody looks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from urbanlab.errors import CredentialsDownError, SessionError, StreamError, TopicNotFoundError
from urbanlab.messages import Message
from urbanlab.widgets.ring import Ring

# A view says at least every few seconds that it is there; one that fell silent has been closed.
LEASE_SECONDS = 60.0
GOODBYE_SECONDS = 6.0  # more than the time between two signs of life of another page
# The kernel may be busy, so that what a view says is not heard: until the lease ends it gets this much.
UNHEARD_SECONDS = 1.0
RETRY_SECONDS = 2.0
POLL_SECONDS = 0.05
# Nobody can look at more; beyond it reading goes on near the end, so that the kernel keeps its processor.
MAX_BEHIND = 5000

log = logging.getLogger(__name__)


class Reader(Protocol):
    """What a follower needs of `urbanlab.kafka_reader.TopicReader`."""

    def poll(self, seconds: float, most: int = ...) -> list[Message]:
        """Return what has come."""

    def read_last(self, count: int, seconds: float = ...) -> list[Message]:
        """Return what came before."""

    def skip(self, keep: int, behind: int) -> int:
        """Leave out what nobody can look at."""

    def close(self) -> None:
        """End the connection."""


class Follower:
    """Reads while somebody looks and ends by itself when nobody does.

    `send` gets a dictionary for the browser; it is called at most `rate` times a second, and only when the
    last batch was acknowledged or a second has passed. When the last view has gone, what was kept is let go.
    """

    def __init__(
        self, connect: Callable[[], Reader], ring: Ring, send: Callable[[dict[str, Any]], None], rate: float
    ) -> None:
        self._connect = connect
        self._ring = ring
        self._send = send
        self._interval = 1 / rate
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._lease_until = 0.0
        self._acknowledged = True
        self._sent_at = 0.0
        self._began = False
        self._refused = False
        self._left = False
        self._unreported = False
        self.paused = False
        self.skipped = 0
        self.error = ""

    def is_running(self) -> bool:
        """Return whether a thread and a connection exist."""
        return self._thread is not None and self._thread.is_alive()

    def renew(self, seconds: float = LEASE_SECONDS) -> None:
        """Go on for so long, starting the thread if there is none."""
        with self._lock:
            self._lease_until = time.monotonic() + seconds
            self._left = False
            if not self.is_running() and not self._refused:
                self._stop = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=(self._stop,), name="urbanlab-tail", daemon=True
                )
                self._thread.start()

    def begin_again(self) -> None:
        """A view has opened: try once more even what was refused."""
        self._refused = False
        self.renew()

    def acknowledge(self) -> None:
        """The browser has drawn the last batch."""
        self._acknowledged = True
        self.renew()

    def say_goodbye(self) -> None:
        """The last view has gone; end soon, unless another one opens."""
        self._left = True
        self._lease_until = min(self._lease_until, time.monotonic() + GOODBYE_SECONDS)

    def stop(self, wait: float = 0.0) -> None:
        """End; with `wait`, return when the thread has gone, at the latest after so many seconds."""
        self._stop.set()
        if wait and self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(wait)

    def _run(self, stop: threading.Event) -> None:
        try:
            while self._goes_on(stop):
                self._try_to_follow(stop)
        except (TopicNotFoundError, SessionError) as error:
            # Waiting does not bring a right or a topic; a view that opens again tries again.
            self._refused = True
            self.report(str(error))
        except Exception:  # a thread that ends without a word leaves a view that looks alive
            log.exception("A tail has ended")
            self._refused = True
            self.report(
                "The live view has failed. Run its cell again; if that does not help, tell the operator."
            )
        if self._left or stop.is_set():
            self._began = False
            self._ring.clear()

    def _try_to_follow(self, stop: threading.Event) -> None:
        try:
            self._follow(stop)
        except TopicNotFoundError:
            raise
        except (StreamError, CredentialsDownError) as error:
            self.report(str(error))
            stop.wait(RETRY_SECONDS)

    def _follow(self, stop: threading.Event) -> None:
        reader = self._connect()
        try:
            # After a break go on where it is now; only the first time show what came before.
            before = reader.read_last(0 if self._began else self._ring.keep)
            self._began = True
            self.report("")
            self._ring.add(before)
            while self._goes_on(stop):
                self._ring.add(reader.poll(POLL_SECONDS))
                self.skipped += reader.skip(self._ring.keep, MAX_BEHIND)
                self._flush()
                # A poll that finds something returns at once: without this a fast topic takes a whole core.
                stop.wait(min(POLL_SECONDS, self._interval))
        finally:
            reader.close()

    def _goes_on(self, stop: threading.Event) -> bool:
        return not stop.is_set() and time.monotonic() < self._lease_until

    def _flush(self) -> None:
        since = time.monotonic() - self._sent_at
        if self.paused or since < (self._interval if self._acknowledged else UNHEARD_SECONDS):
            return
        if rows := self._ring.take_new():
            self.send_rows(rows, "rows")
        elif self._unreported:
            self._send_status()

    def send_rows(self, rows: list[dict[str, Any]], kind: str) -> None:
        """Hand on rows together with the counts."""
        self._acknowledged = False
        self._unreported = False
        self._sent_at = time.monotonic()
        self._send(
            {
                "kind": kind,
                "rows": rows,
                "received": self._ring.received,
                "skipped": self.skipped,
                "error": self.error,
            }
        )

    def report(self, text: str) -> None:
        """Show what went wrong beneath the widget, or with an empty text that it is over."""
        if text != self.error:
            self.error = text
            self._send_status()

    def note(self, text: str) -> None:
        """Show what went wrong with the next update; for what may go wrong with each message."""
        if text != self.error:
            self.error = text
            self._unreported = True

    def _send_status(self) -> None:
        self._unreported = False
        self._sent_at = time.monotonic()
        counts = {"received": self._ring.received, "skipped": self.skipped}
        self._send({"kind": "status", "error": self.error, **counts})
