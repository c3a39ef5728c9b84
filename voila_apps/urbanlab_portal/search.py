"""Finds pages by words and topics, in what a visitor sees of them in a list."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from urbanlab.contract.publications import TOPICS, PublicTenant
from urbanlab_portal.directory import Edition
from urbanlab_portal.errors import ParameterError
from urbanlab_portal.parameters import Question

MAX_TEXT = 100
NAMES = ("q", "topic")
_SPELLINGS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})

Shelf = tuple[PublicTenant, tuple[Edition, ...]]


@dataclass(frozen=True)
class Search:
    """What somebody looks for; `text` as it was typed."""

    text: str = ""
    topic: str = ""

    def __bool__(self) -> bool:
        return bool(self.text or self.topic)


def parse_search(question: Question) -> Search:
    """Return what an address asks a list for; raise `ParameterError` for anything else that it asks for."""
    if not question.values.keys() <= set(NAMES):
        raise ParameterError("a list offers no such choice")
    text, topic = (question.values.get(name, "").strip() for name in NAMES)
    if len(text) > MAX_TEXT or (topic and topic not in TOPICS):
        raise ParameterError("too long, or no topic")
    return Search(text, topic)


def find(search: Search, shelves: Iterable[Shelf]) -> tuple[Shelf, ...]:
    """Return the pages that have the topic and every word, by town; towns without one are left out.

    Words are found within words and however umlauts are spelled: `strasse` finds Königstraße.
    """
    words = fold(search.text).split()
    found = (
        (tenant, tuple(edition for edition in editions if _is_found(search.topic, words, tenant, edition)))
        for tenant, editions in shelves
    )
    return tuple((tenant, editions) for tenant, editions in found if editions)


def list_newest(shelves: Iterable[Shelf], count: int) -> list[tuple[PublicTenant, Edition]]:
    """Return the pages that were released last, the newest first."""
    pairs = [(tenant, edition) for tenant, editions in shelves for edition in editions]
    pairs.sort(key=lambda pair: pair[1].publication.released_at, reverse=True)
    return pairs[:count]


def list_topics(shelves: Iterable[Shelf]) -> tuple[str, ...]:
    """Return the topics that some page has, in the order of `TOPICS`."""
    used = {topic for _, editions in shelves for each in editions for topic in each.publication.topics}
    return tuple(topic for topic in TOPICS if topic in used)


def fold(text: str) -> str:
    """Return a text so that what people take for the same compares as the same.

    >>> fold("Müller, MUELLER, Café")
    'mueller, mueller, cafe'
    """
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_SPELLINGS)
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(letter)
    )


def _is_found(topic: str, words: list[str], tenant: PublicTenant, edition: Edition) -> bool:
    publication = edition.publication
    if topic and topic not in publication.topics:
        return False
    names = (name for code in publication.topics if code in TOPICS for name in TOPICS[code].values())
    text = fold(" ".join((publication.title, publication.summary, publication.source, tenant.title, *names)))
    return all(word in text for word in words)
