"""What analysts write: every statement here passes the policy, by kind. Parameters are those of the test."""

READS = (
    "SELECT 1",
    "SELECT count() FROM alpha.footfall",
    "SELECT f.hour, w.temperature FROM alpha.footfall AS f JOIN alpha.weather AS w USING (hour) "
    "ASOF LEFT JOIN open_data.beta__air AS a ON f.k = a.k AND f.hour >= a.hour",
    "SELECT a.*, f.COLUMNS('x') FROM footfall AS f, shared_with_alpha.beta__air AS a",
    "WITH t AS (SELECT sensor, sum(people) AS n FROM footfall GROUP BY sensor) "
    "SELECT * FROM t WHERE n > (SELECT avg(n) FROM t)",
    "WITH RECURSIVE d AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM d WHERE n < 9) SELECT n FROM d",
    "WITH (x -> x * 2) AS double SELECT double(people) FROM footfall",
    "SELECT sensor, avg(people) OVER (PARTITION BY sensor ORDER BY hour ROWS BETWEEN 23 PRECEDING AND CURRENT ROW) "
    "FROM footfall",
    "SELECT lagInFrame(people, 1) OVER w, rank() OVER w FROM footfall WINDOW w AS (ORDER BY hour)",
    "SELECT arrayMap((x, y) -> x * y, a, b), arrayFilter(x -> x > 1, a) FROM footfall",
    "SELECT arraySort(x -> -x, groupArray(people)), arrayReduce('quantile(0.5)', [1, 2]) FROM footfall",
    "SELECT sensor, toDate(hour) AS day, sum(people) FROM footfall GROUP BY GROUPING SETS ((sensor), (day), ())",
    "SELECT sensor, grouping(sensor), count() FROM footfall GROUP BY CUBE(sensor)",
    "SELECT sensor, count() FROM footfall GROUP BY sensor WITH TOTALS HAVING count() > 1 ORDER BY sensor LIMIT 5",
    "SELECT countIf(people > 1), sumIf(people, rain), quantilesTDigest(0.5, 0.9)(people), "
    "argMaxIf(hour, people, 1) "
    "FROM footfall",
    "SELECT sumMerge(s), uniqExactStateIf(sensor, 1) FROM lab_alpha.states",
    "SELECT count(DISTINCT sensor), sum(people) FILTER (WHERE rain) FROM footfall",
    "SELECT quantile(0.9)(people) AS q, stddevPop(people), corr(people, temp), simpleLinearRegression(a, b) "
    "FROM footfall QUALIFY row_number() OVER (ORDER BY q) = 1",
    "SELECT * EXCEPT (note) REPLACE (people + 1 AS people) APPLY toString FROM footfall",
    "SELECT COLUMNS('people|hour') APPLY(x -> toString(x)) FROM footfall",
    "SELECT toStartOfInterval(hour, INTERVAL 15 MINUTE), toTimeZone(hour, 'Europe/Berlin') FROM footfall",
    "SELECT formatDateTime(hour, '%Y'), dateDiff('day', a, b), toDayOfWeek(hour), "
    "date_trunc('hour', hour) FROM footfall",
    "SELECT hour FROM footfall ORDER BY hour WITH FILL STEP INTERVAL 1 HOUR",
    "SELECT * FROM footfall FINAL SAMPLE 0.1 PREWHERE people > 3 LIMIT 10 BY sensor",
    "SELECT * FROM footfall WHERE sensor IN (SELECT sensor FROM alpha.sensors) AND sensor IN alpha.sensors "
    "AND sensor IN ('a', 'b')",
    "SELECT * FROM footfall WHERE sensor = {name:String} AND has({name:Array(String)}, sensor)",
    "SELECT {column:Identifier} FROM {database:Identifier}.{own:Identifier}",
    "SELECT * FROM {own:Identifier} WHERE sensor IN {own:Identifier}",
    "SELECT number FROM numbers(10) UNION ALL SELECT 1 INTERSECT SELECT 2",
    "(SELECT 1) UNION DISTINCT (SELECT 2)",
    "FROM footfall SELECT people",
    "SELECT geoToH3(8.3, 51.9, 9), greatCircleDistance(8, 51, 9, 52), pointInPolygon((1, 1), [(0, "
    "0), (2, 0), (2, 2)])",
    "SELECT * FROM values('a Int8, b String', (1, 'x')) AS v JOIN view(SELECT 1 AS a) AS w USING (a)",
    "SELECT CAST(people AS Nullable(Float64)), people::String, toDecimal64(people, 2) FROM footfall",
    "SELECT multiIf(a > 1, 'x', 'y'), CASE a WHEN 1 THEN 'x' ELSE 'y' END, a ? 1 : 2, coalesce(a, 0) FROM footfall",
    "SELECT tupleElement((1, 'a'), 2), (1, 2).1, map('a', 1)['a'], [1, 2][1], NOT a, -a, a || 'b' FROM footfall",
    "SELECT JSONExtractString(j, 'a'), j.a.b, extractAll(s, '[0-9]+'), splitByChar(',', s) FROM "
    "footfall ARRAY JOIN a AS b",
    "SELECT DISTINCT ON (sensor) sensor, hour FROM footfall ORDER BY hour",
    "SELECT `a column`, url, host, file, user FROM `alpha`.`footfall` -- columns may be called like functions",
    "SELECT count(f.file) FROM footfall AS f",
    "SELECT exists(SELECT 1 FROM alpha.footfall), currentDatabase(), now(), version()",
    "SELECT 'SET ROLE operator; DROP TABLE beta.secret -- file()' AS text",
    "SELECT sensor FROM footfall AS beta WHERE beta.secret = 1",
    "SELECT 1 SETTINGS max_threads = 1, join_use_nulls = 1 FORMAT JSONEachRow",
    "SELECT 1 SETTINGS group_by_overflow_mode = 'any', max_rows_to_group_by = 9, limit = 3",
    "SELECT 1 FORMAT PrettyCompactMonoBlock",
    "SELECT 1 FORMAT Avro",
    "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v",
    "SELECT * FROM generateSeries(1, 10) UNION ALL SELECT * FROM generate_series(1, 10, 2)",
    "SELECT * FROM footfall ASOF JOIN footfall AS b USING (sensor, hour)",
    "SELECT * FROM footfall AS a SEMI LEFT JOIN footfall AS b USING (sensor)",
    "SELECT *, count(*) OVER () FROM footfall LIMIT 5 OFFSET 2",
    "SELECT hour FROM footfall ORDER BY hour WITH FILL STEP INTERVAL 1 HOUR INTERPOLATE (people AS people + 1)",
    "SELECT h3ToGeo(h3), h3kRing(h3, 1), h3ToParent(h3, 5) FROM (SELECT geoToH3(8.3, 51.9, 9) AS h3)",
    "SELECT readWKTPolygon('POLYGON((0 0,1 1,1 0,0 0))'), polygonAreaSpherical([[[(0., 0.), (0., 5.)]]]), "
    "polygonsIntersectCartesian([[[(0., 0.)]]], [[[(0., 0.)]]]), geohashEncode(8.3, 51.9), wkt((0., 0.))",
    "SELECT JSONExtract(j, 'a', 'Int64'), JSON_VALUE(j, '$.a'), simpleJSONExtractInt(j, 'a'), toJSONString([1]) "
    "FROM (SELECT '{}' AS j)",
    "SELECT quantiles(0.5, 0.9)(people), quantileExactWeighted(0.5)(people, 1), median(people), topK(3)(sensor) "
    "FROM footfall",
    "SELECT windowFunnel(10)(hour, people > 1), retention(people > 1, people > 2), sparkbar(10)(people, people) "
    "FROM footfall",
    "SELECT seriesDecomposeSTL([1., 2., 3., 1.], 2), studentTTest(people, people > 1) FROM footfall",
    "SELECT EXTRACT(YEAR FROM hour), TRIM(BOTH ' ' FROM sensor), sensor REGEXP 'a' FROM footfall",
    "SELECT sum(uptime), count(file), file + 1, nested, hour FROM (SELECT 1 AS uptime, 2 AS file, 3 AS nested) "
    "WHERE revision = 1 -- columns that are called like functions that are refused",
    "SELECT arrayMap(upper, ['x']), arrayMap(x -> file + 1, [1]) FROM footfall",
    "SELECT database, name, total_rows FROM system.tables WHERE database = 'alpha' ORDER BY name",
    "SELECT name, type FROM system.columns WHERE table = 'footfall' AND database = currentDatabase()",
    "SELECT count(*), name FROM system.functions WHERE name LIKE 'to%' GROUP BY name",
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'alpha'",
    "SELECT * FROM system.one",
)
SHOWS = (
    "EXPLAIN SELECT * FROM footfall",
    "EXPLAIN indexes = 1 SELECT * FROM footfall",
    "EXPLAIN PIPELINE graph = 1 SELECT 1",
    "EXPLAIN AST SELECT 1",
    "EXPLAIN SYNTAX SELECT 1",
    "EXPLAIN QUERY TREE run_passes = 0 SELECT 1",
    "EXPLAIN ESTIMATE SELECT * FROM footfall",
    "SHOW TABLES",
    "SHOW FULL TABLES FROM lab_alpha LIKE 'x%' LIMIT 3",
    "SHOW TABLES FROM open_data WHERE name ILIKE '%air%'",
    "SHOW DATABASES",
    "DESCRIBE TABLE alpha.footfall",
    "DESCRIBE TABLE footfall",
    "DESCRIBE (SELECT people FROM footfall)",
    "SHOW CREATE TABLE alpha.footfall",
    "SHOW CREATE lab_alpha.own",
    "SHOW CREATE VIEW lab_alpha.v",
    "SHOW CREATE TABLE footfall FORMAT TSVRaw",
    "SHOW COLUMNS FROM footfall",
    "SHOW FULL COLUMNS FROM own FROM lab_alpha LIKE 'p%'",
    "SHOW INDEX FROM own FROM lab_alpha",
    "DESCRIBE TABLE alpha.footfall SETTINGS describe_compact_output = 1",
    "EXISTS TABLE lab_alpha.own",
    "EXISTS VIEW lab_alpha.own",
)
INSERTS = (
    "INSERT INTO lab_alpha.own FORMAT Native",
    "INSERT INTO lab_alpha.own (hour, people) FORMAT ArrowStream",
    "INSERT INTO lab_alpha.own (sensor) VALUES ('x')",
    "INSERT INTO lab_alpha.own SETTINGS max_insert_threads = 2 FORMAT CSVWithNames",
)
CHANGES = (
    "INSERT INTO lab_alpha.own SELECT sensor, sum(people) FROM footfall GROUP BY sensor",
    "INSERT INTO lab_alpha.own (* EXCEPT (people)) WITH x AS (SELECT 1 AS a) SELECT a FROM x",
    "CREATE TABLE lab_alpha.t (a Int64, b LowCardinality(String) CODEC(ZSTD(3)), c DateTime('UTC') DEFAULT now(), "
    "d Array(Nullable(Float64)), e Tuple(x Int8, y String), f Map(String, Int64), g Enum('a' = 1), h Point, "
    "i AggregateFunction(quantile(0.5), Int8), j SimpleAggregateFunction(sum, Int64), k Nested(x Int8), l JSON) "
    "ENGINE = MergeTree PARTITION BY toYYYYMM(c) ORDER BY (a, c) TTL c + INTERVAL 1 YEAR COMMENT 'my table'",
    "CREATE TABLE lab_alpha.t (a Int64, INDEX i a TYPE minmax GRANULARITY 1, CONSTRAINT c CHECK a > 0) ORDER BY a",
    "CREATE TABLE lab_alpha.t (a Date, b Int64) ENGINE = MergeTree ORDER BY a "
    "TTL a + INTERVAL 1 DAY RECOMPRESS CODEC(ZSTD(9)), a + INTERVAL 1 YEAR GROUP BY a SET b = sum(b)",
    "CREATE TABLE IF NOT EXISTS lab_alpha.t ENGINE = ReplacingMergeTree(v) ORDER BY tuple() AS SELECT 1 AS v",
    "CREATE OR REPLACE TABLE lab_alpha.t ENGINE = MergeTree ORDER BY a SETTINGS index_granularity = 1024 "
    "AS SELECT * FROM footfall",
    "CREATE TABLE lab_alpha.t AS alpha.footfall",
    "CREATE VIEW lab_alpha.v AS SELECT * FROM alpha.footfall WHERE people > 3",
    "CREATE OR REPLACE VIEW lab_alpha.v AS SELECT 1",
    "DROP TABLE IF EXISTS lab_alpha.t SYNC",
    "DROP VIEW lab_alpha.v",
    "TRUNCATE lab_alpha.t",
    "RENAME TABLE lab_alpha.own TO lab_alpha.b, lab_alpha.c TO lab_alpha.own",
    "EXCHANGE TABLES lab_alpha.own AND lab_alpha.b",
    "ALTER TABLE lab_alpha.own ADD CONSTRAINT c CHECK a > 0, DROP CONSTRAINT c, MODIFY ORDER BY (a, b)",
    "ALTER TABLE lab_alpha.own MATERIALIZE COLUMN people, MATERIALIZE INDEX i, CLEAR COLUMN people, REMOVE TTL",
    "ALTER TABLE lab_alpha.own DROP PARTITION 202501",
    "DELETE FROM lab_alpha.own IN PARTITION 202501 WHERE people = 1",
    "DELETE FROM {lab:Identifier}.{own:Identifier} WHERE people = 1",
    "TRUNCATE TABLE lab_alpha.t",
    "ALTER TABLE lab_alpha.own ADD COLUMN x Float64 DEFAULT people * 2 AFTER people, DROP COLUMN sensor",
    "ALTER TABLE lab_alpha.own MODIFY COLUMN a String, RENAME COLUMN c TO d, COMMENT COLUMN a 'hint'",
    "ALTER TABLE lab_alpha.own DELETE WHERE people = 1",
    "ALTER TABLE lab_alpha.own UPDATE people = people + 1 WHERE sensor IN (SELECT sensor FROM alpha.footfall)",
    "ALTER TABLE lab_alpha.own MODIFY TTL hour + INTERVAL 1 MONTH",
    "DELETE FROM lab_alpha.own WHERE people IN (SELECT people FROM alpha.footfall)",
    "OPTIMIZE TABLE lab_alpha.own FINAL DEDUPLICATE BY sensor",
)
