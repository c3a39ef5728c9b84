"""What a notebook of this server finds in its environment: what it needs, named one by one."""

from __future__ import annotations

from collections.abc import Mapping

from urbanlab.contract.environment import KERNEL_VARIABLES, PUBLISHER_URL, TOKENS_URL

# Of the system's, what programs need to find their files and to write text.
_SYSTEM_VARIABLES = ("HOME", "PATH", "LANG", "SHELL", "USER", "MPLCONFIGDIR", "JUPYTER_RUNTIME_DIR")
# A notebook that runs with nobody logged in publishes nothing.
_WITHHELD = {PUBLISHER_URL}


def make_kernel_environment(environ: Mapping[str, str], tokens_url: str) -> dict[str, str]:
    """Return the environment of notebooks in a server with `environ`, whose credentials come from `tokens_url`."""
    names = {*_SYSTEM_VARIABLES, *KERNEL_VARIABLES} - _WITHHELD
    kept = {name: value for name, value in environ.items() if name in names}
    # What one notebook puts into the account's folder of packages must not run in the next.
    return {**kept, TOKENS_URL: tokens_url, "PYTHONNOUSERSITE": "1"}
