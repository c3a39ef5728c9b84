"""Which refusals of the gateway the audit log is told: what somebody may not do, not what they mistyped."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from urbanlab.contract import audit
from urbanlab.contract.naming import make_database, make_lab_database, make_shared_database
from urbanlab.contract.records import Tenant
from urbanlab_services.audit_client import Refusals
from urbanlab_services.warehouse.credentials import ACCESSES, Identity
from urbanlab_services.warehouse.errors import (
    ACCESS_DENIED,
    AUTHENTICATION_FAILED,
    READONLY,
    SUPPORT_IS_DISABLED,
    UNKNOWN_TABLE,
    WarehouseError,
)

_POLICY = frozenset({ACCESS_DENIED, READONLY, SUPPORT_IS_DISABLED})


class QueryRefusals:
    """Tells who was refused and the kind of it; neither a statement nor a name in it."""

    def __init__(self, refusals: Refusals, tenants: Callable[[], Mapping[str, Tenant]]) -> None:
        self._refusals, self._tenants = refusals, tenants

    def note(self, identity: Identity | None, error: WarehouseError) -> None:
        """Write a refusal down, if it is one to be told."""
        person = identity.subject if identity and identity.access in ACCESSES else None
        tenant = identity.tenant if identity else ""
        if error.number == AUTHENTICATION_FAILED:
            data = {"person": person, "purpose": "warehouse", "reason": error.code}
            self._refusals.note(audit.CREDENTIAL_REFUSED, tenant, **data)
        elif identity and person and self._is_forbidden(identity, error):
            data = {"person": person, "access": identity.access, "reason": error.code}
            self._refusals.note(audit.QUERY_REFUSED, tenant, **data)

    def _is_forbidden(self, identity: Identity, error: WarehouseError) -> bool:
        if error.number != UNKNOWN_TABLE:
            return error.number in _POLICY
        # There is one answer for what does not exist and for what is not theirs; only the latter is of interest.
        database = error.message.rpartition(": ")[2].partition(".")[0].strip("`")
        others = (tenant for tenant in self._tenants() if tenant != identity.tenant)
        return database == "system" or any(database in _list_databases(tenant) for tenant in others)


def _list_databases(tenant: str) -> tuple[str, ...]:
    return make_database(tenant), make_lab_database(tenant), make_shared_database(tenant)
