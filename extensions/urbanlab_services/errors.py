"""The errors that services show: a stable code, a status and a sentence that is safe for everybody to read."""

from __future__ import annotations


class ServiceError(Exception):
    """Something the caller should know; the subclass names the status and the code.

    ServiceError
    ├── InvalidRequestError   400  the request itself is wrong
    ├── UnauthenticatedError  401  nobody knows this credential
    ├── ForbiddenError        403  known, but without the right
    ├── NotFoundError         404  no such thing, or none of the caller's
    ├── ConflictError         409  right in itself, but not as things stand
    ├── TooManyRequestsError  429  too often; `retry_after` says when to come back
    └── UnavailableError      503  a part that is needed does not answer now
    """

    status = 500
    code = "internal_error"

    def __init__(self, message: str, *, code: str = "", retry_after: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.retry_after = retry_after


class InvalidRequestError(ServiceError):
    """The request itself is wrong."""

    status, code = 400, "invalid_request"


class UnauthenticatedError(ServiceError):
    """Nobody knows this credential."""

    status, code = 401, "unauthenticated"


class ForbiddenError(ServiceError):
    """The caller is known, but has not the right."""

    status, code = 403, "forbidden"


class NotFoundError(ServiceError):
    """There is no such thing, or none that the caller may know of."""

    status, code = 404, "not_found"


class ConflictError(ServiceError):
    """The request is right in itself, but not as things stand."""

    status, code = 409, "conflict"


class TooManyRequestsError(ServiceError):
    """The caller asks too often."""

    status, code = 429, "too_many_requests"


class UnavailableError(ServiceError):
    """A part that is needed does not answer now; asking again later helps."""

    status, code = 503, "unavailable"
