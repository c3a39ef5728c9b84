"""What is said about a loaded table, in German and English; each sentence once, with places for its facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

LANGUAGES = ("de", "en")
_TEXTS: Mapping[str, tuple[str, str]] = {
    "format": ("Gelesen als {what}.", "Read as {what}."),
    "misnamed": ("Die Datei heißt {name}, ist aber {what}.", "The file is called {name} but is {what}."),
    "headless": (
        "Die erste Zeile sieht nicht nach Überschriften aus; die Spalten heißen column_1, column_2, …",
        "The first line does not look like headings; the columns are called column_1, column_2, …",
    ),
    "preamble": (
        "Ausgelassen: {count} Zeile(n) vor den Überschriften: {text}",
        "Left out: {count} line(s) before the headings: {text}",
    ),
    "footer": ("Ausgelassen: Fußzeile {row}: {text}", "Left out: footer in line {row}: {text}"),
    "surplus": (
        "Ausgelassen: leere Zellen hinter der letzten Spalte in Zeile(n) {rows}",
        "Left out: empty cells behind the last column in line(s) {rows}",
    ),
    "empty_rows": ("Ausgelassen: leere Zeile(n) {rows}", "Left out: empty line(s) {rows}"),
    "sum_row": ("Ausgelassen: Summenzeile {row}: {text}", "Left out: sum row in line {row}: {text}"),
    "empty_column": (
        "Ausgelassen: Spalte {column} ohne Überschrift und ohne Inhalt.",
        "Left out: column {column}, which has neither heading nor content.",
    ),
    "sheets": (
        "Gelesen ist das Blatt {sheet!r}; nicht gelesen: {others}. Mit sheet=… ein anderes wählen.",
        "Read is the sheet {sheet!r}; not read: {others}. Choose another with sheet=….",
    ),
    "from_archive": ("Aus dem Archiv gelesen: {file}.", "Read from the archive: {file}."),
    "joined": (
        "{count} Dateien des Archivs untereinander gesetzt ({first} … {last}); die letzte Spalte sagt, aus welcher "
        "eine Zeile ist, und Zeilen sind durchgezählt.",
        "{count} files of the archive put one below the other ({first} … {last}); the last column says from which "
        "a row is, and lines are counted through.",
    ),
    "without_rows": ("Ohne Zeilen, ausgelassen: {files}", "Without rows, left out: {files}"),
    "in_file": ("{file}: {remark}", "{file}: {remark}"),
    "more_remarks": ("… und {count} weitere Bemerkungen", "… and {count} further remarks"),
    "merged": (
        "{count} verbundene Zelle(n): ihr Wert steht nun in jeder Zelle, die sie bedecken.",
        "{count} merged cell(s): their value now stands in each cell that they cover.",
    ),
    "uncomputed": (
        "{count} Formel(n) ohne gespeichertes Ergebnis fehlen: {cells}. In Excel öffnen, speichern, erneut laden.",
        "{count} formula(s) without a saved result are missing: {cells}. Open in Excel, save, load again.",
    ),
    "second_heading": (
        "Ausgelassen: weitere Kopfzeile {row}: {text}",
        "Left out: further heading in line {row}: {text}",
    ),
    "index": (
        "Der Index des Frames wurde zu den Spalten {names}.",
        "The frame's index became the columns {names}.",
    ),
    "points": (
        "Aus den Punkten wurden die Spalten longitude und latitude (WGS 84).",
        "The points became the columns longitude and latitude (WGS 84).",
    ),
    "shapes": (
        "Die Geometrien stehen als WKT in WGS 84 in der Spalte geometry.",
        "The geometries are WKT in WGS 84 in the column geometry.",
    ),
    # about one column
    "missing_words": (
        "{count} × {words} als fehlend gelesen",
        "{count} × {words} read as missing",
    ),
    "unfit": (
        "{count} Zelle(n) passen nicht und fehlen nun: {words} (Zeilen {rows})",
        "{count} cell(s) do not fit and are missing now: {words} (lines {rows})",
    ),
    "stays_text": (
        "bleibt Text, weil {count} Zelle(n) nicht zu {kind} passen: {words} (Zeilen {rows})",
        "stays text because {count} cell(s) do not fit {kind}: {words} (lines {rows})",
    ),
    "leading_zeros": (
        "bleibt Text, weil Werte mit Nullen beginnen: {words}",
        "stays text because values begin with zeros: {words}",
    ),
    "kept_text": ("bleibt Text wie gewünscht", "stays text as asked"),
    "nothing": ("ohne einen einzigen Wert", "without a single value"),
    "comma": (
        "Komma trennt die Dezimalen, Punkt die Tausender",
        "a comma separates decimals, a point thousands",
    ),
    "comma_guess": (
        "{word} wurde als {value} gelesen (Punkt trennt Tausender, Komma Dezimalen)",
        "{word} was read as {value} (points separate thousands, commas decimals)",
    ),
    "point_guess": (
        "{word} wurde als {value} gelesen (Komma trennt Tausender, Punkt Dezimalen)",
        "{word} was read as {value} (commas separate thousands, points decimals)",
    ),
    "unit": ("Einheit {unit} weggelassen", "unit {unit} taken off"),
    "month_first": ("Monat/Tag/Jahr", "month/day/year"),
    "day_first_guess": (
        "als Tag/Monat/Jahr gelesen, obwohl auch Monat/Tag/Jahr möglich wäre",
        "read as day/month/year, though month/day/year is possible too",
    ),
    "offsets": ("Zeiten mit Abstand zu UTC, gespeichert in UTC", "times with an offset, kept in UTC"),
    "zone_said": (
        "Zeitzone nach der Quelle ({word}), nicht die der Kommune",
        "time zone as the source says ({word}), not the town's",
    ),
    "day_numbers": (
        "Zahlen als Tage gelesen, wie Excel sie zählt ({word} ist {value})",
        "numbers read as days, as Excel counts them ({word} is {value})",
    ),
    "digits": (
        "Ziffern als Zeit gelesen ({word} ist {value})",
        "digits read as a time ({word} is {value})",
    ),
    "local": (
        "Ortszeit {zone}, gespeichert in UTC",
        "local time of {zone}, kept in UTC",
    ),
    "skipped_hour": (
        "{count} Zeit(en) in der Stunde, die im Frühjahr ausfällt, um eine Stunde verschoben (Zeilen {rows})",
        "{count} time(s) in the hour that spring skips, moved by one hour (lines {rows})",
    ),
    "doubled_hour": (
        "doppelte Stunde im Herbst nach der Reihenfolge aufgelöst: {count} Zeit(en) (Zeilen {rows})",
        "autumn's doubled hour told apart by order: {count} time(s) (lines {rows})",
    ),
    "doubtful_hour": (
        "{count} Zeit(en) in der doppelten Stunde im Herbst als Sommerzeit gelesen, "
        "weil die zweite nicht zu erkennen ist (Zeilen {rows})",
        "{count} time(s) in autumn's doubled hour read as summer time, "
        "for nothing tells which is meant (lines {rows})",
    ),
    "winter_time": (
        'sieht nach durchgehender Winterzeit (MEZ) aus; dann mit time_zone="Etc/GMT-1" noch einmal laden',
        'looks like winter time (CET) all year; if it is, load again with time_zone="Etc/GMT-1"',
    ),
    "repeated": (
        "{count} Zeit(en) stehen mehrfach da, alle Zeilen sind erhalten (Zeilen {rows})",
        "{count} time(s) stand there more than once, all rows are kept (lines {rows})",
    ),
    "as_text": ("Werte verschiedener Art als Text abgelegt", "values of several kinds, kept as text"),
    "as_json": ("verschachtelte Werte als JSON abgelegt", "nested values, kept as JSON"),
    "as_float": ("Dezimalzahlen als Gleitkommazahlen", "decimals as floats"),
}


@dataclass(frozen=True)
class Note:
    """One thing to say: which sentence, and its facts."""

    code: str
    facts: Mapping[str, object] = field(default_factory=dict)

    def say(self, language: str) -> str:
        """Return the sentence in German, or in English for every other language."""
        facts = {
            name: fact.say(language) if isinstance(fact, Note) else fact for name, fact in self.facts.items()
        }
        return _TEXTS[self.code][0 if language == "de" else 1].format(**facts)


def note(code: str, **facts: object) -> Note:
    """Return a note; the facts fill the places of its sentence."""
    return Note(code, facts)


def say_rows(rows: Iterable[int], most: int = 8) -> str:
    """Return row numbers as text, neighbours joined: ``3, 7–12, …``."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][1] + 1:
            runs[-1][1] = row
        else:
            runs.append([row, row])
    parts = [str(first) if first == last else f"{first}–{last}" for first, last in runs[:most]]
    return ", ".join([*parts, "…"] if len(runs) > most else parts)


def say_words(words: Iterable[object], most: int = 5) -> str:
    """Return some words in quotation marks, long ones cut."""
    found = list(words)
    shown = [f"„{word if len(word) <= 40 else word[:39] + '…'}“" for word in map(str, found[:most])]
    return ", ".join([*shown, "…"] if len(found) > most else shown)
