"""Starts each hub user's server in a Unix account of its own, and ends everything that the account runs."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
import subprocess
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from jupyterhub import orm
from jupyterhub.spawner import LocalProcessSpawner
from jupyterhub.utils import random_port
from traitlets import Instance, default

from urbanlab.contract import naming
from urbanlab.contract.records import Quotas, Tenant
from urbanlab_hub import homes, processes, shared_folders
from urbanlab_hub.account_limits import AccountLimits
from urbanlab_hub.accounts import ensure_account
from urbanlab_hub.confinement import Confinement
from urbanlab_hub.known_tenants import KnownTenants, get_known_tenants
from urbanlab_hub.processes import ProcessId
from urbanlab_hub.server_arguments import make_server_arguments
from urbanlab_hub.server_watch import ServerWatch
from urbanlab_hub.services import SERVICE_GROUPS
from urbanlab_hub.settings import Settings
from urbanlab_hub.user_environment import make_user_environment

READY_POLL_SECONDS = 0.025
LOG_NAME = ".urbanlab-server.log"


class StartError(RuntimeError):
    """A server that could not be started; the hub shows the message to the person."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.jupyterhub_message = message


class UnixAccountSpawner(LocalProcessSpawner):  # type: ignore[misc]
    """A server is a process in its hub user's account; without root, everything is one account."""

    settings: Settings = Instance(Settings, help="The settings of the installation.").tag(config=True)
    process: ProcessId | None = Instance(ProcessId, allow_none=True)
    confinement: Confinement | None = None
    port: int

    @property
    def known_tenants(self) -> KnownTenants:
        """The tenants of the installation."""
        return get_known_tenants(self.settings.records)

    # --- names and places ---

    @property
    def account_name(self) -> str:
        """The Unix account of the hub user; without root only the name of its folders."""
        return naming.make_account(self.user.name, self.installation)

    @property
    def installation(self) -> str:
        """The four hex digits that tell installations on one machine apart."""
        return (self.settings.state / "installation").read_text().strip()

    @property
    def home(self) -> Path:
        """The home of the hub user."""
        return self.settings.homes / self.account_name

    @property
    def runtime(self) -> Path:
        """The folder of the kernels' sockets."""
        return homes.make_runtime_path(self.installation, self.account_name)

    def get_account(self) -> pwd.struct_passwd:
        """Return the account that the server runs in, made where it is absent."""
        if has_accounts():
            return ensure_account(self.user.name, self.installation)
        return pwd.getpwuid(os.geteuid())

    @cached_property
    def limits(self) -> AccountLimits:
        """What holds the account to its tenant's quotas."""
        uid = self.get_account().pw_uid if has_accounts() else None
        return AccountLimits(self.user.name, self.account_name, uid, self.installation)

    def find_tenant(self) -> Tenant | None:
        """Return the record of the hub user's tenant, or None where it has been removed."""
        return self.known_tenants.load_tenants().get(naming.split_hub_user(self.user.name)[1])

    def get_tenant(self) -> Tenant:
        """Return the record of the hub user's tenant; raise `StartError` where it has been removed."""
        tenant = self.find_tenant()
        if tenant is None:
            raise StartError("This municipality is no longer part of the installation.")
        return tenant

    # --- starting ---

    async def start(self) -> tuple[str, int]:
        """Start the server; return its address once it listens."""
        quotas = self.get_tenant().quotas
        self.check_room(quotas)
        account = await asyncio.to_thread(self.prepare, quotas)
        self.popen_kwargs = self.make_popen_arguments(account)
        self.port = self.port or random_port()
        with self.limits.make_confinement(self.home / LOG_NAME, self.ip, self.port) as self.confinement:
            address: tuple[str, int] = await super().start()
        self.process = processes.find_process(self.pid)
        self.limits.hold(quotas, self.pid)
        await self.wait_until_listening(account.pw_uid)
        return address

    def check_room(self, quotas: Quotas) -> None:
        """Raise `StartError` where the tenant's people have as many servers as the tenant may have at once."""
        person, tenant = naming.split_hub_user(self.user.name)
        if person in naming.SERVICE_PERSONS:
            return  # pages and reports do not wait for people, nor people for them
        self.db.flush()
        services = [naming.make_service_user(purpose, tenant) for purpose in naming.SERVICE_PERSONS]
        earlier = (
            self.db.query(orm.Spawner)
            .join(orm.Spawner.user)
            .filter(
                orm.User.name.endswith(f"@{tenant}", autoescape=True),
                orm.User.name.not_in(services),
                orm.Spawner.server_id < self.orm_spawner.server_id,  # of two that begin at once, one gets in
            )
        )
        if earlier.count() >= quotas.servers:
            raise StartError(
                f"Your municipality already runs the {quotas.servers} servers that it may have at once. "
                "Please try again when one of them has been stopped, or ask your administrator."
            )

    def prepare(self, quotas: Quotas) -> pwd.struct_passwd:
        """Make account, folders and limits; end what a former server may have left."""
        account = self.get_account()
        if has_accounts():
            processes.end_processes(account.pw_uid)
        self.limits.prepare(quotas)
        homes.ensure_home(self.home, account.pw_uid, account.pw_gid, self.settings.curated)
        homes.ensure_runtime(self.runtime, account.pw_uid, account.pw_gid)
        shared_folders.ensure_shared_folders(
            self.settings.shared, self.get_tenant(), self.installation if has_accounts() else None
        )
        return account

    def list_shared_groups(self) -> list[int]:
        """Return the groups by which the system lets the person into the tenant's shared folders."""
        if not has_accounts():
            return []
        tenant = self.get_tenant()
        roles = shared_folders.make_roles(tenant.id, [group.name for group in self.user.groups])
        return shared_folders.list_groups(tenant, self.installation, roles)

    def get_home_limit(self) -> int:
        """Return how many MB the home may take; 0 for service users, in whose homes nobody works."""
        is_service = naming.split_hub_user(self.user.name)[0] in naming.SERVICE_PERSONS
        return 0 if is_service else self.get_tenant().quotas.home_mb

    def get_args(self) -> list[str]:
        """Return the arguments of the server's program, with what its tenant declares."""
        tenant = self.get_tenant()
        declared = make_server_arguments(tenant, self.user.name, self.settings.shared / tenant.id)
        return [*super().get_args(), *declared]

    def make_popen_arguments(self, account: pwd.struct_passwd) -> dict[str, Any]:
        """Return what makes the new process the account's own."""
        common = {"cwd": self.home, "umask": 0o077, "stdin": subprocess.DEVNULL}
        if not has_accounts():
            return common
        identity = {
            "user": account.pw_uid,
            "group": account.pw_gid,
            "extra_groups": self.list_shared_groups(),
        }
        return {**common, **identity}

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        """Return what the process runs before the server's program; its account is set already."""
        assert self.confinement is not None
        return self.confinement

    @default("oauth_access_scopes")  # type: ignore[untyped-decorator]  # traitlets has no types for it
    def _default_access_scopes(self) -> list[str]:
        """Return the scopes of which one opens the server.

        A service's token holds the scope of its group of servers as such, and a server, which knows no groups,
        would not find its own name in it.
        """
        own: list[str] = super()._default_access_scopes()
        group = SERVICE_GROUPS.get(naming.split_hub_user(self.user.name)[0])
        return [*own, f"access:servers!group={group}"] if group else own

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Return the whole environment: JupyterHub's names and the contract's, and nothing of the hub's own."""
        # A second name of the token for servers older than JupyterHub 0.7.
        env.pop("JPY_API_TOKEN", None)
        prefix = self.server.base_url
        ours = make_user_environment(self.settings, self.get_tenant(), self.user.name, self.home, prefix)
        return {**env, **ours, "JUPYTER_RUNTIME_DIR": str(self.runtime), "USER": self.account_name}

    async def wait_until_listening(self, uid: int) -> None:
        """Wait until the account listens at the port, so that the hub's first look finds the server."""
        while (listener := processes.find_listener(self.port)) is None:
            if await self.poll() is not None:
                raise StartError("The server ended while it was starting.")
            await asyncio.sleep(READY_POLL_SECONDS)
        if listener != uid:
            # Somebody else was quicker at this port: send nobody there.
            await self.stop(now=True)
            raise StartError("The server's port was taken. Please start it again.")

    # --- running and ending ---

    async def poll(self) -> int | None:
        """Return None while the server runs; once it has ended, end what it left behind."""
        known = self.process
        status: int | None = await super().poll() if self.proc is not None else self.poll_former()
        if status is not None:
            if known:
                await self.end_account([])
            self.clear_state()
        elif self.process and (tenant := self.find_tenant()):
            self.limits.hold(tenant.quotas, self.process.pid)
            if has_accounts():
                self.watch.look(self.process.pid, self.list_shared_groups(), self.home, self.get_home_limit())
        return status

    @cached_property
    def watch(self) -> ServerWatch:
        """What ends the server if its person lost what it runs with, or its home bursts."""
        return ServerWatch(self.user.name, self.stop)

    def poll_former(self) -> int | None:
        """Poll a server that a former process of the hub has started."""
        return None if self.process and processes.is_alive(self.process) else 0

    async def stop(self, now: bool = False) -> None:
        """End the server and everything else that its account runs."""
        process = self.process
        family = [process.pid, *processes.list_descendants(process.pid)] if process else []
        if not now and await self.poll() is None:
            await self._signal(signal.SIGTERM)
            await self.wait_for_death(self.term_timeout)
        await self.end_account(family)
        if process and not await self.wait_for_death(self.kill_timeout):
            self.log.error("The server of %s does not end", self.user.name)
        self.clear_state()

    async def end_account(self, family: list[int]) -> None:
        """End all processes of the account; without root, those of `family`."""
        await asyncio.to_thread(self._end_account, family)

    def _end_account(self, family: list[int]) -> None:
        if has_accounts():
            processes.end_processes(self.get_account().pw_uid)
        else:
            processes.kill(family)
        homes.delete_runtime(self.runtime)
        self.limits.release()

    async def _signal(self, sig: int) -> bool:
        """Send a signal to the server, never to another process that got its number."""
        if not self.process or not processes.is_alive(self.process):
            return False
        return bool(await super()._signal(sig))

    # --- over a restart of the hub ---

    def get_state(self) -> dict[str, Any]:
        """Return what the next process of the hub needs to know the server again."""
        began = {"began": self.process.began} if self.process else {}
        return {**super().get_state(), **began}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over a server from the former process of the hub."""
        super().load_state(state)
        if "pid" in state and "began" in state:
            self.process = ProcessId(state["pid"], state["began"])

    def clear_state(self) -> None:
        """Forget the server."""
        super().clear_state()
        self.process, self.proc = None, None


def has_accounts() -> bool:
    """Return whether servers get accounts of their own; only root can start them so."""
    return os.geteuid() == 0
