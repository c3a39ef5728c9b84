"""The allow-lists of the policy: functions, table functions, table engines, formats, settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources

_SUFFIXES = re.compile(
    r"(if|array|map|state|simplestate|merge|foreach|distinct|ordefault|ornull|resample|argmin|argmax|null|tuple)$"
)


def _read_names(file: str) -> frozenset[str]:
    text = resources.files("urbanlab_services.warehouse").joinpath(file).read_text(encoding="utf-8")
    return frozenset(" ".join(line for line in text.splitlines() if not line.startswith("#")).split())


ALLOWED_FUNCTIONS = _read_names("functions_allowed.txt")
REFUSED_FUNCTIONS = _read_names("functions_refused.txt")

# Functions whose right side may be a table written as a plain identifier.
IN_FUNCTIONS = frozenset(
    prefix + name + suffix
    for prefix in ("", "global")
    for name in ("in", "notin", "nullin", "notnullin")
    for suffix in ("", "ignoreset")
)
# Functions that take the name of the function they call as text, and types that name one.
CALLING_FUNCTIONS = frozenset({"arrayreduce", "arrayreduceinranges", "initializeaggregation"})
AGGREGATE_TYPES = frozenset({"aggregatefunction", "simpleaggregatefunction"})
# Those that call a function which is named without brackets, as in arrayMap(upper, …), begin like this.
HIGHER_ORDER = ("array", "map")
TABLE_FUNCTIONS = frozenset(
    {
        *("numbers", "numbers_mt", "zeros", "zeros_mt", "generateseries", "generate_series", "primes"),
        *("values", "sqlstandardvalues", "null", "view", "generaterandom"),
    }
)
TABLE_ENGINES = frozenset(
    {
        *("MergeTree", "ReplacingMergeTree", "SummingMergeTree", "AggregatingMergeTree"),
        *("CollapsingMergeTree", "VersionedCollapsingMergeTree", "CoalescingMergeTree", "Null"),
    }
)
CODECS = frozenset(
    {
        "codec",
        "none",
        "lz4",
        "lz4hc",
        "zstd",
        "delta",
        "doubledelta",
        "gorilla",
        "t64",
        "fpc",
        "gcd",
        "default",
    }
)
INDEX_TYPES = frozenset({"minmax", "set", "bloom_filter", "ngrambf_v1", "tokenbf_v1"})

# Formats that carry nothing but rows: none reads a schema from a file or an address.
TEXT_FORMATS = frozenset(
    {
        *("CSV", "CSVWithNames", "CSVWithNamesAndTypes"),
        *("TSV", "TSVWithNames", "TSVWithNamesAndTypes", "TSVRaw", "TabSeparated", "TabSeparatedRaw"),
        *("TabSeparatedWithNames", "TabSeparatedWithNamesAndTypes", "TabSeparatedRawWithNames"),
        *("JSON", "JSONCompact", "JSONColumns", "JSONCompactColumns", "JSONColumnsWithMetadata"),
        *("JSONEachRow", "JSONLines", "NDJSON", "JSONCompactEachRow", "JSONCompactEachRowWithNames"),
        *("JSONCompactEachRowWithNamesAndTypes", "JSONStringsEachRow", "JSONCompactStringsEachRow"),
        *("JSONCompactStringsEachRowWithNames", "JSONCompactStringsEachRowWithNamesAndTypes"),
        *("JSONObjectEachRow", "TSKV", "TabSeparatedRawWithNamesAndTypes", "TSVRawWithNames"),
        *("CustomSeparated", "CustomSeparatedWithNames", "CustomSeparatedWithNamesAndTypes"),
        *("LineAsString", "RawBLOB"),
    }
)
BINARY_FORMATS = frozenset(
    {
        *("Native", "RowBinary", "RowBinaryWithNames", "RowBinaryWithNamesAndTypes"),
        *("Arrow", "ArrowStream", "Parquet", "ORC", "Avro", "MsgPack", "BSONEachRow"),
    }
)
OUTPUT_FORMATS = (
    TEXT_FORMATS
    | BINARY_FORMATS
    | {
        *("Pretty", "PrettyMonoBlock", "PrettyNoEscapes", "PrettyNoEscapesMonoBlock"),
        *("PrettyCompact", "PrettyCompactMonoBlock", "PrettyCompactNoEscapes"),
        *("PrettyCompactNoEscapesMonoBlock", "PrettySpace", "PrettySpaceMonoBlock", "PrettySpaceNoEscapes"),
        *("PrettySpaceNoEscapesMonoBlock", "PrettyJSONEachRow", "PrettyNDJSON"),
        *("Vertical", "Markdown", "XML", "Values", "SQLInsert", "Null", "JSONStrings", "JSONCompactStrings"),
    }
)
INPUT_FORMATS = TEXT_FORMATS | BINARY_FORMATS | {"Values", "JSONAsString", "JSONAsObject"}

SETTINGS = _read_names("settings_allowed.txt")
EXPLAIN_KINDS = frozenset(
    {"EXPLAIN", "EXPLAIN AST", "EXPLAIN SYNTAX", "EXPLAIN PIPELINE", "EXPLAIN ESTIMATE", "EXPLAIN QUERY TREE"}
)
EXPLAIN_SETTINGS = frozenset(
    {
        "header",
        "description",
        "indexes",
        "actions",
        "json",
        "graph",
        "compact",
        "oneline",
        "run_passes",
        "passes",
    }
)
ALTER_COMMANDS = frozenset(
    {
        *("ADD_COLUMN", "DROP_COLUMN", "MODIFY_COLUMN", "RENAME_COLUMN", "COMMENT_COLUMN", "MODIFY_TTL"),
        *("MODIFY_COMMENT", "DELETE", "UPDATE", "ADD_INDEX", "DROP_INDEX", "MATERIALIZE_INDEX"),
        *("MODIFY_ORDER_BY", "REMOVE_TTL", "MATERIALIZE_COLUMN", "ADD_CONSTRAINT", "DROP_CONSTRAINT"),
        "DROP_PARTITION",
    }
)
# Those that leave a table's form as it is.
ROW_COMMANDS = frozenset({"DELETE", "UPDATE", "DROP_PARTITION"})
# Those that write columns or indexes anew, whose size nobody knows before.
GROWING_COMMANDS = frozenset({"UPDATE", "MODIFY_COLUMN", "MATERIALIZE_COLUMN", "MATERIALIZE_INDEX"})
_LOAD, _PARTNERS = "bring files in with ul.load", "ul.catalog() lists what partners share"
# What to use instead of a function, or of a table function.
FUNCTION_ADVICE = {
    **dict.fromkeys(("file", "url", "s3", "hdfs", "azureblobstorage", "sqlite", "format"), _LOAD),
    **dict.fromkeys(("remote", "remotesecure", "cluster", "mysql", "postgresql"), _PARTNERS),
    **dict.fromkeys(("joinget", "joingetornull", "dictget", "dictgetordefault", "dictgetornull"), "use JOIN"),
    "merge": "put tables together with UNION ALL",
    "viewexplain": "write EXPLAIN as a statement of its own",
}
# What to write instead of a statement that is not available.
ADVICE = {
    "UpdateQuery": "; write ALTER TABLE … UPDATE … WHERE …",
    "UseQuery": "; write the database before the name of the table",
    "CheckQuery": "; the operator is told of damaged tables",
}


def is_allowed_function(name: str) -> bool:
    """Whether a statement may call `name`, an aggregate's combinators taken off."""
    for candidate in _strip_combinators(name):
        if candidate in ALLOWED_FUNCTIONS:
            return True
        if candidate in REFUSED_FUNCTIONS:
            return False
    return False


def is_refused_function(name: str) -> bool:
    """Whether `name` is a function that is refused, with or without combinators."""
    return any(candidate in REFUSED_FUNCTIONS for candidate in _strip_combinators(name))


def _strip_combinators(name: str) -> Iterator[str]:
    shorter, name = name.lower(), ""
    while shorter != name:
        name = shorter
        yield name
        shorter = _SUFFIXES.sub("", name)
