"""The operator once more, with a ClickHouse server as the engine: this `warehouse` takes the place of the other."""

from tests.extensions.warehouse.test_cluster import warehouse  # noqa: F401
from tests.extensions.warehouse.test_operator import *  # noqa: F403
