"""The addresses of the service, at its socket only: entries in, entries out, and what a person may ask for."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from urbanlab.contract.audit import Entry, decode_entry
from urbanlab.contract.naming import NamingError, split_hub_user
from urbanlab_services.audit.head import DamagedError
from urbanlab_services.audit.index import Question
from urbanlab_services.audit.log import to_moment
from urbanlab_services.audit.schemas import READS
from urbanlab_services.audit.senders import check_source, get_account
from urbanlab_services.audit.writer import Writer
from urbanlab_services.errors import ForbiddenError, InvalidRequestError, UnavailableError
from urbanlab_services.service import BaseHandler

MAX_ENTRIES, MAX_LIMIT = 1000, 1000
MAX_NUMBER = 2**63 - 1  # of a line, as the index counts them


@dataclass(frozen=True)
class Desk:
    """The writer, the one thread in which it works, and who may speak to it."""

    writer: Writer
    thread: ThreadPoolExecutor
    senders: Mapping[str, int]

    async def run(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """Let the writer do something when it is its turn; raise `UnavailableError` where its disk fails it."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self.thread, act, *arguments)
        except (OSError, sqlite3.Error, DamagedError) as error:
            raise UnavailableError(f"The audit log cannot be used: {error}") from error


class AuditHandler(BaseHandler):
    """A handler that knows who asks."""

    def initialize(self, desk: Desk) -> None:
        """Take what the addresses work with."""
        self.desk = desk

    def check_source(self, source: str) -> str:
        """Return the source as which somebody speaks; raise `ForbiddenError`."""
        return check_source(self.desk.senders, get_account(self.request), source)

    def check_operator(self) -> None:
        """Raise `ForbiddenError` for all but the operator's command."""
        self.check_source("operator")

    def read_person(self) -> str:
        """Return the hub user that is asked about; raise `InvalidRequestError`."""
        person = self.get_query_argument("person", "")
        try:
            split_hub_user(person)
        except NamingError as error:
            raise InvalidRequestError(str(error)) from None
        return person


class EventsHandler(AuditHandler):
    """``/events``: entries to write, and those that somebody may see."""

    async def post(self) -> None:
        """Write; answer once they are on disk, with those that were refused."""
        source, entries = _read_entries(self.request.body)
        self.check_source(source)
        self.write_json({"refused": await self.desk.run(self.desk.writer.take, source, entries)})

    async def get(self) -> None:
        """Answer with the newest that fit the question."""
        source = self.check_source(self.get_query_argument("source", ""))
        question, person = self._read_question(READS.get(source, ()))
        self.write_json({"events": await self.desk.run(_find, self.desk.writer, question, person)})

    def _read_question(self, readable: tuple[str, ...]) -> tuple[Question, str]:
        values = {
            name: items[-1].decode("utf-8", "replace") for name, items in self.request.arguments.items()
        }
        asked = values["event"].split(",") if values.get("event") else list(readable)
        if not set(asked) <= set(readable):
            raise ForbiddenError("This service does not read such entries.")
        try:
            question = Question(
                tenant=values.get("tenant"),
                events=asked,
                object=values.get("object", ""),
                outcome=values.get("outcome", ""),
                since=_read_moment(values.get("since", "")),
                until=_read_moment(values.get("until", "")),
                before=min(MAX_NUMBER, int(values["before"])) if values.get("before") else None,
                limit=min(MAX_LIMIT, max(1, int(values.get("limit") or 100))),
            )
        except (ValueError, OverflowError):
            raise InvalidRequestError("The question is not understood.") from None
        return question, values.get("person", "")


class PeopleHandler(AuditHandler):
    """``/people``: all about a person, and making it nobody's; for the operator's command."""

    async def get(self) -> None:
        """Answer with all entries that name the person."""
        self.check_operator()
        self.write_json({"events": await self.desk.run(self.desk.writer.export, self.read_person())})

    async def delete(self) -> None:
        """Make the person unrecognisable."""
        self.check_operator()
        self.write_json({"erased": await self.desk.run(self.desk.writer.erase, self.read_person())})


def _find(writer: Writer, question: Question, person: str) -> list[dict[str, Any]]:
    if not person:
        return writer.find(question)
    pseudonym = writer.people.find_pseudonym(person)
    if pseudonym is None:
        return []
    return writer.find(Question(**{**vars(question), "pseudonym": pseudonym}))


def _read_moment(text: str) -> str:
    return to_moment(datetime.fromisoformat(text)) if text else ""


def _read_entries(body: bytes) -> tuple[str, list[Entry]]:
    try:
        values = json.loads(body)
        entries = [decode_entry(each) for each in values["entries"]]
        source = values["source"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidRequestError("These are no entries.") from None
    if not isinstance(source, str) or len(entries) > MAX_ENTRIES:
        raise InvalidRequestError("These are no entries, or too many.")
    return source, entries
