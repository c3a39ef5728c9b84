"""The time zone that a source names itself: in a heading, or in the lines above its table."""

from __future__ import annotations

import re

# A clock that is never put forward is an hour from UTC all year.
_ZONES = {"UTC": "UTC", "GMT": "UTC", "MEZ": "Etc/GMT-1", "CET": "Etc/GMT-1"}
_WORDS = re.compile(r"(?<![A-Za-z])(UTC|GMT|MEZ|CET|MESZ|CEST)(?![A-Za-z])(?!\s*[+-]\s*\d)", re.IGNORECASE)


def find_zone(text: str) -> tuple[str, str] | None:
    """Return the word and the time zone that it means, or `None` where none or several are named.

    >>> find_zone("datetime_utc"), find_zone("Zeitbezug: MEZ"), find_zone("MEZ / MESZ")
    (('utc', 'UTC'), ('MEZ', 'Etc/GMT-1'), None)
    """
    words = _WORDS.findall(text)
    zones = {_ZONES.get(word.upper()) for word in words}
    if len(zones) != 1 or None in zones:
        return None
    return words[0], str(zones.pop())
