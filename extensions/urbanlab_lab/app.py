"""The server extension: the files of maps, and the policy for all pages."""

from __future__ import annotations

import os
from typing import Any

from jupyter_server.utils import url_path_join

from urbanlab.contract.environment import ASSETS_PATH
from urbanlab_lab.handlers import AssetHandler
from urbanlab_lab.security_policy import make_policy


def _load_jupyter_server_extension(server: Any) -> None:
    server.web_app.settings.setdefault("headers", {})["Content-Security-Policy"] = make_policy()
    folder = os.environ.get(ASSETS_PATH)
    if folder:
        address = url_path_join(server.base_url, "urbanlab", "assets", "(.*)")
        server.web_app.add_handlers(".*$", [(address, AssetHandler, {"path": folder})])
