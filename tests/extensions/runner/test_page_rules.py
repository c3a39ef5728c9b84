"""What is believed of what a kernel tells, and what is told of how it failed."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from nbformat.v4 import new_output

from urbanlab import provenance
from urbanlab_runner.kernel_environment import make_kernel_environment
from urbanlab_runner.page_failures import find_needs, make_failure, make_sentence
from urbanlab_runner.sources import MEDIA_TYPE, Sources, make_sources_cell, read_sources


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("KeyError: 'month'", "KeyError: 'month'"),
        ("\x1b[0;31mred\x1b[0m", "red"),
        ("a\x00b\rc\x7f", "a b c "),
        ("two\nlines", "two\nlines"),
        ("with eyJhbGciOi-.eyJz_dWIi.c2ln-natur inside", "with *** inside"),
        ("x" * 501, "x" * 499 + "…"),
    ],
)
def test_a_sentence_can_be_shown(text: str, sentence: str) -> None:
    assert make_sentence(text) == sentence


@pytest.mark.parametrize(
    ("ename", "evalue", "needs"),
    [
        ("NotReleasedError", "Not released as open data: footfall", ("footfall",)),
        ("NotReleasedError", "Not released as open data: a, town.b, a\nc, d", ("a", "town.b")),
        ("NotReleasedError", "Not released as open data: <script>, a b, ../x, " + "y" * 200, ()),
        ("NotReleasedError", "", ()),
        ("NotReleasedError", "Something else: a", ()),
        ("ValueError", "Not released as open data: a", ()),
    ],
)
def test_what_is_needed_stands_in_the_first_line(ename: str, evalue: str, needs: tuple[str, ...]) -> None:
    assert find_needs(ename, evalue) == needs


@pytest.mark.parametrize(
    ("ename", "evalue", "part"),
    [
        (
            "ModuleNotFoundError",
            "No module named 'bqplot.marks'",
            "does not have what is imported here: bqplot",
        ),
        ("ModuleNotFoundError", "of my own", "ModuleNotFoundError: of my own"),
        (
            "FileNotFoundError",
            "[Errno 2] No such file or directory: '../a.txt'",
            "files that were handed in with its",
        ),
        ("URLError", "<urlopen error>", "reads nothing from the network"),
        (
            "RuntimeError",
            "'widget' is not a recognised GUI loop or backend name",
            "write `%matplotlib inline`",
        ),
        ("ValueError", "x" * 600, "…"),
    ],
)
def test_an_error_that_can_be_helped_says_how(ename: str, evalue: str, part: str) -> None:
    error = make_failure(ename, evalue).error
    assert part in error and len(error) <= 500


TABLE = "open_data.town__footfall"


@pytest.mark.parametrize(
    ("told", "sources"),
    [
        (
            {"datasets": [TABLE], "until": "2026-03-01T13:00:00+01:00", "simulated": True},
            Sources((TABLE,), "2026-03-01T12:00:00+00:00", True),
        ),
        ({"datasets": [TABLE, TABLE, "town.footfall", "open_data.<b>", 1, None]}, Sources((TABLE,))),
        ({"datasets": "open_data.x", "until": "yesterday", "simulated": "yes"}, Sources()),
        ({"datasets": {"a": 1}, "until": 5}, Sources()),
        ({"until": "2026-03-01T13:00:00"}, Sources()),
        ([], Sources()),
        (None, Sources()),
    ],
)
def test_of_what_was_read_only_the_right_form_is_believed(told: Any, sources: Sources) -> None:
    cell = make_sources_cell()
    cell.outputs = [new_output("stream", text="x"), new_output("display_data", data={MEDIA_TYPE: told})]
    assert read_sources(cell) == sources


def test_kernel_and_runner_mean_the_same_media_type() -> None:
    assert MEDIA_TYPE == provenance.MEDIA_TYPE


def test_a_notebooks_environment_is_named_one_by_one() -> None:
    environ = {"HOME": "/h", "URBANLAB_TENANT": "town", "URBANLAB_TOKENS_URL": "http://x", "OTHER": "1"}
    assert make_kernel_environment(environ, "unix:///s") == {
        "HOME": "/h",
        "URBANLAB_TENANT": "town",
        "URBANLAB_TOKENS_URL": "unix:///s",
        "PYTHONNOUSERSITE": "1",
    }


def test_a_variable_that_is_taken_is_gone_from_the_process_too() -> None:
    code = (
        "import os\nfrom urbanlab_runner.concealment import take_variable\n"
        "print(take_variable(os.environ, 'SECRET'), take_variable(os.environ, 'ABSENT'), 'SECRET' in os.environ)\n"
        "print(open('/proc/self/environ').read())"
    )
    environ = {**os.environ, "SECRET": "s3cret", "NOT_SECRET": "kept"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    first, _, rest = done.stdout.partition("\n")
    assert first == "s3cret  False"
    assert "s3cret" not in rest and "\0SECRET=******" in f"\0{rest}" and "NOT_SECRET=kept" in rest


def test_a_pages_process_builds_no_parser_that_it_never_uses() -> None:
    code = (
        "import sys, urbanlab_runner.page_process, jsonschema, nbformat\n"
        "print('rfc3987_syntax.syntax_helpers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
