"""The languages of the portal's own words: catalogues, and how dates and durations are written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date, format_time
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.units import format_unit

LANGUAGES = {"de": "de_DE", "en": "en_GB"}
DEFAULT = "de"
_CATALOGUES = Path(__file__).parent / "locale"
_DURATION = re.compile(r"P(?:(\d{1,4})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,5})M)?)?")
_UNITS = (("day", 1440), ("hour", 60), ("minute", 1))
_MAX_HEADER = 500


@dataclass(frozen=True)
class Language:
    """One language of the portal."""

    code: str
    gettext: Callable[[str], str]

    @property
    def locale(self) -> Locale:
        """Return Babel's locale."""
        return Locale.parse(LANGUAGES[self.code])

    def to_instant(self, text: str, time_zone: str) -> str:
        """Return an ISO 8601 instant as people write it; what is none is given back as it is."""
        try:
            local = _read_instant(text).astimezone(ZoneInfo(time_zone))
        except (ValueError, OverflowError, ZoneInfoNotFoundError):
            return text
        day = format_date(local, "long", locale=self.locale)
        clock = format_time(local, "HH:mm", locale=self.locale)
        return self.gettext("%(date)s, %(clock)s") % {"date": day, "clock": clock}

    def to_value(self, text: str, kind: str) -> str:
        """Return a value of a parameter as people write it; what is none is given back as it is."""
        try:
            if kind == "date":
                return format_date(date.fromisoformat(text), "medium", locale=self.locale)
            return format_decimal(Decimal(text), locale=self.locale, decimal_quantization=False)
        except (ValueError, ArithmeticError):
            return text

    def to_bytes(self, size: int) -> str:
        """Return a size in words: 1.2 MB."""
        unit, factor = ("megabyte", 1e6) if size >= 1e6 else ("kilobyte", 1e3)
        shown = max(round(size / factor, 1), 0.1)
        return format_unit(shown, f"digital-{unit}", length="short", locale=self.locale)

    def to_duration(self, text: str) -> str:
        """Return an ISO 8601 duration in words: PT1H is one hour; empty for what is none."""
        found = _DURATION.fullmatch(text)
        days, hours, minutes = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
        whole = days * 1440 + hours * 60 + minutes
        # The largest unit that tells it exactly: 90 minutes are not two hours.
        unit, size = next(each for each in _UNITS if whole % each[1] == 0)
        return format_unit(whole // size, f"duration-{unit}", locale=self.locale) if whole else ""


def load_language(code: str) -> Language:
    """Return a language with its catalogue."""
    with (_CATALOGUES / code / "portal.po").open("rb") as file:
        catalogue = read_po(file, locale=code)
    texts = {str(each.id): str(each.string) for each in catalogue if each.id and each.string}
    return Language(code, lambda text: texts.get(text, text))


def choose_language(asked: str, accepted: str) -> str:
    """Return the code of the language to answer in: what the address says, then what the browser prefers."""
    if asked in LANGUAGES:
        return asked
    weighed = [_weigh(part) for part in accepted[:_MAX_HEADER].split(",")]
    known = [(weight, code) for code, weight in weighed if code in LANGUAGES and weight > 0]
    # The first of several that weigh the same is preferred.
    return max(known, key=lambda each: each[0])[1] if known else DEFAULT


def _weigh(part: str) -> tuple[str, float]:
    tag, _, weight = part.partition(";")
    found = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", weight)
    return tag.strip().lower().split("-")[0], float(found[1]) if found else 0.0 if weight else 1.0


def _read_instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
