"""Addresses of the user's server."""

from __future__ import annotations

from jupyter_server.base.handlers import allow_unauthenticated
from tornado.web import HTTPError, StaticFileHandler

HALF_A_DAY = 12 * 60 * 60


class AssetHandler(StaticFileHandler):
    """Files that maps need in the browser: published libraries, the same for all, so nobody logs in for them."""

    @allow_unauthenticated  # type: ignore[untyped-decorator]
    async def get(self, path: str, include_body: bool = True) -> None:
        """Send a file."""
        await super().get(path, include_body)

    @allow_unauthenticated  # type: ignore[untyped-decorator]
    async def head(self, path: str) -> None:
        """Send a file's headers."""
        await super().get(path, include_body=False)

    def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
        """Return the path of a file inside `root`, or answer with an error."""
        if "\0" in absolute_path:  # no file has such a name, and asking the system for it fails
            raise HTTPError(404)
        return super().validate_absolute_path(root, absolute_path)

    def set_default_headers(self) -> None:
        """Let pages in sandboxed frames, which have no origin, load fonts and scripts too."""
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Access-Control-Allow-Origin", "*")

    def get_cache_time(self, path: str, modified: object, mime_type: str) -> int:
        """Return for how many seconds browsers keep a file without asking."""
        return HALF_A_DAY
