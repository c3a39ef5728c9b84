"""The addresses for kernels: hand in, ask for data, see how it goes. Nothing is decided here."""

from __future__ import annotations

import json
from typing import Any

from urbanlab_services.errors import InvalidRequestError
from urbanlab_services.publisher.actors import Actor
from urbanlab_services.publisher.credentials import Authenticator
from urbanlab_services.publisher.desk import Desk
from urbanlab_services.publisher.models import (
    make_data_request_model,
    make_publication_model,
    make_submission_model,
)
from urbanlab_services.service import BaseHandler, Route


class ApiHandler(BaseHandler):
    """What all have in common: a signed credential in each request, and the desk. No cookie counts here."""

    def initialize(self, desk: Desk, authenticator: Authenticator) -> None:
        """Take the acts and who tells who asks."""
        self.desk, self._authenticator = desk, authenticator

    def get_actor(self) -> Actor:
        """Return who asks; raise `UnauthenticatedError`."""
        return self._authenticator.identify(self.request.headers.get("Authorization", ""))

    def read_object(self) -> dict[str, Any]:
        """Return the body; raise `InvalidRequestError` if it is no JSON object."""
        try:
            body = json.loads(self.request.body)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise InvalidRequestError("Send a JSON object.")
        return body


class SubmissionsHandler(ApiHandler):
    """``/api/submissions``."""

    def get(self) -> None:
        """List those of the tenant."""
        found = self.desk.list_submissions(self.get_actor())
        self.write_json({"submissions": [make_submission_model(each, self.desk.links) for each in found]})

    async def post(self) -> None:
        """Take in ``{"notebook": {...}, "application": {...}}``."""
        actor = self.get_actor()
        body = self.read_object()
        application = body.get("application")
        if set(body) != {"notebook", "application"} or not isinstance(application, dict):
            raise InvalidRequestError("Send `notebook`, an object, and `application`, an object.")
        # Whatever it is, the one place that judges notebooks sees it as a file.
        notebook = json.dumps(body["notebook"]).encode()
        submission = await self.desk.submit(actor, application, notebook)
        self.write_json(make_submission_model(submission, self.desk.links), 202)


class SubmissionHandler(ApiHandler):
    """``/api/submissions/ID``."""

    def get(self, submission_id: str) -> None:
        """Show one."""
        submission = self.desk.get(self.get_actor(), submission_id)
        self.write_json(make_submission_model(submission, self.desk.links))


class DataReleasesHandler(ApiHandler):
    """``/api/data-releases``."""

    def get(self) -> None:
        """List the requests of the tenant."""
        found = self.desk.list_data_requests(self.get_actor())
        self.write_json({"requests": [make_data_request_model(each, self.desk.links) for each in found]})

    async def post(self) -> None:
        """Ask for a dataset's release."""
        request = await self.desk.request_data(self.get_actor(), self.read_object())
        self.write_json(make_data_request_model(request, self.desk.links), 201)


class PublicationsHandler(ApiHandler):
    """``/api/publications``."""

    def get(self) -> None:
        """List those of the tenant with their versions."""
        found = self.desk.list_publications(self.get_actor())
        self.write_json({"publications": [make_publication_model(each, self.desk.links) for each in found]})


def make_api_routes(desk: Desk, authenticator: Authenticator) -> list[Route]:
    """Return the addresses for kernels."""
    parts = {"desk": desk, "authenticator": authenticator}
    return [
        ("/api/submissions", SubmissionsHandler, parts),
        ("/api/submissions/([0-9a-f]{32})", SubmissionHandler, parts),
        ("/api/data-releases", DataReleasesHandler, parts),
        ("/api/publications", PublicationsHandler, parts),
    ]
