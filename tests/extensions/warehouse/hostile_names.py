"""Functions, table functions and table engines that reach further than the tables a statement names."""

FUNCTIONS = (
    *("dictGet('d', 'a', 1)", "dictGetOrDefault('d', 'a', 1, 2)", "joinGetOrNull('beta.joined', 'a', 'k')"),
    *(
        "sleep(3)",
        "sleepEachRow(1)",
        "FILE('/x')",
        "fIlE('/x')",
        "`file`('/x')",
        "hostName()",
        "getSetting('x')",
    ),
    *(
        "getServerSetting('x')",
        "getMacro('x')",
        "currentRoles()",
        "enabledRoles()",
        "queryID()",
        "initialQueryID()",
    ),
    *("addressToLine(1)", "demangle('x')", "logTrace('x')", "showCertificate()", "catboostEvaluate('/x', 1)"),
    *(
        "evalMLMethod(1)",
        "formatRow('CSV', 1)",
        "hasColumnInTable('beta', 'secret', 'a')",
        "serverUUID()",
        "uptime()",
    ),
    *(
        "filesystemAvailable()",
        "tcpPort()",
        "getClientHTTPHeader('x')",
        "encrypt('a', 'b', 'c')",
        "flameGraphIf(1, 1)",
    ),
    *("regionToName(1)", "parseQueryToJSON('x')", "aiGenerate('x')", "unheardOf(1)", "__getScalar('x')"),
)
TABLE_FUNCTIONS = (
    *("file('/proc/self/environ', 'LineAsString')", "Python(obj)", "python('x')", "url('http://h/', 'CSV')"),
    *(
        "s3('http://h/')",
        "remote('h', 'beta.secret')",
        "remote('127.0.0.1', beta, secret)",
        "remoteSecure('h', beta.secret)",
    ),
    *(
        "mysql('h', 'd', 't', 'u', 'p')",
        "postgresql('h', 'd', 't', 'u', 'p')",
        "sqlite('/x', 't')",
        "mongodb('x')",
    ),
    *(
        "redis('x')",
        "jdbc('x', 'y')",
        "odbc('x', 'y')",
        "hdfs('x')",
        "azureBlobStorage('x')",
        "deltaLake('x')",
    ),
    *("iceberg('x')", "icebergLocal('/x')", "executable('x', 'CSV', 'a Int8')", "merge('beta', '.*')"),
    *(
        "merge(REGEXP('be.*'), 'secret')",
        "cluster('default', beta.secret)",
        "clusterAllReplicas('d', beta, secret)",
    ),
    *("input('a Int8')", "loop(beta.secret)", "loop('beta', 'secret')", "mergeTreeIndex('beta', 'secret')"),
    *(
        "mergeTreeProjection('beta', 'secret', 'p')",
        "dictionary('d')",
        "viewExplain('EXPLAIN', '', (SELECT 1))",
    ),
    *(
        "fileCluster('default', 'x')",
        "format(CSV, '1')",
        "fuzzQuery('x')",
        "filesystem('/')",
        "timeSeriesData('beta.x')",
    ),
    *("viewIfPermitted(SELECT 1 ELSE null('a Int8'))", "lab_alpha.v(n = 3)"),
)
ENGINES = (
    *(
        "File(CSV)",
        "URL('http://h')",
        "Merge('beta', '.*')",
        "Distributed(c, beta, secret)",
        "Kafka('h')",
        "MySQL('h')",
    ),
    *(
        "Buffer(beta, secret, 1, 1, 1, 1, 1, 1, 1)",
        "Executable('x', 'CSV')",
        "Alias(beta, secret)",
        "Dictionary('d')",
    ),
    *(
        "ReplicatedMergeTree('/x', 'r')",
        "Memory",
        "Log",
        "Join(ANY, LEFT, a)",
        "Set",
        "S3('x')",
        "SQLite('/x', 't')",
    ),
)
