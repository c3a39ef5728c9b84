"""Licences of data that the portal knows by name and address."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Licence:
    """How a licence is called, and where its text stands; `url` is empty for one that is not known."""

    title: str
    url: str = ""


_LICENCES = {
    "dl-de/zero-2.0": Licence(
        "Datenlizenz Deutschland – Zero – Version 2.0", "https://www.govdata.de/dl-de/zero-2-0"
    ),
    "dl-de/by-2.0": Licence(
        "Datenlizenz Deutschland – Namensnennung – Version 2.0", "https://www.govdata.de/dl-de/by-2-0"
    ),
    "cc0-1.0": Licence("CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "cc-by-4.0": Licence("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"),
    "odbl-1.0": Licence("ODbL 1.0", "https://opendatacommons.org/licenses/odbl/1-0/"),
}


def make_licence(text: str) -> Licence:
    """Return the licence that `text` names; one that is not known stands there as it was written."""
    return _LICENCES.get(text.strip().lower().replace(" ", "-"), Licence(text))
