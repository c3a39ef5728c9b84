"""The life of a publication: who may do what to which version, and what the public sees of it.

A submission is one version of a publication; a publication is all versions with one slug in one tenant.

    executing ──► submitted ──► released ──► replaced, withdrawn ──► released again
        └──► failed   └──► refused   └──► taken down, for good
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from urbanlab.contract.publications import Publication
from urbanlab_services.errors import ConflictError
from urbanlab_services.publisher.actors import Actor, check_decider, check_other_than, check_own
from urbanlab_services.publisher.applications import Application
from urbanlab_services.publisher.durations import parse_refresh


class State(StrEnum):
    """How far a version has come."""

    EXECUTING = "executing"  # its notebook runs, once for each variant
    FAILED = "failed"  # `failure` says why; final
    SUBMITTED = "submitted"  # complete, waits for a gatekeeper
    REFUSED = "refused"  # `reason` says why; final
    RELEASED = "released"  # public now
    REPLACED = "replaced"  # another version has been released since
    WITHDRAWN = "withdrawn"  # was public; may be released again
    TAKEN_DOWN = "taken_down"  # its pages are deleted; final


REVIEWABLE = frozenset({State.SUBMITTED, State.RELEASED, State.REPLACED, State.WITHDRAWN})
KEPT = REVIEWABLE | {State.EXECUTING}  # whose pages are kept


@dataclass(frozen=True)
class Failure:
    """Why a notebook gave no page; `failed_cell` counts from 1 among the author's cells, None if it was none.

    `needs` names the tables that are not released as open data.
    """

    message: str
    failed_cell: int | None = None
    needs: tuple[str, ...] = ()
    at: str = ""


@dataclass(frozen=True)
class Refresh:
    """How it goes with making a released page anew; all times ISO 8601 in UTC."""

    next_at: str = ""  # empty where the page is never made anew
    stale_since: str = ""  # when the first refresh failed that none has made good since
    failure: Failure | None = None  # of the last refresh, for the owner


@dataclass(frozen=True)
class Submission:
    """One version of a publication; immutable but for its state, its decision and its refreshes."""

    id: str
    tenant: str
    slug: str
    version: int  # 1, 2, … within the tenant's slug
    author: str  # hub user
    application: Application
    notebook: str  # digest of the stripped notebook
    submitted_at: str
    state: State = State.EXECUTING
    pages: dict[str, str] = field(default_factory=dict)  # variant -> digest of its page
    live: bool = False  # whether one of its pages has something that needs a kernel
    failure: Failure | None = None
    decided_by: str = ""  # hub user who decided last
    decided_at: str = ""
    reason: str = ""  # of the last decision
    released_at: str = ""  # when it last became public
    updated_at: str = ""  # when its pages were last made
    refresh: Refresh = Refresh()

    @property
    def title(self) -> str:
        """The page's title."""
        return self.application.title


@dataclass(frozen=True)
class PublicationSummary:
    """All versions of a publication, the newest first; `released` is the one that is public, or None."""

    tenant: str
    slug: str
    versions: tuple[Submission, ...]

    @property
    def released(self) -> Submission | None:
        """The version that is public now."""
        return next((each for each in self.versions if each.state is State.RELEASED), None)

    @property
    def latest(self) -> Submission:
        """The newest version."""
        return self.versions[0]


def summarize(submissions: Iterable[Submission]) -> list[PublicationSummary]:
    """Return the publications of these submissions, sorted by slug."""
    found: dict[tuple[str, str], list[Submission]] = {}
    for each in submissions:
        found.setdefault((each.tenant, each.slug), []).append(each)
    return [
        PublicationSummary(tenant, slug, tuple(sorted(versions, key=lambda each: -each.version)))
        for (tenant, slug), versions in sorted(found.items())
    ]


def release(submission: Submission, actor: Actor, at: str) -> Submission:
    """Return the version as released; raise a `ServiceError` unless another gatekeeper found it submitted."""
    _check_decision(submission, actor, State.SUBMITTED)
    check_other_than(actor, submission.author)
    return _publish(submission, actor, at)


def release_older(submission: Submission, actor: Actor, at: str) -> Submission:
    """Return a version that was public once as released again."""
    _check_decision(submission, actor, State.REPLACED, State.WITHDRAWN)
    check_other_than(actor, submission.author)
    return _publish(submission, actor, at)


def refuse(submission: Submission, actor: Actor, reason: str, at: str) -> Submission:
    """Return the version as refused."""
    _check_decision(submission, actor, State.SUBMITTED)
    check_other_than(actor, submission.author)
    return _decide(submission, actor, State.REFUSED, at, reason)


def withdraw(submission: Submission, actor: Actor, reason: str, at: str) -> Submission:
    """Return the version as withdrawn. Two eyes are enough to take something away."""
    _check_decision(submission, actor, State.RELEASED)
    return _decide(submission, actor, State.WITHDRAWN, at, reason)


def take_down(submission: Submission, actor: Actor, reason: str, at: str) -> Submission:
    """Return the version as taken down: it holds no pages any more and can never be public again."""
    _check_decision(submission, actor, State.RELEASED, State.REPLACED, State.WITHDRAWN, State.SUBMITTED)
    return dataclasses.replace(_decide(submission, actor, State.TAKEN_DOWN, at, reason), pages={})


def replace(submission: Submission) -> Submission:
    """Return the version that was public until another one was released."""
    return dataclasses.replace(submission, state=State.REPLACED, refresh=Refresh())


def complete(submission: Submission, at: str) -> Submission:
    """Return an executed version, all of whose pages are there, as ready for review."""
    return dataclasses.replace(submission, state=State.SUBMITTED, updated_at=at)


def fail(submission: Submission, failure: Failure) -> Submission:
    """Return a version whose notebook gave no page."""
    return dataclasses.replace(submission, state=State.FAILED, failure=failure, pages={})


def renew(submission: Submission, pages: dict[str, str], live: bool, at: str) -> Submission:
    """Return a released version with pages made anew."""
    return dataclasses.replace(
        submission,
        pages=dict(pages),
        live=live,
        updated_at=at,
        refresh=Refresh(next_at=plan_refresh(submission.application, at)),
    )


def keep_stale(submission: Submission, failure: Failure, next_at: str) -> Submission:
    """Return a released version whose refresh failed: it keeps its pages and says since when they are old."""
    since = submission.refresh.stale_since or failure.at
    return dataclasses.replace(submission, refresh=Refresh(next_at, since, failure))


def plan_refresh(application: Application, after: str) -> str:
    """Return when a page made at `after` is made anew, or an empty text."""
    period = parse_refresh(application.refresh)
    return to_text(datetime.fromisoformat(after) + period) if period else ""


def plan_retry(application: Application, after: str, seconds: float) -> str:
    """Return when a refresh is tried again that failed for no fault of the notebook's."""
    soon = to_text(datetime.fromisoformat(after) + timedelta(seconds=seconds))
    planned = plan_refresh(application, after)
    return min(soon, planned) if planned else soon


def make_publication(submission: Submission) -> Publication:
    """Return what the public finds at the address of this version, or would find were it released."""
    application = submission.application
    return Publication(
        tenant=submission.tenant,
        slug=submission.slug,
        version=submission.version,
        title=application.title,
        summary=application.summary,
        language=application.language,
        contact=application.contact,
        licence=application.licence,
        source=application.source,
        released_at=submission.released_at,
        updated_at=submission.updated_at,
        variants=dict(submission.pages),
        parameters=application.parameters,
        refresh=application.refresh,
        stale_since=submission.refresh.stale_since,
        live=submission.live,
    )


def now() -> str:
    """Return the time now, ISO 8601 in UTC."""
    return to_text(datetime.now(UTC))


def to_text(moment: datetime) -> str:
    """Return a moment so that later ones sort behind earlier ones."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _check_decision(submission: Submission, actor: Actor, *states: State) -> None:
    check_own(actor, submission.tenant)
    check_decider(actor)
    if submission.state not in states:
        raise ConflictError(
            f"Version {submission.version} of {submission.slug} is {submission.state.replace('_', ' ')}; "
            f"this can be done while it is {' or '.join(states).replace('_', ' ')}."
        )


def _decide(submission: Submission, actor: Actor, state: State, at: str, reason: str = "") -> Submission:
    return dataclasses.replace(
        submission,
        state=state,
        decided_by=actor.hub_user,
        decided_at=at,
        reason=reason,
        refresh=Refresh(),
    )


def _publish(submission: Submission, actor: Actor, at: str) -> Submission:
    # A page that is old when it becomes public is made anew soon, by the schedule counted from its making.
    refresh = Refresh(next_at=plan_refresh(submission.application, submission.updated_at))
    released = _decide(submission, actor, State.RELEASED, at)
    return dataclasses.replace(released, released_at=at, refresh=refresh)
