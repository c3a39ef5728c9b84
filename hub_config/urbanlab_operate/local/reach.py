"""Whether the services' and users' accounts can reach what they are to run."""

from __future__ import annotations

import pwd
import shutil
import subprocess
import sys
from pathlib import Path

from urbanlab_hub.settings import CHECKOUT, Settings
from urbanlab_operate.errors import OperateError

NOBODY = "nobody"


def check_reach(settings: Settings) -> None:
    """Raise `OperateError` where another account cannot reach checkout, interpreter, parts or state."""
    python = Path(sys.executable)
    for what, path in {
        "checkout": CHECKOUT,
        "interpreter": python,
        "interpreter's home": Path(sys.base_prefix),
        "folder of parts": settings.parts,
        "state folder": settings.state,
    }.items():
        closed = find_closed_folder(path)
        if closed is not None:
            raise OperateError(
                f"Other accounts cannot reach the {what} {path}, because {closed} is closed to them: move it to "
                f"a folder that everybody may enter, such as /srv, or open that one with `chmod o+x {closed}`"
            )
    _check_runs(python)


def find_closed_folder(path: Path) -> Path | None:
    """Return the first folder on the way to and at `path` that other accounts cannot enter, or None."""
    for folder in [*reversed(path.absolute().parents), path.absolute()]:
        if folder.is_dir() and not folder.stat().st_mode & 0o001:
            return folder
    return None


def _check_runs(python: Path) -> None:
    """Start what the accounts start as an account without any rights: links and libraries count, too."""
    account = pwd.getpwnam(NOBODY)
    code = "import urbanlab.contract.naming, urbanlab_operate.local.with_secrets, tornado"
    for command in ([str(python), "-P", "-c", code], [shutil.which("java") or "java", "-version"]):
        done = subprocess.run(
            command,
            cwd="/",
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            env={"LANG": "C.UTF-8"},
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise OperateError(
                f"Other accounts cannot run {command[0]}: install it where everybody may read, or open its folders"
            )
