"""What a notebook shows while a query runs long: rows and bytes that have come, and the seconds."""

from __future__ import annotations

import contextvars
import threading
import time
from html import escape
from types import TracebackType
from typing import Any

from urbanlab.session import Session

QUIET_SECONDS = 1.5  # nothing is shown for quick queries
PAUSE_SECONDS = 0.5
_LABELS = {"de": "Abfrage läuft", "en": "Query running"}
_COME = {"de": ", {rows} Zeilen, {size} MB erhalten", "en": ", {rows} rows, {size} MB received"}
_HOW_TO_STOP = {
    "de": "Abbrechen mit ■ (Kernel unterbrechen).",
    "en": "Stop it with ■ (interrupt the kernel).",
}
_GROUPED = {"de": ".", "en": ","}


class Progress:
    """Shows the progress of a query beneath its cell while the block runs, and takes it away at the end."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._began = time.monotonic()
        self._rows = self._bytes = 0
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._shown: Any = None

    def note(self, rows: int, size: int) -> None:
        """Count a block that has come."""
        self._rows += rows
        self._bytes += size

    def __enter__(self) -> Progress:
        if not self._session.is_unattended and _is_notebook():
            # What is shown belongs to the cell that asked, which the context knows.
            context = contextvars.copy_context()
            threading.Thread(target=context.run, args=(self._watch,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        with self._lock:
            if self._shown is not None:
                self._shown.update({"text/plain": "", "text/html": ""}, raw=True)

    def _watch(self) -> None:
        from IPython.display import display

        pause = QUIET_SECONDS
        while not self._done.wait(pause):
            pause = PAUSE_SECONDS
            with self._lock:
                if self._done.is_set():
                    return
                if self._shown is None:
                    self._shown = display(self._render(), raw=True, display_id=True)
                else:
                    self._shown.update(self._render(), raw=True)

    def _render(self) -> dict[str, str]:
        language = "de" if self._session.language == "de" else "en"
        label, come = _LABELS[language], _COME[language] if self._rows else ""
        said = come.format(
            rows=f"{self._rows:,}".replace(",", _GROUPED[language]),
            size=f"{self._bytes / 1e6:,.0f}".replace(",", _GROUPED[language]),
        )
        text = f"{label}: {int(time.monotonic() - self._began)} s{said}. {_HOW_TO_STOP[language]}"
        bar = f'<progress aria-label="{label}"></progress>'
        return {"text/plain": text, "text/html": f"<div>{bar} <span>{escape(text)}</span></div>"}


def _is_notebook() -> bool:
    import sys

    # Where IPython has not been imported, no cell runs.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
