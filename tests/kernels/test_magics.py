"""`%%sql`, `%tail` and `%pip` in an IPython shell."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from urbanlab import magics
from urbanlab.errors import ParameterError, TopicNotFoundError
from urbanlab.session import Session
from urbanlab.warehouse import _make_client


@pytest.fixture
def shell() -> Iterator[Any]:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.reset()
    magics.load_ipython_extension(shell)
    yield shell
    InteractiveShell.clear_instance()


def test_a_cell_of_sql_shows_its_answer_or_keeps_it(shell: Any, warehouse_session: Session) -> None:
    _make_client.cache_clear()
    shell.user_ns["least"] = 990
    assert len(shell.run_cell_magic("sql", "", "SELECT * FROM town.footfall WHERE persons >= {least}")) == 10
    assert shell.run_cell_magic("sql", "few", "SELECT 1 AS x -- {unknown}") is None
    assert list(shell.user_ns["few"].x) == [1]


@pytest.mark.parametrize(
    ("line", "cell", "says"),
    [
        ("a b", "SELECT 1", "at most the name"),
        ("1x", "SELECT 1", "at most the name"),
        ("", "SELECT {x}", "no value"),
    ],
)
def test_what_a_cell_of_sql_does_not_take_is_said(
    shell: Any, session: Session, line: str, cell: str, says: str
) -> None:
    with pytest.raises(ParameterError, match=says):
        shell.run_cell_magic("sql", line, cell)


def test_the_line_of_a_tail_goes_on_as_it_is(shell: Any, session: Session) -> None:
    tail = shell.run_line_magic("tail", 'footfall_live sensor="Am Markt" persons>20')
    tail.close()
    assert tail.topic == "footfall_live" and tail.filter_text == 'sensor="Am Markt" persons>20'


def test_a_tail_without_a_topic_says_how_it_is_written(shell: Any, session: Session) -> None:
    with pytest.raises(TopicNotFoundError, match="%tail footfall_live"):
        shell.run_line_magic("tail", "  ")


def test_pip_is_what_a_terminal_would_find(
    shell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "pip"
    program.write_text('#!/bin/sh\necho "whom to ask: $*"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    shell.run_cell("%pip install one two")
    assert "whom to ask: install one two" in capfd.readouterr().out
