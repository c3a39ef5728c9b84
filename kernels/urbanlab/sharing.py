"""Asking that a partner may read a dataset: `urbanlab.share`. A gatekeeper decides, in the browser."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from urbanlab import html
from urbanlab.datasets import Dataset
from urbanlab.errors import PublishError
from urbanlab.publisher_client import ask
from urbanlab.session import Session, current_session

_TEXTS = {
    "de": {
        "requested": "wartet auf die Entscheidung",
        "refused": "abgelehnt",
        "offered": "freigegeben, wartet auf die Annahme des Partners",
        "declined": "vom Partner abgelehnt",
        "releasing": "freigegeben, noch nicht im Warehouse",
        "released": "geteilt",
        "withdrawing": "zurückgezogen, noch nicht im Warehouse",
        "withdrawn": "zurückgezogen",
        "expired": "abgelaufen",
        "replaced": "durch andere Bedingungen abgelöst",
        "headings": ("Datensatz", ""),
        "with": "Für",
        "columns": "Spalten",
        "where": "Zeilen",
        "until": "Bis",
        "reason": "Begründung",
        "see": "Ansehen und entscheiden",
    },
    "en": {
        "requested": "waits for a decision",
        "refused": "refused",
        "offered": "released, waits for the partner to accept",
        "declined": "declined by the partner",
        "releasing": "released, not yet in the warehouse",
        "released": "shared",
        "withdrawing": "withdrawn, not yet in the warehouse",
        "withdrawn": "withdrawn",
        "expired": "over",
        "replaced": "replaced by other terms",
        "headings": ("Dataset", ""),
        "with": "For",
        "columns": "Columns",
        "where": "Rows",
        "until": "Until",
        "reason": "Reason",
        "see": "See it and decide",
    },
}


class ShareRequest:
    """A request that a partner may read a dataset; shows itself, and `update` looks how far it is.

    Attributes:
        id: Its name at the publisher.
        state: ``requested``, ``refused``, ``offered`` (waits for the partner), ``declined``, ``released``,
            ``withdrawn``, ``expired``, …
        table: What is shared.
        partner: With whom.
        where: The row filter as the warehouse writes it, or an empty text.
        until: When it ends (ISO 8601, UTC), or an empty text.
        url: The publisher's page, where a gatekeeper decides.
    """

    def __init__(self, session: Session, model: Mapping[str, Any]) -> None:
        self._session = session
        self._take(model)

    def _take(self, model: Mapping[str, Any]) -> None:
        self.id, self.state, self.url = (str(model[name]) for name in ("id", "state", "url"))
        self.table, self.partner = str(model["table"]), str(model["partner"])
        self.where, self.until, self.reason = (str(model[name]) for name in ("where", "until", "reason"))
        self.columns = tuple(map(str, model["columns"]))

    def update(self) -> ShareRequest:
        """Look how far it is now, and return this request."""
        requests = ask(self._session, "GET", "data-releases")["requests"]
        self._take(next(model for model in requests if model["id"] == self.id))
        return self

    def _make_rows(self) -> list[tuple[str, str]]:
        texts: Mapping[str, Any] = _TEXTS.get(self._session.language, _TEXTS["de"])
        rows = [(self.table, texts.get(self.state, self.state)), (texts["with"], self.partner)]
        given = {"columns": ", ".join(self.columns), "where": self.where, "until": self.until}
        rows += [(texts[name], value) for name, value in {**given, "reason": self.reason}.items() if value]
        return [*rows, (texts["see"], self.url)]

    def _headings(self) -> Sequence[str]:
        headings: Sequence[str] = _TEXTS.get(self._session.language, _TEXTS["de"])["headings"]
        return headings

    def __repr__(self) -> str:
        return html.plain_table(self._headings(), self._make_rows(), width=200)

    def _repr_html_(self) -> str:
        return html.table(self._headings(), self._make_rows())


def share(
    name: str | Dataset,
    with_tenant: str,
    *,
    until: str | datetime.date | None = None,
    columns: Sequence[str] = (),
    where: str = "",
    title: str | Mapping[str, str] = "",
    description: str | Mapping[str, str] = "",
    licence: str = "",
    note: str = "",
) -> ShareRequest:
    """Ask that another town may read one of your datasets, or a part of it.

    Nothing is shared by this: a gatekeeper of your town, who must not be you, decides in the browser, and somebody
    there accepts. The partner reads what you have from then on, also what comes later, until it ends.

    Args:
        name: A dataset of your town or a table of its workshop: ``footfall``, ``lab_herford.plots``.
        with_tenant: The partner's id, ``nachbarstadt``. Nobody tells whether there is such a town here.
        until: The last day, ``"2026-12-31"`` or a date; a time of a day too. It ends by itself.
        columns: Which columns; all if left out.
        where: Which rows: a condition over the dataset's own columns, ``"persons > 0"``; all if left out.
        title: What it is called, for the partner: a text, or a text for ``de`` and ``en``.
        description: What it is, likewise.
        licence: On what terms; ``dl-de/zero-2.0`` if left out.
        note: For your gatekeeper: why.

    Returns:
        A `ShareRequest`: its state, and the page where it is decided.

    Raises:
        PublishError: it cannot be asked for; the sentence says why.
        SessionError: outside of Urban Lab.

    Example:
        >>> ul.share("footfall", "nachbarstadt", until="2026-12-31", columns=["sensor", "observed_at", "persons"])
    """
    if isinstance(columns, str):
        raise PublishError(f"columns takes a list: columns=[{columns!r}].")
    values = {
        "dataset": name.table if isinstance(name, Dataset) else name,
        "partner": with_tenant,
        "until": until.isoformat() if isinstance(until, datetime.date) else until or "",
        "columns": list(columns),
        "where": where,
        "title": _to_plain(title),
        "description": _to_plain(description),
        "licence": licence,
        "note": note,
    }
    if not with_tenant:
        raise PublishError('With whom? Give the partner\'s id: ul.share("footfall", "nachbarstadt").')
    session = current_session()
    return ShareRequest(
        session, ask(session, "POST", "data-releases", {key: value for key, value in values.items() if value})
    )


def _to_plain(text: str | Mapping[str, str]) -> str | dict[str, str]:
    return dict(text) if isinstance(text, Mapping) else text
