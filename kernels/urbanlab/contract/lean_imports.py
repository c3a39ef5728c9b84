"""What is not imported, because nothing here needs it and every start would wait for it."""

from __future__ import annotations

import sys
from types import ModuleType


def leave_out_address_parser() -> None:
    """Keep jsonschema, before it is imported, from having a parser built for addresses beyond ASCII.

    No schema here or of Jupyter's has such addresses; the parser costs a second of processor time.
    """
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    modules.setdefault("rfc3987_syntax", None)
