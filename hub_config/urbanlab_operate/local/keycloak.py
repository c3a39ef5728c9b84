"""Keycloak: a home of its own over the fetched program, the realm to import, and the command that runs it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from urbanlab_hub.settings import CHECKOUT, Settings
from urbanlab_operate.errors import OperateError
from urbanlab_operate.local.folders import Accounts
from urbanlab_operate.local.java import make_java

REALM_FILE = CHECKOUT / "hub_config" / "keycloak" / "urban-realm.json"
ADMIN = "admin"
# What cannot be changed once Keycloak is built; without them it would look for others of its kind on all networks.
BUILD_OPTIONS = ("--db=dev-file", "--health-enabled=true", "--metrics-enabled=false", "--cache=local")
_OPENED = ("java.util", "java.util.concurrent", "java.security", "java.lang")


def find_program(settings: Settings) -> Path:
    """Return the folder of the fetched Keycloak; raise `OperateError` where there is none."""
    for folder in sorted((settings.parts / "keycloak").glob("keycloak-*")):
        return folder
    raise OperateError("Keycloak has not been fetched: run `make up` once")


def ensure_keycloak(settings: Settings, accounts: Accounts) -> None:
    """Make the home: the program by links, everything that Keycloak writes as folders of its own account."""
    program, home = find_program(settings), settings.service_state("keycloak") / "home"
    for folder in (home, home / "conf", home / "data", home / "data" / "import"):
        if folder.is_symlink():
            folder.unlink()
        folder.mkdir(mode=0o700, exist_ok=True)
    for name in ("lib", "providers", "themes", "version.txt"):
        link = home / name
        link.unlink(missing_ok=True)
        link.symlink_to(program / name)
    _copy(program / "conf" / "cache-ispn.xml", home / "conf")
    _copy(REALM_FILE, home / "data" / "import")
    if owner := accounts.get("keycloak"):
        for path in (home, *home.rglob("*")):
            os.chown(path, *owner, follow_symlinks=False)


def _copy(source: Path, folder: Path) -> None:
    """Copy a file into a folder of Keycloak's account, which could have put a link in its place."""
    (folder / source.name).unlink(missing_ok=True)
    shutil.copyfile(source, folder / source.name)


def make_command(settings: Settings) -> list[str]:
    """Return Keycloak's command; the administrator's first password comes by the environment."""
    # Java itself and not kc.sh: signals reach it, and its home may lie apart from its program.
    return [*_make_java(settings), "io.quarkus.bootstrap.runner.QuarkusEntryPoint", *_make_options(settings)]


def _make_java(settings: Settings) -> list[str]:
    state, program = settings.service_state("keycloak"), find_program(settings)
    home = state / "home"
    properties = {
        "kc.home.dir": home,
        "jboss.server.config.dir": home / "conf",
        "java.util.logging.manager": "org.jboss.logmanager.LogManager",
        "picocli.disable.closures": "true",
        "java.util.concurrent.ForkJoinPool.common.threadFactory": (
            "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory"
        ),
        # By default it marks its process by listening at a port, which nobody needs.
        "CoreEnvironmentBean.processImplementationClassName": (
            "com.arjuna.ats.internal.arjuna.utils.UuidProcessId"
        ),
    }
    return [
        *make_java(state / "tmp", "-Xms128m", "-Xmx448m", "-XX:MaxMetaspaceSize=256m"),
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
        *(f"-D{name}={value}" for name, value in properties.items()),
        *("-cp", str(program / "lib" / "quarkus-run.jar")),
    ]


def _make_options(settings: Settings) -> list[str]:
    database = settings.service_state("keycloak") / "home" / "data" / "h2" / "keycloakdb"
    return [
        *("start", "--optimized", "--import-realm"),
        "--http-enabled=true",
        f"--http-host={settings.bind}",
        f"--http-port={settings.keycloak_port}",
        f"--http-management-host={settings.bind}",
        f"--http-management-port={settings.keycloak_management_port}",
        f"--hostname={settings.login_url}",
        *_make_proxy_options(settings.trusted_proxies),
        "--cache=local",
        # Without the server mode that would let other processes open the database by a port.
        f"--db-url=jdbc:h2:file:{database};NON_KEYWORDS=VALUE;DB_CLOSE_ON_EXIT=FALSE;DB_CLOSE_DELAY=0",
        "--log-console-output=json",
        # Of logins its events tell; of who asks for what administrators may, nothing else does. Without the query.
        *("--http-access-log-enabled=true", "--http-access-log-pattern=%s %m %R"),
        "--http-access-log-exclude=/(?!admin/|realms/[^/]+/(account|clients-registrations)).*",
    ]


def _make_proxy_options(trusted: str) -> tuple[str, ...]:
    """Believe reverse proxies, and nobody else, where a browser is and how it came."""
    if not trusted:
        return ()
    return ("--proxy-headers=xforwarded", f"--proxy-trusted-addresses={trusted.replace(' ', '')}")
