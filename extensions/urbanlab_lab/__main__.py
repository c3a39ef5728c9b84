"""Starts a user's server: JupyterHub's single-user server, quicker."""

from __future__ import annotations

from pathlib import Path

from urbanlab.contract.lean_imports import leave_out_address_parser
from urbanlab_lab.temporary_files import keep_temporary_files


def main() -> None:
    """Start the server; it ends the process."""
    leave_out_address_parser()
    keep_temporary_files(Path.home())
    from jupyterhub.singleuser import main as start

    start()


if __name__ == "__main__":
    main()
