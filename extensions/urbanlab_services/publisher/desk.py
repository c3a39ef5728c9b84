"""Everything that somebody can do here, one method each; whoever acts is given as an `Actor`.

Acts are coroutines; what only looks (`get_…`, `list_…`, `find_…`) is not. All raise children of `ServiceError`:
`ForbiddenError` without the right, `NotFoundError` for what does not exist or belongs to another tenant,
`ConflictError` where the state does not permit it, `InvalidRequestError` (`ApplicationError` with a sentence for
each field) for what cannot be taken. Every act and every refusal of one is a line of the audit log.
"""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from urbanlab.contract.publications import Ticket
from urbanlab.contract.ranges import parse_variant
from urbanlab.contract.records import Tenant
from urbanlab_services.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    TooManyRequestsError,
)
from urbanlab_services.publisher import differences, publications
from urbanlab_services.publisher.actors import Actor, check_member, check_publisher, check_reviewer
from urbanlab_services.publisher.applications import Application, check_days, parse_application
from urbanlab_services.publisher.attachments import attach
from urbanlab_services.publisher.audit import Audit
from urbanlab_services.publisher.bundles import Bundles, check_parameters, parse_notebook
from urbanlab_services.publisher.data_desk import DataDesk
from urbanlab_services.publisher.deputies import Deputies, make_person
from urbanlab_services.publisher.differences import Difference
from urbanlab_services.publisher.differences_pictures import PictureDifference, compare_pages, find_picture
from urbanlab_services.publisher.leaked_secrets import check_no_secrets
from urbanlab_services.publisher.links import Links
from urbanlab_services.publisher.parameters import list_variants
from urbanlab_services.publisher.pending import count_pending
from urbanlab_services.publisher.pictures import check_texts, describe
from urbanlab_services.publisher.publications import PublicationSummary, State, Submission, now
from urbanlab_services.publisher.readers import Readers
from urbanlab_services.publisher.reasons import MAX_REASON, check_reason
from urbanlab_services.publisher.shelf import Shelf
from urbanlab_services.publisher.shelving import Shelving
from urbanlab_services.publisher.store import Store
from urbanlab_services.publisher.work import Work
from urbanlab_services.records_watcher import RecordsWatcher

PREVIEW_TIME = timedelta(minutes=10)
MAX_EXECUTING = 10  # of one tenant at a time


@dataclass(frozen=True)
class Desk:
    """The publisher's acts on top of its store, its shelf and those that it asks."""

    store: Store
    bundles: Bundles
    shelf: Shelf
    shelving: Shelving
    data: DataDesk
    work: Work
    audit: Audit
    records: RecordsWatcher
    links: Links
    deputies: Deputies
    readers: Readers

    # --- pages -----------------------------------------------------------------------------------------------

    async def submit(
        self,
        actor: Actor,
        values: Mapping[str, Any],
        notebook: bytes,
        files: Mapping[str, bytes] | None = None,
    ) -> Submission:
        """Take a notebook in and begin to execute it; needs the role publisher.

        `values` are the fields of `applications.parse_application`, `notebook` the bytes of an ``.ipynb``, `files`
        what it reads beside, by the names that `values` list. The
        submission comes back as `executing`; `get` says how it goes on.
        """
        with self.audit.act(actor, "submit", str(values.get("title", ""))[:120]) as line:
            check_publisher(actor)
            application = self._complete(actor, parse_application(values))
            stripped = attach(parse_notebook(notebook), application.files, files or {})
            check_parameters(stripped, application.parameters)
            await asyncio.to_thread(check_no_secrets, stripped)
            if len(self.store.list_submissions(actor.tenant, State.EXECUTING)) >= MAX_EXECUTING:
                raise TooManyRequestsError(
                    "Too many notebooks of your tenant are being executed; wait for one to end.",
                    retry_after=30,
                )
            earlier = self.store.list_versions(actor.tenant, application.slug)
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
                    owned_by=earlier[0].owner if earlier else actor.hub_user,
                    offered_to=earlier[0].offered_to if earlier else "",
                    review_by=application.review_by,
                    expires=application.expires,
                )
            )
            line |= {"object": _name(submission), "submission": submission.id}
        self.work.execute(submission.id)
        return submission

    async def describe(
        self, actor: Actor, submission_id: str, texts: Mapping[int, str], in_text: bool = False
    ) -> Submission:
        """Give pictures the texts that they lack, by cell, or say that the text says it; for their author.

        With texts the notebook is executed once more, so that every page made later has them, too.
        """
        with self.audit.act(actor, "describe", submission_id) as line:
            submission = self._get_named(actor, submission_id, line)
            publications.check_describable(submission, actor)
            cleaned = check_texts(texts, submission.undescribed, in_text)
            if cleaned:
                notebook = describe(self.bundles.load(submission.notebook), cleaned)
                described = publications.execute_anew(submission, self.bundles.save(notebook), in_text)
            else:
                described = publications.confirm_pictures(submission)
            self.store.save_submissions(described)
            self.bundles.delete({submission.notebook} - self.store.list_notebooks())
        if cleaned:
            self.work.execute(submission.id)
        return described

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

    def count_waiting(self, actor: Actor) -> int:
        """Return how much waits for a decision in the actor's tenant."""
        return sum(count_pending(self.store, actor.tenant).values())

    def list_publications(self, actor: Actor) -> list[PublicationSummary]:
        """Return the publications of the actor's tenant with all their versions; needs any role."""
        return publications.summarize(self.list_submissions(actor))

    def get_publication(self, actor: Actor, slug: str) -> PublicationSummary:
        """Return one of them."""
        found = next((each for each in self.list_publications(actor) if each.slug == slug), None)
        if found is None:
            raise NotFoundError("There is no such publication.")
        return found

    def list_page_uses(self, actor: Actor) -> list[tuple[Submission, set[str]]]:
        """Return the tenant's public pages, each with the tables of the open data that it has read."""
        released = (each.released for each in self.list_publications(actor))
        return [(each, self.list_tables(each)) for each in released if each]

    def list_tables(self, submission: Submission) -> set[str]:
        """Return the tables that the pages of a version have read."""
        return {name for digest in submission.pages.values() for name in self.shelf.list_datasets(digest)}

    def find_earlier(self, actor: Actor, submission: Submission) -> Submission | None:
        """Return the version that a version is compared with: the public one, else the newest before it."""
        versions = self.get_publication(actor, submission.slug).versions
        others = [each for each in versions if each.version < submission.version]
        public = [each for each in others if each.state is State.RELEASED]
        return next(iter([*public, *others]), None)

    def compare(self, actor: Actor, submission: Submission, earlier: Submission) -> list[Difference]:
        """Return what has become different: facts, cells, and the words of the first page that both still have."""
        check_reviewer(actor)
        found = [
            differences.compare_applications(earlier.application, submission.application),
            differences.compare_notebooks(
                self.bundles.load(earlier.notebook), self.bundles.load(submission.notebook)
            ),
        ]
        if pages := differences.find_pages(earlier, submission):
            found.append(differences.compare_bodies(*map(self.shelf.read_body, pages)))
        return [each for each in found if each]

    async def compare_pictures(
        self, actor: Actor, submission: Submission, earlier: Submission
    ) -> PictureDifference | None:
        """Return what has become of the pictures of the first page that both still have; None without one."""
        check_reviewer(actor)
        pages = differences.find_pages(earlier, submission)
        if pages is None:
            return None
        covers = differences.find_covers(earlier, submission)
        return await asyncio.to_thread(compare_pages, self.shelf, pages, covers)

    async def read_picture(self, actor: Actor, submission_id: str, digest: str) -> tuple[str, bytes]:
        """Return media type and content of a picture that `compare_pictures` compares."""
        check_reviewer(actor)
        submission = self.get(actor, submission_id)
        earlier = self.find_earlier(actor, submission)
        pages = differences.find_pages(earlier, submission) if earlier else None
        found = None
        if earlier and pages:
            covers = differences.find_covers(earlier, submission)
            with suppress(OSError, ValueError):  # deleted meanwhile
                found = await asyncio.to_thread(find_picture, self.shelf, (*pages, *covers), digest)
        if found is None:
            raise NotFoundError("There is no such picture.")
        return found

    def list_variants(self, submission: Submission) -> dict[str, dict[str, str]]:
        """Return what can be previewed: variant -> the values that visitors choose, the defaults first."""
        made = {variant: parse_variant(variant) for variant in submission.pages}
        return made or list_variants(submission.application.parameters)

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
            publication = publications.make_publication(submission, self._get_tenant(actor))
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
            refused = publications.refuse(submission, actor, check_reason(reason), now())
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
            made = self.shelf.find_made(taken.tenant, taken.slug)
            self.store.save_submissions(taken)
            self.shelving.show(taken.tenant, taken.slug)
            on_demand = [each.page for each in made.variants.values()] if made else []
            self.shelving.delete_pages(
                digest for digest in (*submission.pages.values(), *on_demand) if digest
            )
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

    async def prolong(self, actor: Actor, submission_id: str, review_by: str, expires: str) -> Submission:
        """Set until when a page holds, empty for no such day; needs a gatekeeper's login, not the author's."""
        with self.audit.act(actor, "prolong", submission_id) as line:
            submission = self._get_named(actor, submission_id, line)
            prolonged = publications.prolong(submission, actor, *check_days(review_by, expires))
            line["reason"] = f"{prolonged.review_by or '-'} {prolonged.expires or '-'}"
            self.store.save_submissions(prolonged)
            self.shelving.show(prolonged.tenant, prolonged.slug)
            return prolonged

    async def hand_over(self, actor: Actor, slug: str, person: str) -> None:
        """Offer a publication to somebody of the tenant; needs who is in charge, or an administrator's login."""
        with self.audit.act(actor, "hand_over", "") as line:
            hub_user = make_person(person, actor)
            versions = self.get_publication(actor, slug).versions
            line |= {"object": _name(versions[0]), "reason": hub_user}
            self.store.save_submissions(*(publications.hand_over(each, actor, hub_user) for each in versions))

    async def take_over(self, actor: Actor, slug: str) -> None:
        """Take charge of a publication that was offered; needs the role publisher."""
        with self.audit.act(actor, "take_over", "") as line:
            check_publisher(actor)
            versions = self.get_publication(actor, slug).versions
            line["object"] = _name(versions[0])
            self.store.save_submissions(*(publications.take_over(each, actor) for each in versions))

    async def settle_report(self, actor: Actor, report_id: str) -> None:
        """Say that what a reader wrote has been dealt with; needs the role publisher or gatekeeper."""
        with self.audit.act(actor, "settle_report", "") as line:
            check_reviewer(actor)
            report = self.readers.settle(actor.tenant, report_id, actor.hub_user)
            if report is None:
                raise NotFoundError("There is no such report that waits.")
            line["object"] = f"{report.tenant}/{report.slug}/{report.version}"

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

    def _get_tenant(self, actor: Actor) -> Tenant:
        tenant = self.records.tenants().get(actor.tenant)
        if tenant is None:
            raise ForbiddenError("Your tenant does not exist here.")
        return tenant

    def _complete(self, actor: Actor, application: Application) -> Application:
        tenant = self._get_tenant(actor)
        return dataclasses.replace(
            application,
            contact=application.contact or tenant.contact,
            source=application.source or tenant.title,
        )


def _name(submission: Submission) -> str:
    return f"{submission.tenant}/{submission.slug}/{submission.version}"
