"""Everything that somebody can do here, one method each; whoever acts is given as an `Actor`.

Acts are coroutines; what only looks (`get_…`, `list_…`, `find_…`) is not. All raise children of `ServiceError`:
`ForbiddenError` without the right, `NotFoundError` for what does not exist or belongs to another tenant,
`ConflictError` where the state does not permit it, `InvalidRequestError` (`ApplicationError` with a sentence for
each field) for what cannot be taken. Every act and every refusal of one is a line of the audit log.
"""

from __future__ import annotations

import dataclasses
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from urbanlab.contract.publications import Ticket
from urbanlab_services.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    TooManyRequestsError,
)
from urbanlab_services.publisher import data_releases, publications
from urbanlab_services.publisher.actors import Actor, check_member, check_publisher, check_reviewer
from urbanlab_services.publisher.applications import Application, parse_application
from urbanlab_services.publisher.audit import Audit
from urbanlab_services.publisher.bundles import Bundles, check_parameters, parse_notebook
from urbanlab_services.publisher.data_releases import DataRequest
from urbanlab_services.publisher.links import Links
from urbanlab_services.publisher.open_data import OpenData
from urbanlab_services.publisher.parameters import list_variants
from urbanlab_services.publisher.publications import PublicationSummary, State, Submission, now
from urbanlab_services.publisher.shelf import Shelf
from urbanlab_services.publisher.shelving import Shelving
from urbanlab_services.publisher.store import Store
from urbanlab_services.publisher.work import Work
from urbanlab_services.records_watcher import RecordsWatcher

PREVIEW_TIME = timedelta(minutes=10)
MAX_EXECUTING = 10  # of one tenant at a time
MAX_REASON = 500


@dataclass(frozen=True)
class Desk:
    """The publisher's acts on top of its store, its shelf and those that it asks."""

    store: Store
    bundles: Bundles
    shelf: Shelf
    shelving: Shelving
    open_data: OpenData
    work: Work
    audit: Audit
    records: RecordsWatcher
    links: Links

    # --- pages -----------------------------------------------------------------------------------------------

    async def submit(self, actor: Actor, values: Mapping[str, Any], notebook: bytes) -> Submission:
        """Take a notebook in and begin to execute it; needs the role publisher.

        `values` are the fields of `applications.parse_application`, `notebook` the bytes of an ``.ipynb``. The
        submission comes back as `executing`; `get` says how it goes on.
        """
        with self.audit.act(actor, "submit", str(values.get("title", ""))[:120]) as line:
            check_publisher(actor)
            application = self._complete(actor, parse_application(values))
            stripped = parse_notebook(notebook)
            check_parameters(stripped, application.parameters)
            if len(self.store.list_submissions(actor.tenant, State.EXECUTING)) >= MAX_EXECUTING:
                raise TooManyRequestsError(
                    "Too many notebooks of your tenant are being executed; wait for one to end.",
                    retry_after=30,
                )
            submission = self.store.create_submission(
                Submission(
                    id=uuid.uuid4().hex,
                    tenant=actor.tenant,
                    slug=application.slug,
                    version=0,  # given by the store
                    author=actor.hub_user,
                    application=application,
                    notebook=self.bundles.save(stripped),
                    submitted_at=now(),
                )
            )
            line |= {"object": _name(submission), "submission": submission.id}
        self.work.execute(submission.id)
        return submission

    def get(self, actor: Actor, submission_id: str) -> Submission:
        """Return a submission of the actor's tenant; needs any role."""
        check_member(actor)
        submission = self.store.find_submission(submission_id)
        if submission is None or submission.tenant != actor.tenant:
            raise NotFoundError("There is no such submission.")
        return submission

    def list_submissions(self, actor: Actor) -> list[Submission]:
        """Return the submissions of the actor's tenant, the newest first; needs any role."""
        check_member(actor)
        return self.store.list_submissions(actor.tenant)

    def list_publications(self, actor: Actor) -> list[PublicationSummary]:
        """Return the publications of the actor's tenant with all their versions; needs any role."""
        return publications.summarize(self.list_submissions(actor))

    def get_publication(self, actor: Actor, slug: str) -> PublicationSummary:
        """Return one of them."""
        found = next((each for each in self.list_publications(actor) if each.slug == slug), None)
        if found is None:
            raise NotFoundError("There is no such publication.")
        return found

    def list_variants(self, submission: Submission) -> dict[str, dict[str, str]]:
        """Return what can be previewed: variant -> the values that visitors choose, the defaults first."""
        return list_variants(submission.application.parameters)

    async def preview(self, actor: Actor, submission_id: str, variant: str | None = None) -> str:
        """Return an address on the portal that shows a stored page once, within ten minutes.

        `variant` is a key of `list_variants`, the defaults' if None. Needs the role publisher or gatekeeper.
        """
        with self.audit.act(actor, "preview", submission_id) as line:
            submission = self.get(actor, submission_id)
            line["object"] = _name(submission)
            check_reviewer(actor)
            if submission.state not in publications.REVIEWABLE:
                raise ConflictError("There is no page to see: the notebook has not been executed to its end.")
            variants = self.list_variants(submission)
            variant = next(iter(variants)) if variant is None else variant
            if variant not in variants or variant not in submission.pages:
                raise NotFoundError("There is no such variant.")
            publication = publications.make_publication(submission)
            if not publication.released_at:
                publication = dataclasses.replace(publication, released_at=now())
            ticket = secrets.token_urlsafe(32)
            until = publications.to_text(datetime.now(UTC) + PREVIEW_TIME)
            self.shelf.write_ticket(ticket, Ticket(publication, until))
            return self.links.preview(ticket, variants[variant])

    async def release(self, actor: Actor, submission_id: str) -> Submission:
        """Make a submitted version public; needs a gatekeeper's login, not the author's."""
        return await self._publish(actor, submission_id, "release")

    async def release_older(self, actor: Actor, submission_id: str) -> Submission:
        """Make a version public again that was so once; needs a gatekeeper's login, not the author's."""
        return await self._publish(actor, submission_id, "release_older")

    async def refuse(self, actor: Actor, submission_id: str, reason: str) -> Submission:
        """Refuse a submitted version for good; needs a gatekeeper's login, not the author's, and a reason."""
        with self.audit.act(actor, "refuse", submission_id, reason=reason[:MAX_REASON]) as line:
            submission = self._get_named(actor, submission_id, line)
            refused = publications.refuse(submission, actor, _check_reason(reason), now())
            self.store.save_submissions(refused)
            return refused

    async def withdraw(self, actor: Actor, submission_id: str, reason: str = "") -> Submission:
        """Take the released version away from the public; it can be released again. Needs a gatekeeper's login."""
        with self.audit.act(actor, "withdraw", submission_id, reason=reason[:MAX_REASON]) as line:
            submission = self._get_named(actor, submission_id, line)
            withdrawn = publications.withdraw(submission, actor, reason[:MAX_REASON], now())
            self.store.save_submissions(withdrawn)
            self.shelving.show(withdrawn.tenant, withdrawn.slug)
            return withdrawn

    async def takedown(self, actor: Actor, submission_id: str, reason: str = "") -> Submission:
        """Take a version away and delete its pages at once, for good. Needs a gatekeeper's login."""
        with self.audit.act(actor, "takedown", submission_id, reason=reason[:MAX_REASON]) as line:
            submission = self._get_named(actor, submission_id, line)
            taken = publications.take_down(submission, actor, reason[:MAX_REASON], now())
            self.store.save_submissions(taken)
            self.shelving.show(taken.tenant, taken.slug)
            self.shelving.delete_pages(submission.pages.values())
            return taken

    async def refresh(self, actor: Actor, submission_id: str) -> Submission:
        """Make the released page anew now, whatever its schedule; needs the role publisher."""
        with self.audit.act(actor, "refresh", submission_id) as line:
            submission = self._get_named(actor, submission_id, line)
            check_publisher(actor)
            if submission.state is not State.RELEASED:
                raise ConflictError("Only a page that is public now is made anew.")
            due = dataclasses.replace(
                submission, refresh=dataclasses.replace(submission.refresh, next_at=now())
            )
            self.store.save_submissions(due)
        self.work.look_for_due()
        return due

    # --- open data -------------------------------------------------------------------------------------------

    async def request_data(self, actor: Actor, values: Mapping[str, Any]) -> DataRequest:
        """Ask for a dataset's release; `values` are those of `data_releases.parse_request`. Needs any role.

        Where the same table is asked for already, or open, that request comes back.
        """
        with self.audit.act(actor, "request_data", str(values.get("dataset", ""))[:120]) as line:
            check_member(actor)
            request = data_releases.parse_request(values, actor, uuid.uuid4().hex, now())
            if not data_releases.names_table(values):
                table = await self.open_data.find_table(actor.tenant, request.dataset)
                request = dataclasses.replace(request, table=table or request.table)
            line["object"] = request.table
            for other in self.store.list_data_requests(actor.tenant):
                if other.dataset == request.dataset and other.state in data_releases.OPEN_STATES:
                    if other.table != request.table:
                        raise ConflictError(
                            f"{request.dataset} is asked for already, from {other.table}; give it another name."
                        )
                    return other
            self.store.save_data_request(request)
            return request

    def get_data_request(self, actor: Actor, request_id: str) -> DataRequest:
        """Return a request of the actor's tenant; needs any role."""
        check_member(actor)
        request = self.store.find_data_request(request_id)
        if request is None or request.tenant != actor.tenant:
            raise NotFoundError("There is no such request.")
        return request

    def list_data_requests(self, actor: Actor) -> list[DataRequest]:
        """Return the requests of the actor's tenant, the newest first; needs any role."""
        check_member(actor)
        return self.store.list_data_requests(actor.tenant)

    async def decide_data(
        self, actor: Actor, request_id: str, *, release: bool, reason: str = ""
    ) -> DataRequest:
        """Release a dataset as open data, or refuse it with a reason; needs a gatekeeper's login, not the asker's.

        Raises `UnavailableError` where the warehouse does not answer; then nothing has been decided.
        """
        action = "release_data" if release else "refuse_data"
        with self.audit.act(actor, action, request_id, reason=reason[:MAX_REASON]) as line:
            request = self.get_data_request(actor, request_id)
            line["object"] = request.table
            if not release:
                refused = data_releases.refuse(request, actor, _check_reason(reason), now())
                self.store.save_data_request(refused)
                return refused
            return await self.open_data.release(data_releases.release(request, actor, now()))

    async def withdraw_data(self, actor: Actor, request_id: str, reason: str = "") -> DataRequest:
        """Take a dataset away from the open data at once; needs a gatekeeper's login.

        Where the warehouse does not answer, the request stays `withdrawing` and is tried again until it is done.
        """
        with self.audit.act(actor, "withdraw_data", request_id, reason=reason[:MAX_REASON]) as line:
            request = self.get_data_request(actor, request_id)
            line["object"] = request.table
            decided = data_releases.withdraw(request, actor, reason[:MAX_REASON], now())
            return await self.open_data.withdraw(decided)

    def find_data_request(self, actor: Actor, need: str) -> DataRequest | None:
        """Return the open request for what a notebook needs, a dataset's or a table's name, or None."""
        table = need if "." in need else f"{actor.tenant}.{need}"
        open_ones = (
            each for each in self.list_data_requests(actor) if each.state in data_releases.OPEN_STATES
        )
        return next((each for each in open_ones if each.table == table or each.dataset == need), None)

    # -----------------------------------------------------------------------------------------------------------

    async def _publish(self, actor: Actor, submission_id: str, action: str) -> Submission:
        with self.audit.act(actor, action, submission_id) as line:
            submission = self._get_named(actor, submission_id, line)
            rule = publications.release if action == "release" else publications.release_older
            released = rule(submission, actor, now())
            line["pages"] = released.pages
            self.shelf.check_pages(released.pages.values())
            public = self.get_publication(actor, released.slug).released
            # In one step, so that there is never a moment at which two versions are the public one.
            self.store.save_submissions(released, *([publications.replace(public)] if public else []))
            self.shelving.show(released.tenant, released.slug)
            return released

    def _get_named(self, actor: Actor, submission_id: str, line: dict[str, Any]) -> Submission:
        submission = self.get(actor, submission_id)
        line["object"] = _name(submission)
        return submission

    def _complete(self, actor: Actor, application: Application) -> Application:
        tenant = self.records.tenants().get(actor.tenant)
        if tenant is None:
            raise ForbiddenError("Your tenant does not exist here.")
        return dataclasses.replace(
            application,
            contact=application.contact or tenant.contact,
            source=application.source or tenant.title,
        )


def _name(submission: Submission) -> str:
    return f"{submission.tenant}/{submission.slug}/{submission.version}"


def _check_reason(reason: str) -> str:
    reason = reason.strip()
    if not reason or len(reason) > MAX_REASON:
        raise InvalidRequestError(f"Give a reason, in up to {MAX_REASON} characters.")
    return reason
