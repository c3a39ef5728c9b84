"""What analysts import: ``import urbanlab as ul``. Each name is loaded when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urbanlab.datasets import catalog, dataset
    from urbanlab.describing import describe
    from urbanlab.errors import UrbanlabError
    from urbanlab.loading.load import load
    from urbanlab.offering import offer
    from urbanlab.publishing import publish
    from urbanlab.sharing import share
    from urbanlab.streams import stream
    from urbanlab.warehouse import client, query, query_arrow, query_geo
    from urbanlab.widgets.map import map
    from urbanlab.widgets.tail import tail

__all__ = [
    "UrbanlabError",
    "catalog",
    "client",
    "dataset",
    "describe",
    "load",
    "map",
    "offer",
    "publish",
    "query",
    "query_arrow",
    "query_geo",
    "share",
    "stream",
    "tail",
]

# A module must not have the name of something public: importing it would put the module in its place.
_HOMES = {
    "UrbanlabError": "urbanlab.errors",
    "catalog": "urbanlab.datasets",
    "client": "urbanlab.warehouse",
    "dataset": "urbanlab.datasets",
    "describe": "urbanlab.describing",
    "load": "urbanlab.loading.load",
    "map": "urbanlab.widgets.map",
    "offer": "urbanlab.offering",
    "publish": "urbanlab.publishing",
    "query": "urbanlab.warehouse",
    "query_arrow": "urbanlab.warehouse",
    "query_geo": "urbanlab.warehouse",
    "share": "urbanlab.sharing",
    "stream": "urbanlab.streams",
    "tail": "urbanlab.widgets.tail",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"urbanlab has no {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
