"""JupyterHub's configuration: settings, one call, and a folder for what an operator must add."""

from traitlets.config import get_config

from urbanlab_hub.configure import configure
from urbanlab_hub.settings import load_settings

c = get_config()
settings = load_settings()
configure(c, settings)

# The escape hatch: files in `jupyterhub_config.d` of the state folder are read last, in order of their names.
for extra in sorted((settings.state / "jupyterhub_config.d").glob("*.py")):
    load_subconfig(str(extra))  # type: ignore[name-defined]  # noqa: F821
