"""One simulated feed of one town: knows what each sensor has to send next."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from urbanlab.contract.naming import make_topic
from urbanlab.contract.records import Sensor, Tenant
from urbanlab_services.simulator.series import SERIES, Series, format_instant
from urbanlab_services.simulator.town import Town

Message = tuple[str, bytes, bytes]  # topic, key, value


@dataclass
class Stream:
    """The sensors of one feed; `due` holds the next instant of each, and moves on as messages are taken."""

    topic: str
    town: Town
    series: Series
    sensors: dict[str, Sensor]
    due: dict[str, datetime]

    def follow(self, sensors: dict[str, Sensor], last: dict[str, datetime], now: datetime) -> None:
        """Report for these sensors from now on; new ones go on after `last`."""
        for sensor in sensors.keys() - self.sensors.keys():
            self.due[sensor] = self.series.find_start(last.get(sensor), now)
        self.due = {sensor: self.due[sensor] for sensor in sensors}
        self.sensors = sensors

    def is_behind(self, now: datetime) -> bool:
        """Return whether something is to be sent now."""
        return any(instant + self.series.step <= now for instant in self.due.values())

    def take(self, now: datetime, steps: int) -> Iterator[Message]:
        """Yield what is due, sensors in turn, for at most `steps` steps from the earliest on.

        A step is reported when it is over.
        """
        if not self.is_behind(now):
            return
        instant = min(self.due.values())
        for _ in range(steps):
            if instant + self.series.step > now:
                break
            yield from self._report(instant)
            instant += self.series.step

    def _report(self, instant: datetime) -> Iterator[Message]:
        for name, sensor in self.sensors.items():
            if self.due[name] > instant:
                continue
            self.due[name] = instant + self.series.step
            values = self.series.measure(self.town, sensor, instant)
            if values is not None:
                body = {"sensor": name, "observed_at": format_instant(instant), **values}
                yield self.topic, name.encode(), json.dumps(body).encode()


def make_streams(tenant: Tenant) -> list[Stream]:
    """Return the streams of a tenant, one for each of its feeds that is marked as simulated."""
    return [
        Stream(make_topic(tenant.id, feed.name), Town.from_tenant(tenant), SERIES[feed.name], {}, {})
        for feed in tenant.feeds
        if feed.simulated and feed.name in SERIES
    ]


def find_sensors(tenant: Tenant, series: Series) -> dict[str, Sensor]:
    """Return the tenant's sensors that report to a feed of this series."""
    return {sensor.id: sensor for sensor in tenant.sensors if sensor.kind == series.kind}
