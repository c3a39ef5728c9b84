"""The contract of city tools: read-only root, no privileges, 200 MiB and 0.4 CPU, while many read."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ...benchmarks._limits import bounded_part  # noqa: TID252
from ...kafka_broker import wait_until  # noqa: TID252
from .conftest import Portal, make_publication, publish_footfall

MEMORY, CPUS, NOBODY = 200 * 2**20, 0.4, 65534
# Everything below / becomes read-only but the folder of its state; then all privileges go.
CONFINE = f"""
mount --make-rprivate /
mount --bind "$STATE" "$STATE"
mount -o remount,bind,ro /
touch "$STATE/writable"
touch "$STATE/../not-writable" 2> /dev/null || true
exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups --no-new-privs --bounding-set=-all -- "$@"
"""
PAGES = 300


class ConfinedPortal(Portal):
    """The portal as a process within the contract's bounds."""

    def __init__(self, folder: Path, prefix: list[str]) -> None:
        self.prefix = prefix
        super().__init__(folder)

    def start(self) -> None:
        """Start it where it may write nothing but its state."""
        state = Path(self.environ["URBANLAB_SERVICE_STATE"])
        state.mkdir(exist_ok=True)
        os.chown(state, NOBODY, NOBODY)
        confine = ["unshare", "--mount", "sh", "-ec", CONFINE, "sh"]
        command = [*self.prefix, *confine, sys.executable, "-P", "-m", "urbanlab_portal"]
        environ = {"PATH": os.environ["PATH"], "STATE": str(state), **self.environ}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        wait_until(self._answers, 60, "the portal answers")

    def read_status(self, name: str) -> str:
        """Return a line of the kernel's about the process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(line.partition(":")[2].strip() for line in status.splitlines() if line.startswith(name))


@pytest.fixture(scope="module")
def confined() -> Iterator[ConfinedPortal]:
    if os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("setpriv")):
        pytest.skip("only root can confine a process like that")
    folder = Path(tempfile.mkdtemp(prefix="ulcontract", dir="/var/tmp"))
    folder.chmod(0o755)
    with bounded_part(CPUS, MEMORY) as prefix:
        if prefix is None:
            pytest.skip("this machine lets nobody make control groups")
        try:
            place = ConfinedPortal(folder, prefix)
        except AssertionError as error:
            if "mount" in str(error):
                pytest.skip("this machine lets nobody mount")
            raise
        publish_footfall(place.public)
        page = place.public.add_page("Kurz.")
        for number in range(PAGES):
            place.public.publish(
                make_publication({"": page}, slug=f"seite-{number}", title=f"Seite {number}", parameters=())
            )
        yield place
        place.kill()
    shutil.rmtree(folder)


def test_it_has_no_privileges_and_writes_nowhere_but_in_its_state(confined: ConfinedPortal) -> None:
    assert confined.read_status("Uid").split() == [str(NOBODY)] * 4
    assert int(confined.read_status("CapEff"), 16) == int(confined.read_status("CapBnd"), 16) == 0
    assert not (confined.folder / "not-writable").exists()
    assert "urbanlab-bench-" in Path(f"/proc/{confined.process.pid}/cgroup").read_text()
    address = confined.public.add_ticket("t" * 40, make_publication({"": confined.public.add_page()}))
    assert [confined.get(address).status for _ in range(2)] == [200, 410]  # a mark is written into its state


def test_it_holds_its_bounds_while_many_read(confined: ConfinedPortal) -> None:
    paths = [f"/guetersloh/seite-{number}/?lang={code}" for number in range(PAGES) for code in ("de", "en")]
    paths += ["/", "/guetersloh/", "/feed.xml", "/sitemap.xml", "/guetersloh/?q=seite"] * 4
    paths += [f"/guetersloh/passantenfrequenz/?district={n}" for n in range(100)]

    def read(part: int) -> Counter[int]:
        connection, statuses = (
            http.client.HTTPConnection("127.0.0.1", confined.port, timeout=60),
            Counter[int](),
        )
        for path in paths[part::16]:
            connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            answer.read()
            statuses[answer.status] += 1
        connection.close()
        return statuses

    with ThreadPoolExecutor(16) as visitors:
        statuses = sum(visitors.map(read, range(16)), Counter())
    assert statuses == {200: len(paths) - 100, 400: 100}
    assert confined.get("/livez").status == confined.get("/readyz").status == 200
    assert int(confined.read_status("VmHWM").split()[0]) * 1024 < MEMORY
