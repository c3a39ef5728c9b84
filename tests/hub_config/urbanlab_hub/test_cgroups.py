"""Real processes in real control groups of this machine, of whichever version it lets us use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_config.conftest import needs_root
from urbanlab.contract.records import Quotas
from urbanlab_hub import cgroup_trees
from urbanlab_hub.cgroups import (
    Cgroups,
    Events,
    close_doors,
    delete_cgroups,
    ensure_cgroups,
    find_cgroups,
    make_limits,
)
from urbanlab_hub.usage import measure_usage

pytestmark = needs_root
ACCOUNT = "ul-anna"
SMALL = Quotas(memory_mb=64, processes=12, cpus=0.5)
HOARD = "import time; held = b'x' * (40 * 2**20); print('held', flush=True); time.sleep(20)"
FORK = """
import os, time
count = 0
try:
    while os.fork(): count += 1
    time.sleep(1)
except BlockingIOError:
    print(count)
"""


@pytest.fixture
def groups(installation: str) -> Iterator[Cgroups]:
    found = ensure_cgroups(installation)
    if found is None:
        pytest.skip("no control group can be made on this machine")
    yield found
    members = found.parents["pids"] / ACCOUNT / "cgroup.procs"
    for pid in members.read_text().split() if members.exists() else ():
        os.kill(int(pid), signal.SIGKILL)
    found.get_group(ACCOUNT).delete()


def start_in(groups: Cgroups, code: str, quotas: Quotas = SMALL) -> subprocess.Popen[str]:
    """Start Python in the group of the account, as the account "nobody"."""
    doors = groups.ensure_group(ACCOUNT, quotas).open_doors()
    try:
        return subprocess.Popen(
            [sys.executable, "-c", code],
            preexec_fn=lambda: [os.write(door, b"0") for door in doors] and None,
            stdout=subprocess.PIPE,
            text=True,
            user=65534,
        )
    finally:
        close_doors(doors)


def wait_for_events(groups: Cgroups, seconds: float = 5) -> Events:
    """Return what the limits did, once they did something."""
    deadline = time.monotonic() + seconds
    while (events := groups.get_group(ACCOUNT).read_events()) == Events() and time.monotonic() < deadline:
        time.sleep(0.02)
    return events


def test_memory_is_limited_for_all_processes_together(groups: Cgroups) -> None:
    first = start_in(groups, HOARD)
    assert first.stdout and first.stdout.readline() == "held\n"
    usage = measure_usage(65534, groups.get_group(ACCOUNT).folders["memory"])
    assert 40 * 2**20 < usage.memory_bytes < 64 * 2**20
    assert usage.processes == 1

    second = start_in(groups, HOARD)
    assert wait_for_events(groups).kills == 1
    codes = []
    for process in (first, second):
        process.kill()  # the one that is left
        process.communicate()
        codes.append(process.returncode)
    assert codes == [-9, -9]
    groups.get_group(ACCOUNT).delete()
    assert not groups.get_group(ACCOUNT).exists()


def test_processes_that_are_too_many_are_refused_and_counted(groups: Cgroups) -> None:
    process = start_in(groups, FORK)
    output, _ = process.communicate(timeout=10)
    assert int(output.splitlines()[0]) == SMALL.processes - 1
    assert groups.get_group(ACCOUNT).read_events().refusals >= 1


def test_processor_time_is_limited(groups: Cgroups) -> None:
    if "cpu" not in groups.parents:
        pytest.skip("this machine does not let us limit processor time")
    code = "import time; end = time.monotonic() + 1\nwhile time.monotonic() < end: pass\nprint(time.process_time())"
    output, _ = start_in(groups, code, Quotas(cpus=0.2)).communicate(timeout=20)
    assert float(output) < 0.5


def test_limits_can_be_raised_and_lowered_while_something_runs(groups: Cgroups) -> None:
    process = start_in(groups, HOARD)
    assert process.stdout and process.stdout.readline() == "held\n"
    group = groups.get_group(ACCOUNT)
    for quotas in (Quotas(memory_mb=256), SMALL):
        group.set_limits(quotas)
        name = "memory.limit_in_bytes" if groups.version == 1 else "memory.max"
        assert int((group.folders["memory"] / name).read_text()) == quotas.memory_mb * 2**20
    process.kill()
    process.communicate()


def test_nobody_else_sees_or_changes_a_group(groups: Cgroups) -> None:
    groups.ensure_group(ACCOUNT, SMALL)
    code = f"""
import os
parents, group = {[str(path) for path in groups.parents.values()]!r}, {str(groups.parents["memory"] / ACCOUNT)!r}
for attempt in (*(lambda path=path: os.listdir(path) for path in parents),
                lambda: open(group + ("/memory.max" if {groups.version} == 2 else "/memory.limit_in_bytes"), "w"),
                lambda: open(os.path.dirname(group) + "/cgroup.procs", "w"), lambda: os.mkdir(group + "/mine")):
    try: attempt(); print("got in")
    except PermissionError: pass
"""
    done = subprocess.run(
        [sys.executable, "-c", code], user=65534, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""


def test_an_installation_finds_its_groups_again_and_leaves_none(groups: Cgroups, installation: str) -> None:
    groups.ensure_group(ACCOUNT, SMALL)
    assert find_cgroups(installation) == ensure_cgroups(installation) == groups
    delete_cgroups(installation)
    assert find_cgroups(installation) is None
    assert not any(parent.exists() for parent in groups.parents.values())


def test_version_2_gets_the_same_quotas_in_its_own_words() -> None:
    limits = make_limits(2, Quotas(memory_mb=100, processes=7, cpus=1.5))
    assert dict(limits["memory"]) == {"memory.max": str(100 * 2**20), "memory.swap.max": "0"}
    assert (dict(limits["pids"]), dict(limits["cpu"])) == ({"pids.max": "7"}, {"cpu.max": "150000 100000"})


def test_groups_of_version_2_are_made_where_their_limits_can_be_handed_down(installation: str) -> None:
    unified = [tree for tree in cgroup_trees.list_trees() if tree.version == 2 and tree.kinds]
    if not unified:
        pytest.skip("this machine has no tree of version 2 with anything to limit")
    tree, kind = unified[0], unified[0].kinds[-1]
    name = f"urbanlab-{installation}"
    try:
        parent = tree.make(name, [kind])
    except OSError as error:
        pytest.skip(f"no group can be made in the tree of version 2: {error}")
    child = parent / "child"
    child.mkdir()
    assert kind in (child / "cgroup.controllers").read_text().split()
    assert tree.find(name) == parent
    child.rmdir()
    parent.rmdir()


@pytest.mark.parametrize(
    ("root", "path", "place"),
    [
        ("/", "/", "/mount"),
        ("/", "/system.slice/lab", "/mount/system.slice/lab"),
        ("/docker/1", "/docker/1/lab", "/mount/lab"),  # a container sees its own part only
        ("/docker/1", "/elsewhere", "/mount"),
        ("/docker/1", "/../../outside", "/mount"),
    ],
)
def test_the_own_group_is_found_below_what_is_mounted(root: str, path: str, place: str) -> None:
    assert cgroup_trees._place_in(Path("/mount"), root, path) == Path(place)
