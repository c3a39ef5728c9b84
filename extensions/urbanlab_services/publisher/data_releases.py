"""The release of a dataset, to everybody or to a partner: asked for by one, decided by another, withdrawn at once.

    requested ──► (offered ──►) releasing ──► released ──► withdrawing ──► withdrawn
        └──► refused   ├──► declined             ├──► expired
                       └──► withdrawn            └──► replaced

What a partner is *offered* waits until somebody there accepts. What is *releasing* or *withdrawing* has been
decided, but the warehouse has not confirmed it yet.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from urbanlab.contract.naming import NamingError, check_dataset_name, make_database, make_lab_database
from urbanlab_services.errors import ConflictError, ForbiddenError, InvalidRequestError
from urbanlab_services.publisher.actors import (
    Actor,
    check_browser,
    check_decider,
    check_other_than,
    check_own,
)
from urbanlab_services.publisher.applications import DEFAULT_LICENCE
from urbanlab_services.publisher.share_terms import parse_terms

KEYS = ("dataset", "table", "title", "description", "licence", "note", "partner", "columns", "where", "until")
LANGUAGES = ("de", "en")
_TERMS = ("table", "title", "description", "licence", "columns", "where", "until")
_LONGEST = {"title": 120, "description": 1000, "licence": 100, "note": 500}


class DataState(StrEnum):
    """How far a request has come."""

    REQUESTED = "requested"
    REFUSED = "refused"
    OFFERED = "offered"
    DECLINED = "declined"
    RELEASING = "releasing"
    RELEASED = "released"
    WITHDRAWING = "withdrawing"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REPLACED = "replaced"


OPEN_STATES = frozenset({DataState.REQUESTED, DataState.OFFERED, DataState.RELEASING, DataState.RELEASED})
ANSWERING_ROLES = frozenset({"steward", "gatekeeper"})  # who accepts for a partner, or declines


@dataclass(frozen=True)
class DataRequest:
    """A request for a dataset's release; `table` is the tenant's table or view behind it.

    The people of one tenant are never shown to the other: `requester` and `decided_by` are the owner's,
    `answered_by` is the partner's.
    """

    id: str
    tenant: str
    dataset: str  # its name for others is TENANT__DATASET
    table: str  # TENANT.x or lab_TENANT.x
    requester: str  # hub user
    requested_at: str
    title: dict[str, str] = field(default_factory=dict)
    description: dict[str, str] = field(default_factory=dict)
    licence: str = DEFAULT_LICENCE
    note: str = ""  # the requester's, for the gatekeeper
    state: DataState = DataState.REQUESTED
    decided_by: str = ""
    decided_at: str = ""
    reason: str = ""
    partner: str = ""  # the tenant that may read it; everybody where there is none
    columns: tuple[str, ...] = ()  # what of it may be read; all where there are none
    where: str = ""  # which rows; all if empty
    until: str = ""  # when it ends by itself, an instant in UTC
    answered_by: str = ""
    answered_at: str = ""

    @property
    def has_terms(self) -> bool:
        """Whether it is a part of the dataset, or for a time."""
        return bool(self.columns or self.where or self.until)


def parse_request(
    values: Mapping[str, Any],
    actor: Actor,
    request_id: str,
    requested_at: str,
    time_zone: str = "Europe/Berlin",
) -> DataRequest:
    """Return the request that the fields of a form describe; raise `InvalidRequestError`.

    Needs `dataset`: a name, or a table as a notebook names it, ``lab_town.footfall``. `title` and `description`
    are a text or a text for each language; the terms are those of `share_terms.parse_terms`.
    """
    unknown = [str(key) for key in values if key not in KEYS]
    if unknown:
        raise InvalidRequestError(f"{', '.join(unknown)} is not known; known are {', '.join(KEYS)}.")
    named = _take_text(values, "table") or _take_text(values, "dataset")
    table = _parse_table(named, actor.tenant)
    dataset = _take_text(values, "dataset").rpartition(".")[2] or table.rpartition(".")[2]
    try:
        check_dataset_name(dataset)
    except NamingError as error:
        raise InvalidRequestError(f"{error}.") from None
    return DataRequest(
        id=request_id,
        tenant=actor.tenant,
        dataset=dataset,
        table=table,
        requester=actor.hub_user,
        requested_at=requested_at,
        title=_take_texts(values, "title"),
        description=_take_texts(values, "description"),
        licence=_take_text(values, "licence") or DEFAULT_LICENCE,
        note=_take_text(values, "note"),
        **vars(parse_terms(values, actor.tenant, requested_at, time_zone)),
    )


def names_table(values: Mapping[str, Any]) -> bool:
    """Return whether a request says in which database its table is, so that nothing has to be looked up."""
    return "." in (_take_text(values, "table") or _take_text(values, "dataset"))


def is_same(one: DataRequest, other: DataRequest) -> bool:
    """Whether two requests ask for the same thing on the same terms."""
    return all(getattr(one, name) == getattr(other, name) for name in _TERMS)


def release(request: DataRequest, actor: Actor, at: str) -> DataRequest:
    """Return the request as decided for; raise a `ServiceError` unless another gatekeeper decides.

    What is for one partner is *offered* then.
    """
    _check_decision(request, actor, DataState.REQUESTED)
    check_other_than(actor, request.requester)
    _check_not_over(request, at)
    return _decide(request, actor, DataState.OFFERED if request.partner else DataState.RELEASING, at)


def accept(request: DataRequest, actor: Actor, at: str) -> DataRequest:
    """Return an offer as accepted by its partner; raise a `ServiceError` unless somebody there may say so.

    Who decided for the owner does not accept for the partner too.
    """
    _check_answer(request, actor, DataState.OFFERED)
    check_other_than(actor, request.decided_by)
    _check_not_over(request, at)
    return _answer(request, DataState.RELEASING, actor.hub_user, at)


def accept_by_rule(request: DataRequest, at: str) -> DataRequest:
    """Return an offer as accepted because the partner's file says that all are."""
    return _answer(request, DataState.RELEASING, "", at)


def decline(request: DataRequest, actor: Actor, reason: str, at: str) -> DataRequest:
    """Return an offer as declined, or what was accepted once as given back; the reason is for its owner."""
    _check_answer(request, actor, DataState.OFFERED, DataState.RELEASED, DataState.RELEASING)
    is_offer = request.state is DataState.OFFERED
    declined = _answer(request, DataState.DECLINED if is_offer else DataState.WITHDRAWING, actor.hub_user, at)
    return dataclasses.replace(declined, reason=reason)


def expire(request: DataRequest) -> DataRequest:
    """Return a release that has come to its end; the warehouse has ended it by itself."""
    return dataclasses.replace(request, state=DataState.EXPIRED)


def end(request: DataRequest) -> DataRequest:
    """Return a request whose partner or whose view is no more."""
    return dataclasses.replace(request, state=DataState.WITHDRAWN)


def replace(request: DataRequest) -> DataRequest:
    """Return a release in whose place another one has come."""
    return dataclasses.replace(request, state=DataState.REPLACED)


def is_over(request: DataRequest, at: str) -> bool:
    """Whether a release has come to its end at an instant."""
    return bool(request.until) and datetime.fromisoformat(request.until) <= datetime.fromisoformat(at)


def refuse(request: DataRequest, actor: Actor, reason: str, at: str) -> DataRequest:
    """Return the request as refused."""
    _check_decision(request, actor, DataState.REQUESTED)
    check_other_than(actor, request.requester)
    return _decide(request, actor, DataState.REFUSED, at, reason)


def withdraw(request: DataRequest, actor: Actor, reason: str, at: str) -> DataRequest:
    """Return a release as withdrawn. Two eyes are enough to take something away.

    An offer that nobody has answered is *withdrawn* at once: the warehouse knows nothing of it.
    """
    _check_decision(request, actor, DataState.RELEASED, DataState.RELEASING, DataState.OFFERED)
    is_offer = request.state is DataState.OFFERED
    return _decide(request, actor, DataState.WITHDRAWN if is_offer else DataState.WITHDRAWING, at, reason)


def find_last_actor(request: DataRequest) -> str:
    """Return who acted last upon a request, for its owner or for its partner; empty where a rule did."""
    return request.answered_by if request.answered_at > request.decided_at else request.decided_by


def confirm(request: DataRequest) -> DataRequest:
    """Return the request once the warehouse has done what was decided."""
    done = {
        DataState.RELEASING: DataState.RELEASED,
        DataState.WITHDRAWING: DataState.WITHDRAWN,
    }
    return dataclasses.replace(request, state=done[request.state])


def reopen(request: DataRequest, reason: str) -> DataRequest:
    """Return a request whose release the warehouse could not make: it waits for a decision again."""
    return dataclasses.replace(
        request,
        state=DataState.REQUESTED,
        decided_by="",
        decided_at="",
        answered_by="",
        answered_at="",
        reason=reason,
    )


def make_release(request: DataRequest) -> dict[str, Any]:
    """Return what the warehouse is told to release."""
    return {
        "title": request.title or dict.fromkeys(LANGUAGES, request.dataset),
        "description": request.description,
        "licence": request.licence,
        "table": request.table,
        "released_by": request.decided_by,
        "columns": list(request.columns),
        "where": request.where,
        "until": request.until,
    }


def _check_decision(request: DataRequest, actor: Actor, *states: DataState) -> None:
    check_own(actor, request.tenant)
    check_decider(actor)
    if request.state not in states:
        raise ConflictError(f"This request is {request.state}; it was decided upon by {request.decided_by}.")


def _check_answer(request: DataRequest, actor: Actor, *states: DataState) -> None:
    check_own(actor, request.partner)
    if actor.roles.isdisjoint(ANSWERING_ROLES):
        raise ForbiddenError("Only a steward or a gatekeeper answers what another town offers.")
    check_browser(actor)
    if request.state not in states:
        raise ConflictError(f"This offer is {request.state}.")


def _check_not_over(request: DataRequest, at: str) -> None:
    if is_over(request, at):
        raise ConflictError("The end that was asked for is over already.")


def _answer(request: DataRequest, state: DataState, who: str, at: str) -> DataRequest:
    return dataclasses.replace(request, state=state, answered_by=who, answered_at=at)


def _decide(request: DataRequest, actor: Actor, state: DataState, at: str, reason: str = "") -> DataRequest:
    return dataclasses.replace(request, state=state, decided_by=actor.hub_user, decided_at=at, reason=reason)


def _parse_table(name: str, tenant: str) -> str:
    database, dot, table = name.rpartition(".")
    database = database if dot else make_database(tenant)
    if database not in {make_database(tenant), make_lab_database(tenant)}:
        # The same sentence for another's table and for none.
        raise InvalidRequestError(
            f"{name!r} is no table of yours: name one of {make_database(tenant)} or {make_lab_database(tenant)}."
        )
    try:
        return f"{database}.{check_dataset_name(table)}"
    except NamingError as error:
        raise InvalidRequestError(f"{error}.") from None


def _take_text(values: Mapping[str, Any], field_name: str) -> str:
    value = values.get(field_name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _LONGEST.get(field_name, 100):
        raise InvalidRequestError(
            f"{field_name} must be a text of {_LONGEST.get(field_name, 100)} characters."
        )
    return " ".join(value.split())


def _take_texts(values: Mapping[str, Any], field_name: str) -> dict[str, str]:
    value = values.get(field_name)
    if not isinstance(value, Mapping):
        text = _take_text(values, field_name)
        return dict.fromkeys(LANGUAGES, text) if text else {}
    if not set(value) <= set(LANGUAGES):
        raise InvalidRequestError(f"{field_name} has a text for {' and '.join(LANGUAGES)}.")
    return {
        language: text
        for language in value
        if (text := _take_text({field_name: value[language]}, field_name))
    }
