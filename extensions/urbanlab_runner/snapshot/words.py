"""The few words that a page says by itself, in the languages of public pages."""

from __future__ import annotations

WORDS = {
    "de": {
        "figure": "Abbildung",
        "control": "Auswahl",
        "map": "Karte",
        "diagram": "Diagramm, als Text in der Sprache Mermaid",
        "chart_data": "Daten des Diagramms",
        "chart_not_drawn": "Dieses Diagramm lässt sich hier nicht zeichnen.",
        "audio": "Tonaufnahme",
        "video": "Video",
        "recording_missing": "Diese Aufnahme ist nicht Teil der Seite.",
        "table": "Tabelle",
        "text": "Ausgabe",
        "yes": "ja",
        "no": "nein",
        "none": "–",
        "as_of": "Stand",
        "time": "Zeit",
        "key": "Schlüssel",
        "needs_script": "Hier ist etwas Bewegliches, das JavaScript braucht.",
        "map_needs_script": "Diese Karte braucht JavaScript.",
        "left_out": "Hier ist etwas, das eine Seite nicht zeigen kann:",
        "inactive": "Diese Auswahl wirkt nur in der interaktiven Ansicht.",
        "group": ".",
        "decimal": ",",
    },
    "en": {
        "figure": "Figure",
        "control": "Control",
        "map": "Map",
        "diagram": "Diagram, as text in the language Mermaid",
        "chart_data": "Data of the chart",
        "chart_not_drawn": "This chart cannot be drawn here.",
        "audio": "Sound recording",
        "video": "Video",
        "recording_missing": "This recording is not part of the page.",
        "table": "Table",
        "text": "Output",
        "yes": "yes",
        "no": "no",
        "none": "–",
        "as_of": "As of",
        "time": "Time",
        "key": "Key",
        "needs_script": "Something interactive is here that needs JavaScript.",
        "map_needs_script": "This map needs JavaScript.",
        "left_out": "Something is here that a page cannot show:",
        "inactive": "These controls act only in the interactive view.",
        "group": ",",
        "decimal": ".",
    },
}


def get_words(language: str) -> dict[str, str]:
    """Return the words of a language, in English where we have none in it."""
    return WORDS.get(language, WORDS["en"])


def format_value(value: object, words: dict[str, str]) -> str:
    """Return a value as a reader of this language writes it."""
    if value is None or value == "":
        return words["none"]
    if isinstance(value, bool):
        return words["yes" if value else "no"]
    if isinstance(value, float):
        text = f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
        return text.translate({ord(","): words["group"], ord("."): words["decimal"]})
    if isinstance(value, list | tuple):
        return " – ".join(format_value(each, words) for each in value)
    return str(value)
