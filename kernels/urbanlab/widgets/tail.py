"""The live tail: the last messages of a topic, moving. Its front end is `tail.js` and `tail.css`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from urbanlab.contract.naming import SERVICE_PERSONS
from urbanlab.kafka_reader import TopicReader
from urbanlab.messages import Message
from urbanlab.session import Session, current_session
from urbanlab.widgets.filters import parse_filter
from urbanlab.widgets.follower import Follower, Reader
from urbanlab.widgets.ring import Ring

MAX_RATE = 10.0
MAX_KEEP = 2000
# Where nothing draws widgets, in a report run, a tail reads for so long and keeps what it saw.
SNAPSHOT_ROWS = 20
SNAPSHOT_SECONDS = 2.0
SNAPSHOT_WAIT_SECONDS = 5.0
_HERE = Path(__file__).parent


def tail(
    topic: str,
    *,
    fields: Sequence[str] | None = None,
    where: str | Callable[[Message], bool] = "",
    keep: int = 200,
    rate: float = MAX_RATE,
) -> Tail:
    """Return a live view of a topic: a table that moves, with a small curve for each number.

    It reads in a thread of its own, so the notebook goes on; it ends by itself when its output is cleared,
    the page is closed or the kernel ends. However much comes in, it keeps `keep` messages and redraws at
    most `rate` times a second. Errors appear beneath it.

    Args:
        topic: The feed, ``footfall_live``; found as `urbanlab.stream` finds it.
        fields: The fields to show; all if left out. They can be chosen in the widget too.
        where: What to show: a text as in the widget's filter box (``sensor=kolbeplatz persons>20``), or a
            function that takes a `Message` and returns a bool.
        keep: How many messages to keep, up to 2,000.
        rate: How often to redraw in a second, up to 10.

    Returns:
        The widget. `close()` ends it at once; `messages()` returns what it keeps.

    Raises:
        SessionError: this Python does not run in Urban Lab.
        ValueError: `keep` or `rate` is out of bounds.

    Example:
        >>> ul.tail("footfall_live", where="sensor=kolbeplatz")
    """
    session = current_session()
    shown = Tail(
        session, topic, lambda: TopicReader(session, topic), fields=fields, where=where, keep=keep, rate=rate
    )
    if session.person in SERVICE_PERSONS:
        shown.wait_for_snapshot(SNAPSHOT_WAIT_SECONDS)
    return shown


class Tail(anywidget.AnyWidget):  # type: ignore[misc]  # anywidget has no types
    """What `tail` returns; see there."""

    _esm = _HERE / "tail.js"
    _css = _HERE / "tail.css"

    topic = traitlets.Unicode(help="The topic, as it was asked for.").tag(sync=True)
    language = traitlets.Unicode("de", help="Language of the labels, de or en.").tag(sync=True)
    time_zone = traitlets.Unicode("UTC", help="Zone in which times are shown.").tag(sync=True)
    keep = traitlets.Int(200, help="How many messages the browser keeps.").tag(sync=True)
    fields = traitlets.List(
        traitlets.Unicode(), default_value=None, allow_none=True, help="The fields shown first; None for all."
    ).tag(sync=True)
    filter_text = traitlets.Unicode("", help="What the filter box holds.").tag(sync=True)
    paused = traitlets.Bool(False, help="Whether nothing new is drawn.").tag(sync=True)
    snapshot = traitlets.Dict(help="The last rows, for pages that are saved without a kernel.").tag(sync=True)

    def __init__(
        self,
        session: Session,
        topic: str,
        connect: Callable[[], Reader],
        *,
        fields: Sequence[str] | None,
        where: str | Callable[[Message], bool],
        keep: int,
        rate: float,
    ) -> None:
        if not 1 <= keep <= MAX_KEEP:
            raise ValueError(f"keep is {keep}: it must be between 1 and {MAX_KEEP}")
        if not 0 < rate <= MAX_RATE:
            raise ValueError(f"rate is {rate}: it must be more than 0 and at most {MAX_RATE:g} a second")
        chosen = [fields] if isinstance(fields, str) else (list(fields) if fields is not None else None)
        self._where = where if callable(where) else None
        text = "" if callable(where) else where
        self._ring = Ring(keep, self._make_filter(text), chosen)
        self._follower = Follower(connect, self._ring, self._send_to_browser, rate)
        self._seen = False
        self._snapshot_at = -SNAPSHOT_SECONDS
        super().__init__(
            topic=topic,
            language=session.language,
            time_zone=session.time_zone,
            keep=keep,
            fields=chosen,
            filter_text=text,
        )
        self.observe(self._on_filter, "filter_text")
        self.observe(self._on_pause, "paused")
        self.on_msg(self._on_browser)
        self.comm.on_close(self._on_comm_close)
        self._follower.renew()

    def messages(self) -> list[Message]:
        """Return the messages kept that pass the filter, oldest first."""
        return self._ring.peek(self.keep)

    def wait_for_snapshot(self, seconds: float) -> None:
        """Return once the last rows are kept, something went wrong, or the time is up.

        A run keeps what a cell has sent by the time it ends, so the last rows are sent once more from it.
        """
        deadline = time.monotonic() + seconds
        while not (self.snapshot.get("rows") or self._follower.error) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.send_state("snapshot")

    def close(self) -> None:
        """End reading and remove the widget; does no harm twice."""
        # What was refused has none, and is closed when it is thrown away.
        if hasattr(self, "_follower"):
            self._follower.stop(wait=2.0)
        super().close()

    def _make_filter(self, text: str) -> Callable[[Message], bool]:
        passes = parse_filter(text)
        return passes if self._where is None else lambda message: self._holds(message) and passes(message)

    def _holds(self, message: Message) -> bool:
        """Ask the analyst's own function; what goes wrong in it is shown and ends nothing."""
        assert self._where is not None
        try:
            return bool(self._where(message))
        except Exception as error:  # noqa: BLE001 - somebody else's code, on our thread
            self._follower.note(f"The function given as where failed: {type(error).__name__}: {error}")
            return False

    def _send_to_browser(self, content: dict[str, Any]) -> None:
        if not self._seen and time.monotonic() - self._snapshot_at >= SNAPSHOT_SECONDS:
            self._snapshot_at = time.monotonic()
            self._keep_snapshot(content)
        if self.comm is not None:
            self.send(content)

    def _keep_snapshot(self, content: dict[str, Any]) -> None:
        self.snapshot = {**content, "rows": self._ring.peek_rows(SNAPSHOT_ROWS)}

    def _on_browser(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Handle what a view says: that it is new, has drawn, is still there, or has gone."""
        kind = content.get("kind") if isinstance(content, dict) else None
        if kind == "hello":
            self._seen = True
            self._follower.begin_again()
            self._follower.send_rows(self._ring.take_all(), "reset")
        elif kind == "drawn":
            self._follower.acknowledge()
        elif kind == "alive":
            self._follower.renew()
        elif kind == "goodbye":
            self._follower.say_goodbye()

    def _on_comm_close(self, _message: Any) -> None:
        self._follower.stop()

    def _on_filter(self, change: Any) -> None:
        self._ring.filter(self._make_filter(change["new"]))
        self._follower.send_rows(self._ring.take_all(), "reset")

    def _on_pause(self, change: Any) -> None:
        self._follower.paused = change["new"]

    def __repr__(self) -> str:
        lines = [f"Tail of {self.topic}, {self._ring.received} messages received"]
        lines += [f"  {self._follower.error}"] if self._follower.error else []
        lines += [
            f"  {message.time:%Y-%m-%d %H:%M:%S} {message.key} {message.error or message.value}"
            for message in self._ring.peek(5)
        ]
        return "\n".join(lines)
