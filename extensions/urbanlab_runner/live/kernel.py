"""The kernel of a session: an environment and folders of its own, reached over sockets of this account."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from urbanlab_runner.families import StillRunningError, end_descendants
from urbanlab_runner.notebook_client import KERNEL_NAME, PageKernelManager


class SessionKernel:
    """One kernel; `environ` is all that it finds in its environment."""

    def __init__(self, environ: Mapping[str, str], folder: Path, sockets: Path) -> None:
        self._environ, self.folder, self._sockets = environ, folder, sockets
        # Over TCP anybody on the machine could listen.
        self.manager = PageKernelManager(
            kernel_name=KERNEL_NAME,
            transport="ipc",
            ip=str(sockets / "k"),
            connection_file=str(sockets / "kernel.json"),
        )

    @property
    def pid(self) -> int | None:
        """The number of its process while it runs."""
        return self.manager.provisioner.pid if self.manager.has_kernel else None

    async def start(self) -> None:
        """Start it."""
        for folder in (self.folder, self._sockets):
            folder.mkdir(mode=0o700, parents=True)
        environ = {
            **self._environ,
            "HOME": str(self.folder),
            "JUPYTER_RUNTIME_DIR": str(self._sockets),
        }
        await self.manager.start_kernel(
            env=environ,
            cwd=str(self.folder),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    async def is_alive(self) -> bool:
        """Return whether it still runs."""
        return bool(await self.manager.is_alive())

    async def end(self) -> None:
        """Kill it with all that it has started, and delete its folders."""
        pid = self.pid
        if pid is not None:
            with suppress(StillRunningError):
                await asyncio.to_thread(end_descendants, pid)
            await self.manager.shutdown_kernel(now=True)
        for folder in (self.folder, self._sockets):
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
