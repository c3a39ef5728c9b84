"""Puts interactive views together."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from urbanlab_runner.live import handlers
from urbanlab_runner.live.sessions import Sessions
from urbanlab_runner.page_process import PageProcesses

_SECRET = "([A-Za-z0-9_-]{32,64})"  # noqa: S105 - a pattern


def make_live_routes(
    base: str, processes: PageProcesses, runtime: Path
) -> list[tuple[str, type, dict[str, Any]]]:
    """Return the addresses below `base`; `processes` learns which kernels are kept."""
    # What a server that was killed has left.
    shutil.rmtree(Path.home() / "live", ignore_errors=True)
    sessions = Sessions(processes, Path.home(), runtime)
    processes.children.keep(sessions.list_pids)
    kernel = f"{base}/live/session/{_SECRET}/api/kernels/([0-9a-f]{{32}})"
    routes: list[tuple[str, type]] = [
        (f"{base}/live", handlers.SessionsHandler),
        (f"{base}/live/([0-9a-f]{{32}})", handlers.SessionHandler),
        (f"{base}/live/open/{_SECRET}", handlers.PageHandler),
        (kernel, handlers.KernelHandler),
        (f"{kernel}/channels", handlers.ChannelsHandler),
    ]
    return [(pattern, handler, {"sessions": sessions}) for pattern, handler in routes]
