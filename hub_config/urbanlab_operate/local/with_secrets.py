"""Becomes another program that finds secrets in its environment, which only its own account can read.

``python -m urbanlab_operate.local.with_secrets NAME=FILE … -- PROGRAM ARGUMENT …``
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from urbanlab.contract.secrets import read_secret


def main(arguments: list[str]) -> None:
    """Set each NAME to what stands in its FILE, then run the program in place of this one."""
    end = arguments.index("--")
    for assignment in arguments[:end]:
        name, _, file = assignment.partition("=")
        path = Path(file)
        os.putenv(name, read_secret(path.parent, path.name).reveal())
    program = arguments[end + 1 :]
    os.execvp(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
