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
TABLE_FUNCTIONS = frozenset(
    {
        *("numbers", "numbers_mt", "zeros", "zeros_mt", "generateseries", "generate_series", "primes"),
        *("values", "null", "view", "generaterandom"),
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
        *("JSONCompactEachRowWithNamesAndTypes", "JSONStringsEachRow"),
    }
)
BINARY_FORMATS = frozenset(
    {
        *("Native", "RowBinary", "RowBinaryWithNames", "RowBinaryWithNamesAndTypes"),
        *("Arrow", "ArrowStream", "Parquet", "ORC"),
    }
)
OUTPUT_FORMATS = (
    TEXT_FORMATS
    | BINARY_FORMATS
    | {
        "Pretty",
        "PrettyCompact",
        "PrettySpace",
        "Vertical",
        "Markdown",
        "XML",
        "Values",
        "Null",
        "JSONStrings",
    }
)
INPUT_FORMATS = TEXT_FORMATS | BINARY_FORMATS | {"Values"}

SETTINGS = frozenset(
    {
        # less than the limits that the engine's profile sets, or in what order of work
        *("max_threads", "max_block_size", "max_execution_time", "max_memory_usage", "max_result_rows"),
        *("max_result_bytes", "max_rows_to_read", "max_bytes_to_read", "max_insert_threads"),
        *("max_insert_block_size", "min_insert_block_size_rows", "min_insert_block_size_bytes"),
        *("result_overflow_mode", "optimize_read_in_order", "join_algorithm", "preferred_block_size_bytes"),
        # what a query means
        *(
            "join_use_nulls",
            "group_by_use_nulls",
            "transform_null_in",
            "extremes",
            "limit",
            "offset",
            "final",
        ),
        *("union_default_mode", "prefer_column_name_to_alias", "joined_subquery_requires_alias"),
        *("aggregate_functions_null_for_empty", "any_join_distinct_right_table_keys", "session_timezone"),
        *(
            "cast_keep_nullable",
            "cast_string_to_dynamic_use_inference",
            "allow_suspicious_low_cardinality_types",
        ),
        *("use_variant_as_common_type", "mutations_sync", "optimize_throw_if_noop", "index_granularity"),
        *("allow_nullable_key", "data_type_default_nullable"),
        # how rows are read and written
        *("date_time_input_format", "date_time_output_format", "insert_null_as_default"),
        *(
            "input_format_null_as_default",
            "input_format_skip_unknown_fields",
            "input_format_with_names_use_header",
        ),
        *("input_format_defaults_for_omitted_fields", "input_format_csv_empty_as_default"),
        *("format_csv_delimiter", "format_csv_null_representation", "format_tsv_null_representation"),
        *("output_format_json_quote_64bit_integers", "output_format_json_quote_64bit_floats"),
        *("output_format_json_quote_denormals", "output_format_json_quote_decimals"),
        *("output_format_json_named_tuples_as_objects", "output_format_arrow_string_as_string"),
        *("output_format_arrow_low_cardinality_as_dictionary", "output_format_arrow_compression_method"),
        *("output_format_parquet_string_as_string", "output_format_parquet_compression_method"),
        *("output_format_csv_crlf_end_of_line", "output_format_decimal_trailing_zeros"),
        *("output_format_pretty_max_rows", "output_format_native_write_json_as_string"),
    }
)
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
        *("MODIFY_COMMENT", "DELETE", "UPDATE", "ADD_INDEX", "DROP_INDEX"),
    }
)


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
