"""Makes released pages anew by their schedule; what fails keeps the last good page and tells the owner."""

from __future__ import annotations

from urbanlab_services.publisher import publications
from urbanlab_services.publisher.audit import SERVICE, Audit
from urbanlab_services.publisher.publications import Failure, State, Submission, now
from urbanlab_services.publisher.rendering import Rendering, Turns, make_gone_failure
from urbanlab_services.publisher.runner_client import PageFailedError, RunnerGoneError
from urbanlab_services.publisher.shelving import Shelving
from urbanlab_services.publisher.store import Store

PER_TENANT, IN_ALL = 1, 2
# A refresh that failed because the runner was away is tried again after this, or by its schedule if that is sooner.
RETRY_SECONDS = 300.0


class Refreshes:
    """The schedule is in the store: what was due while the service was away is due when it comes back, once."""

    def __init__(self, store: Store, rendering: Rendering, shelving: Shelving, audit: Audit) -> None:
        self._store, self._rendering, self._shelving, self._audit = store, rendering, shelving, audit
        self._turns = Turns(PER_TENANT, IN_ALL)

    def list_due(self) -> list[str]:
        """Return the submissions whose pages are to be made anew now."""
        return [submission.id for submission in self._store.list_due(now())]

    async def refresh(self, submission_id: str) -> None:
        """Make the pages of a released version anew; all of them become public together, or none."""
        found = self._store.find_submission(submission_id)
        assert found is not None
        async with self._turns.take(found.tenant):
            submission = self._find_released(submission_id)
            if submission is None:
                return
            pages: dict[str, str] = {}
            begun_at = now()
            live = False
            try:
                async for variant, digest, needs_kernel in self._rendering.render(submission, {}):
                    pages[variant] = digest
                    live = live or needs_kernel
            except PageFailedError as error:
                planned = publications.plan_refresh(submission.application, error.failure.at)
                self._keep_stale(submission_id, error.failure, planned)
            except RunnerGoneError:
                self._try_later(submission, make_gone_failure())
            # Whatever it was, it must not be tried again at once; the traceback goes to the log.
            except Exception:
                self._try_later(submission, Failure("Something went wrong here.", at=now()))
                raise
            else:
                self._renew(submission_id, pages, live, begun_at)

    def _renew(self, submission_id: str, pages: dict[str, str], live: bool, begun_at: str) -> None:
        # It may have been withdrawn meanwhile; then nothing of this run matters.
        submission = self._find_released(submission_id)
        if submission is not None:
            self._save(publications.renew(submission, pages, live, now(), begun_at), "done")

    def _try_later(self, submission: Submission, failure: Failure) -> None:
        soon = publications.plan_retry(submission.application, failure.at, RETRY_SECONDS)
        self._keep_stale(submission.id, failure, soon)

    def _keep_stale(self, submission_id: str, failure: Failure, next_at: str) -> None:
        submission = self._find_released(submission_id)
        if submission is not None:
            stale = publications.keep_stale(submission, failure, next_at)
            self._save(stale, "failed", reason=failure.message, failed_cell=failure.failed_cell)

    def _save(self, submission: Submission, outcome: str, **details: object) -> None:
        self._store.save_submissions(submission)
        self._shelving.show(submission.tenant, submission.slug)
        thing = f"{submission.tenant}/{submission.slug}/{submission.version}"
        self._audit.record(SERVICE, submission.tenant, "refresh", thing, outcome, **details)

    def _find_released(self, submission_id: str) -> Submission | None:
        submission = self._store.find_submission(submission_id)
        return submission if submission and submission.state is State.RELEASED else None
