"""What runs in the user's Jupyter server."""

from urbanlab_lab.app import _load_jupyter_server_extension

__all__ = ["_jupyter_server_extension_points", "_load_jupyter_server_extension"]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "urbanlab_lab"}]
