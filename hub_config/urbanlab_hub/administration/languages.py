"""The languages of the page: tornado's translations, and how amounts are written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from tornado import locale
from tornado.locale import Locale

LANGUAGES = ("de", "en")
DEFAULT = "de"
_LOCALE = Path(__file__).parent / "locale"
_FORMATS = {"de": "{:%d.%m.%Y, %H:%M}", "en": "{:%d %b %Y, %H:%M}"}
_UNITS = (
    ("{count} day", "{count} days", timedelta(days=1)),
    ("{count} hour", "{count} hours", timedelta(hours=1)),
    ("{count} minute", "{count} minutes", timedelta(minutes=1)),
)


def load_languages() -> None:
    """Read the translations; the texts of the templates are English."""
    locale.load_translations(str(_LOCALE), "utf-8")
    locale.set_default_locale(DEFAULT)


@dataclass(frozen=True)
class Words:
    """The words of one language."""

    locale: Locale

    @property
    def code(self) -> str:
        """The language, as HTML names it."""
        return self.locale.code[:2]

    def t(self, text: str, **values: Any) -> str:
        """Return a text, `values` put into its places; without any it may be anybody's."""
        translated = self.locale.translate(text)
        return translated.format(**values) if values else translated

    def n(self, singular: str, plural: str, count: int) -> str:
        """Return a text with a number, in the form that fits the number."""
        return self.locale.translate(singular, plural, count).format(count=count)

    def age(self, age: timedelta) -> str:
        """Return a span of time in the largest unit that fits."""
        for singular, plural, unit in _UNITS:
            if count := age // unit:
                return self.n(singular, plural, count)
        return self.t("under a minute")

    def size(self, megabytes: float) -> str:
        """Return an amount of memory or disk."""
        if megabytes < 1000:
            return f"{megabytes:.0f} MB"
        text = f"{megabytes / 1024:.1f}".removesuffix(".0")
        return f"{text.replace('.', ',') if self.code == 'de' else text} GB"

    def number(self, value: float) -> str:
        """Return a number without zeros behind it."""
        text = f"{value:g}"
        return text.replace(".", ",") if self.code == "de" else text

    def instant(self, text: str, zone: tzinfo) -> str:
        """Return an ISO 8601 instant as people write it where they live."""
        return _FORMATS[self.code].format(datetime.fromisoformat(text).astimezone(zone))
