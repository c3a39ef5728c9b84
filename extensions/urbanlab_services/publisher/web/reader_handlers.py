"""The pages about readers: how often pages are read, and what readers write."""

from __future__ import annotations

from datetime import timedelta

from urbanlab.contract.readers import KINDS
from urbanlab_services.publisher.actors import check_reviewer
from urbanlab_services.publisher.life_span import find_today
from urbanlab_services.publisher.web.pages import PageHandler

DAYS = 30


class _CountsHandler(PageHandler):
    def find_first_day(self) -> str:
        """Return the day from which on is counted."""
        tenant = self.site.login.records.tenants().get(self.actor.tenant)
        return (find_today(tenant) - timedelta(days=DAYS - 1)).isoformat()


class ReadersHandler(_CountsHandler):
    """All pages of the town."""

    def get(self) -> None:
        """Show it."""
        actor, desk = self.actor, self.site.desk
        check_reviewer(actor)
        pages = {each.slug: each for each in desk.list_publications(actor)}
        self.show(
            "readers.html",
            kinds=KINDS,
            days=DAYS,
            sums=desk.readers.sum_up(actor.tenant, self.find_first_day()),
            pages=pages,
            reports=desk.readers.list_reports(actor.tenant),
        )


class PageReadersHandler(_CountsHandler):
    """One page, day by day."""

    def get(self, slug: str) -> None:
        """Show it."""
        actor, desk = self.actor, self.site.desk
        check_reviewer(actor)
        self.show(
            "page_readers.html",
            kinds=KINDS,
            days=DAYS,
            publication=desk.get_publication(actor, slug),
            numbers=desk.readers.list_days(actor.tenant, slug, self.find_first_day()),
        )


class ReportActHandler(PageHandler):
    """Says that somebody dealt with what a reader wrote."""

    async def post(self, report_id: str) -> None:
        """Do it and lead back."""
        await self.site.desk.settle_report(self.actor, report_id)
        self.go_to("/readers", done="settle_report")
