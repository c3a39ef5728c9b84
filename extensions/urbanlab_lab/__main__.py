"""Starts a user's server: JupyterHub's single-user server, quicker."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from urbanlab_lab.temporary_files import keep_temporary_files


def main() -> None:
    """Start the server; it ends the process."""
    # jsonschema uses it, where it is installed, to check addresses with letters beyond ASCII, which none of
    # Jupyter's schemas has; importing it builds a parser and costs a second of every start.
    modules: dict[str, Any] = sys.modules
    modules["rfc3987_syntax"] = None

    keep_temporary_files(Path.home())
    from jupyterhub.singleuser import main as start

    start()


if __name__ == "__main__":
    main()
