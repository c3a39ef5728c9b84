"""A person's files as JupyterLab sees them: Jupyter's own manager, with a limit, a trash and shared folders."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado.web import HTTPError
from traitlets import Instance, default

from urbanlab_lab.home_use import HomeUse
from urbanlab_lab.shared_folders import SharedFolders, hand_down_access
from urbanlab_lab.trash import Trash

MB = 1024 * 1024
BLOCK = 4096  # bytes that even an empty file or folder takes, about

_KEPT = (
    "Die Verweise auf gemeinsame Ordner lassen sich nicht löschen. · "
    "The links to shared folders cannot be deleted."
)
_NOT_COPIED = (
    "Ordner mit mehr als {mb} MB, oder mit anderem als Dateien, lassen sich nicht kopieren. · "
    "Folders of more than {mb} MB, or with other things than files, cannot be copied."
)


class UrbanContentsManager(AsyncLargeFileManager):  # type: ignore[misc]
    """Files below the home, and what links in it lead to."""

    home_use: HomeUse = Instance(HomeUse, help="What the home takes.")
    trash: Trash = Instance(Trash, help="Deleted files.")
    shared: SharedFolders = Instance(SharedFolders, help="Folders shared in the tenant.")

    @default("home_use")  # type: ignore[untyped-decorator]  # traitlets has no types for it
    def _default_home_use(self) -> HomeUse:
        return HomeUse(parent=self)

    @default("trash")  # type: ignore[untyped-decorator]
    def _default_trash(self) -> Trash:
        return Trash(parent=self)

    @default("shared")  # type: ignore[untyped-decorator]
    def _default_shared(self) -> SharedFolders:
        return SharedFolders(parent=self)

    async def save(self, model: dict[str, Any], path: str = "") -> dict[str, Any]:
        """Save a file or make a folder; refuse with 507 what has no room."""
        place = self._get_os_path(path.strip("/"))
        if self.home_use.limit_mb and self._is_at_home(place):
            await self.home_use.check_room(await asyncio.to_thread(measure_growth, model, place))
        saved: dict[str, Any] = await super().save(model, path)
        return saved

    async def rename_file(self, old_path: str, new_path: str) -> None:
        """Move a file or folder; in a shared folder it becomes what others there are."""
        await super().rename_file(old_path, new_path)
        await asyncio.to_thread(hand_down_access, self._get_os_path(new_path.strip("/")))

    async def copy(self, from_path: str, to_path: str | None = None) -> dict[str, Any]:
        """Copy a file or folder; in a shared folder it becomes what others there are."""
        place = self._get_os_path(from_path.strip("/"))
        # A file is saved, which asks for room itself.
        if await asyncio.to_thread(os.path.isdir, place) and self._is_at_home(self._find_target(to_path)):
            size = await asyncio.to_thread(measure_copy, place, self._largest_copy)
            if size is not None:
                await self.home_use.check_room(size)
        model: dict[str, Any] = await super().copy(from_path, to_path)
        await asyncio.to_thread(hand_down_access, self._get_os_path(model["path"].strip("/")))
        return model

    async def check_folder_size(self, path: str) -> None:
        """Refuse with 400 to copy a folder that is too large for that."""
        place = self._get_os_path(path.strip("/"))
        if await asyncio.to_thread(measure_copy, place, self._largest_copy) is None:
            raise HTTPError(400, _NOT_COPIED.format(mb=self.max_copy_folder_size_mb))

    @property
    def _largest_copy(self) -> int:
        return int(self.max_copy_folder_size_mb * MB)

    def _find_target(self, to_path: str | None) -> str:
        """Return a place in the folder that a copy is made in."""
        return os.path.join(self._get_os_path((to_path or "").strip("/")), "copy")  # noqa: PTH118

    async def delete_file(self, path: str) -> None:
        """Move a file or folder into the trash; what lies there already is deleted for good."""
        place = self._get_os_path(path.strip("/"))
        if self.shared.is_link(place):
            raise HTTPError(403, _KEPT)
        if self.trash.is_link(place) or self.trash.holds(place):
            await asyncio.to_thread(self.trash.delete, place)
            self.home_use.expect_room()
        else:
            await super().delete_file(path)

    def _is_at_home(self, place: str) -> bool:
        """Return whether a file is the person's own, and not in a folder that a link leads to."""
        return Path(place).parent.resolve().is_relative_to(self.home_use.home.resolve())


def measure_growth(model: dict[str, Any], place: str) -> int:
    """Return how many bytes more than now a file will take, about, once the model is saved there."""
    former = 0
    if model.get("chunk") in (None, 1):  # a later part is added to what is there
        with suppress(OSError):
            former = Path(place).stat().st_size
    content = model.get("content")
    if content is None:
        return 0
    if not isinstance(content, str):
        return len(json.dumps(content, ensure_ascii=False, indent=1).encode()) - former
    return (len(content) * 3 // 4 if model.get("format") == "base64" else len(content.encode())) - former


def measure_copy(folder: str, most: int) -> int | None:
    """Return how many bytes a copy of a folder takes, about, or None where Jupyter should not make it.

    What links lead to is copied too, so that links in circles and to endless files would fill any home.
    """
    taken = BLOCK
    for above, names, files in os.walk(folder, followlinks=True):
        taken += BLOCK * (len(names) + len(files))
        for name in files:
            with suppress(OSError):  # a link that leads nowhere
                status = os.stat(f"{above}/{name}")  # noqa: PTH116
                if not stat.S_ISREG(status.st_mode):
                    return None
                taken += status.st_size
        if taken > most:
            return None
    return taken
