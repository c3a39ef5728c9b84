"""The addresses for kernels: hand in, ask for data, see how it goes. Nothing is decided here."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from urbanlab_services.errors import InvalidRequestError
from urbanlab_services.publisher.actors import Actor
from urbanlab_services.publisher.credentials import Authenticator
from urbanlab_services.publisher.desk import Desk
from urbanlab_services.publisher.models import (
    make_data_request_model,
    make_offer_model,
    make_page_use_model,
    make_publication_model,
    make_submission_model,
)
from urbanlab_services.service import BaseHandler, Route

_CELL = re.compile(r"[1-9][0-9]{0,3}")


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
        """Take in ``{"notebook": {...}, "application": {...}, "files": {"a.csv": "Base64"}}``; files as needed."""
        actor = self.get_actor()
        body = self.read_object()
        application = body.get("application")
        if set(body) - {"files"} != {"notebook", "application"} or not isinstance(application, dict):
            raise InvalidRequestError("Send `notebook`, an object, and `application`, an object.")
        files = read_files(body.get("files", {}))
        # Whatever it is, the one place that judges notebooks sees it as a file.
        notebook = json.dumps(body["notebook"]).encode()
        submission = await self.desk.submit(actor, application, notebook, files)
        self.write_json(make_submission_model(submission, self.desk.links), 202)


def read_files(values: object) -> dict[str, bytes]:
    """Return the files of a request; raise `InvalidRequestError` for what are none."""
    try:
        if not isinstance(values, dict):
            raise ValueError(values)
        return {name: base64.b64decode(content, validate=True) for name, content in values.items()}
    except (ValueError, TypeError):
        raise InvalidRequestError("In `files` a name has its content in Base64.") from None


class SubmissionHandler(ApiHandler):
    """``/api/submissions/ID``."""

    def get(self, submission_id: str) -> None:
        """Show one."""
        submission = self.desk.get(self.get_actor(), submission_id)
        self.write_json(make_submission_model(submission, self.desk.links))


class PicturesHandler(ApiHandler):
    """``/api/submissions/ID/pictures``."""

    async def post(self, submission_id: str) -> None:
        """Take ``{"texts": {"3": "what cell 3 shows"}, "in_text": false}``."""
        actor = self.get_actor()
        body = self.read_object()
        texts, in_text = body.get("texts"), body.get("in_text", False)
        if not isinstance(texts, dict) or not isinstance(in_text, bool) or body.keys() - {"texts", "in_text"}:
            raise InvalidRequestError("Send `texts`, an object, and `in_text`, true or false.")
        if not all(_CELL.fullmatch(cell) and isinstance(text, str) for cell, text in texts.items()):
            raise InvalidRequestError("In `texts` a number of a cell has a text.")
        numbered = {int(cell): text for cell, text in texts.items()}
        submission = await self.desk.describe(actor, submission_id, numbered, in_text)
        self.write_json(make_submission_model(submission, self.desk.links), 202)


class DataReleasesHandler(ApiHandler):
    """``/api/data-releases``."""

    def get(self) -> None:
        """List the requests of the tenant."""
        found = self.desk.data.list_data_requests(self.get_actor())
        self.write_json({"requests": [make_data_request_model(each, self.desk.links) for each in found]})

    async def post(self) -> None:
        """Ask for a dataset's release."""
        request = await self.desk.data.request_data(self.get_actor(), self.read_object())
        self.write_json(make_data_request_model(request, self.desk.links), 201)


class DataOffersHandler(ApiHandler):
    """``/api/data-offers``."""

    def get(self) -> None:
        """List what other tenants offer this one and have offered."""
        found = self.desk.data.list_offers(self.get_actor())
        self.write_json({"offers": [make_offer_model(each, self.desk.links) for each in found]})


class PublicationsHandler(ApiHandler):
    """``/api/publications``."""

    def get(self) -> None:
        """List those of the tenant with their versions."""
        found = self.desk.list_publications(self.get_actor())
        self.write_json({"publications": [make_publication_model(each, self.desk.links) for each in found]})


class PageUsesHandler(ApiHandler):
    """``/api/page-uses``."""

    def get(self) -> None:
        """List which public page of the tenant has read what."""
        found = self.desk.list_page_uses(self.get_actor())
        self.write_json({"pages": [make_page_use_model(*each, self.desk.links) for each in found]})


def make_api_routes(desk: Desk, authenticator: Authenticator) -> list[Route]:
    """Return the addresses for kernels."""
    parts = {"desk": desk, "authenticator": authenticator}
    return [
        ("/api/submissions", SubmissionsHandler, parts),
        ("/api/submissions/([0-9a-f]{32})", SubmissionHandler, parts),
        ("/api/submissions/([0-9a-f]{32})/pictures", PicturesHandler, parts),
        ("/api/data-releases", DataReleasesHandler, parts),
        ("/api/data-offers", DataOffersHandler, parts),
        ("/api/page-uses", PageUsesHandler, parts),
        ("/api/publications", PublicationsHandler, parts),
    ]
