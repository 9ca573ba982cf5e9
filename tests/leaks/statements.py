"""Positions of secrets in SQL: one line, one position. {c}, {n} and {x} are secrets: a text, a number, a text in hexadecimal.

A name that begins with `KEPT_` is an identifier, which stays. A line that begins with `!` fails, one with `4:` needs Spark 4.
"""

from __future__ import annotations

LITERALS = """
SELECT '{c}'
SELECT '{c}' AS a, "{c}" AS b, r'{c}' AS c, '{c}' '{c}' AS d
SELECT {n}, {n}.5, {n}L, -{n}, {n}BD, {n}e1, X'{x}'
SELECT concat(name, '{c}'), concat('{c}', name) AS a FROM t
SELECT upper(concat(name, '{c}')) FROM t
SELECT name || '{c}' || name FROM t
SELECT name FROM t WHERE name = '{c}'
SELECT name FROM t WHERE name <> '{c}' AND id > {n} OR id < -{n}
SELECT name FROM t WHERE name <=> '{c}'
SELECT name FROM t WHERE name IN ('{c}', '{c}') AND id NOT IN ({n}, {n})
SELECT name FROM t WHERE name IN ('{c}', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n')
SELECT name FROM t WHERE name LIKE '%{c}%' AND name NOT LIKE '{c}_'
SELECT name FROM t WHERE name LIKE '{c}/%' ESCAPE '/'
SELECT name FROM t WHERE name LIKE ANY ('{c}%', '%{c}') OR name LIKE ALL ('{c}%', '_{c}')
SELECT name FROM t WHERE name ILIKE '{c}' OR name RLIKE '{c}' OR regexp_like(name, '{c}')
SELECT name FROM t WHERE name BETWEEN '{c}' AND '{c}'
SELECT name FROM t WHERE startswith(name, '{c}') OR endswith(name, '{c}') OR contains(name, '{c}')
SELECT CASE WHEN name = '{c}' THEN '{c}' ELSE '{c}' END FROM t
SELECT CASE name WHEN '{c}' THEN {n} END, if(name = '{c}', '{c}', '{c}'), nvl(name, '{c}'), nullif(name, '{c}') FROM t
SELECT coalesce(name, '{c}'), greatest(name, '{c}'), decode(name, '{c}', '{c}', '{c}') FROM t
SELECT map('{c}', '{c}')['{c}'], map('a', '{c}') AS m, element_at(map('a', 1), 'a') FROM t
SELECT map(name, '{c}', 'k', '{c}') FROM t
SELECT named_struct('KEPT_field', '{c}').KEPT_field, struct('{c}') FROM t
SELECT array('{c}', '{c}')[0], array_contains(array(name), '{c}') FROM t
SELECT filter(array(name), x -> x = '{c}'), transform(array(name), x -> concat(x, '{c}')) FROM t
SELECT aggregate(array(name), '{c}', (a, x) -> concat(a, x, '{c}')) FROM t
SELECT get_json_object(name, '$.{c}'), json_tuple(name, '{c}') FROM t
SELECT from_json(name, 'KEPT_a STRING COMMENT "{c}"') FROM t
SELECT to_json(named_struct('a', '{c}')), to_json(struct(name), map('password', '{c}')) FROM t
SELECT from_csv(name, 'a STRING', map('nullValue', '{c}')) FROM t
SELECT split(name, '{c}'), str_to_map(name, '{c}', '{c}'), regexp_replace(name, '{c}', '{c}') FROM t
SELECT translate(name, '{c}', '{c}'), overlay(name PLACING '{c}' FROM 1), lpad(name, 3, '{c}'), rpad(name, 3, '{c}') FROM t
SELECT format_string('{c}%s', name), printf('{c}%s', name), instr(name, '{c}'), position('{c}', name) FROM t
SELECT date_format(day, "'{c}'"), replace(name, '{c}', '{c}'), substring_index(name, '{c}', 1) FROM t
SELECT sha2(concat('{c}', name), 256), md5('{c}'), base64('{c}'), hex('{c}'), unbase64('{c}'), crc32('{c}') FROM t
SELECT base64(concat('{c}', name)), hex(concat('{c}', name)), url_encode(concat('{c} ', name)), lower('{c}'), reverse('{c}') FROM t
SELECT aes_encrypt(name, 'k{c}00000'), hash('{c}', name), xxhash64('{c}') FROM t
SELECT lag(name, 1, '{c}') OVER (ORDER BY id), ntile(3) OVER (ORDER BY name = '{c}') FROM t
SELECT name, max(id) FROM t GROUP BY name HAVING max(name) > '{c}' ORDER BY concat(name, '{c}')
SELECT name = '{c}', count(*) FROM t GROUP BY name HAVING max(concat(name, '{c}')) > '{c}'
SELECT count_if(name = '{c}'), sum(id) FILTER (WHERE name = '{c}'), collect_list('{c}'), max_by(id, '{c}') FROM t
SELECT listagg_.a FROM (SELECT concat_ws('{c}', collect_list(name)) AS a FROM t) AS listagg_
SELECT t.name FROM t JOIN t AS u ON t.id = u.id AND u.name = '{c}'
SELECT (SELECT max(name) FROM t WHERE name = '{c}'), EXISTS (SELECT 1 FROM t WHERE name = '{c}')
SELECT name FROM t WHERE id IN (SELECT id FROM t WHERE name = '{c}')
SELECT name FROM t UNION ALL SELECT '{c}' EXCEPT SELECT '{c}'
SELECT * FROM VALUES ('{c}', {n}) AS KEPT_values(a, b)
SELECT e FROM t LATERAL VIEW explode(array('{c}', name)) AS e
SELECT * FROM t, LATERAL (SELECT concat(name, '{c}') AS a)
SELECT inline(array(struct('{c}', 1))), stack(1, '{c}', {n})
WITH KEPT_cte AS (SELECT concat(name, '{c}') AS a FROM t) SELECT a FROM KEPT_cte WHERE a <> '{c}'
SELECT * FROM (SELECT id, name FROM t) PIVOT (sum(id) FOR name IN ('KEPT_pivot', 'KEPT_pivoted' AS KEPT_alias))
SELECT * FROM (SELECT id, name, '{c}' AS x FROM t) UNPIVOT (v FOR k IN (name, x)) WHERE v = '{c}'
SELECT * FROM t TABLESAMPLE (50 PERCENT) REPEATABLE ({n}) WHERE name = '{c}'
SELECT id FROM range(0, 10, 1, 2) WHERE id = {n}
SELECT /*+ BROADCAST(t), REPARTITION(3) */ name FROM t -- {c}
SELECT rand({n}), uuid(), width_bucket({n}, 0, {n}, 3), percentile(id, array(0.5)), sequence(1, 2) FROM t
SELECT INTERVAL '3' DAY, TIMESTAMP '2026-01-01', DATE '2026-01-01', concat('{c}', cast(INTERVAL '1' HOUR AS STRING))
SELECT /*+ KEPT_hint('a*/ {c}') */ name FROM t
/* use /*+ BROADCAST(t) */ SELECT id FROM t WHERE name = 'data*/ {c}'
SELECT * FROM t WHERE 'jdbc:a'=name AND name='!{c}'
SELECT 'jdbc:a'AS KEPT_url, '!{c}' FROM t
SELECT assert_true(id >= 0, '{c}') FROM t
SELECT typeof('{c}'), try_cast('{c}' AS INT), try_to_number('{c}', '999'), schema_of_json('{"KEPT_j": 1}')
SELECT name AS `KEPT column` FROM t WHERE name = "{c}" -- it's {c}
SELECT parse_url(name, 'QUERY', '{c}'), xpath_string('<a>{c}</a>', 'a'), soundex('{c}'), levenshtein(name, '{c}') FROM t
SELECT reflect('java.lang.String', 'valueOf', '{c}')
4:BEGIN SELECT '{c}'; SELECT concat(name, '{c}') FROM t; END
4:BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SELECT '{c}'; END; SELECT raise_error('{c}'); END
4:EXECUTE IMMEDIATE 'SELECT name, "{c}" AS b FROM t'
4:DECLARE OR REPLACE VARIABLE KEPT_variable STRING DEFAULT '{c}'
4:SET VARIABLE KEPT_variable = '{c}'
4:SELECT name FROM t |> WHERE name = '{c}' |> EXTEND concat(name, '{c}') AS a
4:WITH RECURSIVE r(n, a) AS (SELECT 1, '{c}' UNION ALL SELECT n + 1, concat(a, '{c}') FROM r WHERE n < 3) SELECT * FROM r
4:SELECT variant_get(parse_json('{"a": "{c}"}'), '$.a', 'string')
"""
"""Queries; `t` has id, name and day."""

SCANS = """
SELECT name FROM stored WHERE name = '{c}' AND id > {n}
SELECT name FROM stored WHERE name IN ('{c}', '{c}') OR name LIKE '{c}%' AND day > DATE '2020-01-01'
SELECT name FROM stored WHERE name IN ('{c}', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n')
SELECT /*+ BROADCAST(b) */ a.name FROM stored a JOIN stored b ON a.id = b.id AND b.name <> '{c}' AND concat(a.name, '{c}') > b.name
SELECT name, lag(name, 1, '{c}') OVER (PARTITION BY name = '{c}' ORDER BY concat(name, '{c}')) FROM stored
SELECT name, row_number() OVER (ORDER BY id + {n}) FROM stored ORDER BY concat(name, '{c}') LIMIT 2
SELECT name FROM stored WHERE id = (SELECT max(id) FROM stored WHERE name <> '{c}')
SELECT transform(array(name), x -> concat(x, '{c}')), explode(array('{c}')) FROM stored
"""
"""Queries of files: filters are told to the scan, and operators name them."""

COMMENTS = """
SELECT name FROM t -- password {c}
SELECT name -- {c}\\nFROM t -- {c} '
SELECT /* {c} */ name FROM t /* a /* {c} */ {c} */
-- {c}\\nSELECT name FROM t
/* {c} ' " ` */ SELECT name FROM t
SELECT name FROM t -- {c} \\\\\\n{c}
SELECT '--' AS a, '/*' AS b -- {c} */
SELECT `name` /* ` {c} */ FROM t
INSERT INTO stored SELECT 7 AS id, '{c}' AS name, day FROM t -- {c}
"""

TABLES = """
CREATE DATABASE KEPT_db COMMENT '{c}' WITH DBPROPERTIES ('owner.secret' = '{c}', 'x' = '{c}')
ALTER DATABASE KEPT_db SET DBPROPERTIES ('y' = '{c}')
COMMENT ON DATABASE KEPT_db IS '{c}'
CREATE TABLE c1 (KEPT_x INT COMMENT '{c}', y STRING DEFAULT '{c}') USING parquet OPTIONS ('password' = '{c}', my.option '{c}') COMMENT '{c}' TBLPROPERTIES ('secret.key' = '{c}', 'a' = '{c}')
ALTER TABLE c1 SET TBLPROPERTIES ('p' = '{c}')
ALTER TABLE c1 ALTER COLUMN y COMMENT '{c}'
ALTER TABLE c1 ALTER COLUMN y SET DEFAULT '{c}'
ALTER TABLE c1 ADD COLUMNS (z STRING COMMENT '{c}')
ALTER TABLE c1 SET SERDEPROPERTIES ('s' = '{c}')
COMMENT ON TABLE c1 IS '{c}'
INSERT INTO c1 VALUES (7, '{c}', '{c}')
INSERT INTO c1 (KEPT_x) VALUES (3)
INSERT OVERWRITE c1 SELECT id, concat(name, '{c}'), '{c}' FROM t WHERE name <> '{c}'
CREATE VIEW KEPT_view (a COMMENT '{c}') COMMENT '{c}' TBLPROPERTIES ('k' = '{c}') AS SELECT concat(y, '{c}') AS b FROM c1 /* {c} */
SELECT a FROM KEPT_view WHERE a = '{c}'
ALTER VIEW KEPT_view AS SELECT '{c}' AS a FROM c1
CREATE OR REPLACE TEMPORARY VIEW KEPT_temp AS SELECT y, '{c}' AS x FROM c1 WHERE y > '{c}'
SELECT * FROM KEPT_temp
CREATE TEMPORARY VIEW with_options USING csv OPTIONS (path '@/csv', nullValue '{c}', 'my.key' '{c}')
SELECT * FROM with_options
CACHE TABLE cached OPTIONS ('storageLevel' = 'MEMORY_ONLY') AS SELECT '{c}' AS a, y FROM c1
CREATE TABLE c2 USING parquet COMMENT '{c}' TBLPROPERTIES ('p' = '{c}') AS SELECT concat(y, '{c}') AS a FROM c1
CREATE TABLE c3 (a STRING, p STRING) USING parquet PARTITIONED BY (p)
INSERT INTO c3 PARTITION (p = 'KEPT_partition') SELECT '{c}'
INSERT OVERWRITE DIRECTORY '@/out' USING csv OPTIONS (nullValue '{c}', 'x.token' '{c}') SELECT '{c}' AS a
SET spark.my.setting = {c}
SET `spark.my.password` = {c}
SET spark.hadoop.fs.azure.account.key.x = {c}
SHOW TBLPROPERTIES c1
DESCRIBE TABLE EXTENDED c1
EXPLAIN EXTENDED SELECT * FROM c1 WHERE y = '{c}'
ANALYZE TABLE c1 COMPUTE STATISTICS FOR ALL COLUMNS
4:CREATE FUNCTION KEPT_function(x STRING DEFAULT '{c}') RETURNS STRING COMMENT '{c}' RETURN concat(x, '{c}')
4:SELECT KEPT_function('{c}')
"""

DELTA = """
CREATE TABLE d1 (id BIGINT, name STRING COMMENT '{c}') USING delta COMMENT '{c}' TBLPROPERTIES ('my.secret' = '{c}')
INSERT INTO d1 VALUES (1, '{c}'), ({n}, '{c}')
UPDATE d1 SET name = '{c}' WHERE name = '{c}' OR id = {n}
DELETE FROM d1 WHERE name = '{c}'
MERGE INTO d1 USING (SELECT 1 AS id, '{c}' AS name) s ON d1.id = s.id AND d1.name <> '{c}' WHEN MATCHED AND d1.name = '{c}' THEN UPDATE SET name = '{c}' WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, '{c}')
ALTER TABLE d1 ADD CONSTRAINT KEPT_check CHECK (name <> '{c}')
!INSERT INTO d1 SELECT 9, CASE WHEN name = name THEN element_at(split(SHOW_, ' '), 2) END FROM (SELECT name, (SELECT max(regexp_extract(value, '{c}')) FROM props) AS SHOW_ FROM t)
ALTER TABLE d1 SET TBLPROPERTIES ('other.token' = '{c}')
4:CREATE TABLE d2 (id BIGINT GENERATED ALWAYS AS IDENTITY (START WITH {n} INCREMENT BY 7), a STRING, b STRING GENERATED ALWAYS AS (concat(a, '{c}'))) USING delta
4:INSERT INTO d2 (a) SELECT concat(name, '{c}') FROM t
SELECT * FROM d1 VERSION AS OF 1 WHERE name = '{c}'
DESCRIBE HISTORY d1
CREATE TABLE d3 SHALLOW CLONE d1 TBLPROPERTIES ('p' = '{c}')
CREATE OR REPLACE TABLE d4 USING delta TBLPROPERTIES ('p' = '{c}') AS SELECT *, '{c}' AS x FROM d1
"""

FAILING = """
SELECT raise_error('{c}') FROM t
SELECT raise_error(concat('{c} of ', name, ' password={c}')) FROM t
SELECT assert_true(id < 0, '{c}') FROM t
SELECT assert_true(id < 0, concat(name, '{c}')) FROM t
SELECT cast(concat('{c}', name) AS INT) FROM t
SELECT cast(concat('{c}', name) AS DATE) FROM t
SELECT cast(concat('{c}', name) AS TIMESTAMP), cast(concat('{c}', name) AS BOOLEAN) FROM t
SELECT cast(concat('{c}', name) AS DECIMAL(3, 2)) FROM t
SELECT cast('{c}' AS INT)
SELECT to_date(concat('{c}', name), 'yyyy') FROM t
SELECT to_timestamp(concat('{c}', name), 'yyyy') FROM t
SELECT to_number(concat('{c}', name), '999') FROM t
SELECT id / (id - id), '{c}' FROM t WHERE name <> '{c}'
SELECT id * {n}{n} * {n}{n} * {n}{n} FROM t
SELECT cast({n} + id AS TINYINT) FROM t
SELECT element_at(array(id), {n}) FROM t
SELECT array(id)[{n}] FROM t
SELECT map_from_arrays(array(name, name), array('{c}', '{c}')) FROM t
SELECT map(k, 1, k, 2) FROM (SELECT concat('{c}', name) AS k FROM t)
SELECT name RLIKE concat('(', '{c}', name) FROM t
SELECT regexp_replace(name, concat('[', '{c}', name), '') FROM t
SELECT url_decode(concat('%{c}', name)) FROM t
SELECT aes_decrypt(unhex(hex(concat('{c}', name))), 'k{c}00000') FROM t
SELECT unhex(name), from_json(concat('{', '{c}', name), 'a INT', map('mode', 'FAILFAST')) FROM t
SELECT from_csv(concat('{c}', name), 'a INT, b INT', map('mode', 'FAILFAST')) FROM t
SELECT xpath(concat('<a>{c}', name), 'a') FROM t
SELECT make_date(id, 13, {n}) FROM t
SELECT date_format(day, concat('{c}', name)) FROM t
SELECT to_binary(concat('{c}', name), 'hex') FROM t
SELECT decode(encode(concat('{c}', name), 'utf-8'), concat('x{c}', name)) FROM t
SELECT (SELECT id FROM t UNION ALL SELECT {n}) FROM t WHERE name <> '{c}'
SELECT sequence(id, {n}, id - id) FROM t
SELECT months_between('{c}', day), cast('{c}' AS INTERVAL DAY) FROM t
SELECT * FROM csv.`@/none?sig={c}`
SELECT * FROM parquet.`s3a://{c}:{c}@bucket/none`
SELECT * FROM json.`unknown://u:{c}@host/none?token={c}`
INSERT INTO short VALUES ('{c}')
INSERT INTO short SELECT concat('{c}', name) FROM t
INSERT INTO checked VALUES ('KEPT_value{c}')
"""
"""Each fails when it runs, or is refused before."""
