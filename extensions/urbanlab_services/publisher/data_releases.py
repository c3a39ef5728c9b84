"""The release of a dataset as open data: asked for by one, decided by another, withdrawn at once.

    requested ──► releasing ──► released ──► withdrawing ──► withdrawn
        └──► refused

What is *releasing* or *withdrawing* has been decided, but the warehouse has not confirmed it yet.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from urbanlab.contract.naming import NamingError, check_dataset_name, make_database, make_lab_database
from urbanlab_services.errors import ConflictError, InvalidRequestError
from urbanlab_services.publisher.actors import Actor, check_decider, check_other_than, check_own
from urbanlab_services.publisher.applications import DEFAULT_LICENCE

KEYS = ("dataset", "table", "title", "description", "licence", "note")
LANGUAGES = ("de", "en")
_LONGEST = {"title": 120, "description": 1000, "licence": 100, "note": 500}


class DataState(StrEnum):
    """How far a request has come."""

    REQUESTED = "requested"
    REFUSED = "refused"
    RELEASING = "releasing"
    RELEASED = "released"
    WITHDRAWING = "withdrawing"
    WITHDRAWN = "withdrawn"


OPEN_STATES = frozenset({DataState.REQUESTED, DataState.RELEASING, DataState.RELEASED})


@dataclass(frozen=True)
class DataRequest:
    """A request for a dataset's release; `table` is the tenant's table or view behind it."""

    id: str
    tenant: str
    dataset: str  # its name among the open data is TENANT__DATASET
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


def parse_request(values: Mapping[str, Any], actor: Actor, request_id: str, requested_at: str) -> DataRequest:
    """Return the request that the fields of a form describe; raise `InvalidRequestError`.

    Needs `dataset`: a name, or a table as a notebook names it, ``lab_town.footfall``. `title` and `description`
    are a text or a text for each language.
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
    )


def names_table(values: Mapping[str, Any]) -> bool:
    """Return whether a request says in which database its table is, so that nothing has to be looked up."""
    return "." in (_take_text(values, "table") or _take_text(values, "dataset"))


def release(request: DataRequest, actor: Actor, at: str) -> DataRequest:
    """Return the request as decided for; raise a `ServiceError` unless another gatekeeper decides."""
    _check_decision(request, actor, DataState.REQUESTED)
    check_other_than(actor, request.requester)
    return _decide(request, actor, DataState.RELEASING, at)


def refuse(request: DataRequest, actor: Actor, reason: str, at: str) -> DataRequest:
    """Return the request as refused."""
    _check_decision(request, actor, DataState.REQUESTED)
    check_other_than(actor, request.requester)
    return _decide(request, actor, DataState.REFUSED, at, reason)


def withdraw(request: DataRequest, actor: Actor, reason: str, at: str) -> DataRequest:
    """Return a release as withdrawn. Two eyes are enough to take something away."""
    _check_decision(request, actor, DataState.RELEASED, DataState.RELEASING)
    return _decide(request, actor, DataState.WITHDRAWING, at, reason)


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
        request, state=DataState.REQUESTED, decided_by="", decided_at="", reason=reason
    )


def make_release(request: DataRequest) -> dict[str, Any]:
    """Return what the warehouse is told to release."""
    return {
        "title": request.title or dict.fromkeys(LANGUAGES, request.dataset),
        "description": request.description,
        "licence": request.licence,
        "table": request.table,
        "released_by": request.decided_by,
    }


def _check_decision(request: DataRequest, actor: Actor, *states: DataState) -> None:
    check_own(actor, request.tenant)
    check_decider(actor)
    if request.state not in states:
        raise ConflictError(f"This request is {request.state}; it was decided upon by {request.decided_by}.")


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
