"""The parts of the platform that call the publisher with a secret of their own: portal, hub and operator."""

from __future__ import annotations

import hmac

from tornado.httputil import HTTPServerRequest

from urbanlab.contract.secrets import Secret
from urbanlab_services.errors import UnauthenticatedError


def check_caller(request: HTTPServerRequest, secret: Secret, refusal: str) -> None:
    """Raise `UnauthenticatedError` with the sentence unless the request shows the secret as bearer token."""
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(shown.encode(), secret.reveal().encode()):
        raise UnauthenticatedError(refusal)
