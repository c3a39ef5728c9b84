"""`urbanlab apply` on a hundred tenants, and what the hub takes for them: `python -m tests.benchmarks.apply`.

An installation of its own without the demo. The second `apply` finds nothing to do. The known people are hub users
made by the hub's own API, as a login makes them; nobody of them is at work. The roles are taken by the engine's own
database, with a statement that waits for it.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from tests.benchmarks._figures import Figure, print_figures, show_milliseconds
from tests.benchmarks._place import running_installation
from tests.installation import Installation
from tests.integration.operator_access import read_part
from urbanlab.contract.naming import make_hub_user
from urbanlab.contract.records import Tenant
from urbanlab_hub.tenants import load_tenants
from urbanlab_operate.apply.hub import make_api
from urbanlab_services.warehouse.engine.database import Database

TENANTS, PEOPLE, ROLES = 100, 1000, 500
ROLES_OF_A_TENANT = 4
ROUNDS = 7


def measure() -> Iterator[Figure]:
    """Yield the seconds of both, and the hub's memory before and after."""
    with running_installation(demo="0") as place:
        before = measure_hub(place)
        ids = write_tenants(place.settings.tenants, TENANTS)
        first, said = run_apply(place)
        assert len(said) > TENANTS * 10, said
        yield Figure(f"`urbanlab apply`, {TENANTS} new tenants, {len(said)} changes", f"{first:.1f} s")
        second, said = run_apply(place)
        assert said == ["Everything is in line."], said
        yield Figure(f"`urbanlab apply` again on {TENANTS} tenants, nothing to do", f"{second:.1f} s")
        write_tenants(place.settings.tenants, 1, "one")
        seconds, _ = run_apply(place)
        yield Figure(f"`urbanlab apply`, one more tenant beside {TENANTS}", f"{seconds:.1f} s")
        tenants = list(load_tenants(place.settings.tenants).values())
        make_people(place, ids)
        after = measure_hub(place)
        name = f"memory of the hub's process with {TENANTS} tenants and {PEOPLE} known people (RSS)"
        yield Figure(name, f"{after / 2**20:.0f} MB")
        yield Figure("– before, with none", f"{before / 2**20:.0f} MB")
    pauses = asyncio.run(measure_roles(tenants))
    yield Figure(
        f"the warehouse takes a new tenant's roles beside {ROLES}: a query waits", show_milliseconds(pauses)
    )


def write_tenants(folder: Path, count: int, name: str = "town") -> list[str]:
    """Write so many tenants with the default feeds; return their ids."""
    folder.mkdir(mode=0o700, exist_ok=True)
    ids = [f"{name}{number:03d}" for number in range(count)]
    for each in ids:
        (folder / f"{each}.yaml").write_text(f"title: {each.title()}\n", encoding="utf-8")
    return ids


def run_apply(place: Installation) -> tuple[float, list[str]]:
    """Return how long the command takes from its start to its end, and its lines."""
    began = time.monotonic()
    said = place.run("apply")
    return time.monotonic() - began, said.splitlines()


def make_people(place: Installation, tenants: list[str]) -> None:
    """Make the hub users of people, as many in each tenant."""
    api = make_api(place.settings)
    names = [make_hub_user(f"person{number}", tenants[number % len(tenants)]) for number in range(PEOPLE)]
    for start in range(0, PEOPLE, 100):
        api.request("POST", "/users", json={"usernames": names[start : start + 100]})


def measure_hub(place: Installation) -> int:
    """Return the bytes of the hub's own process."""
    return int(psutil.Process(read_part(place, "hub")["pid"]).memory_info().rss)


async def measure_roles(tenants: list[Tenant]) -> list[float]:
    """Return how long a statement waits that comes while the engine takes the roles of one more tenant."""
    known = [make_copy(tenants[0], number) for number in range(ROLES // ROLES_OF_A_TENANT)]
    pauses = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(4) as pool:
        database = Database(Path(folder), pool)
        await database.open(known)
        for number in range(ROUNDS):
            known.append(make_copy(tenants[0], 1000 + number))
            reopening = asyncio.create_task(database.reopen(known))
            await asyncio.sleep(0)
            began = time.perf_counter()
            async with database.session():
                pauses.append(time.perf_counter() - began)
            assert await reopening
        await database.close()
    return pauses


def make_copy(tenant: Tenant, number: int) -> Tenant:
    """Return a tenant with the same feeds under another id."""
    return Tenant(**{**vars(tenant), "id": f"copy{number}"})


if __name__ == "__main__":
    print_figures(measure())
