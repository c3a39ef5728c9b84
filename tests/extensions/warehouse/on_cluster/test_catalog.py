"""The catalogue, once more with a ClickHouse server as the engine: this `warehouse` takes the other's place."""

from tests.extensions.warehouse.test_catalog import *  # noqa: F403
from tests.extensions.warehouse.test_cluster import warehouse  # noqa: F401
