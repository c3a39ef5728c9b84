"""What runs in the user's Jupyter server."""

__all__ = ["_jupyter_server_extension_points"]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    # Named and not imported: `python -m urbanlab_lab` imports this package before it makes the start quick.
    return [{"module": "urbanlab_lab.app"}]
