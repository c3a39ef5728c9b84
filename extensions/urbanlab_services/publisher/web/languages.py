"""The languages of the pages: each English sentence of templates and errors with its German one, and times."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

LANGUAGES = ("de", "en")
DEFAULT = "de"
_LOCALE = Path(__file__).parent / "locale"
_PLACE = re.compile(r"\\\{(\w+)\\\}")
_FORMATS = {"de": "{:%d.%m.%Y, %H:%M}", "en": "{:%d %b %Y, %H:%M}"}
_DAYS = {"de": "{:%d.%m.%Y}", "en": "{:%d %b %Y}"}
_MAX_HEADER = 500


@dataclass(frozen=True)
class Language:
    """One language; `texts` maps the English sentences, with places as ``{name}``, to its own."""

    code: str
    texts: dict[str, str] = field(default_factory=dict)
    patterns: tuple[tuple[re.Pattern[str], str], ...] = ()

    def t(self, text: str, **values: Any) -> str:
        """Return a sentence of a template, `values` put into its places."""
        return self.texts.get(text, text).format(**values)

    def translate(self, message: str) -> str:
        """Return a finished sentence, as an error has it; what is not known stays English."""
        if message in self.texts:
            return self.texts[message]
        for pattern, translated in self.patterns:
            if hit := pattern.fullmatch(message):
                return translated.format(
                    **{name: self._word(value) for name, value in hit.groupdict().items()}
                )
        return message

    def instant(self, text: str, time_zone: str) -> str:
        """Return an ISO 8601 instant as people write it where they live."""
        return _FORMATS[self.code].format(datetime.fromisoformat(text).astimezone(ZoneInfo(time_zone)))

    def day(self, text: str) -> str:
        """Return an ISO 8601 day as people write it."""
        return _DAYS[self.code].format(date.fromisoformat(text))

    def age(self, text: str, now: datetime | None = None) -> str:
        """Return how long ago an instant was, in the largest unit that fits."""
        seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(text)).total_seconds()
        for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
            if (count := int(seconds // length)) >= 1:
                return self.t(f"{{count}} {unit if count > 1 else unit[:-1]} ago", count=count)
        return self.t("just now")

    def _word(self, value: str) -> str:
        words = value.split(" or ")
        found = [self.texts.get(word, word) for word in words]
        return f" {self.texts.get('or', 'or')} ".join(found)


def load_language(code: str) -> Language:
    """Return a language with its sentences."""
    path = _LOCALE / f"{code}.json"
    texts: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return Language(code, texts, tuple(_make_patterns(texts)))


def load_languages() -> dict[str, Language]:
    """Return all of them by code; English is what the templates say."""
    return {code: load_language(code) for code in LANGUAGES}


def choose_language(asked: str, remembered: str, accepted: str) -> str:
    """Return the code of the language to answer in: as the address says, as said before, as the browser prefers."""
    for code in (asked, remembered):
        if code in LANGUAGES:
            return code
    weighed = [_weigh(part) for part in accepted[:_MAX_HEADER].split(",")]
    known = [(weight, code) for code, weight in weighed if code in LANGUAGES and weight > 0]
    return max(known, key=lambda each: each[0])[1] if known else DEFAULT


def _weigh(part: str) -> tuple[str, float]:
    tag, _, weight = part.partition(";")
    found = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", weight)
    return tag.strip().lower().split("-")[0], float(found[1]) if found else 0.0 if weight else 1.0


def _make_patterns(texts: dict[str, str]) -> list[tuple[re.Pattern[str], str]]:
    # The longest first: `Version {version}` would take every sentence that begins so.
    longest = sorted((text for text in texts if "{" in text), key=len, reverse=True)
    return [
        (re.compile(_PLACE.sub(r"(?P<\1>.+)", re.escape(text)), re.DOTALL), texts[text]) for text in longest
    ]
