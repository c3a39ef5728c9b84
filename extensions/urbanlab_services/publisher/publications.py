"""The life of a publication: who may do what to which version, and what the public sees of it.

A submission is one version of a publication; a publication is all versions with one slug in one tenant.

    executing ──► submitted ──► released ──► replaced, withdrawn ──► released again
     │  │  ▲          └──► refused   └──► taken down, for good
     │  │  └──► incomplete ──► submitted
     │  └──────────┘
     └──► failed
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from urbanlab.contract.publications import Publication
from urbanlab.contract.records import Tenant
from urbanlab_services.errors import ConflictError, ForbiddenError
from urbanlab_services.publisher.actors import (
    Actor,
    check_browser,
    check_decider,
    check_other_than,
    check_own,
)
from urbanlab_services.publisher.applications import Application
from urbanlab_services.publisher.durations import parse_refresh
from urbanlab_services.publisher.parameters import fix_defaults


class State(StrEnum):
    """How far a version has come."""

    EXECUTING = "executing"  # its notebook runs, once for each variant
    FAILED = "failed"  # `failure` says why; final
    INCOMPLETE = "incomplete"  # has pictures that nobody has described; waits for its author
    SUBMITTED = "submitted"  # complete, waits for a gatekeeper
    REFUSED = "refused"  # `reason` says why; final
    RELEASED = "released"  # public now
    REPLACED = "replaced"  # another version has been released since
    WITHDRAWN = "withdrawn"  # was public; may be released again
    TAKEN_DOWN = "taken_down"  # its pages are deleted; final


REVIEWABLE = frozenset({State.INCOMPLETE, State.SUBMITTED, State.RELEASED, State.REPLACED, State.WITHDRAWN})
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
    undescribed: tuple[int, ...] = ()  # cells with pictures without an alternative text
    failure: Failure | None = None
    decided_by: str = ""  # hub user who decided last
    decided_at: str = ""
    reason: str = ""  # of the last decision
    released_at: str = ""  # when it last became public
    updated_at: str = ""  # when its pages were last made
    refresh: Refresh = Refresh()
    data_at: str = ""  # when it was begun to make its pages last, if ever since it was handed in
    owned_by: str = ""  # hub user who is in charge, the author where it is empty
    offered_to: str = ""  # hub user who is asked to take over
    review_by: str = ""  # days, ISO 8601, of the application or as they were prolonged
    expires: str = ""

    @property
    def owner(self) -> str:
        """The hub user who is in charge of the publication."""
        return self.owned_by or self.author

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


def expire(submission: Submission, reason: str, at: str) -> Submission:
    """Return a released version whose last day is over as withdrawn."""
    return dataclasses.replace(
        submission, state=State.WITHDRAWN, decided_by="", decided_at=at, reason=reason, refresh=Refresh()
    )


def prolong(submission: Submission, actor: Actor, review_by: str, expires: str) -> Submission:
    """Return the version with other days, empty for none; another gatekeeper than its author decides that."""
    _check_decision(submission, actor, State.RELEASED, State.WITHDRAWN)
    check_other_than(actor, submission.author)
    return dataclasses.replace(submission, review_by=review_by, expires=expires)


def hand_over(submission: Submission, actor: Actor, hub_user: str) -> Submission:
    """Return the version as offered to somebody; an administrator needs nobody's consent."""
    check_own(actor, submission.tenant)
    if "admin" in actor.roles:
        check_browser(actor)
        return dataclasses.replace(submission, owned_by=hub_user, offered_to="")
    if actor.hub_user != submission.owner:
        raise ForbiddenError("Who is in charge hands a page over, or an administrator.")
    return dataclasses.replace(submission, offered_to=hub_user)


def take_over(submission: Submission, actor: Actor) -> Submission:
    """Return the version as in the charge of the one to whom it was offered."""
    check_own(actor, submission.tenant)
    if not submission.offered_to or actor.hub_user != submission.offered_to:
        raise ForbiddenError("This page has not been offered to you.")
    return dataclasses.replace(submission, owned_by=actor.hub_user, offered_to="")


def replace(submission: Submission) -> Submission:
    """Return the version that was public until another one was released."""
    return dataclasses.replace(submission, state=State.REPLACED, refresh=Refresh())


def complete(submission: Submission, undescribed: Iterable[int], at: str) -> Submission:
    """Return an executed version, all of whose pages are there, as ready for review.

    Where it has pictures that nobody has described, and nobody has said that its text says what they show, its
    author is asked first.
    """
    cells = tuple(sorted(set(undescribed)))
    is_complete = not cells or submission.application.pictures_in_text
    state = State.SUBMITTED if is_complete else State.INCOMPLETE
    return dataclasses.replace(submission, state=state, undescribed=cells, updated_at=at)


def confirm_pictures(submission: Submission) -> Submission:
    """Return a version with the author's word that its text says what its pictures show."""
    application = dataclasses.replace(submission.application, pictures_in_text=True)
    return dataclasses.replace(submission, state=State.SUBMITTED, application=application)


def execute_anew(submission: Submission, notebook: str, in_text: bool) -> Submission:
    """Return a version whose notebook has got texts for its pictures, to be executed once more."""
    application = dataclasses.replace(submission.application, pictures_in_text=in_text)
    return dataclasses.replace(
        submission,
        state=State.EXECUTING,
        notebook=notebook,
        application=application,
        pages={},
        undescribed=(),
    )


def check_describable(submission: Submission, actor: Actor) -> None:
    """Raise a `ServiceError` unless its author describes the pictures of a version that waits for that."""
    check_own(actor, submission.tenant)
    if actor.hub_user != submission.author:
        raise ForbiddenError("Its author describes the pictures.")
    if submission.state is not State.INCOMPLETE:
        raise ConflictError("This version does not wait for texts of pictures.")


def fail(submission: Submission, failure: Failure) -> Submission:
    """Return a version whose notebook gave no page."""
    return dataclasses.replace(submission, state=State.FAILED, failure=failure, pages={})


def renew(
    submission: Submission, pages: dict[str, str], live: bool, at: str, begun_at: str = ""
) -> Submission:
    """Return a released version with pages made anew, from data as they were at `begun_at` or later."""
    return dataclasses.replace(
        submission,
        pages=dict(pages),
        live=live,
        updated_at=at,
        data_at=begun_at,
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


def make_publication(submission: Submission, tenant: Tenant) -> Publication:
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
        parameters=fix_defaults(application.parameters, next(iter(submission.pages), "")),
        refresh=application.refresh,
        stale_since=submission.refresh.stale_since,
        live=submission.live and tenant.publishing.live_views > 0,
        topics=application.topics,
        embed_in=application.embed_in,
        ends_at=find_end(submission, tenant.time_zone),
    )


def find_end(submission: Submission, time_zone: str) -> str:
    """Return the moment at which a version's last day is over there, empty for one without such a day."""
    if not submission.expires:
        return ""
    morrow = date.fromisoformat(submission.expires) + timedelta(days=1)
    return to_text(datetime.combine(morrow, time.min, ZoneInfo(time_zone)))


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
    if submission.expires and submission.expires < at[:10]:
        raise ConflictError("Its last day is over: set another one first.")
    # A page that is old when it becomes public is made anew soon, by the schedule counted from its making.
    refresh = Refresh(next_at=plan_refresh(submission.application, submission.updated_at))
    released = _decide(submission, actor, State.RELEASED, at)
    return dataclasses.replace(released, released_at=at, refresh=refresh)
