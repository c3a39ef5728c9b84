"""What the catalogue says of a dataset beside its columns: subject, owner, area, age, and who uses it."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from urbanlab.session import Session

_LABELS = {
    "de": {
        "publisher": "Herausgeberin",
        "contact": "Kontakt",
        "licence": "Lizenz",
        "keywords": "Schlagworte",
        "theme": "Thema",
        "spatial": "Gebiet",
        "span": "Zeitraum",
        "refresh": "Neues alle",
        "modified": "Zuletzt geschrieben",
        "issued": "Freigegeben",
        "until": "Lesbar bis",
        "sources": "Liest aus",
        "used_by": "Genutzt von",
        "feed": "Strom",
        "workshop": "Kommt aus der Werkstatt der Eigentümerin und kann sich jederzeit ändern.",
    },
    "en": {
        "publisher": "Publisher",
        "contact": "Contact",
        "licence": "Licence",
        "keywords": "Keywords",
        "theme": "Theme",
        "spatial": "Area",
        "span": "Period",
        "refresh": "New every",
        "modified": "Last written",
        "issued": "Released",
        "until": "Readable until",
        "sources": "Reads from",
        "used_by": "Used by",
        "feed": "Stream",
        "workshop": "Comes from the owner's workshop and may change at any time.",
    },
}


@dataclass(frozen=True)
class About:
    """What is known beside the columns; instants are ISO 8601 in UTC, empty where nobody can say.

    Attributes:
        publisher, contact: The owner's title, and whom to ask.
        keywords, theme, spatial: What it is about (a theme of DCAT-AP), and where.
        first, last: The oldest and the youngest record.
        modified: When it was last written.
        issued, until: When it was released, and when it ends by itself.
        feed: The topic that fills it, as `urbanlab.stream` takes it.
        sources, used_by: The tables that a view reads, and the views that read this.
        workshop: Whether it comes from another town's workshop, where it may change at any time.
    """

    publisher: str = ""
    contact: str = ""
    keywords: tuple[str, ...] = ()
    theme: str = ""
    spatial: str = ""
    first: str = ""
    last: str = ""
    modified: str = ""
    issued: str = ""
    until: str = ""
    feed: str = ""
    sources: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()
    workshop: bool = False


def make_about(entry: Mapping[str, Any], session: Session) -> About:
    """Return what an entry of the warehouse's catalogue says, in the session's language."""
    keywords = entry.get("keywords") or {}
    words = keywords.get(session.language) or next(iter(keywords.values()), ())
    texts = ("publisher", "contact", "theme", "spatial", "first", "last", "modified", "until", "feed")
    return About(
        **{name: str(entry.get(name) or "") for name in texts},
        issued=str(entry.get("released_at") or ""),
        keywords=tuple(map(str, words)),
        sources=tuple(entry.get("sources") or ()),
        used_by=tuple(entry.get("used_by") or ()),
        workshop=bool(entry.get("workshop")),
    )


def list_facts(about: About, licence: str, refresh: str, session: Session) -> list[tuple[str, str]]:
    """Return what there is to say, each with its label, in the session's language and time zone."""
    span = [_say(instant, session) for instant in (about.first, about.last) if instant]
    values = {
        "publisher": about.publisher,
        "contact": about.contact,
        "licence": licence,
        "keywords": ", ".join(about.keywords),
        "theme": about.theme,
        "spatial": about.spatial,
        "span": " – ".join(dict.fromkeys(span)),
        "refresh": refresh,
        "modified": _say(about.modified, session),
        "issued": _say(about.issued, session),
        "until": _say(about.until, session),
        "sources": ", ".join(about.sources),
        "used_by": ", ".join(about.used_by),
        "feed": about.feed,
    }
    labels = _labels(session)
    return [(labels[name], value) for name, value in values.items() if value]


def list_warnings(about: About, session: Session) -> list[str]:
    """Return what a reader should know before using it."""
    return [_labels(session)["workshop"]] if about.workshop else []


def say_age(about: About, session: Session) -> str:
    """Return until when there are records, or when it was last written."""
    return _say(about.last or about.modified, session)


def _say(instant: str, session: Session) -> str:
    """Return an instant as people write it where they are: 2026-04-11 17:00."""
    try:
        moment = datetime.datetime.fromisoformat(instant)
        local = moment.astimezone(zoneinfo.ZoneInfo(session.time_zone))
    except (ValueError, OverflowError):
        return ""
    return f"{local:%d.%m.%Y %H:%M}" if session.language == "de" else f"{local:%Y-%m-%d %H:%M}"


def _labels(session: Session) -> Mapping[str, str]:
    return _LABELS.get(session.language, _LABELS["en"])
