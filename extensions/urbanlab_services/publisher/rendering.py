"""Makes all pages of a version: its notebook, executed in the runner once for each variant, kept on the shelf."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from urbanlab_services.publisher.bundles import Bundles
from urbanlab_services.publisher.pages import CheckedPage, PageError, read_page
from urbanlab_services.publisher.parameters import list_variants, to_notebook_values
from urbanlab_services.publisher.publications import Failure, Submission, now
from urbanlab_services.publisher.runner_client import PageFailedError, RunnerClient, RunnerGoneError, Task
from urbanlab_services.publisher.shelf import Shelf

logger = logging.getLogger(__name__)

# Where the runner is gone, each page is tried again after these pauses: a server that was killed is started anew.
# The hub may need half a minute to see it.
PAUSES = (1.0, 5.0, 15.0, 30.0)


class Turns:
    """At most `each` at a time of one tenant, and `all_together` in all."""

    def __init__(self, each: int, all_together: int) -> None:
        self._each = each
        self._all = asyncio.Semaphore(all_together)
        self._tenants: dict[str, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def take(self, tenant: str) -> AsyncIterator[None]:
        """Wait for a turn and hold it while the block runs."""
        # The tenant's first: who waits for another of the same tenant must not hold a place of all.
        async with self._tenants.setdefault(tenant, asyncio.Semaphore(self._each)), self._all:
            yield


@dataclass(frozen=True)
class Rendering:
    """Pages from notebooks."""

    runner: RunnerClient
    bundles: Bundles
    shelf: Shelf
    pauses: tuple[float, ...] = PAUSES

    async def render(
        self, submission: Submission, done: Mapping[str, str]
    ) -> AsyncIterator[tuple[str, str, bool]]:
        """Yield variant, digest and whether it needs a kernel, for each variant that is not `done`.

        Raises `PageFailedError` for a notebook that gives no page, `RunnerGoneError` where the runner stays away.
        """
        application = submission.application
        notebook = self.bundles.load(submission.notebook)
        for variant, values in list_variants(application.parameters).items():
            if variant not in done:
                checked = await self._make_variant(submission, notebook, variant, values)
                yield variant, self.shelf.write_page(checked), checked.page.live

    async def render_one(
        self, submission: Submission, variant: str, values: dict[str, str]
    ) -> tuple[str, int]:
        """Return the digest of one variant's page and the bytes of its files; raise as `render` does."""
        notebook = self.bundles.load(submission.notebook)
        checked = await self._make_variant(submission, notebook, variant, values)
        return self.shelf.write_page(checked), sum(file.size for file in checked.page.files)

    async def _make_variant(
        self, submission: Submission, notebook: dict[str, Any], variant: str, values: dict[str, str]
    ) -> CheckedPage:
        application = submission.application
        parameters = to_notebook_values(application.parameters, values)
        task = Task(
            notebook,
            parameters,
            application.language,
            application.title,
            application.licence,
            application.source,
        )
        return await self._make_page(submission.tenant, task, variant)

    async def _make_page(self, tenant: str, task: Task, variant: str) -> CheckedPage:
        try:
            parcel = await self._ask(tenant, task)
            return await asyncio.to_thread(
                read_page, parcel, title=task.title, language=task.language, now=now()
            )
        except PageFailedError as error:
            message = f"With {variant}: {error.failure.message}" if variant else error.failure.message
            raise PageFailedError(dataclasses.replace(error.failure, message=message, at=now())) from None
        except PageError as error:
            logger.warning("a page was refused", extra={"tenant": tenant, "reason": str(error)})
            raise PageFailedError(
                Failure(f"What the notebook gave cannot be published: {error}.", at=now())
            ) from None

    async def _ask(self, tenant: str, task: Task) -> bytes:
        for pause in self.pauses:
            try:
                return await self.runner.make_page(tenant, task)
            except RunnerGoneError as error:
                logger.warning("the runner is gone", extra={"tenant": tenant, "reason": str(error)})
                await asyncio.sleep(pause)
        return await self.runner.make_page(tenant, task)


def make_gone_failure() -> Failure:
    """Return what is said where the runner stayed away."""
    return Failure(
        "The server in which notebooks run did not answer. It is not the notebook's fault; try again in a moment.",
        at=now(),
    )
