"""The pages about data for others: what is released to whom, asking for it, deciding, and what partners offer."""

from __future__ import annotations

from http import HTTPStatus

from urbanlab_services.errors import NotFoundError, ServiceError
from urbanlab_services.publisher.actors import check_member
from urbanlab_services.publisher.applications import DEFAULT_LICENCE
from urbanlab_services.publisher.data_releases import DataState
from urbanlab_services.publisher.web import data_views, forms, views
from urbanlab_services.publisher.web.pages import PageHandler

UNCONFIRMED = frozenset({DataState.RELEASING, DataState.WITHDRAWING})


class DataHandler(PageHandler):
    """What others may read of the tenant's data, what others offer, and the form that asks for a release."""

    async def get(self) -> None:
        """Show it; `?dataset=` fills the form in."""
        check_member(self.actor)
        need = self.read_query("dataset")[:100]
        tenant = self.site.login.records.tenants().get(self.actor.tenant)
        await self._show(forms.suggest_data_fields(need, tenant), "")

    async def post(self) -> None:
        """Ask for a release, or show the form again with what is wrong."""
        fields = forms.read_fields(self.request, forms.DATA_FIELDS)
        try:
            request = await self.site.desk.data.request_data(self.actor, forms.make_data_values(fields))
        except ServiceError as error:
            if error.status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT):
                raise
            self.set_status(error.status)
            await self._show(fields, error.message)
        else:
            self.go_to(f"/data-releases/{request.id}", done="ask")

    async def _show(self, fields: dict[str, str], problem: str) -> None:
        tenant = self.site.login.records.tenants().get(self.actor.tenant)
        data = self.site.desk.data
        requests = data.list_data_requests(self.actor)
        self.show(
            "data.html",
            requests=requests,
            offers=data.list_offers(self.actor),
            uses=await data_views.find_uses(data, self.actor.tenant),
            fields=fields,
            problem=problem,
            default_licence=DEFAULT_LICENCE,
            feeds=tenant.feeds if tenant else (),
        )


class DataRequestHandler(PageHandler):
    """One dataset's release: what was asked, what can be decided, who uses it."""

    async def get(self, request_id: str) -> None:
        """Show it."""
        actor, desk = self.actor, self.site.desk
        request = desk.data.get_data_request(actor, request_id)
        self.show(
            "data_request.html",
            request=request,
            acts=data_views.list_data_acts(request, actor),
            uses=[] if request.partner else views.list_uses(desk, actor, request),
            counts=await data_views.find_counts(desk.data, request),
            is_workshop=data_views.is_of_workshop(request),
        )


class DataActHandler(PageHandler):
    """Something that somebody does with a dataset's release."""

    async def post(self, request_id: str, act: str) -> None:
        """Do it and lead back to the request."""
        actor, data = self.actor, self.site.desk.data
        reason = self.get_body_argument("reason", "")
        if act in {"release", "refuse"}:
            request = await data.decide_data(actor, request_id, release=act == "release", reason=reason)
        elif act == "withdraw":
            request = await data.withdraw_data(actor, request_id, reason)
        else:
            raise NotFoundError("There is nothing at this address.")
        # What the warehouse has not confirmed is not said to be done; the page shows how far it is.
        name = "share_data" if act == "release" and request.partner else f"{act}_data"
        done = {} if request.state in UNCONFIRMED else {"done": name}
        self.go_to(f"/data-releases/{request_id}", **done)


class OfferHandler(PageHandler):
    """What another tenant offers: what it is, and what can be answered."""

    def get(self, request_id: str) -> None:
        """Show it."""
        offer = self.site.desk.data.get_offer(self.actor, request_id)
        self.show(
            "data_offer.html",
            offer=offer,
            acts=data_views.list_offer_acts(offer, self.actor),
        )


class OfferActHandler(PageHandler):
    """What somebody answers for a partner."""

    async def post(self, request_id: str, act: str) -> None:
        """Do it and lead back to the offer."""
        actor, data = self.actor, self.site.desk.data
        if act == "accept":
            offer = await data.accept_data(actor, request_id)
        elif act == "decline":
            offer = await data.decline_data(actor, request_id, self.get_body_argument("reason", ""))
        else:
            raise NotFoundError("There is nothing at this address.")
        done = {} if offer.state in UNCONFIRMED else {"done": f"{act}_data"}
        self.go_to(f"/data-offers/{request_id}", **done)
