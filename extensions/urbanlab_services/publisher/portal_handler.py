"""What all addresses share that the portal alone may ask."""

from __future__ import annotations

import json

from urbanlab.contract.secrets import Secret
from urbanlab_services.errors import InvalidRequestError
from urbanlab_services.publisher.callers import check_caller
from urbanlab_services.service import BaseHandler

_FIELDS = frozenset({"tenant", "slug", "variant"})


class PortalHandler(BaseHandler):
    """Lets nobody in but the portal."""

    secret: Secret  # that portal and publisher share, set by `initialize`

    def prepare(self) -> None:
        """Check who asks."""
        check_caller(self.request, self.secret, "Only the portal may ask this.")

    def read_variant(self) -> dict[str, str]:
        """Return tenant, slug and variant of a page; raise `InvalidRequestError` for anything else."""
        try:
            body = json.loads(self.request.body)
        except (ValueError, RecursionError):
            body = None
        if (
            not isinstance(body, dict)
            or body.keys() != _FIELDS
            or not all(isinstance(value, str) for value in body.values())
        ):
            raise InvalidRequestError(f"Send an object with {', '.join(sorted(_FIELDS))}.")
        return body
