"""The server extension: the files of maps, the policy for all pages, and order in a person's home."""

from __future__ import annotations

import json
import os
from typing import Any

from jupyter_server.utils import url_path_join

from urbanlab.contract.environment import ASSETS_PATH, PERSON
from urbanlab.contract.naming import SERVICE_PERSONS
from urbanlab_lab.handlers import AssetHandler
from urbanlab_lab.housekeeping import keep_house
from urbanlab_lab.security_policy import make_policy


def _load_jupyter_server_extension(server: Any) -> None:
    server.web_app.settings.setdefault("headers", {})["Content-Security-Policy"] = make_policy()
    # JupyterHub's own cookies have them already; the token of forms is the server's.
    cookie_options = json.loads(os.environ.get("JUPYTERHUB_COOKIE_OPTIONS") or "{}")
    server.web_app.settings.setdefault("xsrf_cookie_kwargs", {}).update(cookie_options)
    folder = os.environ.get(ASSETS_PATH)
    if folder:
        address = url_path_join(server.base_url, "urbanlab", "assets", "(.*)")
        server.web_app.add_handlers(".*$", [(address, AssetHandler, {"path": folder})])
    if os.environ.get(PERSON) not in SERVICE_PERSONS:
        keep_house(server)
