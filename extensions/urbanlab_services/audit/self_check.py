"""Reads the whole log once a day, in a process of its own, so that somebody is told before they ask."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

FIRST_SECONDS, EVERY_SECONDS = 30.0, 86_400.0  # not while everything starts


class SelfCheck:
    """`problem` is what the last check has found, as a sentence; empty where the log is whole."""

    def __init__(self, state: Path) -> None:
        self._command = (sys.executable, "-P", "-m", "urbanlab_services.audit.verify", str(state))
        self.problem = ""

    async def run(self) -> None:
        """Check soon and then every day, until this is cancelled."""
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            await self.check()
            await asyncio.sleep(EVERY_SECONDS)

    async def check(self) -> None:
        """Check now."""
        process = await asyncio.create_subprocess_exec(*self._command, stdout=asyncio.subprocess.PIPE)
        try:
            said, _ = await process.communicate()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
        self.problem = (
            "" if process.returncode == 0 else said.decode().strip() or "The log cannot be checked."
        )
        if self.problem:
            logger.critical("the audit log is damaged", extra={"problem": self.problem})
