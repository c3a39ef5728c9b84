"""A released dataset as it is kept: a view of the open data, what was said of it in the view's comment.

The engine's own disk is the only memory, so that a release and what is known of it cannot drift apart.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from urbanlab.contract.naming import (
    OPEN_DATABASE,
    NamingError,
    check_dataset_name,
    check_tenant_id,
    make_database,
    make_foreign_table,
    make_lab_database,
)
from urbanlab.contract.records import Text
from urbanlab_services.warehouse.errors import BAD_REQUEST, WarehouseError
from urbanlab_services.warehouse.inventory import Table

MAX_TITLE, MAX_TEXT = 200, 4000
_LANGUAGE = re.compile(r"[a-z]{2}")
_ASKED = ("table", "title", "description", "licence", "released_by")
_KEPT = frozenset({*_ASKED, "released_at"})


@dataclass(frozen=True)
class Release:
    """Whose dataset was released from which table, by whom and when, and what the city says of it."""

    tenant: str
    dataset: str
    table: str  # what is behind it, with its database
    title: Text
    description: Text
    licence: str
    released_by: str
    released_at: str

    @property
    def view(self) -> str:
        """Its name in SQL."""
        return make_view(self.tenant, self.dataset)

    @property
    def feed(self) -> str:
        """The table of the tenant's own data that it shows, or nothing for one of the workshop."""
        database, _, name = self.table.partition(".")
        return name if database == make_database(self.tenant) else ""

    def to_comment(self) -> str:
        """Return what the view's comment says."""
        return json.dumps({name: value for name, value in asdict(self).items() if name in _KEPT})


def make_view(tenant: str, dataset: str) -> str:
    """Return the view of a released dataset, with its database; raise `NamingError` for names that none has."""
    return f"{OPEN_DATABASE}.{make_foreign_table(tenant, dataset)}"


def find_release(view: Table) -> Release | None:
    """Return the release that a view of the open data is, or None for what nobody released."""
    tenant, _, dataset = view.name.partition("__")
    try:
        kept = json.loads(view.comment)
        return Release(tenant=check_tenant_id(tenant), dataset=check_dataset_name(dataset), **kept)
    except (ValueError, TypeError):
        return None


def parse_release(tenant: str, dataset: str, body: bytes, now: str) -> Release:
    """Return the release that is asked for; raise `WarehouseError` saying what is wrong with it."""
    try:
        check_tenant_id(tenant)
        check_dataset_name(dataset)
        values = json.loads(body)
    except NamingError as error:
        raise _refuse(str(error)) from None
    except (ValueError, RecursionError):
        raise _refuse("The body is no JSON") from None
    if not isinstance(values, dict) or set(values) != set(_ASKED):
        raise _refuse(f"The body is an object with {', '.join(_ASKED)}")
    release = Release(
        tenant=tenant,
        dataset=dataset,
        table=_check_table(tenant, values["table"]),
        title=_check_texts("title", values["title"], MAX_TITLE),
        description=_check_texts("description", values["description"], MAX_TEXT),
        licence=_check_text("licence", values["licence"], MAX_TITLE),
        released_by=_check_text("released_by", values["released_by"], MAX_TITLE),
        released_at=now,
    )
    if not any(release.title.values()) or not release.licence or not release.released_by:
        raise _refuse("A release has a title, a licence and somebody who released it")
    return release


def _check_table(tenant: str, value: Any) -> str:
    table = _check_text("table", value, MAX_TITLE)
    database, _, name = table.partition(".")
    if database not in (make_database(tenant), make_lab_database(tenant)) or not name:
        raise _refuse("A tenant releases tables of its own data or its workshop only")
    return table


def _check_texts(name: str, value: Any, longest: int) -> Text:
    if not isinstance(value, dict) or not all(_LANGUAGE.fullmatch(str(language)) for language in value):
        raise _refuse(f"{name} is an object with a text for each language")
    return {language: _check_text(name, text, longest) for language, text in value.items()}


def _check_text(name: str, value: Any, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise _refuse(f"{name} is a text of at most {longest} characters")
    return value


def _refuse(sentence: str) -> WarehouseError:
    return WarehouseError(BAD_REQUEST, sentence)
