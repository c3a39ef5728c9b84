"""The addresses of the service, one for each purpose; whoever asks shows a hub token."""

from __future__ import annotations

import time

from prometheus_client import Counter

from urbanlab.contract.secrets import Secret
from urbanlab_services.errors import ForbiddenError, UnauthenticatedError
from urbanlab_services.service import BaseHandler
from urbanlab_services.tokens.credentials import (
    PUBLISHER_SECONDS,
    WAREHOUSE_SECONDS,
    Holder,
    check_publisher_access,
    count_seconds_left,
    find_kafka_access,
    make_publisher_token,
    make_warehouse_token,
)
from urbanlab_services.tokens.issuer import Issuer

ISSUED = Counter("urbanlab_tokens_issued", "Credentials given out", ["purpose", "access"])


def parse_authorization(header: str) -> Secret:
    """Return the hub token of an ``Authorization`` header; raise `UnauthenticatedError` if it holds none."""
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() not in {"token", "bearer"} or not token or not token.isascii() or len(token) > 1000:
        raise UnauthenticatedError("Show your hub token as `Authorization: token …`.")
    return Secret(token)


class CredentialHandler(BaseHandler):
    """What all have in common: they need a holder."""

    purpose: str

    def initialize(self, issuer: Issuer) -> None:
        """Take the rules and those they ask."""
        self.issuer = issuer

    async def get_holder(self) -> Holder:
        """Return who asks; raise a `ServiceError` for those who get nothing."""
        token = parse_authorization(self.request.headers.get("Authorization", ""))
        return await self.issuer.get_holder(token, self.purpose)

    def write_token(self, holder: Holder, token: str, seconds: int) -> None:
        """Answer with the credential."""
        ISSUED.labels(self.purpose, holder.access).inc()
        self.write_json({"token": token, "expires_in": seconds})


class WarehouseHandler(CredentialHandler):
    """``POST /warehouse``: a signed credential for the warehouse gateway."""

    purpose = "warehouse"

    async def post(self) -> None:
        """Answer with it."""
        holder = await self.get_holder()
        token = make_warehouse_token(holder, self.issuer.signing_key)
        self.write_token(holder, token, count_seconds_left(holder, WAREHOUSE_SECONDS))


class KafkaHandler(CredentialHandler):
    """``POST /kafka``: a token of the tenant's Keycloak client."""

    purpose = "kafka"

    async def post(self) -> None:
        """Answer with it."""
        holder = await self.get_holder()
        token = await self.issuer.kafka_tokens.get_token(holder.tenant, find_kafka_access(holder))
        self.write_token(holder, token.value.reveal(), token.seconds_left(time.monotonic()))


class PublisherHandler(CredentialHandler):
    """``POST /publisher``: a signed credential for the publisher, with the person's roles."""

    purpose = "publisher"

    async def post(self) -> None:
        """Answer with it."""
        holder = await self.get_holder()
        try:
            check_publisher_access(holder)
        except ForbiddenError as error:
            self.issuer.note_refusal(holder.hub_user, self.purpose, error)
            raise
        token = make_publisher_token(holder, self.issuer.signing_key)
        self.write_token(holder, token, count_seconds_left(holder, PUBLISHER_SECONDS))
