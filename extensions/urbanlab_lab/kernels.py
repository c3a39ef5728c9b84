"""Kernels of a person's server: none starts in a home that is far too large, and a running cell is activity."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager


class UrbanKernelManager(AsyncMappingKernelManager):  # type: ignore[misc]
    """Jupyter's own manager of kernels, which first asks whether there is room."""

    async def start_kernel(self, **kwargs: Any) -> str:
        """Start a kernel and return its id; refuse with 507 where the home is far too large."""
        await self.parent.contents_manager.home_use.check_kernel()
        kernel_id: str = await super().start_kernel(**kwargs)
        return kernel_id


def note_running_cells(server: Any) -> None:
    """Count a running cell as activity: of a long one that shows nothing, the hub would learn nothing."""
    manager = server.kernel_manager
    kernels = (manager.get_kernel(kernel_id) for kernel_id in manager.list_kernel_ids())
    if any(kernel.execution_state == "busy" for kernel in kernels):
        server.web_app.settings["last_activity_times"]["running cells"] = datetime.now(UTC)
