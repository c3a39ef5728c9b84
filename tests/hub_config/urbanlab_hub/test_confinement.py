"""A real child with the limits of a user's server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.hub_config.conftest import needs_root
from urbanlab.contract.records import Quotas
from urbanlab_hub.accounts import ensure_account
from urbanlab_hub.confinement import NICENESS, SACRIFICE, Confinement

FACTS = """
import json, os, resource
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
names = ("CORE", "DATA", "NPROC", "NOFILE", "FSIZE")
limits = {name: resource.getrlimit(getattr(resource, "RLIMIT_" + name)) for name in names}
facts = {"nice": os.nice(0), "privileges": status["NoNewPrivs"].strip(), "files": os.listdir("/proc/self/fd")}
print(json.dumps({**limits, **facts, "sacrifice": open("/proc/self/oom_score_adj").read().strip()}))
"""


def _run(code: str, log: Path, *, memory_mb: int = 512, processes: int | None = None, **options: Any) -> int:
    quotas = Quotas(memory_mb=memory_mb, open_files=64, home_mb=200)
    return subprocess.run(
        [sys.executable, "-c", code],
        preexec_fn=Confinement(quotas, processes, log),
        timeout=30,
        check=False,
        cwd="/",
        **options,
    ).returncode


def test_the_child_has_the_limits_and_can_gain_no_privilege(tmp_path: Path) -> None:
    assert _run(FACTS, tmp_path / "log", memory_mb=256, processes=64) == 0
    facts = json.loads((tmp_path / "log").read_text())

    assert facts["CORE"] == [0, 0]
    assert facts["DATA"] == [256 * 2**20] * 2
    assert (facts["NPROC"], facts["privileges"]) == ([64, 64], "1")
    assert (facts["NOFILE"], facts["FSIZE"]) == ([64, 64], [200 * 2**20] * 2)
    assert facts["nice"] >= NICENESS
    assert facts["sacrifice"] == SACRIFICE.decode()
    assert sorted(facts["files"]) == ["0", "1", "2", "3"]  # the last is the one that lists them


def test_memory_beyond_the_limit_is_refused_in_the_child(tmp_path: Path) -> None:
    assert _run("bytearray(400 * 2**20)", tmp_path / "log", memory_mb=256) == 1
    assert "MemoryError" in (tmp_path / "log").read_text()


def test_a_hub_that_has_more_open_than_a_server_may_starts_it_all_the_same(tmp_path: Path) -> None:
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(open(os.devnull))
        assert _run("print('hello')", tmp_path / "log") == 0
    assert (tmp_path / "log").read_text() == "hello\n"


@needs_root
def test_an_account_cannot_fork_without_end(open_folder: Path, installation: str) -> None:
    account = ensure_account("anna@alpha", installation)
    os.chown(open_folder, account.pw_uid, account.pw_gid)
    code = "import os, time\nfor _ in range(99): os.fork() or (time.sleep(2), os._exit(0))"
    identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    assert _run(code, open_folder / "log", processes=20, **identity) == 1
    assert "BlockingIOError" in (open_folder / "log").read_text()


@pytest.mark.parametrize("trap", ["pipe", "link", "folder"])
def test_what_lies_in_the_place_of_the_log_neither_blocks_nor_leads_astray(tmp_path: Path, trap: str) -> None:
    log, foreign = tmp_path / "log", tmp_path / "foreign"
    foreign.write_text("another's")
    {"pipe": os.mkfifo, "folder": os.mkdir, "link": lambda path: os.symlink(foreign, path)}[trap](log)

    assert _run("print('hello')", log) == 0
    assert foreign.read_text() == "another's"
    assert trap == "folder" or log.read_text() == "hello\n"


def test_a_file_larger_than_a_home_is_refused_in_the_child(tmp_path: Path) -> None:
    assert _run(f"open({str(tmp_path / 'large')!r}, 'wb').truncate(201 * 2**20)", tmp_path / "log") == 1
    assert "File too large" in (tmp_path / "log").read_text()
