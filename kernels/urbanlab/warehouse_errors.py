"""The warehouse's errors, translated into sentences that say what to do."""

from __future__ import annotations

import re

from urbanlab import errors

_CODE = re.compile(r"\bCode:\s*(\d+)")
_NOISE = (
    re.compile(r"^.*?DB::Exception:\s*", re.DOTALL),
    re.compile(r"\s*\(version (?:[^()]|\([^()]*\))*\)"),
    re.compile(r"\s*\(for url [^)]*\)"),
    re.compile(r"\s*\([A-Z][A-Z_]+\)\s*$"),
    re.compile(r"\bStack trace:.*", re.DOTALL),
)
_POSITION = re.compile(
    r"failed at position (\d+)(?:\s*\((.*?)\))?(?:\s*\(line (\d+), col (\d+)\))?", re.DOTALL
)
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")

_LIMITS = {
    158: "it reads or returns more rows than allowed",
    159: "it ran longer than allowed",
    160: "it would run longer than allowed",
    191: "a set in it grew larger than allowed",
    201: "this tenant's quota for the hour is used up",
    202: "too many queries of this tenant run at once",
    241: "it needs more memory than allowed",
    307: "it reads or returns more bytes than allowed",
    396: "its answer is larger than allowed",
}
_LIMIT_ADVICE = (
    "Narrow it down: a shorter time in WHERE, fewer columns, count or average in the query, or LIMIT."
)
_DENIED = {164, 291, 392, 452, 497}
_UNKNOWN_TABLE = {60, 81}
_UNKNOWN_COLUMN = {16, 47}
_PARAMETER = {456, 457}
# The gateway says with it that the engine is away, or was restarted in the middle of a change.
_NETWORK = {209, 210}
_AUTHENTICATION = {193, 194, 516}


def translate(error: Exception, sql: str = "") -> errors.UrbanlabError:
    """Return what `error`, raised while `sql` was asked, means for an analyst."""
    text = _TOKEN.sub("…", str(error))
    found = _CODE.search(text)
    if found is None:
        return _translate_transport(error, text)
    code, message = int(found[1]), _clean(text)
    if code == 62:
        return errors.QuerySyntaxError(_explain_syntax(message, sql), code)
    if code in _LIMITS:
        return errors.LimitError(
            f"The query was stopped: {_LIMITS[code]}. {_LIMIT_ADVICE}\nThe warehouse says: {message}", code
        )
    for codes, kind, lead in _KINDS:
        if code in codes:
            return kind(f"{lead}{message}", code)
    if code in _AUTHENTICATION:
        return errors.SessionError("The warehouse no longer knows this session: log in again.")
    return errors.WarehouseError(f"The warehouse could not do it: {message}", code)


_KINDS: tuple[tuple[set[int], type[errors.WarehouseError], str], ...] = (
    (_DENIED, errors.AccessDeniedError, "Your role may not do this: "),
    (_UNKNOWN_TABLE, errors.UnknownTableError, ""),
    (_NETWORK, errors.WarehouseDownError, ""),
    (_UNKNOWN_COLUMN, errors.UnknownColumnError, "A name in the query is not known: "),
    (_PARAMETER, errors.ParameterError, "A parameter does not fit: "),
)


def _clean(text: str) -> str:
    for noise in _NOISE:
        text = noise.sub("", text)
    return text.strip()


def _explain_syntax(message: str, sql: str) -> str:
    """Return the line that is wrong with a mark below the place, then what the parser expected."""
    found = _POSITION.search(message)
    if found is None or not sql:
        return f"The query is no valid SQL: {message}"
    # The warehouse counts bytes from 1.
    before = sql.encode()[: int(found[1]) - 1].decode("utf-8", "ignore")
    line_number = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1)
    line = sql.split("\n")[line_number - 1]
    expected = re.search(r"Expected (?:one of: )?(.+)", message, re.DOTALL)
    hint = f"\nExpected here: {expected[1].strip()[:200]}" if expected else ""
    return f"The query is no valid SQL, line {line_number}:\n  {line}\n  {' ' * column}^{hint}"


def _translate_transport(error: Exception, text: str) -> errors.UrbanlabError:
    if re.search(r"\b(401|403)\b|[Aa]uthenticat", text):
        return errors.SessionError("The warehouse no longer knows this session: log in again.")
    if re.search(r"[Tt]imed? ?out", text):
        return errors.WarehouseDownError(
            "The warehouse took too long to answer. Try again, or ask for less at once."
        )
    if re.search(r"refused|reset|aborted|[Rr]emote|NewConnection|IncompleteRead|\b50[234]\b", text):
        return errors.WarehouseDownError(
            "The warehouse does not answer at the moment, it may be restarting. Try again in a few seconds."
        )
    if type(error).__name__.startswith("Arrow"):
        return errors.WarehouseError(
            "The answer cannot be read as a table. If the query ends in FORMAT …, leave that out; "
            "for anything but tables use ul.client()."
        )
    return errors.WarehouseError(f"The warehouse could not do it: {text}")
