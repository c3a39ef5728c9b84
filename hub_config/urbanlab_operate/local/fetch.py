"""Fetches the parts that are not Python: proxy, maps' files and pages' widgets by npm, Keycloak and Kafka by Maven.

Each part keeps the digest of what it was made from, so that a second run has nothing to do.
``python -m urbanlab_operate.local.fetch`` does only this.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from urbanlab_hub.settings import CHECKOUT, Settings, SettingsError, load_settings
from urbanlab_operate.errors import OperateError
from urbanlab_operate.local.keycloak import BUILD_OPTIONS, find_program
from urbanlab_operate.local.prerequisites import check_prerequisites
from urbanlab_operate.local.steps import Progress

CONFIGURATION = CHECKOUT / "hub_config"
ASSETS = CONFIGURATION / "assets.json"
SNAPSHOT = CHECKOUT / "voila_apps" / "snapshot"
NPM_FILES = ("package.json", "package-lock.json", ".npmrc")
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"

Run = Callable[[str, Callable[[], object]], None]  # carries out one named step


@dataclass(frozen=True)
class Part:
    """One folder below that of the parts: what it is made from, and how."""

    name: str
    title: str
    sources: tuple[Path, ...]
    fetch: Callable[[Path], None]
    extra: str = ""  # what else it depends on


def list_parts() -> list[Part]:
    """Return all parts in the order in which they are made."""
    npm_sources = tuple(CHECKOUT / name for name in NPM_FILES)
    snapshot_sources = (SNAPSHOT / "build.mjs", *sorted(SNAPSHOT.glob("src/*")))
    keycloak_pom, kafka_pom = (CONFIGURATION / name / "pom.xml" for name in ("keycloak", "kafka"))
    return [
        Part("npm", "proxy and map files (npm)", npm_sources, _fetch_npm),
        Part("assets", "map files for the browser", (*npm_sources, ASSETS), _copy_assets),
        Part("snapshot", "page widgets (npm, esbuild)", (*npm_sources, *snapshot_sources), _build_snapshot),
        Part("kafka", "Kafka (Maven)", (kafka_pom,), _fetch_kafka),
        Part("keycloak", "Keycloak (Maven, and built)", (keycloak_pom,), _fetch_keycloak, str(BUILD_OPTIONS)),
    ]


def ensure_parts(settings: Settings, run: Run) -> None:
    """Fetch what is absent or was made from something else than now."""
    for part in list_parts():
        folder, stamp = settings.parts / part.name, settings.parts / f"{part.name}.digest"
        digest = _make_digest(part)
        if not (folder.is_dir() and stamp.exists() and stamp.read_text(encoding="utf-8") == digest):
            run(part.title, lambda part=part, folder=folder: _make_anew(part, folder))  # type: ignore[misc]
            stamp.write_text(digest, encoding="utf-8")


def _make_digest(part: Part) -> str:
    digest = hashlib.sha256(part.extra.encode())
    for source in part.sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _make_anew(part: Part, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    part.fetch(folder)
    # Whatever the operator's mask is: the services' accounts read this.
    _call(folder, "chmod", "-R", "a+rX", str(folder))


def _fetch_npm(folder: Path) -> None:
    for name in NPM_FILES:
        shutil.copyfile(CHECKOUT / name, folder / name)
    _call(folder, "npm", "ci", "--ignore-scripts")


def _copy_assets(folder: Path) -> None:
    """Copy the files that `assets.json` names: destination -> source below node_modules, or a pattern."""
    modules = folder.parent / "npm" / "node_modules"
    table: dict[str, str] = json.loads(ASSETS.read_text(encoding="utf-8"))
    for destination, pattern in table.items():
        sources = sorted(modules.glob(pattern))
        if not sources:
            raise OperateError(f"{ASSETS.name}: nothing is called {pattern}")
        for source in sources:
            # A pattern fills a folder, a name makes a file.
            target = folder / destination / source.name if "*" in pattern else folder / destination
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def _build_snapshot(folder: Path) -> None:
    """Bundle what draws the widgets of public pages."""
    modules = folder.parent / "npm" / "node_modules"
    _call(SNAPSHOT, "node", str(SNAPSHOT / "build.mjs"), str(modules), str(folder))


def _fetch_kafka(folder: Path) -> None:
    _call_maven(CONFIGURATION / "kafka", folder, "copy-dependencies")


def _fetch_keycloak(folder: Path) -> None:
    _call_maven(CONFIGURATION / "keycloak", folder, "unpack-dependencies")
    program = find_program(Settings(parts=folder.parent))
    _call(program, "sh", str(program / "bin" / "kc.sh"), "build", *BUILD_OPTIONS)


def _call_maven(project: Path, folder: Path, goal: str) -> None:
    # Maven leaves notes beside the project file, so it works on a copy.
    workshop = folder / ".maven"
    workshop.mkdir()
    shutil.copyfile(project / "pom.xml", workshop / "pom.xml")
    _call(workshop, "mvn", "--batch-mode", "--quiet", f"{PLUGIN}:{goal}", f"-DoutputDirectory={folder}")
    shutil.rmtree(workshop)


def _call(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise OperateError(f"`{' '.join(command[:3])}` failed:\n{tail}")


def main() -> int:
    """Fetch all parts; return the exit code."""
    console = Console(highlight=False)
    try:
        check_prerequisites(console)
        ensure_parts(load_settings(), Progress(console).run)
    except (OperateError, SettingsError) as error:
        console.print(str(error), markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
