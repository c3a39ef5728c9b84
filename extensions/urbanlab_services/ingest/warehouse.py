"""The warehouse as ingest sees it: which keys of a feed exist, and inserting rows."""

from __future__ import annotations

import base64
import http.client
import json
from collections import defaultdict
from collections.abc import Collection
from typing import Any
from urllib.parse import urlencode, urlsplit

from urbanlab.contract.naming import check_dataset_name, make_database
from urbanlab.contract.records import Feed
from urbanlab.contract.secrets import Secret
from urbanlab_services.ingest.mapping import Key, Mapping, Row

TIMEOUT_SECONDS = 60


class WarehouseError(Exception):
    """The warehouse did not do what it was asked, or did not say so: look what is there before trying again."""


class Warehouse:
    """Speaks ClickHouse's HTTP interface to the gateway, over one connection that is kept open."""

    def __init__(self, url: str, user: str, password: Secret) -> None:
        parts = urlsplit(url)
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = connect(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        self._credential = base64.b64encode(f"{user}:{password.reveal()}".encode()).decode()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def find_existing(self, tenant: str, feed: Feed, rows: Collection[Row]) -> set[Key]:
        """Return which of the rows' keys the table holds already."""
        months = defaultdict(list)
        for row in rows:
            # One sensor whose clock says 1970 must not make this read the whole table.
            months[row[feed.time][:7]].append(row)
        wanted = {Mapping(feed).to_key(row) for row in rows}
        return {
            key
            for month in months.values()
            for key in self._select_keys(tenant, feed, month)
            if key in wanted
        }

    def insert(self, tenant: str, feed: Feed, rows: Collection[Row]) -> None:
        """Insert the rows; when this returns the warehouse has acknowledged them."""
        columns = ", ".join(_quote(column.name) for column in feed.columns)
        query = f"INSERT INTO {_make_table(tenant, feed)} ({columns}) FORMAT JSONEachRow"
        self._request(query, "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode())

    def list_releases(self) -> list[dict[str, Any]]:
        """Return the datasets that are released as open data."""
        try:
            releases: list[dict[str, Any]] = json.loads(self._send("GET", "/releases", b""))["releases"]
        except (ValueError, KeyError, TypeError) as error:
            raise WarehouseError("the warehouse's list of releases cannot be read") from error
        return releases

    def is_reachable(self) -> bool:
        """Return whether the gateway can work."""
        try:
            self._send("GET", "/readyz", b"")
        except WarehouseError:
            return False
        return True

    def _select_keys(self, tenant: str, feed: Feed, rows: list[Row]) -> list[Key]:
        instants = [row[feed.time] for row in rows]
        query = (
            f"SELECT {', '.join(map(_quote, feed.key))} FROM {_make_table(tenant, feed)} "  # noqa: S608
            f"WHERE {_quote(feed.time)} >= '{min(instants)}' AND {_quote(feed.time)} <= '{max(instants)}' "
            # One JSON document: an answer that was cut short cannot be taken for a whole one.
            "FORMAT JSONCompact"
        )
        try:
            return [tuple(key) for key in json.loads(self._request(query))["data"]]
        except (ValueError, KeyError, TypeError) as error:
            raise WarehouseError("the warehouse's answer is no JSON") from error

    def _request(self, query: str, body: bytes = b"") -> bytes:
        return self._send("POST", f"/?{urlencode({'query': query})}", body)

    def _send(self, method: str, path: str, body: bytes) -> bytes:
        headers = {"Authorization": f"Basic {self._credential}"}
        try:
            self._connection.request(method, path, body=body, headers=headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise WarehouseError(f"the warehouse does not answer ({type(error).__name__})") from error
        if answer.status != 200:
            raise WarehouseError(f"the warehouse answered {answer.status}: {_shorten(content)}")
        return content


def _shorten(content: bytes) -> str:
    return content[:500].decode("utf-8", "replace")


def _quote(name: str) -> str:
    return f"`{check_dataset_name(name)}`"


def _make_table(tenant: str, feed: Feed) -> str:
    return f"`{make_database(tenant)}`.{_quote(feed.name)}"
