"""How much of the disk a person's home takes: measured now and then, said at 90 %, and no more saved at 100 %.

It holds for what JupyterLab saves. Code in a kernel writes as it likes, until the hub, which measures too, ends it.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from tornado.web import HTTPError
from traitlets import Instance, Integer, default
from traitlets.config import LoggingConfigurable

from urbanlab.contract.folder_size import measure_folder

MB = 1024 * 1024
SOON_FULL, OVERFULL = 0.9, 1.2
NOTICE = "Speicher fast voll – bitte lesen.txt"
# Measuring takes at most a twentieth of the time, and is not done again within so many seconds.
SHARE, SECONDS = 20, 5.0

_NOTICE_TEXT = """Ihr persönlicher Speicher ist zu {percent} % belegt: {taken} von {limit} MB.
Löschen Sie, was Sie nicht mehr brauchen, und leeren Sie den Ordner „Papierkorb“ (rechte Maustaste, Löschen).
Ist der Speicher voll, lassen sich keine größeren Dateien mehr sichern. Gelöscht wird von selbst nichts.

Your personal storage is {percent} % full: {taken} of {limit} MB.
Delete what you no longer need, and empty the folder "Papierkorb" (right mouse button, Delete).
Once it is full, nothing larger can be saved. Nothing is deleted by itself.
"""
FULL = (
    "Ihr Speicher ist voll ({taken} von {limit} MB). Löschen Sie etwas und leeren Sie den Papierkorb. · "
    "Your storage is full ({taken} of {limit} MB). Delete something and empty the folder Papierkorb."
)
NO_KERNEL = (
    "Ihr Speicher ist weit überschritten ({taken} von {limit} MB): Notebooks laufen erst wieder, wenn Platz ist. · "
    "Your storage is far beyond its limit ({taken} of {limit} MB): notebooks run again once there is room."
)


class HomeUse(LoggingConfigurable):  # type: ignore[misc]
    """What the home takes, and whether more may be saved."""

    limit_mb = Integer(0, help="How many MB the home may take; 0 is without a limit.").tag(config=True)
    home: Path = Instance(Path, help="The home.")

    _taken = 0
    _next_measuring = float("-inf")
    _measuring: asyncio.Task[None] | None = None

    @default("home")  # type: ignore[untyped-decorator]  # traitlets has no types for it
    def _default_home(self) -> Path:
        return Path.home()

    async def measure(self) -> None:
        """Measure the home, unless that was done just now, and leave or take away the notice."""
        if not self.limit_mb:
            return
        if self._measuring is None and time.monotonic() >= self._next_measuring:
            self._measuring = asyncio.create_task(self._measure())
        if self._measuring is not None:
            await asyncio.shield(self._measuring)

    async def check_room(self, growth: int) -> None:
        """Count `growth` bytes more; refuse with 507 where they have no room and there would be more than now."""
        if not self.limit_mb or growth <= 0:
            return
        if self._taken + growth > self._limit:
            await self.measure()
        if self._taken + growth > self._limit:
            self.log.warning("The home is full: %s of %s MB", self._taken // MB, self.limit_mb)
            raise HTTPError(507, self._explain(FULL))
        self._taken += growth

    def expect_room(self) -> None:
        """Measure again as soon as it matters: something was deleted for good."""
        self._next_measuring = float("-inf")

    async def check_kernel(self) -> None:
        """Refuse with 507 that code starts to run where the home is far too large."""
        if self.limit_mb and self._taken > OVERFULL * self._limit:
            await self.measure()
            if self._taken > OVERFULL * self._limit:
                raise HTTPError(507, self._explain(NO_KERNEL))

    @property
    def _limit(self) -> int:
        return int(self.limit_mb * MB)

    def _explain(self, text: str, percent: int = 0) -> str:
        return text.format(taken=self._taken // MB, limit=self.limit_mb, percent=percent)

    async def _measure(self) -> None:
        began = time.monotonic()
        try:
            self._taken = (await asyncio.to_thread(measure_folder, self.home)).taken
            self._tell()
        finally:
            self._measuring = None
            duration = time.monotonic() - began
            self._next_measuring = time.monotonic() + max(SECONDS, SHARE * duration)

    def _tell(self) -> None:
        notice, share = self.home / NOTICE, self._taken / self._limit
        with suppress(OSError):  # a folder of that name, or no place at all
            if share < SOON_FULL:
                notice.unlink(missing_ok=True)
            else:
                notice.write_text(self._explain(_NOTICE_TEXT, round(100 * share)), encoding="utf-8")
