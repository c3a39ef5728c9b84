"""Releases, once more with a ClickHouse server as the engine: this `warehouse` takes the other's place."""

from tests.extensions.warehouse.test_cluster import warehouse  # noqa: F401
from tests.extensions.warehouse.test_releases import *  # noqa: F403
