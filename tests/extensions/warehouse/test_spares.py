"""Connections made ready ahead: each is had once, and there are never too many of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from urbanlab_services.warehouse.engine.spares import MOST, MOST_ALIKE, Spares

from .engine_parse import Engine, open_engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with open_engine(tmp_path_factory.mktemp("spares")) as engine:
        yield engine


def test_a_spare_is_had_once(engine: Engine) -> None:
    spares = Spares()
    ready = engine.connect()
    spares.put(("a",), ready)
    assert spares.take(("a",), engine.connect) is ready
    another = spares.take(("a",), engine.connect)
    assert another is not ready
    ready.close()
    another.close()


def test_there_are_never_too_many(engine: Engine) -> None:
    spares = Spares()
    kinds = [(str(number),) for number in range(MOST // MOST_ALIKE + 1)]
    made = [engine.connect() for _ in kinds for _ in range(MOST_ALIKE + 1)]
    for number, connection in enumerate(made):
        spares.put(kinds[number // (MOST_ALIKE + 1)], connection)
    # The first kind has made room for the last, and of each the oldest for the newest.
    assert [spares.has_room(kind) for kind in kinds] == [True] + [False] * (len(kinds) - 1)
    assert len([connection for connection in made if is_open(connection)]) == MOST
    spares.close()
    assert not any(is_open(connection) for connection in made)


def is_open(connection: object) -> bool:
    return getattr(connection, "_conn") is not None  # noqa: B009 - the binding tells it in no other way
