"""The frame around every page: Jinja2 templates in the portal's languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from urbanlab.contract.colours import lighten
from urbanlab.contract.page_data import FORMATS
from urbanlab.contract.publications import TOPICS
from urbanlab.contract.ranges import find_limits, find_today
from urbanlab_portal.homes import Homes
from urbanlab_portal.languages import LANGUAGES, Language, load_language
from urbanlab_portal.licences import make_licence
from urbanlab_portal.parameters import make_query
from urbanlab_portal.statics import Statics

FORMAT_NAMES = {"csv": "CSV", "xlsx": "Excel", "geojson": "GeoJSON", "parquet": "Parquet"}
DARK_GROUND = "#18211e"  # --paper of portal.css in the dark
_TEMPLATES = Path(__file__).parent / "templates"
_NAMES = {"de": "Deutsch", "en": "English"}  # each in its own language


class Layout:
    """Renders templates; everything is escaped but the content of a page."""

    def __init__(self, statics: Statics, homes: Homes, takes_reports: bool = False) -> None:
        self.statics = statics
        self._environments = {
            code: _make_environment(load_language(code), statics, homes) for code in LANGUAGES
        }
        for environment in self._environments.values():
            environment.globals["takes_reports"] = takes_reports

    def render(self, template: str, language: str, asked: str = "", **values: Any) -> bytes:
        """Return a page in `language`; `asked` is the language that its address names, for the links on it."""
        context = {
            "asked": asked,
            "choices": {},
            "tenant": None,
            "is_preview": False,
            "query": make_query({}, asked),
            "languages": [(code, _NAMES[code]) for code in LANGUAGES],
            **values,
        }
        return self._environments[language].get_template(template).render(context).encode()


def _make_environment(language: Language, statics: Statics, homes: Homes) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        language.gettext,
        lambda one, many, number: language.gettext(one if number == 1 else many),
        newstyle=True,
    )
    environment.filters |= {
        "instant": language.to_instant,
        "duration": language.to_duration,
        "value": language.to_value,
        "licence": make_licence,
        "contact": make_contact_url,
        "in_language": choose_text,
        "bytes": language.to_bytes,
        "sum_pages": lambda shelves: sum(len(editions) for _, editions in shelves),
        "lightened": lambda colour: lighten(colour, DARK_GROUND),
    }
    environment.globals |= {
        "language": language,
        "static": statics.make_url,
        "bundle": statics.list_bundle,
        "make_query": make_query,
        "find_limits": lambda parameter: find_limits(parameter, find_today()),
        "make_url": homes.make_url,
        "formats": FORMATS,
        "format_names": FORMAT_NAMES,
        "topic_names": {code: names[language.code] for code, names in TOPICS.items()},
    }
    return environment


def choose_text(texts: dict[str, str], *languages: str) -> str:
    """Return the text in the first of the languages that it is written in, else in any."""
    return next((texts[code] for code in languages if texts.get(code)), next(iter(texts.values()), ""))


def make_contact_url(text: str) -> str:
    """Return where a contact leads: a mail address or a page; empty for what is neither."""
    if text.startswith(("https://", "http://")):
        return text
    if "@" in text and not any(character in text for character in " ?&<>\"'"):
        return f"mailto:{text}"
    return ""
