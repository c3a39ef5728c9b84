"""A real hub for a login: our roles and services, people who need no password, and no proxy in front."""

import json
import os

from jupyterhub.auth import DummyAuthenticator

from tests.hub_alone import NoProxy
from urbanlab_hub.roles import CUSTOM_SCOPES, make_roles, make_services

given = json.loads(os.environ["HUB_OF_THE_TEST"])


c = get_config()  # type: ignore[name-defined] # noqa: F821
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.authenticator_class = DummyAuthenticator
c.DummyAuthenticator.allow_all = True
c.JupyterHub.bind_url = given["url"]
c.JupyterHub.hub_bind_url = given["url"]
c.JupyterHub.db_url = "sqlite:///hub.sqlite"
c.JupyterHub.load_groups = {group: {"users": users} for group, users in given["groups"].items()}
c.JupyterHub.custom_scopes = CUSTOM_SCOPES
c.JupyterHub.load_roles = make_roles()
c.JupyterHub.services = make_services(given["tokens"], {"publisher": given["publisher"]})
