"""What a tenant's mailbox is told: what waits, which page cannot be made anew, which comes to its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from urbanlab.contract.naming import split_hub_user
from urbanlab.contract.records import Tenant
from urbanlab_services.publisher.data_releases import DataState
from urbanlab_services.publisher.life_span import find_today, list_days
from urbanlab_services.publisher.links import Links
from urbanlab_services.publisher.mail_queue import Mail, MailQueue
from urbanlab_services.publisher.publications import State, Submission
from urbanlab_services.publisher.readers import Readers
from urbanlab_services.publisher.store import Store
from urbanlab_services.publisher.web.languages import Language, load_languages
from urbanlab_services.records_watcher import RecordsWatcher


@dataclass(frozen=True)
class Notices:
    """Looks what there is to tell and keeps it in the queue; safe to repeat at any time."""

    store: Store
    queue: MailQueue
    readers: Readers
    records: RecordsWatcher
    links: Links
    languages: dict[str, Language] = field(default_factory=load_languages)

    def look(self) -> None:
        """Keep a mail for all that has not been told yet."""
        if not self.queue.is_open:
            return
        for tenant in self.records.tenants().values():
            if tenant.publishing.mail:
                for mail in self._list_mails(tenant):
                    self.queue.add(mail)

    def _list_mails(self, tenant: Tenant) -> Iterator[Mail]:
        for submission in self.store.list_submissions(tenant.id, State.SUBMITTED, State.RELEASED):
            address = self.links.submission(submission.id)
            for occasion, head, text in self._list_occasions(submission, tenant):
                yield self._make(tenant, f"{occasion}:{submission.id}", head, text, submission.title, address)
        for request in self.store.list_data_requests(tenant.id):
            if request.state is DataState.REQUESTED:
                address = self.links.data_request(request.id)
                person = split_hub_user(request.requester)[0]
                head, text = self._say(tenant, "waits", person)
                yield self._make(tenant, f"waits:{request.id}", head, text, request.dataset, address)
        yield from self._list_report_mails(tenant)
        for request in self.store.list_offers(tenant.id):
            if request.state is DataState.OFFERED:
                head, text = self._say(tenant, "offered", request.tenant)
                address = self.links.data_offer(request.id)
                yield self._make(tenant, f"offered:{request.id}", head, text, request.dataset, address)

    def _list_report_mails(self, tenant: Tenant) -> Iterator[Mail]:
        for report in self.readers.list_reports(tenant.id):
            if not report.done_by:
                head, text = self._say(tenant, "report", "")
                # What somebody wrote stays where those with a role read it.
                yield self._make(tenant, f"report:{report.id}", head, text, report.slug, self.links.readers())

    def _list_occasions(self, submission: Submission, tenant: Tenant) -> Iterator[tuple[str, str, str]]:
        person = split_hub_user(submission.owner)[0]
        if submission.state is State.SUBMITTED:
            yield "waits", *self._say(tenant, "waits", person)
            return
        if since := submission.refresh.stale_since:
            failure = submission.refresh.failure
            language = self.languages[tenant.languages[0]]
            cell = f"{language.t('Cell {number} failed.', number=failure.failed_cell)} " if failure else ""
            said = language.translate(failure.message) if failure else ""
            head, text = self._say(tenant, "stale", person)
            said = f"{cell if failure and failure.failed_cell else ''}{said}"
            yield f"stale-{since}", head, f"{text}\n{said}"
        for kind, day in list_days(submission, find_today(tenant)):
            head, text = self._say(tenant, kind, person)
            yield f"{kind}-{day}", head, f"{text} {self.languages[tenant.languages[0]].day(day)}"

    def _say(self, tenant: Tenant, kind: str, person: str) -> tuple[str, str]:
        language = self.languages[tenant.languages[0]]
        head, text = _TEXTS[kind]
        return language.t(head), language.t(text, person=person)

    def _make(self, tenant: Tenant, occasion: str, head: str, text: str, title: str, address: str) -> Mail:
        language = self.languages[tenant.languages[0]]
        foot = language.t("This mail was written by Urban Lab; nobody reads answers to it.")
        subject = " ".join(f"{head}: {title}".split())[:200]
        return Mail(
            occasion,
            tenant.id,
            tenant.publishing.mail,
            subject,
            f"{title}\n\n{text}\n\n{address}\n\n-- \n{tenant.title} · {foot}\n",
        )


_TEXTS = {
    "waits": (
        "Waits for a decision",
        "{person} asks for a release; a gatekeeper decides on the publisher's page.",
    ),
    "offered": (
        "Waits for a decision",
        "{person} offers your town this dataset; it is accepted on the publisher's page.",
    ),
    "stale": (
        "A page could not be made anew",
        "The public still sees the page from before. In charge is {person}.",
    ),
    "report": (
        "A reader reports a problem",
        "What was written stands on the publisher's page about readers.",
    ),
    "review": (
        "A page is to be reviewed",
        "In charge is {person}. Somebody has to see whether it still holds, by",
    ),
    "expires": ("A page ends soon", "In charge is {person}. The public finds it until"),
}
