"""A real hub with the page: people who need no password, tiny servers in accounts of their own, no proxy."""

import json
import os
import secrets
import sys
from typing import Any

from jupyterhub.auth import DummyAuthenticator

from tests.hub_alone import NoProxy
from urbanlab_hub.administration.routes import Route, make_administration_routes
from urbanlab_hub.configure import configure_pages, configure_web
from urbanlab_hub.local_spawner import UnixAccountSpawner
from urbanlab_hub.roles import CUSTOM_SCOPES, make_roles, make_services
from urbanlab_hub.services import SERVICES
from urbanlab_hub.settings import load_settings

settings = load_settings()
# Answers whatever is asked, and takes 50 MB.
SERVER = """
import os, urllib.parse, http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(os.environ["JUPYTERHUB_API_TOKEN"].encode())
ballast = bytearray(os.urandom(1)) * 50_000_000
address = urllib.parse.urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
http.server.ThreadingHTTPServer((address.hostname, address.port), Handler).serve_forever()
"""


class KnownPeople(DummyAuthenticator):
    def get_handlers(self, app: Any) -> list[Route]:
        return [*make_administration_routes(settings), *super().get_handlers(app)]

    async def authenticate(self, handler: Any, data: Any) -> dict[str, Any]:
        person, _, tenant = data["username"].partition("@")
        others = ["village", "gone"] if person == "anna" and tenant == "town" else []
        return {"name": data["username"], "user_info": {"other_tenants": others}}


c = get_config()  # type: ignore[name-defined] # noqa: F821
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.authenticator_class = KnownPeople
c.KnownPeople.allow_all = True
c.JupyterHub.bind_url = settings.hub_url
c.JupyterHub.hub_bind_url = settings.hub_url
c.JupyterHub.db_url = "sqlite:///hub.sqlite"
c.JupyterHub.load_groups = json.loads(os.environ["GROUPS_OF_THE_TEST"])
c.JupyterHub.custom_scopes = CUSTOM_SCOPES
c.JupyterHub.load_roles = make_roles()
tokens = {service.name: f"{service.name}-{secrets.token_hex(16)}" for service in SERVICES}
c.JupyterHub.services = make_services(tokens, {"publisher": settings.publisher_url})
c.JupyterHub.spawner_class = UnixAccountSpawner
c.UnixAccountSpawner.settings = settings
c.Spawner.cmd = [sys.executable, "-c", SERVER]
c.UnixAccountSpawner.term_timeout = 1
configure_pages(c, settings)
configure_web(c, settings)
