"""Variants on demand in action: one execution for all who ask, in the tenant's runner like every other page."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from datetime import datetime, timedelta

from prometheus_client import Counter

from urbanlab.contract.variants import FAILED, MADE, WAITING, MadeVariant, Progress
from urbanlab_services.errors import NotFoundError, TooManyRequestsError
from urbanlab_services.publisher.demand.queue import FullError, Queue, Wanted, keep
from urbanlab_services.publisher.parameters import find_variant
from urbanlab_services.publisher.publications import State, Submission, now
from urbanlab_services.publisher.rendering import Rendering
from urbanlab_services.publisher.runner_client import PageFailedError, RunnerGoneError
from urbanlab_services.publisher.shelving import Shelving
from urbanlab_services.publisher.store import Store

logger = logging.getLogger(__name__)

RETRY = timedelta(minutes=5)  # before which what failed is not tried again
VARIANTS = Counter("urbanlab_publisher_variants", "Pages made on demand", ["outcome"])


class Variants:
    """What the portal asks for; nothing comes from a visitor but values that the page declares."""

    def __init__(
        self, store: Store, rendering: Rendering, shelving: Shelving, queue: Queue | None = None
    ) -> None:
        self._store, self._rendering, self._shelving = store, rendering, shelving
        self._shelf = rendering.shelf
        self._queue = queue or Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, tenant: str, slug: str, variant: str) -> Progress:
        """Return how it goes with a variant, and see to it that it is made.

        Raises `NotFoundError` for what there cannot be, `TooManyRequestsError` where too many wait.
        """
        submission = self._find_released(tenant, slug)
        if submission is None:
            raise NotFoundError("There is no such page.")
        if variant in submission.pages:
            return Progress(MADE)
        try:
            find_variant(submission.application.parameters, variant)
        except ValueError:
            raise NotFoundError("There is no such variant.") from None
        made = self._find_made(submission, variant)
        if made is not None and made.page and made.updated_at == submission.updated_at:
            return Progress(MADE)
        if made is not None and made.failed_at and _is_recent(made.failed_at):
            return Progress(FAILED)
        wanted = Wanted(tenant, slug, variant, submission.id)
        try:
            position = self._queue.ask(wanted, time.monotonic())
        except FullError:
            raise TooManyRequestsError("Too many variants wait.", retry_after=30) from None
        self._begin()
        return Progress(WAITING, position)

    def _begin(self) -> None:
        while (wanted := self._queue.begin(time.monotonic())) is not None:
            task = asyncio.create_task(self._make(wanted))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _make(self, wanted: Wanted) -> None:
        try:
            self._keep(wanted, await self._render(wanted))
        # A full disk, say: whatever it was, the next one is waiting.
        except Exception:
            logger.exception("a variant was not kept", extra={"tenant": wanted.tenant})
        finally:
            self._queue.end(wanted)
        self._begin()  # not where this was cancelled: the service ends

    async def _render(self, wanted: Wanted) -> MadeVariant | None:
        """Return a page, kept; None where it cannot be made, or is the page of no released version any more."""
        try:
            submission = self._find_released(wanted.tenant, wanted.slug)
            if submission is None or submission.id != wanted.submission_id:
                return None
            values = find_variant(submission.application.parameters, wanted.variant)
            digest, size = await self._rendering.render_one(submission, wanted.variant, values)
            return MadeVariant(digest, submission.updated_at, now(), size)
        except (PageFailedError, RunnerGoneError, ValueError) as error:
            logger.warning("a variant failed", extra={"tenant": wanted.tenant, "reason": str(error)})
        # Whatever it was, it must not be tried again at once.
        except Exception:
            logger.exception("a variant broke", extra={"tenant": wanted.tenant})
        return None

    def _keep(self, wanted: Wanted, entry: MadeVariant | None) -> None:
        """Show what was made, unless the page was withdrawn or replaced meanwhile; delete what has no room more."""
        VARIANTS.labels(MADE if entry else FAILED).inc()
        submission = self._find_released(wanted.tenant, wanted.slug)
        if submission is None or submission.id != wanted.submission_id:
            return  # what was made is collected
        before = self._shelf.list_made(wanted.tenant)
        if entry is None:  # a page of yesterday is better than none
            old = self._find_made(submission, wanted.variant) or MadeVariant("", "", now())
            entry = dataclasses.replace(old, failed_at=now())
        changed = keep(before, wanted.page, wanted.variant, entry, submission.version)
        for (tenant, slug), made in changed.items():
            self._shelf.write_made(tenant, slug, made)
        held = {each.page for name in changed if name in before for each in before[name].variants.values()}
        held -= {each.page for made in changed.values() for each in made.variants.values()}
        if gone := held - {""}:
            self._shelving.delete_pages(gone)

    def _find_made(self, submission: Submission, variant: str) -> MadeVariant | None:
        made = self._shelf.find_made(submission.tenant, submission.slug)
        return made.variants.get(variant) if made and made.version == submission.version else None

    def _find_released(self, tenant: str, slug: str) -> Submission | None:
        released = self._store.list_submissions(tenant, State.RELEASED)
        return next((each for each in released if each.slug == slug), None)


def _is_recent(moment: str) -> bool:
    return datetime.fromisoformat(now()) - datetime.fromisoformat(moment) < RETRY
