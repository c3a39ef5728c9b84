"""The page of deputies: who decides in whose place, here and for other towns."""

from __future__ import annotations

from urbanlab_services.errors import NotFoundError, ServiceError
from urbanlab_services.publisher.deputies import LONGEST
from urbanlab_services.publisher.web.pages import PageHandler


class DeputiesHandler(PageHandler):
    """Who is there, and the form that names one."""

    def get(self) -> None:
        """Show it."""
        self._show()

    async def post(self) -> None:
        """Name a deputy, or show the form again with what is wrong."""
        person, until = self.get_body_argument("person", ""), self.get_body_argument("until", "")
        try:
            self.site.desk.deputies.name(self.actor, person, until)
        except ServiceError as error:
            self.set_status(error.status)
            self._show(error.message, person, until)
        else:
            self.go_to("/deputies", done="name_deputy")

    def _show(self, problem: str = "", person: str = "", until: str = "") -> None:
        actor, deputies = self.actor, self.site.desk.deputies
        tenants = self.site.login.records.tenants()
        self.show(
            "deputies.html",
            deputies=deputies.list_deputies(actor),
            towns={name: tenants[name].title for name in deputies.list_towns(self.own_actor)},
            may_name=actor.is_gatekeeper and not actor.is_deputy,
            may_end=(actor.is_gatekeeper and not actor.is_deputy) or "admin" in actor.roles,
            strong=deputies.is_strong(actor, actor.tenant),
            longest=LONGEST.days,
            problem=problem,
            fields={"person": person, "until": until},
        )


class DeputyActHandler(PageHandler):
    """Ends a deputy's time."""

    def post(self, deputy_id: str) -> None:
        """Do it and lead back."""
        self.site.desk.deputies.end(self.actor, deputy_id)
        self.go_to("/deputies", done="end_deputy")


class ActForHandler(PageHandler):
    """Lets a gatekeeper decide for another town that wants it so, and come back."""

    def post(self) -> None:
        """Remember it for this login."""
        town = self.get_body_argument("town", "")
        if town and town not in self.site.desk.deputies.list_towns(self.own_actor):
            raise NotFoundError("There is no such town for which you decide.")
        assert self.session is not None
        self.session.acting_for = town
        self.go_to("/")
