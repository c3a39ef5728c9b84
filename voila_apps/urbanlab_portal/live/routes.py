"""Puts interactive views together: which address shows what."""

from __future__ import annotations

from typing import Any

from urbanlab_portal.base_handler import Portal
from urbanlab_portal.directory import Directory
from urbanlab_portal.live import handlers
from urbanlab_portal.live.publisher import LiveClient
from urbanlab_portal.live.runner import ChannelsHandler
from urbanlab_portal.live.views import Views
from urbanlab_portal.settings import PortalSettings

_SECRET, _KERNEL = "([A-Za-z0-9_-]{32,64})", "([0-9a-f]{32})"


def make_views(settings: PortalSettings, directory: Directory) -> Views | None:
    """Return the views, or None for a portal that shows nothing but what lies in its folder."""
    if not settings.publisher_url or settings.publisher_secret is None:
        return None
    return Views(LiveClient(settings.publisher_url, settings.publisher_secret), directory)


def make_live_routes(
    page: str, portal: Portal, views: Views | None
) -> list[tuple[str, type, dict[str, Any]]]:
    """Return the addresses below ``PAGE/live/``; `page` is the pattern of a page's address."""
    session = f"{page}/live/session/{_SECRET}"
    routes: list[tuple[str, type]] = [
        (f"{page}/live/", handlers.StartHandler),
        (f"{page}/live/seat/{_SECRET}/", handlers.SeatHandler),
        (f"{page}/live/view/{_SECRET}/", handlers.ViewHandler),
        (f"{session}/api/kernels/{_KERNEL}", handlers.KernelHandler),
        (f"{session}/api/kernels/{_KERNEL}/channels", ChannelsHandler),
        (f"{session}/voila/api/shutdown/{_KERNEL}", handlers.LeaveHandler),
        (rf"{session}/voila/files/static/([A-Za-z0-9/._@-]+)", handlers.FilesHandler),
    ]
    return [(pattern, handler, {"portal": portal, "views": views}) for pattern, handler in routes]
