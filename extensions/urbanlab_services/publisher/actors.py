"""Who acts, and what somebody may do at all; what may be done to one thing stands with that thing."""

from __future__ import annotations

from dataclasses import dataclass

from urbanlab_services.errors import ForbiddenError, NotFoundError


@dataclass(frozen=True)
class Actor:
    """A person in a tenant; `may_decide` is true only for a browser's login at this service.

    `roles` are those held in that tenant. A credential of a kernel or a server never has `may_decide`.
    """

    hub_user: str
    tenant: str
    roles: frozenset[str]
    may_decide: bool = False
    is_deputy: bool = False  # whether the right of a gatekeeper is held in somebody's place

    @property
    def is_publisher(self) -> bool:
        """Whether this person may hand in notebooks."""
        return "publisher" in self.roles

    @property
    def is_gatekeeper(self) -> bool:
        """Whether this person, once logged in with a browser, may release."""
        return "gatekeeper" in self.roles


def check_member(actor: Actor) -> None:
    """Raise `ForbiddenError` for somebody without a role in the tenant."""
    if not actor.roles:
        raise ForbiddenError("You have no role here; the tenant's administrator can give you one.")


def check_publisher(actor: Actor) -> None:
    """Raise `ForbiddenError` for those who may not hand in notebooks."""
    if not actor.is_publisher:
        raise ForbiddenError(
            "Only those with the role publisher hand in notebooks; the tenant's administrator can give it."
        )


def check_reviewer(actor: Actor) -> None:
    """Raise `ForbiddenError` for those who may not see pages before they are released."""
    if not (actor.is_publisher or actor.is_gatekeeper):
        raise ForbiddenError("Only publishers and gatekeepers see a page before it is released.")


def check_decider(actor: Actor) -> None:
    """Raise `ForbiddenError` unless a gatekeeper acts with the right that only a browser's login carries."""
    if not actor.is_gatekeeper:
        raise ForbiddenError("Only a gatekeeper decides what becomes public.")
    check_browser(actor)


def check_browser(actor: Actor) -> None:
    """Raise `ForbiddenError` unless somebody acts with the right that only a browser's login carries."""
    if not actor.may_decide:
        raise ForbiddenError(
            "What becomes public is decided on the publisher's page, logged in with a browser; "
            "a notebook or a server decides nothing.",
            code="login_needed",
        )


def check_other_than(actor: Actor, author: str) -> None:
    """Raise `ForbiddenError` where the decider is the one who asked: four eyes of two people, in whatever towns."""
    if actor.hub_user.rpartition("@")[0] == author.rpartition("@")[0]:
        raise ForbiddenError("Who asked does not decide: another gatekeeper has to.", code="four_eyes")


def check_own(actor: Actor, tenant: str) -> None:
    """Raise `NotFoundError` for what belongs to another tenant: as if it did not exist."""
    if actor.tenant != tenant:
        raise NotFoundError("There is no such thing.")
