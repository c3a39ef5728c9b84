"""What a page of the user's server may load and where it may be shown: nothing of third parties, nowhere else."""

from __future__ import annotations

POLICY = {
    "default-src": "'self'",
    # JupyterLab and its extensions are loaded as modules that are built in the browser; outputs hold scripts.
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "worker-src": "'self' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "frame-src": "'self' data: blob:",
    "object-src": "'self' blob:",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'self'",
}


def make_policy() -> str:
    """Return the header's value."""
    return "; ".join(f"{directive} {sources}" for directive, sources in POLICY.items())
