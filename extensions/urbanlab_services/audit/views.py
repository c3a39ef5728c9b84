"""Entries as bodies of lines, with pseudonyms for persons, and lines as those may see them who ask."""

from __future__ import annotations

import secrets
from typing import Any

from urbanlab.contract.audit import Entry
from urbanlab_services.audit.chain import Body, Line
from urbanlab_services.audit.people import People
from urbanlab_services.audit.schemas import load_schemas


def make_body(entry: Entry, people: People) -> Body:
    """Return what a line says of an entry: no person's name, and no text of a person's that can be read without.

    The salt keeps a body that was taken away from being guessed by its digest.
    """
    personal = load_schemas()[entry.event].personal
    names = [name for name, kind in personal.items() if kind == "name" and name in entry.data]
    texts = [name for name, kind in personal.items() if kind == "text" and name in entry.data]
    pseudonyms = {name: people.ensure_pseudonym(entry.data[name]) for name in names}
    data = {name: value for name, value in entry.data.items() if name not in pseudonyms}
    body: Body = {"time": entry.time, "salt": secrets.token_hex(16), "people": pseudonyms, "data": data}
    if names and texts:
        # A text belongs to the person who acts, the first that the schema names.
        owner = pseudonyms[names[0]]
        body["sealed"] = {name: [owner, people.seal(owner, str(data.pop(name)))] for name in texts}
    return body


def make_view(line: Line, people: People) -> dict[str, Any]:
    """Return a line for people: with names while they are known, else with pseudonyms."""
    body = line.body or {}
    pseudonyms: dict[str, str] = body.get("people", {})
    names = {name: people.find_person(value) or value for name, value in pseudonyms.items()}
    texts = {name: people.unseal(*value) for name, value in body.get("sealed", {}).items()}
    return {
        "seq": line.seq,
        "time": body.get("time", line.at),
        "event": line.event,
        "tenant": line.tenant,
        "source": line.source,
        "data": {**body.get("data", {}), **names, **{name: text for name, text in texts.items() if text}},
    }
