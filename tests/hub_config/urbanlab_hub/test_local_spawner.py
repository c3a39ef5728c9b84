"""Real servers in real accounts, started and ended by the spawner without a hub around it."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from jupyterhub import orm
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from tests.hub_config.conftest import needs_root
from urbanlab.contract.records import Quotas, SharedFolder, Tenant, write_tenant
from urbanlab_hub import processes, server_watch
from urbanlab_hub.cgroups import ensure_cgroups
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
    engine = create_engine("sqlite://")
    orm.Base.metadata.create_all(engine)
    database = Session(engine)

    def make(name: str = "anna@alpha") -> TinySpawner:
        spawner = TinySpawner(
            settings=settings,
            user=SimpleNamespace(name=name, groups=[]),
            db=database,
            orm_spawner=ensure_hub_server(database, name),
            ip="127.0.0.1",
            term_timeout=1,
            kill_timeout=3,
        )
        made.append(spawner)
        return spawner

    yield make
    for spawner in made:
        for process in psutil.process_iter():
            if spawner.process and process.pid == spawner.process.pid:
                process.kill()
        spawner.runtime.parent.exists() and spawner.runtime.exists() and spawner.runtime.rmdir()
    Path(f"/run/urbanlab-{installation}").exists() and Path(f"/run/urbanlab-{installation}").rmdir()


def ensure_hub_server(database: Session, name: str) -> orm.Spawner:
    """Return what the hub's database has about a server, noted as begun if it is not yet."""
    user = orm.User.find(database, name)
    if user is None:
        user = orm.User(name=name)
        database.add_all([user, orm.Spawner(name="", user=user, server=orm.Server())])
        database.commit()
    spawner: orm.Spawner = user.orm_spawners[""]
    return spawner


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


# --- limits ---


@needs_root
async def test_server_and_kernels_are_in_a_group_of_the_tenants_quotas_which_goes_with_them(
    make_spawner: Callable[..., TinySpawner], installation: str
) -> None:
    groups = ensure_cgroups(installation)
    if groups is None:
        pytest.skip("no control group can be made on this machine")
    spawner = make_spawner()
    write_tenant(
        spawner.settings.records, dataclasses.replace(spawner.get_tenant(), quotas=Quotas(processes=50))
    )
    await spawner.start()
    group = groups.get_group(spawner.account_name)
    members = (group.folders["pids"] / "cgroup.procs").read_text().split()
    assert sorted(map(int, members)) == sorted(processes.list_processes(spawner.get_account().pw_uid))
    assert (group.folders["pids"] / "pids.max").read_text() == "50\n"

    write_tenant(
        spawner.settings.records, dataclasses.replace(spawner.get_tenant(), quotas=Quotas(processes=60))
    )
    assert await spawner.poll() is None
    assert (group.folders["pids"] / "pids.max").read_text() == "60\n"
    await spawner.stop()
    assert not group.exists()


async def test_a_tenants_people_have_as_many_servers_at_once_as_the_tenant_may(
    make_spawner: Callable[..., TinySpawner],
) -> None:
    # Of another tenant with a name that ends alike, and of the tenant's own pages: they do not count.
    for name in ("otto@omega-alpha", "publications@alpha", "reports@alpha"):
        make_spawner(name)
    first, second, third = (make_spawner(f"{name}@alpha") for name in ("anna", "berta", "carla"))
    two = Quotas(servers=2)
    first.check_room(two)
    second.check_room(two)
    with pytest.raises(StartError, match="already runs the 2 servers"):
        third.check_room(two)
    make_spawner("reports@alpha").check_room(Quotas(servers=0))

    first.orm_spawner.server = None
    first.db.commit()
    third.check_room(two)


@needs_root
async def test_a_server_runs_with_the_groups_of_its_persons_roles_and_ends_when_one_is_lost(
    make_spawner: Callable[..., TinySpawner], make_tenant: Callable[..., Tenant]
) -> None:
    spawner = make_spawner()
    folder = SharedFolder("karten", ("steward",))
    write_tenant(
        spawner.settings.records, dataclasses.replace(make_tenant("alpha"), shared_folders=(folder,))
    )
    analyst, steward = (SimpleNamespace(name=f"/tenants/alpha/{role}") for role in ("analyst", "steward"))
    spawner.user.groups = [analyst, steward]
    await spawner.start()
    uid = spawner.get_account().pw_uid
    assert server_watch.read_groups(spawner.process.pid) == set(spawner.list_shared_groups())
    assert len(spawner.list_shared_groups()) == 2
    assert (spawner.settings.shared / "alpha" / "karten").is_dir()

    spawner.user.groups = [analyst]
    deadline = time.monotonic() + 10
    while await spawner.poll() is None or processes.list_processes(uid):
        assert time.monotonic() < deadline, "the server stays"
        await asyncio.sleep(0.05)
