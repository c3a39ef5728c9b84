"""Everything the handlers need: the hub to ask, the tenants, the limit, the key, and Keycloak."""

from __future__ import annotations

from dataclasses import dataclass

from urbanlab.contract.audit import CREDENTIAL_REFUSED
from urbanlab.contract.naming import NamingError, split_hub_user
from urbanlab.contract.secrets import Secret
from urbanlab_services.audit_client import Refusals
from urbanlab_services.errors import ForbiddenError, ServiceError, UnauthenticatedError
from urbanlab_services.hub_api import HubApi, HubIdentity
from urbanlab_services.records_watcher import RecordsWatcher
from urbanlab_services.service import Missing
from urbanlab_services.tokens.credentials import Holder, resolve_holder
from urbanlab_services.tokens.keycloak import KafkaTokens
from urbanlab_services.tokens.rate_limit import RateLimit


@dataclass(frozen=True)
class Issuer:
    """Gives credentials to those whom the hub knows and who have a role in a tenant that exists."""

    hub: HubApi
    kafka_tokens: KafkaTokens
    records: RecordsWatcher
    limit: RateLimit
    signing_key: Secret
    refusals: Refusals

    async def get_holder(self, hub_token: Secret, purpose: str) -> Holder:
        """Return the holder behind a hub token; raise a `ServiceError` for those who get nothing."""
        identity: HubIdentity | None = None
        try:
            identity = await self.hub.get_identity(hub_token)
            holder = resolve_holder(identity, self.records.tenants())
        except (UnauthenticatedError, ForbiddenError) as error:
            self.note_refusal(identity.name if identity else "", purpose, error)
            raise
        self.limit.check(holder.hub_user)
        return holder

    def note_refusal(self, name: str, purpose: str, error: ServiceError) -> None:
        """Tell the audit log that somebody, or a token that nobody has, was refused."""
        try:
            person, tenant = name, split_hub_user(name)[1]
        except NamingError:
            person, tenant = None, ""
        data = {"person": person, "purpose": purpose, "reason": error.code}
        self.refusals.note(CREDENTIAL_REFUSED, tenant, **data)

    async def find_missing(self) -> Missing:
        """Return which parts do not answer."""
        missing = {}
        if not await self.hub.is_reachable():
            missing["hub"] = "The hub does not answer."
        if not await self.kafka_tokens.is_reachable():
            missing["keycloak"] = "Keycloak does not answer."
        return missing
