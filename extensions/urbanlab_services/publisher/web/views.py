"""What the pages show that the rules do not say by themselves: what somebody can do with a thing, and why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from urbanlab.contract.naming import make_foreign_table
from urbanlab_services.errors import ForbiddenError, ServiceError, UnavailableError
from urbanlab_services.publisher import data_releases, publications
from urbanlab_services.publisher.actors import Actor, check_reviewer
from urbanlab_services.publisher.data_releases import DataRequest
from urbanlab_services.publisher.desk import Desk
from urbanlab_services.publisher.publications import REVIEWABLE, State, Submission, now


@dataclass(frozen=True)
class Acts:
    """The acts that are there for somebody, and sentences that say why others are not."""

    possible: frozenset[str]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Need:
    """A table that a notebook needs: the request for it, if there is one, or why none can be made."""

    name: str
    request: DataRequest | None
    problem: str = ""


@dataclass(frozen=True)
class Variant:
    """A page that can be previewed: its key and what visitors would have chosen, in words."""

    key: str
    choices: tuple[tuple[str, str], ...]


def list_acts(submission: Submission, actor: Actor) -> Acts:
    """Return what somebody can do with a version, by asking the rules themselves."""
    tries: dict[str, Callable[[], object]] = {
        "release": lambda: publications.release(submission, actor, now()),
        "refuse": lambda: publications.refuse(submission, actor, "x", now()),
        "release_older": lambda: publications.release_older(submission, actor, now()),
        "withdraw": lambda: publications.withdraw(submission, actor, "", now()),
        "prolong": lambda: publications.prolong(submission, actor, "", ""),
        "takedown": lambda: publications.take_down(submission, actor, "", now()),
    }
    if submission.state in REVIEWABLE:
        tries["preview"] = lambda: check_reviewer(actor)
    # Without the right every act is refused for that reason, whatever the state: where nothing can be decided
    # that is nothing to tell.
    acts = try_acts(tries, submission.state in REVIEWABLE)
    if submission.state is State.RELEASED and actor.is_publisher:
        return Acts(acts.possible | {"refresh"}, acts.reasons)
    return acts


def list_needs(desk: Desk, actor: Actor, submission: Submission) -> list[Need]:
    """Return what a notebook failed for, each with the request for its release."""
    names = submission.failure.needs if submission.failure else ()
    return [_make_need(desk, actor, name) for name in names]


def list_preview_variants(desk: Desk, submission: Submission) -> list[Variant]:
    """Return the pages of a version, the one of the defaults first."""
    parameters = {each.name: each for each in submission.application.parameters}

    def describe(name: str, value: str) -> tuple[str, str]:
        titles = {choice.value: choice.title or choice.value for choice in parameters[name].choices}
        return parameters[name].title, titles.get(value, value)

    return [
        Variant(key, tuple(describe(name, value) for name, value in values.items()))
        for key, values in desk.list_variants(submission).items()
        if key in submission.pages
    ]


def list_uses(desk: Desk, actor: Actor, request: DataRequest) -> list[Submission]:
    """Return the tenant's public pages that have read a dataset."""
    table = make_foreign_table(request.tenant, request.dataset)
    return [
        page
        for page, tables in desk.list_page_uses(actor)
        # One dataset may be written `open_data.town__footfall` or without its database.
        if any(name.rpartition(".")[2] == table for name in tables)
    ]


async def find_history(desk: Desk, tenant: str, thing: str) -> list[dict[str, Any]] | None:
    """Return what was done with a thing, from the audit log, the newest first; None where it does not answer."""
    try:
        return await desk.audit.list_acts(tenant, thing)
    except UnavailableError:
        return None


def _make_need(desk: Desk, actor: Actor, name: str) -> Need:
    if request := desk.data.find_data_request(actor, name):
        return Need(name, request)
    try:
        data_releases.parse_request({"dataset": name}, actor, "", "")
    except ServiceError as error:
        return Need(name, None, error.message)
    return Need(name, None)


def try_acts(tries: dict[str, Callable[[], object]], tell: bool) -> Acts:
    """Return which acts the rules would let happen; with `tell` also why others are not there."""
    possible, reasons = set(), []
    for name, attempt in tries.items():
        try:
            attempt()
        except ForbiddenError as error:
            if tell and error.message not in reasons:
                reasons.append(error.message)
        except ServiceError:
            continue  # not as things stand: then there is no button and nothing to explain
        else:
            possible.add(name)
    return Acts(frozenset(possible), tuple(reasons))
