"""What of the data is damaged on the disk: never served, told to whoever reads it, and listed for the operator."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from urbanlab_services.warehouse.engine_client import EngineClient
from urbanlab_services.warehouse.errors import DAMAGED, WarehouseError
from urbanlab_services.warehouse.inventory import ask

logger = logging.getLogger(__name__)

ROLE = "operator"
# Parts that the engine could not read when it started: it put them aside and goes on without them.
_ASIDE = (
    "SELECT concat(database, '.', table), name FROM system.detached_parts "
    "WHERE reason LIKE '%broken%' OR name LIKE '%broken%' ORDER BY 1, 2"
)


class Damages:
    """Asks the engine for parts that it put aside, and remembers the tables in which a statement met damage."""

    def __init__(self, engine: EngineClient) -> None:
        self._engine = engine
        self._met: set[str] = set()

    def note(self, tables: Iterable[str], error: WarehouseError) -> None:
        """Remember what a statement was reading that failed, if it failed because of damage."""
        # Values that cannot be read have the same numbers.
        if error.number in DAMAGED and error.status == 500:
            self._met |= {*tables}
            logger.error("damaged data", extra={"tables": sorted(tables)})

    async def list_all(self) -> list[dict[str, str]]:
        """Return a table and what is known of its damage, one entry each."""
        aside = [
            {"table": table, "damage": f"the part {part} was put aside"}
            for table, part in await ask(self._engine, ROLE, _ASIDE)
        ]
        return aside + [
            {"table": table, "damage": "a statement could not read it"} for table in sorted(self._met)
        ]
