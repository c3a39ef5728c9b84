"""Real servers in real accounts, started and ended by the spawner without a hub around it."""

from __future__ import annotations

import dataclasses
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from tests.hub_config.conftest import needs_root
from urbanlab.contract.records import Tenant, write_tenant
from urbanlab_hub import processes
from urbanlab_hub.local_spawner import LOG_NAME, StartError, UnixAccountSpawner
from urbanlab_hub.settings import Settings

# Listens like a user's server, and leaves a process behind that is nobody's child and in no group of its.
SERVER = """
import os, socket, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(60)
    os._exit(0)
listener = socket.socket(); listener.bind(("127.0.0.1", int(sys.argv[1]))); listener.listen()
print("ready", flush=True); time.sleep(60)
"""


class TinySpawner(UnixAccountSpawner):  # type: ignore[misc]
    """The spawner with a tiny program for the server, and none of the hub's tokens in its environment."""

    code = SERVER
    server = SimpleNamespace(base_url="/user/anna/")

    def get_env(self) -> dict[str, str]:
        return self.user_env({"JPY_API_TOKEN": "another name of the token"})

    @property
    def cmd(self) -> list[str]:
        return [sys.executable, "-c", self.code]

    def get_args(self) -> list[str]:
        return [str(self.port)]


@pytest.fixture
def make_spawner(
    settings: Settings, open_folder: Path, installation: str, make_tenant: Callable[..., Tenant]
) -> Iterator[Callable[..., TinySpawner]]:
    settings = dataclasses.replace(settings, state=open_folder)
    settings.homes.mkdir(mode=0o711)
    settings.records.mkdir()
    (open_folder / "installation").write_text(installation + "\n")
    write_tenant(settings.records, make_tenant("alpha"))
    made: list[TinySpawner] = []

    def make(name: str = "anna@alpha") -> TinySpawner:
        made.append(
            TinySpawner(settings=settings, user=SimpleNamespace(name=name), term_timeout=1, kill_timeout=3)
        )
        return made[-1]

    yield make
    for spawner in made:
        for process in psutil.process_iter():
            if spawner.process and process.pid == spawner.process.pid:
                process.kill()
        spawner.runtime.parent.exists() and spawner.runtime.exists() and spawner.runtime.rmdir()
    Path(f"/run/urbanlab-{installation}").exists() and Path(f"/run/urbanlab-{installation}").rmdir()


@needs_root
async def test_a_server_runs_in_its_own_account_with_private_folders(
    make_spawner: Callable[..., TinySpawner],
) -> None:
    spawner = make_spawner()
    _, port = await spawner.start()
    account = spawner.get_account()

    assert processes.find_listener(port) == account.pw_uid
    assert await spawner.poll() is None
    process = psutil.Process(spawner.process.pid)
    assert set(process.uids()) == {account.pw_uid}
    assert set(process.gids()) == {account.pw_gid}
    assert process.cwd() == str(spawner.home)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (spawner.home, spawner.runtime)} == {0o700}
    assert "JPY_API_TOKEN" not in process.environ()
    assert (spawner.home / LOG_NAME).read_text() == "ready\n"
    await spawner.stop()


@needs_root
async def test_ending_a_server_ends_everything_that_its_account_runs(
    make_spawner: Callable[..., TinySpawner],
) -> None:
    spawner = make_spawner()
    await spawner.start()
    uid, runtime = spawner.get_account().pw_uid, spawner.runtime
    assert len(processes.list_processes(uid)) == 2  # the server and the one that it left behind
    await spawner.stop()

    assert processes.list_processes(uid) == []
    assert not runtime.exists()
    assert await spawner.poll() == 0


@needs_root
async def test_what_a_killed_server_left_behind_ends_when_that_is_noticed(
    make_spawner: Callable[..., TinySpawner],
) -> None:
    spawner = make_spawner()
    await spawner.start()
    uid = spawner.get_account().pw_uid
    os.kill(spawner.process.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(spawner.process.pid)], timeout=5)
    assert await spawner.poll() is not None

    assert processes.list_processes(uid) == []


@needs_root
async def test_the_next_hub_knows_the_server_again_and_can_end_it(
    make_spawner: Callable[..., TinySpawner],
) -> None:
    former, following = make_spawner(), make_spawner()
    await former.start()
    following.load_state(former.get_state())
    assert await following.poll() is None

    await following.stop()
    assert processes.list_processes(following.get_account().pw_uid) == []


@needs_root
async def test_a_number_used_again_is_not_taken_for_the_server(
    make_spawner: Callable[..., TinySpawner],
) -> None:
    spawner = make_spawner()
    spawner.load_state({"pid": os.getpid(), "began": 1})

    assert await spawner.poll() == 0
    await spawner.stop()


@needs_root
async def test_a_server_that_ends_while_starting_is_said(make_spawner: Callable[..., TinySpawner]) -> None:
    spawner = make_spawner()
    spawner.code = "raise SystemExit(3)"
    with pytest.raises(StartError, match="ended while it was starting"):
        await spawner.start()


@needs_root
async def test_somebody_else_at_the_port_gets_no_visitors(make_spawner: Callable[..., TinySpawner]) -> None:
    mallory, spawner = make_spawner("mallory@alpha"), make_spawner()
    mallory.get_account()
    _, port = await mallory.start()
    spawner.code = "import time; time.sleep(60)"
    spawner.port = port
    with pytest.raises(StartError, match="port was taken"):
        await spawner.wait_until_listening(spawner.get_account().pw_uid)
    await mallory.stop()


async def test_a_tenant_that_left_starts_no_servers(make_spawner: Callable[..., TinySpawner]) -> None:
    with pytest.raises(StartError) as caught:
        await make_spawner("anna@gone").start()
    assert caught.value.jupyterhub_message == "This municipality is no longer part of the installation."


def test_two_persons_share_neither_account_nor_folders(make_spawner: Callable[..., TinySpawner]) -> None:
    one, other = make_spawner("anna@alpha"), make_spawner("anna.b@alpha")
    assert {one.account_name, one.home, one.runtime}.isdisjoint(
        {other.account_name, other.home, other.runtime}
    )


def test_a_service_users_server_opens_to_the_scope_of_its_group(
    make_spawner: Callable[..., TinySpawner],
) -> None:
    group = "access:servers!group=/services/reports"
    assert group in make_spawner("reports@alpha").oauth_access_scopes
    assert make_spawner("anna@alpha").oauth_access_scopes == [
        "access:servers!server=anna@alpha/",
        "access:servers!user=anna@alpha",
    ]
