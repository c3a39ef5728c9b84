"""Secrets that apply hands to a service: files in a folder which belongs to that service's account."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from urbanlab.contract.files import opened_folder
from urbanlab.contract.secrets import Secret
from urbanlab_hub.accounts import ensure_account
from urbanlab_hub.settings import Settings

MODE = 0o600


class SecretFolder:
    """The folder of one service's secrets.

    The service's account owns the folder and could put a link in the place of anything in it, so as root we
    follow none: the folder is opened once, and files in it by name.
    """

    def __init__(self, settings: Settings, service: str) -> None:
        self._path = settings.service_secrets(service)
        self._owner = _find_owner(settings, service)

    def list_names(self) -> list[str]:
        """Return the names of the secrets that are there."""
        return sorted(path.name for path in self._path.glob("*") if not path.name.startswith("."))

    def holds(self, name: str, secret: Secret) -> bool:
        """Say whether the secret is there, with this value and readable for its service alone."""
        try:
            with opened_folder(self._path) as folder:
                # A pipe in the place of the file must not make us wait for ever.
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
                file = os.open(name, flags, dir_fd=folder)
                with os.fdopen(file, encoding="utf-8") as stream:
                    status = os.fstat(file)
                    same = stat.S_ISREG(status.st_mode) and stream.read().strip() == secret.reveal()
        except (OSError, UnicodeDecodeError):
            return False
        return same and status.st_mode & 0o777 == MODE and (status.st_uid, status.st_gid) == self._owner

    def write(self, name: str, secret: Secret) -> None:
        """Put a secret there so that no reader sees half of it and nobody else sees any of it."""
        self._ensure()
        draft = f".{name}.draft"
        with opened_folder(self._path) as folder:
            _unlink(draft, folder)  # left over where somebody was killed here
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, MODE, dir_fd=folder)
            with os.fdopen(file, "w", encoding="utf-8") as stream:
                os.fchown(file, *self._owner)
                stream.write(secret.reveal() + "\n")
            os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)

    def delete(self, name: str) -> None:
        """Remove a secret; that it is gone by now is fine."""
        with opened_folder(self._path) as folder:
            _unlink(name, folder)

    def _ensure(self) -> None:
        for folder in (self._path.parent, self._path):
            if not folder.exists():
                folder.mkdir(mode=0o700)
                os.chown(folder, *self._owner, follow_symlinks=False)


def _find_owner(settings: Settings, service: str) -> tuple[int, int]:
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    installation = (settings.state / "installation").read_text(encoding="utf-8").strip()
    account = ensure_account(service, installation)
    return account.pw_uid, account.pw_gid


def _unlink(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return


def write_private(path: Path, text: str) -> None:
    """Write a file of the operator's own so that nobody else can read it, at no moment."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "w", encoding="utf-8"
    ) as stream:
        stream.write(text)
    draft.replace(path)
