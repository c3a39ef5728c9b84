"""Everything that somebody can do with the release of a dataset, to everybody or to one partner.

One method each, as at the `Desk`, which says what they raise; every act and every refusal of one is a line of the
audit log.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from urbanlab.contract.naming import OPEN_DATABASE, make_foreign_table, make_shared_database
from urbanlab_services.errors import ConflictError, InvalidRequestError, NotFoundError
from urbanlab_services.publisher import data_releases
from urbanlab_services.publisher.actors import Actor, check_member
from urbanlab_services.publisher.audit import SERVICE, Audit
from urbanlab_services.publisher.data_releases import DataRequest, DataState
from urbanlab_services.publisher.open_data import OpenData
from urbanlab_services.publisher.publications import now
from urbanlab_services.publisher.reasons import MAX_REASON, check_reason
from urbanlab_services.publisher.store import Store
from urbanlab_services.records_watcher import RecordsWatcher

AUTOMATIC = "automatic"
# What a partner sees of an offer: that it is there, and what has become of it.
_SHOWN = frozenset(DataState) - {DataState.REQUESTED, DataState.REFUSED}


@dataclass(frozen=True)
class DataDesk:
    """The acts on top of the store and of the warehouse."""

    store: Store
    open_data: OpenData
    audit: Audit
    records: RecordsWatcher

    async def request_data(self, actor: Actor, values: Mapping[str, Any]) -> DataRequest:
        """Ask for a dataset's release; `values` are those of `data_releases.parse_request`. Needs any role.

        Where the same is asked for already, or open, that request comes back. Other terms for what is released
        are a new request, which takes the old one's place when it is released.
        """
        with self.audit.act(actor, "request_data", str(values.get("dataset", ""))[:120]) as line:
            check_member(actor)
            zone = self._find_time_zone(actor.tenant)
            request = data_releases.parse_request(values, actor, uuid.uuid4().hex, now(), zone)
            if not data_releases.names_table(values):
                table = await self.open_data.find_table(actor.tenant, request.dataset)
                request = dataclasses.replace(request, table=table or request.table)
            line |= {"object": request.table, "partner": request.partner, "until": request.until}
            if request.columns or request.where:
                request = await self.open_data.check(request)
            if other := self._find_open(request):
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

    def find_data_request(self, actor: Actor, need: str) -> DataRequest | None:
        """Return the open request for what a notebook needs, a dataset's or a table's name, or None."""
        table = need if "." in need else f"{actor.tenant}.{need}"
        open_ones = (
            each
            for each in self.list_data_requests(actor)
            if each.state in data_releases.OPEN_STATES and not each.partner
        )
        return next((each for each in open_ones if each.table == table or each.dataset == need), None)

    async def decide_data(
        self, actor: Actor, request_id: str, *, release: bool, reason: str = ""
    ) -> DataRequest:
        """Release a dataset, or refuse that with a reason; needs a gatekeeper's login, not the asker's.

        What is for a partner is offered, and released when it is accepted there. Raises `UnavailableError` where
        the warehouse does not answer; then nothing has been decided.
        """
        action = self._choose(request_id, "share_data", "release_data") if release else "refuse_data"
        with self.audit.act(actor, action, request_id, reason=reason[:MAX_REASON]) as line:
            request = self._get_named(actor, request_id, line)
            if not release:
                refused = data_releases.refuse(request, actor, check_reason(reason), now())
                self.store.save_data_request(refused)
                return refused
            decided = data_releases.release(request, actor, now())
            if not request.partner:
                return await self.open_data.release(decided)
            # Now, so that the gatekeeper learns what is wrong with it, and not the partner later.
            where = (await self.open_data.check(request)).where
            # Somebody else may have decided meanwhile.
            decided = data_releases.release(self.get_data_request(actor, request_id), actor, now())
            decided = dataclasses.replace(decided, where=where)
            self.store.save_data_request(decided)
        if self._accepts_by_itself(decided.partner):
            decided = await self.open_data.release(data_releases.accept_by_rule(decided, now()))
            self._tell_owner(decided, "accept_data")
        return decided

    async def withdraw_data(self, actor: Actor, request_id: str, reason: str = "") -> DataRequest:
        """Take a dataset away from its readers at once; needs a gatekeeper's login.

        Where the warehouse does not answer, the request stays `withdrawing` and is tried again until it is done.
        """
        action = self._choose(request_id, "unshare_data", "withdraw_data")
        with self.audit.act(actor, action, request_id, reason=reason[:MAX_REASON]) as line:
            request = self._get_named(actor, request_id, line)
            decided = data_releases.withdraw(request, actor, reason[:MAX_REASON], now())
            return await self._take_away(decided)

    # --- what other towns offer --------------------------------------------------------------------------------

    def list_offers(self, actor: Actor) -> list[DataRequest]:
        """Return what other tenants offer the actor's and have offered, the newest first; needs any role."""
        check_member(actor)
        return [each for each in self.store.list_offers(actor.tenant) if _is_shown(each)]

    def get_offer(self, actor: Actor, request_id: str) -> DataRequest:
        """Return one of them."""
        found = next((each for each in self.list_offers(actor) if each.id == request_id), None)
        if found is None:
            raise NotFoundError("There is no such offer.")
        return found

    async def accept_data(self, actor: Actor, request_id: str) -> DataRequest:
        """Take what another tenant offers; needs a steward's or gatekeeper's login, not the owner's decider's."""
        with self.audit.act(actor, "accept_data", request_id) as line:
            offer = self._get_named_offer(actor, request_id, line)
            accepted = data_releases.accept(offer, actor, now())
            try:
                released = await self.open_data.release(accepted)
            except InvalidRequestError:
                # What is wrong is told to the owner, with the names of the owner's tables.
                raise ConflictError(
                    "This cannot be had as things stand; its owner has to ask anew."
                ) from None
        self._tell_owner(released, "accept_data")
        return released

    async def decline_data(self, actor: Actor, request_id: str, reason: str = "") -> DataRequest:
        """Decline an offer, or give back what was accepted; needs a steward's or gatekeeper's login."""
        with self.audit.act(actor, "decline_data", request_id, reason=reason[:MAX_REASON]) as line:
            offer = self._get_named_offer(actor, request_id, line)
            declined = data_releases.decline(offer, actor, reason[:MAX_REASON], now())
            declined = await self._take_away(declined)
        self._tell_owner(declined, "decline_data")
        return declined

    # -----------------------------------------------------------------------------------------------------------

    def end_over(self, at: str) -> None:
        """Note what has come to its end; the warehouse has ended it by itself."""
        for request in self.store.list_data_requests_in(DataState.OFFERED, DataState.RELEASED):
            if data_releases.is_over(request, at):
                self.store.save_data_request(data_releases.expire(request))
                self._tell_owner(request, "expire_data")

    def forget_partner(self, tenant: str) -> None:
        """End what was offered to a tenant that left and was deleted: another one may have its id some day."""
        for request in self.store.list_offers(tenant):
            if request.state in data_releases.OPEN_STATES:
                self.store.save_data_request(data_releases.end(request))

    async def _take_away(self, decided: DataRequest) -> DataRequest:
        if decided.state is DataState.WITHDRAWING:
            return await self.open_data.withdraw(decided)
        # What nobody has accepted is no view, or the view is an earlier release's.
        self.store.save_data_request(decided)
        return decided

    def _find_open(self, request: DataRequest) -> DataRequest | None:
        """Return the open request that asks for the same; raise `ConflictError` for one that is in the way."""
        for other in self.store.list_data_requests(request.tenant):
            is_meant = (other.dataset, other.partner) == (request.dataset, request.partner)
            if not is_meant or other.state not in data_releases.OPEN_STATES:
                continue
            if other.table != request.table:
                raise ConflictError(
                    f"{request.dataset} is asked for already, from {other.table}; give it another name."
                )
            if data_releases.is_same(other, request) or not (request.partner or request.has_terms):
                return other
            if other.state is not DataState.RELEASED:
                raise ConflictError(
                    f"{request.dataset} is asked for already, on other terms; have that decided or withdrawn first."
                )
        return None

    def _choose(self, request_id: str, for_partner: str, for_all: str) -> str:
        request = self.store.find_data_request(request_id)
        return for_partner if request is not None and request.partner else for_all

    def _get_named(self, actor: Actor, request_id: str, line: dict[str, Any]) -> DataRequest:
        request = self.get_data_request(actor, request_id)
        line |= {"object": request.table, "partner": request.partner, "until": request.until}
        return request

    def _get_named_offer(self, actor: Actor, request_id: str, line: dict[str, Any]) -> DataRequest:
        offer = self.get_offer(actor, request_id)
        line |= {"object": make_view(offer), "partner": offer.tenant}
        return offer

    def _find_time_zone(self, tenant: str) -> str:
        record = self.records.tenants().get(tenant)
        return record.time_zone if record else "Europe/Berlin"

    def _accepts_by_itself(self, partner: str) -> bool:
        record = self.records.tenants().get(partner)
        return record is not None and record.accept_shares == AUTOMATIC

    def _tell_owner(self, request: DataRequest, action: str) -> None:
        """Write into the owner's log what the partner or time has done, without anybody's name."""
        details = {"request": request.id, "partner": request.partner, "until": request.until}
        self.audit.record(SERVICE, request.tenant, action, request.table, "done", **details)


def make_view(request: DataRequest) -> str:
    """Return the name by which its readers find a release."""
    database = make_shared_database(request.partner) if request.partner else OPEN_DATABASE
    return f"{database}.{make_foreign_table(request.tenant, request.dataset)}"


def _is_shown(request: DataRequest) -> bool:
    return request.state is DataState.OFFERED or (request.state in _SHOWN and bool(request.answered_at))
