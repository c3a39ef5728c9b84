"""What holds an account to its tenant's quotas: a control group where the machine has them, else a watchdog."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from urbanlab.contract.records import Quotas
from urbanlab_hub import cgroups, landlock, own_address
from urbanlab_hub.cgroup_trees import NETWORK
from urbanlab_hub.cgroups import Events, Group
from urbanlab_hub.confinement import Confinement
from urbanlab_hub.watchdog import WATCHDOG

WATCHED, SINGLE = "rlimits and watchdog", "rlimits of each process alone"
NOTHING = Events()
logger = logging.getLogger(__name__)


@dataclass
class AccountLimits:
    """The limits of one account while its server runs; `uid` is None where all share one account."""

    owner: str  # the hub user
    account: str
    uid: int | None
    installation: str
    quotas: Quotas | None = None
    group: Group | None = None
    seen: Events = NOTHING

    def prepare(self, quotas: Quotas) -> None:
        """Make ready for a server to be started with these quotas."""
        self.quotas, self.seen = quotas, NOTHING
        if self.uid is None:
            return
        try:
            found = cgroups.ensure_cgroups(self.installation)
            self.group = found.ensure_group(self.account, quotas) if found else None
        except OSError:
            logger.exception("No control group for %s: each process is limited alone", self.owner)
            self.group = None
        self.seen = self._read_events()

    def make_confinement(self, log: Path, host: str, port: int) -> Confinement:
        """Return what a new process does to itself before it runs the server that listens at this address."""
        assert self.quotas is not None
        if self.group and NETWORK in self.group.folders:
            with suppress(OSError):  # `urbanlab status` says where the system has no way
                own_address.leave_address(self.group.folders[NETWORK], host, port)
        processes = None
        if self.uid is not None:
            # The group counts what it refuses, so the limit of the account comes after it.
            processes = self.quotas.processes + (1 if self.group else 0)
        doors = self.group.open_doors() if self.group else []
        return Confinement(self.quotas, processes, log, doors, landlock.make_ruleset(port))

    def hold(self, quotas: Quotas, server: int) -> None:
        """Hold the running server to these quotas, which may have changed, and note what the limits did."""
        if self.uid is None:
            return
        if self.quotas is None:
            self._adopt_group()
        if self.group is None:
            WATCHDOG.watch(self.uid, quotas.memory_mb, server)
        elif quotas != self.quotas:
            try:
                self.group.set_limits(quotas)
            except OSError as error:  # it holds more memory already
                logger.warning("The quotas of %s will count from its next start: %s", self.owner, error)
        self.quotas = quotas
        self._note_events()

    def release(self) -> None:
        """Forget the account after its last process."""
        if self.uid is None:
            return
        if self.quotas is None:
            self._adopt_group()
        else:
            self._note_events()
        if self.group:
            self.group.delete()
        WATCHDOG.forget(self.uid)
        self.group = self.quotas = None

    def _adopt_group(self) -> None:
        """Find the group of a server that a former process of the hub started."""
        found = cgroups.find_cgroups(self.installation)
        group = found.get_group(self.account) if found else None
        self.group = group if group and group.exists() else None

    def _note_events(self) -> None:
        now, seen = self._read_events(), self.seen
        self.seen = now
        assert self.quotas is not None
        if now.kills > seen.kills:
            message = "%s reached its limit of %d MB memory; processes ended: %d"
            logger.warning(message, self.owner, self.quotas.memory_mb, now.kills - seen.kills)
        if now.refusals > seen.refusals:
            message = "%s reached its limit of %d processes; refused: %d"
            logger.warning(message, self.owner, self.quotas.processes, now.refusals - seen.refusals)

    def _read_events(self) -> Events:
        if self.group:
            return self.group.read_events()
        return Events(kills=WATCHDOG.ended.get(self.uid or 0, 0))


def describe_limits(installation: str, has_accounts: bool) -> str:
    """Return in a few words what holds accounts to their quotas on this machine."""
    if not has_accounts:
        return SINGLE
    found = cgroups.find_cgroups(installation)
    return found.kind if found else WATCHED


def describe_listening(installation: str, has_accounts: bool) -> str:
    """Return in a few words what keeps users' code from being reached elsewhere than at its server's address."""
    found = cgroups.find_cgroups(installation) if has_accounts else None
    ways = {
        "Landlock": landlock.limits_ports(),
        "packet filter": bool(found and NETWORK in found.parents) and own_address.is_possible(),
    }
    return " and ".join(name for name, holds in ways.items() if holds) or "nothing"
