"""A person's files as JupyterLab sees them: Jupyter's own manager, with a limit, a trash and shared folders."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado.web import HTTPError
from traitlets import Instance, default

from urbanlab.contract.folder_size import measure_folder
from urbanlab_lab.home_use import HomeUse
from urbanlab_lab.shared_folders import SharedFolders, hand_down_access
from urbanlab_lab.trash import Trash

LARGEST_REQUEST = 600 * 1024 * 1024  # a little more than the server takes

_KEPT = (
    "Die Verweise auf gemeinsame Ordner lassen sich nicht löschen. · "
    "The links to shared folders cannot be deleted."
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
        if self._is_at_home(place) and not self.home_use.has_room_for(LARGEST_REQUEST):
            await self.home_use.check_room(measure_growth(model, place))
        saved: dict[str, Any] = await super().save(model, path)
        return saved

    async def rename_file(self, old_path: str, new_path: str) -> None:
        """Move a file or folder; in a shared folder it becomes what others there are."""
        await super().rename_file(old_path, new_path)
        await asyncio.to_thread(hand_down_access, self._get_os_path(new_path.strip("/")))

    async def copy(self, from_path: str, to_path: str | None = None) -> dict[str, Any]:
        """Copy a file or folder; in a shared folder it becomes what others there are."""
        place = self._get_os_path(from_path.strip("/"))
        if await asyncio.to_thread(os.path.isdir, place):  # a file is saved, which asks for room itself
            size = await asyncio.to_thread(measure_folder, Path(place))
            await self.home_use.check_room(size.taken)
        model: dict[str, Any] = await super().copy(from_path, to_path)
        await asyncio.to_thread(hand_down_access, self._get_os_path(model["path"].strip("/")))
        return model

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
