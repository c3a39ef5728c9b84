"""The words of the fuzzer's grammar: pairs of what anybody may write, and of what must not get through."""

# What parameters hold; any of them may stand where a name may.
PARAMETERS = {
    "d": "beta",
    "t": "secret",
    "own": "footfall",
    "dotted": "beta.secret",
    "quoted": "beta`.`secret",
    "f": "file",
    "text": "beta",
}
# Pairs: what anybody may write, and what must not get through. Most statements have few of the latter, so that they
# get far.
TABLES = (
    (
        "footfall",
        "alpha.footfall",
        "lab_alpha.own",
        "open_data.beta__public",
        "alpha.{own:Identifier}",
        "footfall AS s",
    ),
    (
        *("beta.secret",) * 6,
        *("beta.view", "beta.joined", "lab_beta.draft", "secret", "lab_alpha.built", "s"),
        *("system.tables", "system.columns", "system.parts", "system.processes", "information_schema.tables"),
        *(
            "{d:Identifier}.{t:Identifier}",
            "{d:Identifier}.secret",
            "beta.{t:Identifier}",
            "{dotted:Identifier}",
        ),
        *("{quoted:Identifier}", "lab_alpha.{t:Identifier}", "system.databases", "{t:Identifier}"),
    ),
)
FUNCTIONS = (
    (
        *("null('a String, sensor String, people Int64, hour DateTime')", "view(SELECT * FROM footfall)"),
        *("values('a String, sensor String, people Int64, hour DateTime', ('v', 'w', 1, 0))",),
    ),
    (
        *("merge('beta', '.*')", "merge(REGEXP('.*'), 'secret|draft')", "merge({text:String}, 'secret')"),
        *(
            "loop('beta', 'secret')",
            "remote('127.0.0.1:PORT', beta, secret)",
            "url('http://127.0.0.1:PORT/', 'CSV')",
        ),
        *("file('FILE', 'LineAsString')", "mergeTreeIndex('beta', 'secret')", "dictionary('beta.d')"),
        *(
            "cluster('default', beta.secret)",
            "viewIfPermitted(SELECT a FROM beta.secret ELSE null('a String'))",
        ),
        *(
            "mysql('127.0.0.1:PORT', 'd', 't', 'u', 'p')",
            "input('a String')",
            "format(CSV, 'FILE')",
            "Python(secret)",
        ),
        *("lab_alpha.built(p = 'beta')", "fuzzQuery('SELECT 1')", "executable('id', 'CSV', 'a String')"),
    ),
)
ATOMS = (
    (
        *(
            "1",
            "'x'",
            "people",
            "sensor",
            "hour",
            "s",
            "x",
            "*",
            "COLUMNS('.*')",
            "NULL",
            "[1, 2]",
            "now()",
            "map('a', 1)",
        ),
        *(
            "{text:String}",
            "arrayReduce('sum', [1])",
            "toString(people)",
            "count()",
            "people > 0",
            "1 = 1",
            "tuple(1)",
        ),
    ),
    (
        *(
            "beta.secret",
            "beta.secret.a",
            "secret.a",
            "{t:Identifier}",
            "file('FILE')",
            "file",
            "s.*",
            "database",
        ),
        *(
            "joinGet('beta.joined', 'a', 'k')",
            "dictGet('beta.d', 'a', 'k')",
            "create_table_query",
            "as_select",
        ),
        *(
            "hasColumnInTable('beta', 'secret', 'a')",
            "currentRoles()",
            "getSetting('readonly')",
            "tables",
            "a",
            "name",
        ),
        *("arrayReduce('flameGraph', [1])", "arrayMap(file, ['FILE'])", "arrayMap({f:Identifier}, ['FILE'])"),
        *("initializeAggregation('sum', 1)", "CAST('FILE' AS String)", "(SELECT any(a) FROM beta.secret)"),
    ),
)
WRAPS = (
    *(
        "({} AS s)",
        "({})",
        "toString({})",
        "any({})",
        "{} IN {}",
        "{} IN ({})",
        "isNull({})",
        "({}, {})",
        "[{}]",
    ),
    *(
        "arrayMap(x -> {}, [{}])",
        "arrayMap((x, y) -> {}, [{}], [1])",
        "if(toString({}) = '1', {}, {})",
        "count() FILTER (WHERE {} = {})",
        "toString({}) = toString({})",
    ),
    *(
        "sumIf({}, {} = 1)",
        "tuple({}, {})",
        "{}::String",
        "CASE WHEN {} = 1 THEN {} ELSE {} END",
        "concat({}, {})",
    ),
    *(
        "groupArray({})",
        "max({}) OVER (PARTITION BY {} ORDER BY {})",
        "exists(SELECT {})",
        "mapApply((k, v) -> {}, {})",
    ),
    *("nullIn({}, {})", "quantile(0.5)({})", "arrayFilter({}, [{}])", "materialize({})", "toTypeName({})"),
)
SETTINGS = (
    ("max_threads = 1", "join_use_nulls = 1", "limit = 3", "final = 1", "prefer_column_name_to_alias = 1"),
    (
        *(
            "readonly = 0",
            "log_comment = 'x'",
            "use_query_cache = 1",
            "format_schema = 'FILE'",
            "allow_ddl = 1",
        ),
        *(
            "additional_table_filters = {'alpha.footfall': '1'}",
            "output_format_schema = 'FILE'",
            "storage_policy = 'x'",
        ),
        *(
            "disk = disk(type = web, endpoint = 'http://127.0.0.1:PORT/')",
            "default_normal_view_sql_security = 'NONE'",
        ),
    ),
)
ENGINES = (
    (
        *(
            "MergeTree ORDER BY tuple()",
            "MergeTree ORDER BY {}",
            "MergeTree PARTITION BY {} ORDER BY tuple()",
            "Null",
        ),
        *("ReplacingMergeTree ORDER BY tuple()", "MergeTree ORDER BY tuple() TTL now() DELETE WHERE {} = 1"),
    ),
    (
        *(
            "Merge('beta', '.*')",
            "Buffer(beta, secret, 1, 1, 1, 1, 1, 1, 1)",
            "File(CSV, 'FILE')",
            "Memory",
            "Set",
        ),
        *(
            "URL('http://127.0.0.1:PORT/', 'CSV')",
            "Distributed('default', 'beta', 'secret')",
            "Join(ANY, LEFT, a)",
        ),
        *(
            "Alias(beta, secret)",
            "MergeTree ORDER BY tuple() SETTINGS disk = disk(type = local, path = 'FILE')",
        ),
    ),
)
TARGETS = (
    ("lab_alpha.built", "lab_alpha.built2", "lab_alpha.own"),
    (
        *(
            "alpha.footfall",
            "beta.secret",
            "lab_beta.draft",
            "open_data.beta__public",
            "shared_with_beta.x",
            "built",
        ),
        *("{d:Identifier}.{t:Identifier}", "beta.built", "lab_alpha.{t:Identifier}"),
    ),
)
WHOLE = (
    *(
        "SET ROLE operator",
        "SELECT 1 INTO OUTFILE 'OUT'",
        "USE beta",
        "SYSTEM SHUTDOWN",
        "KILL QUERY WHERE 0",
    ),
    *("SHOW TABLES FROM {table}", "SHOW CREATE TABLE {table}", "SHOW CREATE VIEW {table}", "SHOW DATABASES"),
    *(
        "SHOW TABLES FROM beta",
        "SHOW COLUMNS FROM secret FROM beta",
        "SHOW INDEX FROM {table}",
        "SHOW GRANTS",
    ),
    *(
        "SHOW TABLES WHERE name IN ({expression})",
        "SHOW PROCESSLIST",
        "SHOW FUNCTIONS",
        "EXISTS TABLE {table}",
    ),
    *("DESCRIBE TABLE {table}", "DESCRIBE ({select})", "DESCRIBE TABLE {function}", "EXISTS VIEW {table}"),
    *("EXPLAIN {select}", "EXPLAIN AST {select}", "EXPLAIN SYNTAX {select}", "EXPLAIN QUERY TREE {select}"),
    *("EXPLAIN PIPELINE {select}", "EXPLAIN ESTIMATE {select}", "EXPLAIN actions = 1 {select}"),
    *("SHOW COLUMNS FROM {table}", "CHECK TABLE {table}", "BACKUP TABLE beta.secret TO File('OUT')"),
)
CHANGES = (
    *(
        "INSERT INTO {target} {select}",
        "INSERT INTO {target} (sensor) {select}",
        "INSERT INTO FUNCTION {function} {select}",
    ),
    *("CREATE TABLE {target} ENGINE = {engine} AS {select}", "CREATE VIEW {target} AS {select}"),
    *(
        "CREATE OR REPLACE VIEW {target} AS {select}",
        "CREATE TABLE {target} AS {table}",
        "CREATE TABLE {target} CLONE AS {table}",
    ),
    *(
        "CREATE TABLE {target} (a String DEFAULT {expression}, b String ALIAS {expression}) ENGINE = {engine}",
    ),
    *("CREATE TABLE {target} (a String, INDEX i {expression} TYPE minmax) ENGINE = {engine}",),
    *("CREATE TABLE {target} (a String, CONSTRAINT c CHECK {expression}) ENGINE = {engine}",),
    *(
        "CREATE VIEW {target} {security} AS {select}",
        "CREATE MATERIALIZED VIEW {target} TO {target} AS {select}",
    ),
    *(
        "CREATE DICTIONARY {target} (a String) PRIMARY KEY a SOURCE(CLICKHOUSE(QUERY 'SELECT a FROM beta.secret')) "
        "LAYOUT(COMPLEX_KEY_HASHED()) LIFETIME(0)",
    ),
    *(
        "DROP TABLE {target}",
        "DROP VIEW IF EXISTS {target}",
        "TRUNCATE TABLE {target}",
        "RENAME TABLE {target} TO {target}",
    ),
    *("EXCHANGE TABLES {target} AND {target}", "DETACH TABLE {target}", "OPTIMIZE TABLE {target} FINAL"),
    *(
        "ALTER TABLE {target} DELETE WHERE {expression}",
        "ALTER TABLE {target} UPDATE sensor = {expression} WHERE 1",
    ),
    *(
        "ALTER TABLE {target} ADD COLUMN z String DEFAULT {expression}",
        "ALTER TABLE {target} MODIFY TTL {expression}",
    ),
    *(
        "ALTER TABLE {target} ATTACH PARTITION tuple() FROM {table}",
        "ALTER TABLE {target} DROP PARTITION tuple()",
    ),
    *(
        "ALTER TABLE {table} MOVE PARTITION tuple() TO TABLE {target}",
        "ALTER TABLE {target} MODIFY QUERY {select}",
    ),
    *(
        "DELETE FROM {target} WHERE {expression}",
        "ALTER TABLE {target} FREEZE",
        "UPDATE {target} SET sensor = {expression} WHERE 1",
    ),
    *(
        "ALTER TABLE {target} MODIFY COLUMN sensor String DEFAULT {expression}",
        "ALTER TABLE {target} MODIFY COMMENT 'x'",
    ),
    *(
        "CREATE TEMPORARY TABLE t AS {select}",
        "GRANT ALL ON *.* TO default",
        "CREATE FUNCTION f AS x -> {expression}",
    ),
)
SECURITIES = (
    "SQL SECURITY NONE",
    "SQL SECURITY INVOKER",
    "DEFINER = default SQL SECURITY DEFINER",
    "SQL SECURITY DEFINER",
)
# In the order that the language asks for.
CLAUSES = (
    *(
        "FINAL",
        "ARRAY JOIN [{expression}] AS j",
        "PREWHERE ({expression}) IS NOT NULL",
        "WHERE ({expression}) IS NOT NULL",
    ),
    *(
        "GROUP BY {expression}",
        "GROUP BY ALL WITH TOTALS",
        "HAVING ({expression}) IS NOT NULL",
        "WINDOW w AS (ORDER BY {expression})",
    ),
    *(
        "QUALIFY ({expression}) IS NOT NULL",
        "ORDER BY {expression}",
        "LIMIT 1 BY {expression}",
        "LIMIT {expression}",
        "LIMIT 3",
    ),
)
