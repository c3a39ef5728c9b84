"""What goes wrong behind a public page: the public keeps the last good one, and whoever can help is told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
import requests

from tests.installation import Installation
from urbanlab_operate.errors import OperateError
from urbanlab_operate.local.readiness import find_problem
from urbanlab_operate.local.supervisor import start_program, stop_programs

from .operator_access import kill_part, read_part, wait_until, wait_until_healthy
from .publishing import PublicationsRunner, Town, find_publication, list_acts, read_audit, visit

TENANT = "rietberg"
GOOD = "print('Der gute Stand')"


@pytest.fixture(scope="module")
def town(installation: Installation) -> Town:
    """The people of the tenant."""
    return Town(installation, TENANT)


@pytest.fixture(scope="module")
def good(town: Town) -> str:
    """A public page that nothing of what follows may change."""
    return town.publish("Guter Stand", GOOD, slug="it-gut")


@pytest.fixture(scope="module")
def runner(installation: Installation, good: str) -> PublicationsRunner:
    """The server in which the tenant's publications run; the publisher had it started."""
    return PublicationsRunner(installation, TENANT)


def assert_good(installation: Installation) -> None:
    """Assert that the public sees the good page."""
    page = visit(installation, f"/{TENANT}/it-gut/")
    assert (page.status_code, "Der gute Stand" in page.text) == (200, True)


# --- notebooks that give no page ---

BAD = {
    "raises": ("1\nraise ValueError('so nicht')", "ValueError: so nicht"),
    "ends its kernel": ("import os\nos.kill(os.getpid(), 9)", "the kernel ended by itself"),
    "ends what runs it": (
        "import os\nos.kill(os.getppid(), 9)",
        "the run was ended from within the notebook",
    ),
    "prints a gigabyte": ("for _ in range(10_000): print('x' * 100_000)", "more than the 20 MB of output"),
    "takes all memory": ("x = [bytes(100_000_000) for _ in range(1000)]", "MemoryError"),
    "exits": ("import os\nos._exit(0)", "the kernel ended by itself"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_notebook_that_fails_is_told_why_and_changes_nothing(
    installation: Installation, town: Town, good: str, what: str
) -> None:
    code, reason = BAD[what]
    path = town.hand_in("Guter Stand", "'vorher'", code, slug="it-gut")
    assert town.wait(path) == "failed"
    said = town.read(path)
    assert "Cell 2 failed." in said
    assert reason in said
    with pytest.raises(OperateError, match="got 409"):
        town.decide(path, "release")
    assert_good(installation)


def test_a_notebook_that_never_ends_is_ended(runner: PublicationsRunner) -> None:
    run = runner.run("while True: pass", seconds=5)
    assert (run["state"], run["failed_cell"]) == ("failed", 1)
    assert "still going on after 5 s" in run["error"]


def test_a_notebook_that_forks_leaves_nobody_behind(runner: PublicationsRunner) -> None:
    code = """
import json, os, subprocess, sys, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        while True:
            time.sleep(1)
subprocess.Popen("setsid nohup sleep 987 & sleep 986", shell=True)
print(json.dumps(os.getuid()))
"""
    uid = runner.ask_json(code)
    left = [
        process.cmdline()
        for process in psutil.process_iter(["uids", "status"])
        if process.info["uids"].real == uid and process.info["status"] != psutil.STATUS_ZOMBIE
    ]
    # The server alone remains.
    assert len([line for line in left if "sleep" in " ".join(line) or "ipykernel" in " ".join(line)]) == 0
    assert runner.ask_json("print(42)") == 42


def test_a_fork_bomb_ends_itself_alone(runner: PublicationsRunner, town: Town) -> None:
    run = runner.run(
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass", seconds=6
    )
    assert run["state"] == "failed"
    assert runner.ask_json("print(42)") == 42
    assert town.get_state(town.submit("Danach", "1", slug="it-danach")) == "submitted"


NO_NOTEBOOKS = {
    "nothing": b"",
    "a text": b"hello",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "a list": b"[1, 2]",
    "an object": b'{"cells": 7}',
    "deep": b'{"cells":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "an old one": b'{"nbformat": 2, "worksheets": []}',
    "too large": b'{"cells": [], "metadata": {"x": "'
    + b"x" * 6_000_000
    + b'"}, "nbformat": 4, "nbformat_minor": 5}',
}


@pytest.mark.parametrize("what", NO_NOTEBOOKS)
def test_what_is_no_notebook_is_refused_at_once(
    installation: Installation, town: Town, good: str, what: str
) -> None:
    files = {"notebook": ("x.ipynb", NO_NOTEBOOKS[what])}
    with pytest.raises(OperateError, match="got 400"):
        town.publisher.post("/publish", {"title": "Guter Stand", "slug": "it-gut"}, files)
    assert_good(installation)


# --- the public's questions ---


def test_a_thousand_questions_execute_nothing(
    installation: Installation, good: str, runner: PublicationsRunner
) -> None:
    before = (runner.find_server()["started"], len(read_audit(installation)), list_pages(installation))
    memory = read_part(installation, "portal")["memory_mb"]
    statuses: dict[int, int] = {}
    address = f"{installation.settings.portal_url}/{TENANT}"
    with requests.Session() as session:
        for number in range(1000):
            slug = ("it-gut/", "passantenfrequenz-und-wetter/", f"x{number}/")[number % 3]
            query = (f"tage={number + 1000}", f"x{number}=1", f"tage=365&tage={number}", f"lang={number}")[
                number % 4
            ]
            status = session.get(f"{address}/{slug}?{query}", timeout=30).status_code
            statuses[status] = statuses.get(status, 0) + 1
    assert set(statuses) == {400, 404}
    assert (
        runner.find_server()["started"],
        len(read_audit(installation)),
        list_pages(installation),
    ) == before
    assert read_part(installation, "portal")["memory_mb"] < memory + 20
    assert_good(installation)


def list_pages(installation: Installation) -> int:
    """Return how many pages have ever been made and kept."""
    return sum(1 for _ in (installation.settings.public / "pages").iterdir())


# --- processes that are killed ---

SLOW = "import time\ntime.sleep(4)\nprint('Langsam', time.time())"


def test_a_runner_killed_in_the_middle_of_a_refresh_costs_nobody_the_page(
    installation: Installation, town: Town, runner: PublicationsRunner
) -> None:
    path = town.publish("Langsam", SLOW, slug="it-langsam")
    before = find_publication(installation, TENANT, "it-langsam")
    assert before is not None
    uid = runner.ask_json("import os\nprint(os.getuid())")
    town.publisher.post(f"{path}/refresh", {})
    family = wait_until(lambda: find_family(uid, "page_execute"), 20)
    time.sleep(1)  # the notebook runs now
    server = next(
        process for process in list_processes(uid) if process.pid not in {each.pid for each in family}
    )
    assert any(process.parent() == server for process in family)
    server.kill()

    def find_renewed() -> bool:
        page = visit(installation, f"/{TENANT}/it-langsam/")
        assert (page.status_code, "Langsam" in page.text) == (200, True)
        publication = find_publication(installation, TENANT, "it-langsam")
        return publication is not None and publication.updated_at > before.updated_at

    wait_until(find_renewed, 120)
    assert list_acts(installation, f"{TENANT}/it-langsam/1")[-1][1:] == ("refresh", "done")


def list_processes(uid: int) -> list[psutil.Process]:
    """Return an account's processes, the oldest first."""
    found = [
        process
        for process in psutil.process_iter(["uids", "create_time"])
        if process.info["uids"].real == uid
    ]
    return sorted(found, key=lambda process: float(process.info["create_time"]))


def find_family(uid: int, module: str) -> list[psutil.Process]:
    """Return the processes that run a module, and those that they have started."""
    roots = [process for process in list_processes(uid) if module in " ".join(process.cmdline())]
    return [process for root in roots for process in (root, *root.children(recursive=True))]


def test_a_publisher_killed_leaves_nothing_half_made(
    installation: Installation, town: Town, good: str
) -> None:
    path = town.hand_in("Abgebrochen", SLOW, slug="it-abgebrochen")
    kill_part(installation, "publisher")
    assert_good(installation)
    wait_until_healthy(installation)
    town.login()  # sessions are kept in memory
    assert town.wait(path) == "submitted"  # it went on by itself
    kill_part(installation, "publisher")
    assert visit(installation, f"/{TENANT}/it-abgebrochen/").status_code == 404
    wait_until_healthy(installation)
    town.login()
    assert town.get_state(path) == "submitted"
    town.decide(path, "release")
    assert "Langsam" in visit(installation, f"/{TENANT}/it-abgebrochen/").text
    drafts = [file.name for file in installation.settings.public.rglob(".*")]
    assert drafts == []


# --- everything else away ---

AWAY = ("hub", "warehouse", "kafka", "keycloak", "publisher", "tokens", "engine")


@contextmanager
def stopped(installation: Installation, names: tuple[str, ...]) -> Iterator[None]:
    """Parts stopped while the block runs, and started again in the order of their needs."""
    settings = installation.settings
    stop_programs(settings, names, 30)
    try:
        yield
    finally:
        for name in ("keycloak", "engine", "warehouse", "kafka", "hub", "tokens", "publisher"):
            start_program(settings, name)
            wait_until(lambda name=name: find_problem(settings, name) is None, 120)
        wait_until_healthy(installation)


@pytest.mark.timeout(240)
def test_the_portal_goes_on_with_everything_else_away(installation: Installation, good: str) -> None:
    with stopped(installation, AWAY):
        assert {name for name in AWAY if read_part(installation, name)["pid"]} == set()
        for path in ("/", f"/{TENANT}/", f"/{TENANT}/it-gut/", "/readyz", "/livez"):
            assert visit(installation, path).status_code == 200
        page = visit(installation, f"/{TENANT}/passantenfrequenz-und-wetter/?tage=90&lang=en")
        assert (page.status_code, "About this page" in page.text) == (200, True)
        assert visit(installation, f"/{TENANT}/passantenfrequenz-und-wetter/?tage=91").status_code == 400
        # Nobody can begin an interactive view now, and that is all.
        assert visit(installation, f"/{TENANT}/passantenfrequenz-und-wetter/live/").status_code in (404, 503)
        assert_good(installation)
