"""The warehouse brings its databases, tables and roles in line itself; here it is asked to."""

from __future__ import annotations

from collections.abc import Mapping

from urbanlab.contract.records import Tenant, tenant_to_dict
from urbanlab.contract.secrets import read_secret
from urbanlab_hub.settings import Settings
from urbanlab_operate.changes import ApplyError, Changes
from urbanlab_operate.rest_api import RestApi


def reconcile(settings: Settings, tenants: Mapping[str, Tenant], changes: Changes) -> None:
    """Let the gateway read the records and report what it changed, or would change."""
    token = read_secret(settings.master_secrets, "warehouse-operator")
    gateway = RestApi("The warehouse gateway", settings.warehouse_url, token)
    if changes.dry_run:
        # The gateway cannot know what it will find in records that a dry run does not write.
        foreseen = {"tenants": [tenant_to_dict(tenant) for tenant in tenants.values()]}
        answer = gateway.request("POST", "/operator/apply?dry_run=1", json=foreseen)
    else:
        answer = gateway.request("POST", "/operator/apply")
    if not isinstance(answer, dict) or not isinstance(answer.get("changes"), list):
        raise ApplyError(
            f"What answers at {settings.warehouse_url} is not the warehouse gateway: free that port"
        )
    for sentence in answer["changes"]:
        changes.note(str(sentence))
