"""What a schema cannot say about tenants: names that must exist, be valid, or belong together."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from urbanlab.contract import naming
from urbanlab.contract.colours import READABLE, measure_contrast
from urbanlab.contract.records import Tenant
from urbanlab_hub.tenant_schema import Problem, to_text
from urbanlab_hub.tenant_yaml import KeyPath


def find_contradictions(values: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong in the resolved values of one tenant, which the schema found right."""
    if not _is_time_zone(values["time_zone"]):
        yield (
            ("time_zone",),
            f"time_zone is {values['time_zone']!r}, which is no time zone; write Europe/Berlin",
        )
    yield from _check_folders(values["shared_folders"])
    yield from _check_colour(values["portal"]["colour"])
    for name, feed in values["feeds"].items():
        key = ("feeds", name)
        yield from _check_names(naming.check_feed_name, {key: name})
        columns: dict[KeyPath, str] = {(*key, "columns", column): column for column in feed["columns"]}
        yield from _check_names(naming.check_dataset_name, columns)
        if name == naming.SENSORS_TABLE:
            yield (
                key,
                f"{to_text(key)}: the table {name} holds the places of the sensors; choose another name",
            )
        yield from _check_columns(key, feed)
        yield from _check_texts(key, feed, values["languages"])


def find_foreign_datasets(tenant: str, values: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what reports of a tenant name and may not read: nobody declares a partner's data for themselves."""
    for name, report in values["reports"].items():
        for index, dataset in enumerate(report["datasets"]):
            key = ("reports", name, "datasets", index)
            yield from _check_names(lambda each: naming.make_report_table(tenant, each), {key: dataset})


def find_doubles(tenants: Mapping[str, Tenant]) -> Iterator[tuple[str, Problem]]:
    """Yield each tenant that claims what one before it has, with the problem.

    A login must know whose it is, a visitor of the portal whose pages these are, and the two never share a name:
    what users make is not shown where the hub is.
    """
    owners: dict[str, tuple[str, str]] = {}
    for tenant in tenants.values():
        logins = [(("host_names", index), name) for index, name in enumerate(tenant.host_names)]
        portals = [
            (("portal", "host_names", index), name) for index, name in enumerate(tenant.portal.host_names)
        ]
        for key, host_name in [*logins, *portals]:
            owner = owners.setdefault(host_name, (tenant.id, str(key[0])))
            if owner != (tenant.id, str(key[0])):
                yield tenant.id, (key, f"{to_text(key)} is {host_name}, which {owner[0]} has already")


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not found, a folder of zones, a path that leads out
        return False
    return True


def _check_colour(colour: str) -> Iterator[Problem]:
    """A colour of links must be readable; in the dark the portal lightens it by itself."""
    if colour and measure_contrast(colour, "#ffffff") < READABLE:
        key = ("portal", "colour")
        yield key, f"{to_text(key)} is {colour}, which is too pale to be read on white; choose a darker one"


def _check_folders(names: Iterable[str]) -> Iterator[Problem]:
    """Two folders whose names look alike would be taken for each other."""
    seen: dict[str, str] = {}
    for name in names:
        first = seen.setdefault(unicodedata.normalize("NFKC", name).casefold().strip(), name)
        if first != name:
            key = ("shared_folders", name)
            yield key, f"{to_text(key)} is too much like {first}; choose another name"


def _check_names(check: Callable[[str], str], names: Mapping[KeyPath, str]) -> Iterator[Problem]:
    for key, name in names.items():
        try:
            check(name)
        except naming.NamingError as error:
            yield key, f"{to_text(key)}: {error}"


def _check_columns(key: KeyPath, feed: Mapping[str, Any]) -> Iterator[Problem]:
    columns = feed["columns"]
    for name in feed["key"]:
        if name not in columns:
            yield (*key, "key"), f"{to_text((*key, 'key'))} names {name!r}, which is no column of the feed"
    if columns.get(feed["time"], {}).get("type") != "instant":
        yield (
            (*key, "time"),
            f"{to_text((*key, 'time'))} must name a column of type instant, not {feed['time']!r}",
        )


def _check_texts(key: KeyPath, feed: Mapping[str, Any], languages: list[str]) -> Iterator[Problem]:
    texts = {(*key, "title"): feed["title"], (*key, "description"): feed["description"]}
    for name, column in feed["columns"].items():
        texts[(*key, "columns", name, "title")] = column["title"]
    for place, text in texts.items():
        for language in languages:
            if language not in text:
                yield place, f"{to_text((*place, language))} is missing: the tenant's languages include it"
