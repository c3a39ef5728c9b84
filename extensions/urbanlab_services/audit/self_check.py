"""Reads the whole log once a day, in a process of its own, so that somebody is told before they ask."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

FIRST_SECONDS, EVERY_SECONDS = 30.0, 86_400.0  # not while everything starts
AGAIN_SECONDS = 600.0  # after one that found something, which somebody may have put right


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
            await asyncio.sleep(AGAIN_SECONDS if self.problem else EVERY_SECONDS)

    async def check(self) -> None:
        """Check now."""
        try:
            is_whole, said = await self._ask()
        except OSError as error:
            is_whole, said = False, f"The log cannot be checked: {error}."
        self.problem = "" if is_whole else said or "The log cannot be checked."
        if self.problem:
            logger.critical("the audit log is damaged", extra={"problem": self.problem})

    async def _ask(self) -> tuple[bool, str]:
        process = await asyncio.create_subprocess_exec(*self._command, stdout=asyncio.subprocess.PIPE)
        try:
            said, _ = await process.communicate()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
        return process.returncode == 0, said.decode("utf-8", "replace").strip()
