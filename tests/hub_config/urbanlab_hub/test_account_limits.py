"""What holds an account to its quotas, and what is noted when it does; without control groups, the watchdog."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.hub_config.conftest import needs_root
from urbanlab.contract.records import Quotas
from urbanlab_hub import account_limits
from urbanlab_hub.account_limits import AccountLimits
from urbanlab_hub.accounts import ensure_account
from urbanlab_hub.cgroups import ensure_cgroups
from urbanlab_hub.usage import measure_usage
from urbanlab_hub.watchdog import WATCHDOG, find_victim

HOARD = "import time; held = b'x' * ({} * 2**20); print('held', flush=True); time.sleep(20)"
QUOTAS = Quotas(memory_mb=100, processes=20)


@pytest.fixture
def limits(installation: str) -> Iterator[AccountLimits]:
    account = ensure_account("anna@alpha", installation)
    yield AccountLimits("anna@alpha", account.pw_name, account.pw_uid, installation)
    WATCHDOG.forget(account.pw_uid)


def hoard(limits: AccountLimits, megabytes: int, folder: Path) -> subprocess.Popen[bytes]:
    """Start a process of the account, limited as its server is, that holds memory."""
    assert limits.uid is not None
    with limits.make_confinement(folder / "log", "127.0.0.3", 1) as confinement:
        process = subprocess.Popen(
            [sys.executable, "-c", HOARD.format(megabytes)], preexec_fn=confinement, user=limits.uid, cwd="/"
        )
    while measure_usage(limits.uid).memory_bytes < megabytes * 2**20 and process.poll() is None:
        pass
    return process


@needs_root
def test_what_a_group_did_is_noted_once_with_its_limit(
    limits: AccountLimits, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if ensure_cgroups(limits.installation) is None:
        pytest.skip("no control group can be made on this machine")
    limits.prepare(QUOTAS)
    processes = [hoard(limits, 60, tmp_path), hoard(limits, 60, tmp_path)]
    while all(process.poll() is None for process in processes):
        time.sleep(0.02)
    with caplog.at_level(logging.WARNING):
        limits.hold(QUOTAS, processes[0].pid)
        limits.hold(QUOTAS, processes[0].pid)
    said = [record.getMessage() for record in caplog.records]
    assert said == ["anna@alpha reached its limit of 100 MB memory; processes ended: 1"]
    for process in processes:
        process.kill()
        process.wait()
    limits.release()
    assert limits.group is None


@needs_root
def test_a_changed_quota_holds_for_a_running_server_also_after_a_restart_of_the_hub(
    limits: AccountLimits,
) -> None:
    if ensure_cgroups(limits.installation) is None:
        pytest.skip("no control group can be made on this machine")
    limits.prepare(QUOTAS)
    assert limits.group is not None
    following = AccountLimits(limits.owner, limits.account, limits.uid, limits.installation)
    following.hold(Quotas(processes=33), 1)
    assert (limits.group.folders["pids"] / "pids.max").read_text() == "33\n"
    following.release()
    assert not limits.group.exists()


@needs_root
async def test_without_groups_the_watchdog_ends_the_largest_process_and_spares_the_server(
    limits: AccountLimits, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_limits.cgroups, "ensure_cgroups", lambda _: None)
    monkeypatch.setattr(account_limits.cgroups, "find_cgroups", lambda _: None)
    limits.prepare(QUOTAS)
    server, small = hoard(limits, 60, tmp_path), hoard(limits, 30, tmp_path)
    limits.hold(QUOTAS, server.pid)
    await asyncio.sleep(1.2)
    assert (server.poll(), small.poll()) == (None, None)  # together still within the quota

    large = await asyncio.to_thread(hoard, limits, 50, tmp_path)
    assert await asyncio.to_thread(large.wait, 5) == -9
    assert (server.poll(), small.poll()) == (None, None)
    limits.hold(QUOTAS, server.pid)
    assert "reached its limit of 100 MB memory; processes ended: 1" in caplog.text
    for process in (server, small):
        process.kill()
        process.wait()
    limits.release()


def test_what_processes_share_counts_once() -> None:
    """A parent with 60 MB and two children that were forked from it take 60 MB, not 180."""
    code = (
        "import os, time; held = bytearray(60 * 2**20); os.fork() and os.fork(); print(flush=True);"
        "time.sleep(9)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        for _ in range(3):
            parent.stdout.readline()
        family = [psutil.Process(parent.pid), *psutil.Process(parent.pid).children(recursive=True)]
        assert find_victim(family, 100 * 2**20, server=0) is None
        assert find_victim(family, 50 * 2**20, server=0) in family
        for process in family:
            process.kill()
