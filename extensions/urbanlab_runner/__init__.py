"""What runs in runner servers: notebooks, executed with nobody logged in."""

from urbanlab.contract.lean_imports import leave_out_address_parser
from urbanlab_runner.app import _load_jupyter_server_extension

__all__ = ["_jupyter_server_extension_points", "_load_jupyter_server_extension"]

leave_out_address_parser()  # each page and each report has a process of its own


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "urbanlab_runner"}]
