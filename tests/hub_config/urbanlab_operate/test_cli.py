"""The command itself: exit codes, one sentence for what the operator can put right, and no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hub_config.conftest import needs_root
from tests.installation import find_free_ports
from urbanlab_operate.cli import make_parser


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    ours = {f"URBANLAB_{name.upper()}": port for name, port in find_free_ports().items()}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("URBANLAB_")}
    return {**kept, **ours, "URBANLAB_STATE": str(tmp_path / "state"), "COLUMNS": "200"}


def _run(environ: dict[str, str], *arguments: str, **more: str) -> tuple[int, str, str]:
    command = [sys.executable, "-P", "-m", "urbanlab_operate", *arguments]
    done = subprocess.run(
        command, env={**environ, **more}, cwd="/", capture_output=True, text=True, check=False, timeout=60
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_what_does_not_run_is_not_healthy(environ: dict[str, str]) -> None:
    code, out, _ = _run(environ, "status", "--json")
    status = json.loads(out)
    assert (code, status["running"], status["healthy"], status["parts"]) == (1, False, False, [])
    assert "Start it with `urbanlab up`" in _run(environ, "status")[1]


def test_ending_what_does_not_run_is_fine(environ: dict[str, str]) -> None:
    assert _run(environ, "down") == (0, "Nothing was running.\n", "")


def test_check_and_show_need_nothing_to_run(environ: dict[str, str]) -> None:
    assert _run(environ, "check") == (0, "The configuration can be used.\n", "")
    code, out, _ = _run(environ, "show")
    assert code == 0
    assert "hub_url" in out


@pytest.mark.parametrize(
    ("arguments", "more", "said"),
    [
        (("status",), {"URBANLAB_HUB_PORT": "x"}, "hub_port is 'x': write a whole number"),
        (("apply",), {}, "run `urbanlab up` first"),
        (("apply", "--dry-run"), {}, "run `urbanlab up` first"),
    ],
)
def test_what_the_operator_can_put_right_is_one_sentence(
    environ: dict[str, str], arguments: tuple[str, ...], more: dict[str, str], said: str
) -> None:
    code, out, err = _run(environ, *arguments, **more)

    assert (code, out) == (1, "")
    assert said in err
    assert len(err.splitlines()) == 1


@needs_root
def test_another_account_is_told_whose_it_is(environ: dict[str, str], open_folder: Path) -> None:
    (open_folder / "supervisor").mkdir(mode=0o700)
    command = [sys.executable, "-P", "-m", "urbanlab_operate", "status"]
    environ = {**environ, "URBANLAB_STATE": str(open_folder), "HOME": "/"}
    done = subprocess.run(
        command,
        env=environ,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        user="nobody",
        extra_groups=[],
    )

    assert done.returncode == 1
    assert "belongs to another account: run this as that account." in done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_of_the_design_that_is_due_exists() -> None:
    for arguments in (
        ["up", "--detach"],
        ["down"],
        ["status", "--json"],
        ["check"],
        ["show"],
        ["apply", "--dry-run"],
    ):
        assert callable(make_parser().parse_args(arguments).command)
    assert make_parser().parse_args(["tenant", "add", "x", "--title", "X"]).title == "X"
