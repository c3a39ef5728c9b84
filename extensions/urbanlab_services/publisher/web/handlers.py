"""The pages about publications: overview, handing in, one submission, one publication."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from urbanlab_services.errors import InvalidRequestError, NotFoundError
from urbanlab_services.publisher.actors import check_publisher
from urbanlab_services.publisher.applications import DEFAULT_LICENCE, ApplicationError
from urbanlab_services.publisher.attachments import AttachmentError
from urbanlab_services.publisher.bundles import BundleError
from urbanlab_services.publisher.data_releases import DataState
from urbanlab_services.publisher.life_span import find_today, list_ending
from urbanlab_services.publisher.publications import State, Submission
from urbanlab_services.publisher.web import forms, views
from urbanlab_services.publisher.web.forms import PublishForm
from urbanlab_services.publisher.web.pages import PageHandler
from urbanlab_services.publisher.web.security import STRANGER_POLICY

PROGRESS_SECONDS = 3
PUBLIC_ONCE = frozenset({State.RELEASED, State.REPLACED, State.WITHDRAWN, State.TAKEN_DOWN})


class OverviewHandler(PageHandler):
    """What waits, what is mine, what is public."""

    def get(self) -> None:
        """Show it."""
        actor, desk = self.actor, self.site.desk
        submissions = desk.list_submissions(actor)
        requests = desk.data.list_data_requests(actor)
        self.show(
            "overview.html",
            waiting=[each for each in submissions if each.state is State.SUBMITTED],
            waiting_data=[each for each in requests if each.state is DataState.REQUESTED],
            waiting_offers=[each for each in desk.data.list_offers(actor) if each.state is DataState.OFFERED],
            own=[each for each in submissions if actor.hub_user in (each.author, each.owner)][:10],
            offered=[
                each for each in desk.list_publications(actor) if each.latest.offered_to == actor.hub_user
            ],
            ending=list_ending(submissions, find_today(self.site.login.records.tenants().get(actor.tenant))),
            publications=[
                each
                for each in desk.list_publications(actor)
                if any(version.state in PUBLIC_ONCE for version in each.versions)
            ],
            released_data=[each for each in requests if each.state is DataState.RELEASED],
        )


class PublishHandler(PageHandler):
    """The form by which a notebook is handed in."""

    def get(self) -> None:
        """Show it, empty."""
        check_publisher(self.actor)
        self._show_form(forms.make_empty_form(), {})

    async def post(self) -> None:
        """Take the notebook, or show the form again with what is wrong beside each field."""
        form = forms.read_publish_form(self.request)
        try:
            submission = await self.site.desk.submit(self.actor, form.to_values(), form.notebook, form.files)
        except ApplicationError as error:
            self._show_form(form, error.problems)
        except InvalidRequestError as error:
            field = "notebook" if isinstance(error, BundleError) or error.code == "no_notebook" else ""
            field = "files" if isinstance(error, AttachmentError) else field
            self._show_form(form, {field: error.message})
        else:
            self.go_to(f"/submissions/{submission.id}", done="submit")

    def _show_form(self, form: PublishForm, problems: dict[str, str]) -> None:
        if problems:
            self.set_status(HTTPStatus.BAD_REQUEST)
        tenant = self.site.login.records.tenants().get(self.actor.tenant)
        self.show(
            "publish.html",
            form=form,
            problems=problems,
            # What has no field of its own, `app.yaml`'s unknown keys for one, is told above the form.
            other_problems={
                field: problem
                for field, problem in problems.items()
                if field not in {*forms.TEXT_FIELDS, "parameters", "notebook", "files"}
            },
            numbers=range(1, forms.PARAMETERS + 1),
            default_licence=DEFAULT_LICENCE,
            default_contact=tenant.contact if tenant else "",
        )


class SubmissionHandler(PageHandler):
    """One version: how it goes, what it needs, what can be done with it."""

    def get(self, submission_id: str) -> None:
        """Show it; while its notebook runs the page asks again by itself."""
        actor, desk = self.actor, self.site.desk
        submission = desk.get(actor, submission_id)
        if submission.state is State.EXECUTING:
            self.set_header("Refresh", str(PROGRESS_SECONDS))
        self.show(
            "submission.html",
            submission=submission,
            acts=views.list_acts(submission, actor),
            needs=views.list_needs(desk, actor, submission),
            variants=views.list_preview_variants(desk, submission),
            has_earlier=submission.version > 1 and desk.find_earlier(actor, submission) is not None,
        )


class SubmissionActHandler(PageHandler):
    """Something that somebody does with a version."""

    async def post(self, submission_id: str, act: str) -> None:
        """Do it and lead back to the version."""
        actor, desk = self.actor, self.site.desk
        reason = self.get_body_argument("reason", "")
        acts: dict[str, Callable[[], Awaitable[Submission]]] = {
            "release": lambda: desk.release(actor, submission_id),
            "release_older": lambda: desk.release_older(actor, submission_id),
            "refuse": lambda: desk.refuse(actor, submission_id, reason),
            "withdraw": lambda: desk.withdraw(actor, submission_id, reason),
            "takedown": lambda: desk.takedown(actor, submission_id, reason),
            "refresh": lambda: desk.refresh(actor, submission_id),
            "prolong": lambda: desk.prolong(
                actor,
                submission_id,
                self.get_body_argument("review_by", ""),
                self.get_body_argument("expires", ""),
            ),
        }
        if act == "preview":
            variant = self.get_body_argument("variant", None, strip=False)
            self.redirect(await desk.preview(actor, submission_id, variant), status=303)
        elif act == "ask":
            await self._ask(submission_id)
        elif act == "describe":
            await desk.describe(actor, submission_id, *forms.read_picture_texts(self.request))
            self.go_to(f"/submissions/{submission_id}", done=act)
        elif act in acts:
            await acts[act]()
            self.go_to(f"/submissions/{submission_id}", done=act)
        else:
            raise NotFoundError("There is nothing at this address.")

    async def _ask(self, submission_id: str) -> None:
        actor, desk = self.actor, self.site.desk
        submission = desk.get(actor, submission_id)
        need = self.get_body_argument("dataset", "")
        if submission.failure is None or need not in submission.failure.needs:
            raise InvalidRequestError("The notebook does not need this dataset.")
        fields = forms.suggest_data_fields(need, self.site.login.records.tenants().get(actor.tenant))
        await desk.data.request_data(actor, forms.make_data_values(fields))
        self.go_to(f"/submissions/{submission_id}", done="ask")


class DifferenceHandler(PageHandler):
    """What has become different since the version before."""

    async def get(self, submission_id: str) -> None:
        """Show it."""
        actor, desk = self.actor, self.site.desk
        submission = desk.get(actor, submission_id)
        earlier = desk.find_earlier(actor, submission)
        found = desk.compare(actor, submission, earlier) if earlier else []
        pictures = await desk.compare_pictures(actor, submission, earlier) if earlier else None
        self.show("difference.html", submission=submission, earlier=earlier, found=found, pictures=pictures)


class PictureHandler(PageHandler):
    """A picture of one of two versions that are compared: it may be anything, so it is no page of ours."""

    async def get(self, submission_id: str, digest: str) -> None:
        """Write it; opened by itself it runs nothing and loads nothing."""
        media_type, content = await self.site.desk.read_picture(self.actor, submission_id, digest)
        self.set_header("Content-Type", media_type)
        self.set_header("Content-Security-Policy", STRANGER_POLICY)
        self.finish(content)


class ChargeHandler(PageHandler):
    """Who is in charge of a publication."""

    async def post(self, slug: str, act: str) -> None:
        """Offer it to somebody, or take what was offered."""
        if act == "hand_over":
            await self.site.desk.hand_over(self.actor, slug, self.get_body_argument("person", ""))
        else:
            await self.site.desk.take_over(self.actor, slug)
        self.go_to(f"/publications/{slug}", done=act)


class PublicationHandler(PageHandler):
    """All versions of a publication and what was done with them."""

    async def get(self, slug: str) -> None:
        """Show it."""
        actor, desk = self.actor, self.site.desk
        publication = desk.get_publication(actor, slug)
        self.show(
            "publication.html",
            publication=publication,
            acts={each.id: views.list_acts(each, actor) for each in publication.versions},
            history=await views.find_history(desk, actor.tenant, f"{publication.tenant}/{publication.slug}/"),
        )
