"""What the portal answers where it cannot show what was asked for."""

from __future__ import annotations


class PortalError(Exception):
    """Becomes a page in plain words: `status`, and `kind` names the words in templates/error.html."""

    status = 500
    kind = "broken"


class NotPublicError(PortalError):
    """There is nothing at this address, or nothing any more."""

    status = 404
    kind = "absent"


class ParameterError(PortalError):
    """The address asks for something that the page does not offer."""

    status = 400
    kind = "parameter"


class TicketSpentError(PortalError):
    """A preview's address that somebody has opened already."""

    status = 410
    kind = "spent"


class TicketExpiredError(PortalError):
    """A preview's address that nobody opened in time."""

    status = 410
    kind = "expired"


class PrefetchError(PortalError):
    """A browser asks for a preview that nobody has opened yet; it will ask again."""

    status = 503
    kind = "prefetch"


class FormError(PortalError):
    """What was sent is not the form that was shown."""

    status = 400
    kind = "form"


class ForeignFormError(PortalError):
    """Another web site sends our form."""

    status = 403
    kind = "foreign"


class TooManyReportsError(PortalError):
    """So many problems are not reported by people."""

    status = 503
    kind = "broken"


class BusyError(PortalError):
    """Too many ask for what is made for each of them; `kind` says for what."""

    status = 503

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class NotMadeError(NotPublicError):
    """There is no page of a permitted variant yet."""


class VariantError(PortalError):
    """A variant on demand cannot be had now; `kind` says why."""

    status = 503

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind
