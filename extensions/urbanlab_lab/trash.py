"""Deleted files: kept for some days in the folder `Papierkorb` of the home, from where they are moved back.

JupyterLab deletes into the account's trash as desktops do (freedesktop.org), which is a hidden folder; a link
shows the files in it.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from traitlets import Instance, Integer, default
from traitlets.config import LoggingConfigurable

LINK = "Papierkorb"
PLACE = Path(".local/share/Trash")
_SUFFIX = ".trashinfo"


class Trash(LoggingConfigurable):  # type: ignore[misc]
    """The trash of one home."""

    days = Integer(7, help="For how many days deleted files are kept.").tag(config=True)
    home: Path = Instance(Path, help="The home.")

    @default("home")  # type: ignore[untyped-decorator]  # traitlets has no types for it
    def _default_home(self) -> Path:
        return Path.home()

    @property
    def files(self) -> Path:
        """The folder of the deleted files; beside it lies what is known about each."""
        return self.home / PLACE / "files"

    @property
    def _infos(self) -> Path:
        return self.home / PLACE / "info"

    def ensure(self) -> None:
        """Make the trash and the link to it, unless something else has that name."""
        try:
            for folder in (self.files, self._infos):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.path.lexists(self.home / LINK):
                (self.home / LINK).symlink_to(PLACE / "files")
        except OSError as error:  # whatever its owner made of the home, the server starts
            self.log.warning("There is no trash: %s", error)

    def is_link(self, path: str) -> bool:
        """Return whether a path is the link to the trash."""
        link = self.home / LINK
        return path == str(link) and link.is_symlink() and link.resolve() == self.files.resolve()

    def holds(self, path: str) -> bool:
        """Return whether the file of that path lies in the trash; where a link in there leads does not."""
        return Path(os.path.realpath(os.path.dirname(path))).is_relative_to(self.files.resolve())  # noqa: PTH120

    def delete(self, path: str) -> None:
        """Delete what lies in the trash for good; for the link to it, all of that."""
        if self.is_link(path):
            for entry in list(self.files.iterdir()):
                self._delete(entry)
        else:
            self._delete(Path(path))
        self._forget_absent()

    def purge(self, now: datetime | None = None) -> int:
        """Delete what has been in the trash for longer than is kept; return how many entries that were."""
        oldest = (now or datetime.now()) - timedelta(days=self.days)  # noqa: DTZ005 - dates in there are local
        self.ensure()
        if not self.files.is_dir():
            return 0
        stale = [entry for entry in self.files.iterdir() if self._find_date(entry) < oldest]
        for entry in stale:
            self._delete(entry)
        self._forget_absent()
        return len(stale)

    def _find_date(self, entry: Path) -> datetime:
        """Return when a file was deleted: as is written beside it, or when it was moved here."""
        with suppress(OSError, ValueError):
            text = (self._infos / (entry.name + _SUFFIX)).read_text(encoding="utf-8", errors="replace")
            lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
            return datetime.fromisoformat(lines.get("DeletionDate", "")).replace(tzinfo=None)
        return datetime.fromtimestamp(entry.lstat().st_ctime)  # noqa: DTZ006

    def _delete(self, entry: Path) -> None:
        try:
            if entry.is_symlink() or not entry.is_dir():
                entry.unlink()
                return
            _open_folders(entry)
            shutil.rmtree(entry)
        except OSError as error:
            self.log.warning("%s stays in the trash: %s", entry.name, error)

    def _forget_absent(self) -> None:
        """Remove what is known about files that were moved back or deleted."""
        for info in self._infos.glob(f"*{_SUFFIX}"):
            if not os.path.lexists(self.files / info.name.removesuffix(_SUFFIX)):
                info.unlink(missing_ok=True)


def _open_folders(entry: Path) -> None:
    """Make the folders in a folder ones from which something can be deleted."""
    with suppress(OSError):  # another's, in what was deleted from a shared folder
        entry.chmod(0o700)
    for folder, names, _ in os.walk(entry):
        for path in (Path(folder, name) for name in names):
            if not path.is_symlink():
                with suppress(OSError):
                    path.chmod(0o700)
