"""Where the server keeps temporary files: in the home, because in `/tmp` a name may be somebody else's already.

Jupyter puts checkpoints of what lies in read-only folders into `jupyter_checkpoints` among the temporary files: the
first account that did so would own everybody's. Kernels go on using `/tmp`, where paths of sockets are short.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path


def keep_temporary_files(home: Path) -> None:
    """Let this process keep its temporary files in the home, which begins without any."""
    folder = home / ".cache" / "tmp"
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # the home is its owner's, who may have made that impossible
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.tempdir = str(folder)
