"""`make up` in a fresh checkout of what stands in the work tree: its seconds, its processes, its end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.installation import Installation, make_state_folder, remove_state_folder
from urbanlab_hub.settings import CHECKOUT
from urbanlab_operate.local.down import find_processes

READY = "Ctrl-C ends everything."
END_SECONDS = 60
# An active conda environment would be used, and is not fresh; the others tell a `make` about the one around it.
NOT_HANDED_ON = ("CONDA_PREFIX", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")


@dataclass(frozen=True)
class Start:
    """How long a start took as a whole, and each step of `urbanlab up` that it had."""

    seconds: float
    steps: dict[str, float]


class FreshCheckout:
    """A checkout with no environment, no parts and no state; what pip, npm and Maven keep in the home stays."""

    def __init__(self) -> None:
        state = make_state_folder()
        self.folder = state.parent
        self.folder.chmod(0o755)
        self.place = Installation(state, parts=str(self.folder / ".parts"))
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(listed, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, names.split("\0")):
            if (CHECKOUT / name).exists():  # one that was removed is listed until that is committed
                copy(CHECKOUT / name, self.folder / name)

    def up(self) -> Start:
        """Run `make up` until it says that everything is ready."""
        environ = {name: value for name, value in self.place.environ().items() if name not in NOT_HANDED_ON}
        began = time.monotonic()
        self.process = subprocess.Popen(
            ["make", "up"],
            cwd=self.folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        lines = []
        while line := self.process.stdout.readline():
            lines.append(line)
            if READY in line:
                path = self.place.settings.state / "supervisor" / "start-seconds.json"
                return Start(time.monotonic() - began, json.loads(path.read_text(encoding="utf-8")))
        raise AssertionError(f"`make up` ended with {self.process.wait()}:\n{''.join(lines)}")

    def interrupt(self) -> float:
        """Send what Ctrl-C sends in a terminal; return the seconds until no process is left."""
        began = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.communicate(timeout=END_SECONDS)
        while find_processes(self.place.settings):
            assert time.monotonic() < began + END_SECONDS, "there are still processes"
            time.sleep(0.02)
        return time.monotonic() - began

    def remove(self) -> None:
        """End what runs, as after a failure, and remove everything."""
        if hasattr(self, "process") and self.process.poll() is None:
            self.interrupt()
        remove_state_folder(self.place.settings.state)


def copy(source: Path, target: Path) -> None:
    """Copy a file as Git would check it out."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)
