"""What goes wrong while a page is made for a visitor holds up nobody behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from urbanlab.contract.publications import Choice, Parameter
from urbanlab.contract.variants import FAILED, WAITING, variants_path
from urbanlab_services.publisher.applications import Application
from urbanlab_services.publisher.bundles import Bundles, parse_notebook
from urbanlab_services.publisher.demand.variants import Variants
from urbanlab_services.publisher.publications import Failure, State
from urbanlab_services.publisher.rendering import Rendering
from urbanlab_services.publisher.runner_client import PageFailedError
from urbanlab_services.publisher.shelf import Shelf
from urbanlab_services.publisher.shelving import Shelving
from urbanlab_services.publisher.store import Store

from ..conftest import make_notebook, make_submission  # noqa: TID252


class Runner:
    """Fails once it is let."""

    def __init__(self) -> None:
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def make_page(self, *_: Any) -> bytes:
        self.asked.set()
        await self.go_on.wait()
        raise PageFailedError(Failure("It broke."))


@pytest.fixture
def runner() -> Runner:
    return Runner()


@pytest.fixture
def ask(runner: Runner, tmp_path: Path) -> Callable[[str], Any]:
    """Return what asks for the page of a year, of a version whose pages are made by a runner that fails."""
    store, shelf = Store(tmp_path / "store.sqlite"), Shelf(tmp_path / "public")
    bundles = Bundles(tmp_path / "bundles")
    years = Parameter("year", "Year", tuple(Choice(str(each), str(each)) for each in (2024, 2025, 2026)))
    submission = make_submission(
        application=Application("Jahre", "jahre", parameters=(years,)),
        slug="jahre",
        state=State.RELEASED,
        notebook=bundles.save(parse_notebook(make_notebook().encode())),
    )
    store.save_submissions(submission)
    rendering = Rendering(runner, bundles, shelf, pauses=())  # type: ignore[arg-type]
    variants = Variants(store, rendering, Shelving(store, shelf, None))  # type: ignore[arg-type]
    return lambda year: variants.ask("town", "jahre", f"year={year}")


async def _wait_for_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 10)


async def test_one_that_fails_is_said_to_have_failed(ask: Callable[[str], Any], runner: Runner) -> None:
    assert ask("2024").state == WAITING
    runner.go_on.set()
    await _wait_for_others()
    assert ask("2024").state == FAILED


async def test_one_that_cannot_be_kept_lets_the_next_one_in(
    ask: Callable[[str], Any], runner: Runner, tmp_path: Path
) -> None:
    folder = variants_path(tmp_path / "public", "town", "jahre").parent
    folder.write_bytes(b"")  # nothing can be written there, as on a full disk
    ask("2024")
    runner.go_on.set()
    await _wait_for_others()
    folder.unlink()
    runner.asked.clear()
    ask("2025")
    await asyncio.wait_for(runner.asked.wait(), 10)
    await _wait_for_others()
    assert ask("2025").state == FAILED


async def test_one_that_the_services_end_cut_off_has_not_failed(
    ask: Callable[[str], Any], runner: Runner, tmp_path: Path
) -> None:
    ask("2024")
    ask("2025")
    await asyncio.wait_for(runner.asked.wait(), 10)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await _wait_for_others()
    assert asyncio.all_tasks() == {asyncio.current_task()}  # nothing is begun any more
    assert not variants_path(tmp_path / "public", "town", "jahre").exists()
