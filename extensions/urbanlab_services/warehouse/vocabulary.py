"""The words of the warehouse's SQL: the functions that statements may use, as one writes them."""

from __future__ import annotations

from urbanlab_services.warehouse.handlers import WarehouseHandler
from urbanlab_services.warehouse.inventory import ask
from urbanlab_services.warehouse.policy_names import ALLOWED_FUNCTIONS


class FunctionsHandler(WarehouseHandler):
    """``GET /functions``: the functions that the policy admits, for completion in notebooks."""

    async def get(self) -> None:
        """Answer with them; the engine's list is the same for as long as it runs."""
        role = self.identify().role
        known: list[str] = self.application.settings.setdefault("functions", [])
        if not known:
            # Which spelling counts is the engine's matter: toHour is a function, tohour is none.
            rows = await ask(
                self.gateway.engine, role, "SELECT name FROM system.functions ORDER BY lower(name), name"
            )
            known[:] = [row[0] for row in rows if row[0].lower() in ALLOWED_FUNCTIONS and row[0][:1] != "_"]
        self.write_json({"functions": known})
