"""Executes what has been handed in: all variants, each page kept as it is made, until a gatekeeper can see them."""

from __future__ import annotations

import asyncio
import dataclasses

from urbanlab_services.publisher import publications
from urbanlab_services.publisher.audit import SERVICE, Audit
from urbanlab_services.publisher.pictures import list_undescribed
from urbanlab_services.publisher.publications import Failure, State, Submission, now
from urbanlab_services.publisher.rendering import Rendering, Turns, make_gone_failure
from urbanlab_services.publisher.runner_client import PageFailedError, RunnerGoneError
from urbanlab_services.publisher.store import Store

PER_TENANT, IN_ALL = 1, 2


class Submissions:
    """Carries submissions from `executing` to `submitted` or `failed`; what a crash cut off goes on."""

    def __init__(self, store: Store, rendering: Rendering, audit: Audit) -> None:
        self._store, self._rendering, self._audit = store, rendering, audit
        self._turns = Turns(PER_TENANT, IN_ALL)

    def list_unfinished(self) -> list[str]:
        """Return the submissions that are being executed, or were when the service ended; the oldest first."""
        return [each.id for each in reversed(self._store.list_all_submissions(State.EXECUTING))]

    async def execute(self, submission_id: str) -> None:
        """Execute a submission to its end."""
        submission = self._get(submission_id)
        async with self._turns.take(submission.tenant):
            try:
                await self._make_pages(submission_id)
            except PageFailedError as error:
                self._fail(submission_id, error.failure)
            except RunnerGoneError:
                self._fail(submission_id, make_gone_failure())
            # Whatever it was, nobody shall wait for ever; the traceback goes to the log.
            except Exception:
                self._fail(
                    submission_id, Failure("Something went wrong here; hand the notebook in again.", at=now())
                )
                raise
            else:
                await self._complete(submission_id)

    async def _make_pages(self, submission_id: str) -> None:
        submission = self._get(submission_id)
        async for variant, digest, live in self._rendering.render(submission, submission.pages):
            now_kept = self._get(submission_id)  # it may have been handed over meanwhile
            self._store.save_submissions(
                dataclasses.replace(
                    now_kept, pages={**now_kept.pages, variant: digest}, live=now_kept.live or live
                )
            )

    async def _complete(self, submission_id: str) -> None:
        # In a thread: the pages of a version may have many megabytes.
        cells = await asyncio.to_thread(self._list_undescribed, self._get(submission_id))
        # Looked for anew: it may have been handed over meanwhile.
        self._close(publications.complete(self._get(submission_id), cells, now()), "done")

    def _list_undescribed(self, submission: Submission) -> set[int]:
        bodies = map(self._rendering.shelf.read_body, submission.pages.values())
        return {cell for body in bodies for cell in list_undescribed(body)}

    def _fail(self, submission_id: str, failure: Failure) -> None:
        self._close(publications.fail(self._get(submission_id), failure), "failed", reason=failure.message)

    def _close(self, submission: Submission, outcome: str, **details: str) -> None:
        self._store.save_submissions(submission)
        thing = f"{submission.tenant}/{submission.slug}/{submission.version}"
        self._audit.record(SERVICE, submission.tenant, "execute", thing, outcome, **details)

    def _get(self, submission_id: str) -> Submission:
        submission = self._store.find_submission(submission_id)
        assert submission is not None
        return submission
