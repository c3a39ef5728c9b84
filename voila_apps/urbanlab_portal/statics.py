"""The portal's style, the bundle that shows widgets, and files of maps: found in a table, never by a path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from urbanlab.contract.publications import make_digest
from urbanlab_portal import policies

# No HTML among them: a page on the portal's origin is made by the portal.
MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "json": "application/json",
    "map": "application/json",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "ttf": "font/ttf",
    "wasm": "application/wasm",
    "txt": "text/plain; charset=utf-8",
}
# Of what Jupyter's packages have installed, what the pages of interactive views load.
_JUPYTER = {
    "voila/": "voila/templates/base/static",
    "labextensions/@jupyter-widgets/jupyterlab-manager/": "labextensions/@jupyter-widgets/jupyterlab-manager",
    "labextensions/@voila-dashboards/widgets-manager8/": "voila/labextensions/@voila-dashboards/widgets-manager8",
    "labextensions/anywidget/": "labextensions/anywidget",
}
_OWN = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Static:
    """A file that never changes while the portal runs; `version` is part of the address that pages use."""

    path: Path
    media_type: str
    version: str


class Statics:
    """All files below ``/static/``, by name."""

    def __init__(self, snapshot: Path | None, assets: Path | None, jupyter: Path | None = None) -> None:
        folders = {"": _OWN, "snapshot/": snapshot, "assets/": assets}
        if jupyter is not None:
            folders |= {name: jupyter / place for name, place in _JUPYTER.items()}
        self._files = {
            f"{prefix}{name}": static
            for prefix, folder in folders.items()
            if folder is not None
            for name, static in _list_files(folder)
        }

    def find(self, name: str) -> Static | None:
        """Return the file of that name, or None."""
        return self._files.get(name)

    def make_url(self, name: str) -> str:
        """Return the address of a file that may be kept for ever; raise `KeyError` if there is none."""
        return f"/static/{name}?v={self._files[name].version}"

    def list_bundle(self, ending: str) -> list[str]:
        """Return the addresses of the widget bundle's files that a page names: those at its top."""
        names = sorted(name for name in self._files if name.startswith("snapshot/") and name.count("/") == 1)
        return [self.make_url(name) for name in names if name.endswith(ending)]


def make_cache_control(static: Static, version: str) -> str:
    """Return how long a file may be kept by who asks for a version of it."""
    return policies.IMMUTABLE if version == static.version else policies.A_DAY


def _list_files(folder: Path) -> Iterator[tuple[str, Static]]:
    root = folder.resolve()
    for path in sorted(root.rglob("*")):
        media_type = MEDIA_TYPES.get(path.suffix[1:])
        # A link that leads out of the folder is not part of it.
        if media_type and path.is_file() and path.resolve().is_relative_to(root):
            yield (
                path.relative_to(root).as_posix(),
                Static(path, media_type, make_digest(path.read_bytes())[:12]),
            )
