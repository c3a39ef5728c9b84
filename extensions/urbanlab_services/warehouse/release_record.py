"""A released dataset as it is kept: a view for everybody or for one partner, what was said of it in its comment.

The engine's own disk is the only memory, so that a release and what is known of it cannot drift apart.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from urbanlab.contract.naming import (
    FOREIGN_MARK,
    OPEN_DATABASE,
    SHARED_PREFIX,
    NamingError,
    check_dataset_name,
    check_tenant_id,
    make_database,
    make_foreign_table,
    make_lab_database,
    make_shared_database,
)
from urbanlab.contract.records import Text
from urbanlab_services.warehouse.errors import BAD_REQUEST, WarehouseError
from urbanlab_services.warehouse.inventory import Table

MAX_TITLE, MAX_TEXT = 200, 4000
_LANGUAGE = re.compile(r"[a-z]{2}")
MAX_COLUMNS = 1000
_NEEDED = ("table", "title", "description", "licence", "released_by")
_ASKED = (*_NEEDED, "columns", "where", "until")
_KEPT = frozenset({*_ASKED, "released_at", "notes", "is_of_view"})


@dataclass(frozen=True)
class Release:
    """Whose dataset was released from which table, to whom, by whom and when, and what the city says of it."""

    tenant: str
    dataset: str
    table: str  # what is behind it, with its database
    title: Text
    description: Text
    licence: str
    released_by: str
    released_at: str
    partner: str = ""  # the tenant that may read it; everybody where there is none
    columns: tuple[str, ...] = ()  # what of it may be read; all where there are none
    where: str = ""  # which rows, an expression over its columns; all if empty
    until: str = ""  # when it ends by itself, an instant in UTC; never if empty
    notes: str = ""  # what its owner's people had noted of the table then, as `table_notes` reads it
    is_of_view: bool = False  # what it shows is a view's text

    @property
    def view(self) -> str:
        """Its name in SQL."""
        return make_view(self.tenant, self.dataset, self.partner)

    @property
    def feed(self) -> str:
        """The table of the tenant's own data that it shows, or nothing for one of the workshop."""
        database, _, name = self.table.partition(".")
        return name if database == make_database(self.tenant) else ""

    def to_comment(self) -> str:
        """Return what the view's comment says."""
        return json.dumps({name: value for name, value in asdict(self).items() if name in _KEPT})


def make_view(tenant: str, dataset: str, partner: str = "") -> str:
    """Return the view of a released dataset, with its database; raise `NamingError` for names that none has."""
    if partner == tenant:
        raise NamingError(f"{tenant} has its data already; name another tenant")
    database = make_shared_database(partner) if partner else OPEN_DATABASE
    return f"{database}.{make_foreign_table(tenant, dataset)}"


def find_release(view: Table) -> Release | None:
    """Return the release that a view is, or None for what nobody released."""
    tenant, _, dataset = view.name.partition(FOREIGN_MARK)
    try:
        kept = json.loads(view.comment)
        return Release(
            tenant=check_tenant_id(tenant),
            dataset=check_dataset_name(dataset),
            partner=view.database.removeprefix(SHARED_PREFIX) if view.database != OPEN_DATABASE else "",
            **{**kept, "columns": tuple(kept.get("columns", ()))},
        )
    except (ValueError, TypeError, AttributeError):
        return None


def parse_release(tenant: str, dataset: str, partner: str, body: bytes, now: str) -> Release:
    """Return the release that is asked for; raise `WarehouseError` saying what is wrong with it."""
    try:
        make_view(tenant, dataset, partner)
        values = json.loads(body)
    except NamingError as error:
        raise _refuse(str(error)) from None
    except (ValueError, RecursionError):
        raise _refuse("The body is no JSON") from None
    if not isinstance(values, dict) or not set(_NEEDED) <= set(values) <= set(_ASKED):
        raise _refuse(
            f"The body is an object with {', '.join(_NEEDED)}; it may have columns, where and until"
        )
    release = Release(
        tenant=tenant,
        dataset=dataset,
        table=_check_table(tenant, values["table"]),
        title=_check_texts("title", values["title"], MAX_TITLE),
        description=_check_texts("description", values["description"], MAX_TEXT),
        licence=_check_text("licence", values["licence"], MAX_TITLE),
        released_by=_check_text("released_by", values["released_by"], MAX_TITLE),
        released_at=now,
        partner=partner,
        columns=_check_columns(values.get("columns", ())),
        where=_check_text("where", values.get("where", ""), MAX_TEXT),
        until=_check_until(values.get("until", ""), now),
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


def _check_columns(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > MAX_COLUMNS:
        raise _refuse(f"columns is a list of at most {MAX_COLUMNS} names")
    names = tuple(_check_text("columns", name, MAX_TITLE) for name in value)
    if len(set(names)) < len(names):
        raise _refuse("columns names each column once")
    return names


def _check_until(value: Any, now: str) -> str:
    text = _check_text("until", value, MAX_TITLE)
    if not text:
        return ""
    try:
        until = datetime.fromisoformat(text)
        is_over = until <= datetime.fromisoformat(now)
    except (ValueError, TypeError):
        raise _refuse("until is an instant with its zone, like 2026-12-31T23:00:00+00:00") from None
    if is_over:
        raise _refuse("until is over already")
    return until.astimezone(UTC).isoformat(timespec="seconds")


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
