"""Secrets in files that are planned: none is in what `plan` answers or prints, and what is wrong is still told with its place.

`make test` runs a sample of the statements that are well, `TORTURE=all` all of them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyspark
import pytest
from rich.console import Console

import spark_lineage
from leaks import statements
from leaks.canaries import MARK, Canaries, traces
from spark_lineage.compare.drift import planned as drift
from spark_lineage.errors import LineageError
from spark_lineage.model import Batch
from spark_lineage.planning import planned

pytestmark = [pytest.mark.spark, pytest.mark.matrix35, pytest.mark.torture("leaks")]

FORM = os.environ.get("TORTURE", "sample")
EVERY = {"sample": 6, "all": 1}
FEWEST = {"sample": 20, "all": 80}

SPARK_4 = int(pyspark.__version__.split(".")[0]) >= 4

DEFINED = """
CREATE TABLE t (id INT, name STRING, day DATE, s STRUCT<a: INT COMMENT '{c}', b: STRING>) USING parquet OPTIONS (password '{c}')
CREATE TABLE stored (id INT, name STRING, day DATE) USING jdbc OPTIONS (url 'jdbc:postgresql://ann:{c}@h/d?password={c}', password '{c}')
CREATE TABLE short (a CHAR(2), b INT) LOCATION 's3a://ann:{c}@bucket/short?sig={c}'
"""

REFUSED = """
SELECT DATE '{c}'
SELECT TIMESTAMP '{c}', X'{c}'
SELECT INTERVAL '{c}' DAY
SELECT {n}S, {n}999999999999999999999999999999999999
SELEC '{c}'
SELECT name '{c}' {n} FROM t
SELECT name FROM t WHERE name LIKE 'a' ESCAPE '{c}'
SELECT nosuch FROM t WHERE name = '{c}'
SELECT nosuch FROM (SELECT '{c}', concat(name, '{c}') FROM t)
SELECT q.nosuch FROM (SELECT '{c}') q
SELECT a.* FROM (SELECT '{c}') q
SELECT * FROM (SELECT '{c}') a JOIN (SELECT '{c}') b USING (nosuch)
SELECT s['{c}'] FROM t
SELECT named_struct('{c}', 1).nosuch, struct('{c}').x, map('{c}', 1).z.w
SELECT name + array('{c}') FROM t
SELECT posexplode('{c}')
SELECT xpath_string(1, array('{c}'))
SELECT sequence(1, '{c}'), map('{c}')
SELECT window(name, '{c}') FROM t
SELECT percentile_approx(id, '{c}') FROM t
SELECT to_number(name, '{c}') FROM t
SELECT from_json(name, 'a {c}') FROM t
SELECT from_json(name, '{c} is bad') FROM t
SELECT nosuchfunction('{c}')
SELECT name FROM t GROUP BY '{c}'
SELECT name, max('{c}') FROM t GROUP BY id
SELECT cast('{c}' AS NOSUCHTYPE)
SELECT name FROM t LIMIT '{c}'
SELECT name FROM t LIMIT -{n}
SELECT * FROM range('{c}')
SELECT * FROM VALUES ('{c}', 1), (2)
SELECT * FROM (SELECT id, name FROM t) PIVOT (sum(id) FOR name IN ('{c}', nosuch))
SELECT * FROM (SELECT id, name, '{c}' AS x FROM t) UNPIVOT (v FOR k IN (name AS '{c}', id))
SELECT * FROM csv.`s3a://ann:{c}@bucket/x?sig={c}`
SELECT * FROM parquet.`https://ann:{c}@h/x?any={c}#{c}`
SELECT * FROM `jdbc:oracle:thin:scott/{c}@h:1:x`
SELECT * FROM stored VERSION AS OF '{c}'
INSERT INTO short SELECT '{c}'
INSERT INTO short SELECT '{c}', '{c}', 3
INSERT INTO short BY NAME SELECT '{c}', 'a' AS a
INSERT INTO t PARTITION (nosuch = '{c}') SELECT 1
INSERT INTO nowhere SELECT '{c}'
CREATE TABLE again AS SELECT q.*, q.* FROM (SELECT '{c}', concat(name, '{c}') FROM t) q
CREATE VIEW again AS SELECT q.*, q.* FROM (SELECT '{c}') q
CREATE VIEW again (a, b) AS SELECT '{c}'
CREATE TABLE again (a STRING DEFAULT '{c}' COMMENT '{c}', a INT) USING jdbc OPTIONS (password '{c}', url 'jdbc:oracle:thin:scott/{c}@h:1:x')
CREATE TABLE again USING csv OPTIONS (password '{c}') LOCATION 's3a://ann:{c}@bucket/x'
CREATE TABLE again LIKE nowhere LOCATION 's3a://ann:{c}@bucket/x'
UPDATE t SET name = '{c}' WHERE nosuch = 1
DELETE FROM t WHERE name = '{c}' AND nosuch
MERGE INTO t USING (SELECT '{c}' AS name) u ON t.name = u.name WHEN MATCHED THEN UPDATE SET nosuch = '{c}'
ALTER TABLE t ADD COLUMNS (z STRING COMMENT '{c}', id INT)
SET spark.sql.shuffle.partitions = {c}
SET spark.sql.session.timeZone = {c}
SET TIME ZONE '{c}'
LOAD DATA INPATH 's3a://ann:{c}@bucket/x?token={c}' INTO TABLE t
ADD JAR 's3a://ann:{c}@bucket/x.jar?sig={c}'
CREATE TEMPORARY VIEW v USING jdbc OPTIONS (url 'jdbc:postgresql://ann:{c}@h/d', password '{c}')
INSERT OVERWRITE DIRECTORY 's3a://ann:{c}@bucket/x?sig={c}' USING csv OPTIONS (password '{c}') SELECT nosuch, '{c}'
4:EXECUTE IMMEDIATE 'SELECT "{c}" FROM nowhere'
4:CREATE FUNCTION f(x STRING DEFAULT '{c}') RETURNS INT RETURN '{c}' + nosuch
4:DECLARE VARIABLE w INT DEFAULT nosuch + '{c}'
4:SET VAR nosuch = '{c}'
4:SELECT '{c}' COLLATE NOSUCH
BEGIN SELECT '{c}'
"""
"""Each is refused, for a reason of its own."""

WRITTEN = """
INSERT OVERWRITE DIRECTORY 's3a://ann:{c}@bucket/x?sig={c}' USING csv OPTIONS (password '{c}') SELECT id, concat(name, '{c}') AS a FROM t
CREATE OR REPLACE TABLE KEPT_made USING parquet OPTIONS (password '{c}') LOCATION 'https://ann:{c}@h/x?any={c}' AS SELECT concat(name, '{c}') AS a FROM t
INSERT INTO stored SELECT {n}, '{c}', DATE '2026-01-01' FROM t WHERE name = '{c}'
"""

SCRIPT = """
import logging, sys, warnings
from pyspark.sql import SparkSession, functions as F

spark = SparkSession.builder.appName("{c}").config("spark.my.password", "{c}").config("spark.lineage.literals", "kept").getOrCreate()
print("{c}"); print("{c}", file=sys.stderr); warnings.warn("{c}"); logging.warning("{c}")
t = spark.read.schema("id INT, name STRING").option("password", "{c}").csv("s3a://ann:{c}@bucket/in?sig={c}")

def attempt(call):
    try:
        call()
    except BaseException:
        pass

attempt(lambda: spark.sql("SELECT DATE '{c}'"))
attempt(lambda: spark.sql("SELEC '{c}'"))
attempt(lambda: spark.sql("INSERT INTO nowhere SELECT '{c}'"))
attempt(lambda: spark.sql("CREATE TABLE again AS SELECT q.*, q.* FROM (SELECT '{c}') q"))
attempt(lambda: spark.read.csv("https://ann:{c}@h/x?token={c}&any={c}"))
attempt(lambda: spark.read.format("jdbc").option("url", "jdbc:postgresql://ann:{c}@h/d").option("password", "{c}").load())
attempt(lambda: t.write.format("jdbc").option("password", "{c}").save("jdbc:oracle:thin:scott/{c}@h"))
attempt(lambda: t.write.insertInto("`jdbc:postgresql://ann:{c}@h/d?password={c}`"))
attempt(lambda: spark.table("parquet.`s3a://ann:{c}@h/d?password={c}`"))
attempt(lambda: open("/tmp/https://ann:{c}@h/x?sig={c}", "w"))
t.withColumn("a", F.lit("{c}")).write.mode("overwrite").parquet("s3a://ann:{c}@bucket/out?sig={c}")
t.select(F.concat("name", F.lit("{c}")).alias("a"), F.lit({n}).alias("b")).write.csv("https://ann:{c}@h/out?any={c}")
t.filter(F.col("name") == "{c}").write.option("password", "{c}").saveAsTable("made")
t.where("name = '{c}'").groupBy("id").pivot("name", ["{c}"]).agg(F.sum("id")).show()
sys.exit("{c} {n}")
"""

ENDS = {
    "raise ValueError('{c}')": "ValueError",
    "getattr(None, '{c}')": "AttributeError",
    "None.total": "AttributeError: total",
    "undefined": "NameError: undefined",
    "import nosuchmodule.part": "ModuleNotFoundError: nosuchmodule",
    "__import__('{c}')": "ModuleNotFoundError",
    "open('/nowhere/{c}')": "FileNotFoundError: No such file or directory",
    "exec('{c} = = 1')": "SyntaxError",
    "{}['{c}']": "KeyError",
    "t.select('nosuch', F.lit('{c}'))": "AnalysisException: [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column...",
    "t.select(F.lit('{c}')).select('nosuch')": "AnalysisException: [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column...",
    "t.select(F.expr('{c} +'))": (
        "ParseException: [PARSE_SYNTAX_ERROR] Syntax error at or near end of input (line 1, pos 12)"
    ),
    "t.select(F.expr('{c} {n} 1'))": "ParseException: [PARSE_SYNTAX_ERROR] Syntax error at or near ? (line 1, pos 11)",
    "spark.createDataFrame([('{c}',)], 'a INT')": "PySparkTypeError: [...",
    "F.col('a').alias('{c}', '{c}', metadata={1: '{c}'})": "PySparkValueError: [ONLY_ALLOWED_FOR_SINGLE_COLUMN]",
    "spark.conf.set('spark.sql.shuffle.partitions', '{c}')": "IllegalArgumentException: ...",
    "spark.sparkContext._jvm.java.lang.Integer.parseInt('{c}')": "NumberFormatException: java.lang.NumberFormatException",
}
"""What may end a script, and what is said of it, or how that begins (`...`)."""

TRIED = """
import json, sys, tempfile
from pathlib import Path
from pyspark.sql import functions as F
from spark_lineage.capture.session import jar_path
from spark_lineage.planning.session import start
from spark_lineage.planning.told import said_at_end

spark = start(Path(tempfile.mkdtemp(dir=sys.argv[1])), jar_path())
t = spark.sql("SELECT 1 AS id, 'a' AS name")
said = []
for text in json.load(sys.stdin):
    try:
        exec(text)
    except BaseException as error:
        said.append(said_at_end(error, spark._jvm.io.sparklineage.Bridge))
print(json.dumps(said))
"""


REDACTED = """
import sys, tempfile
from pathlib import Path
from spark_lineage.capture.session import jar_path
from spark_lineage.planning.session import start

spark = start(Path(tempfile.mkdtemp(dir=sys.argv[1])), jar_path())
spark.conf.set("spark.sql.redaction.options.regex", "(?i)giraffe")
frame = spark.read.schema("a string").option("dateFormat", sys.argv[2]).option("locale", "KEPT").csv(sys.argv[1])
print(spark._jvm.io.sparklineage.Bridge.encode(spark._jsparkSession, frame._jdf.queryExecution().analyzed()))
"""


def lines(text: str) -> list[str]:
    """Statements, one a line, that this Spark has."""
    found = [each for each in text.strip().splitlines() if SPARK_4 or not each.startswith("4:")]
    return [re.sub(r"^(4:)?!?", "", each).replace("\\n", "\n").replace("@/", "/somewhere/") for each in found]


def check(file: Path, positions: list[str], capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Plan a file; nothing that is answered, drawn, printed or warned of has a secret. Returns its statements."""
    answer = spark_lineage.plan(file)
    console = Console(width=200, record=True, quiet=False)
    console.print(answer)
    printed = capfd.readouterr()
    texts = {
        "json": json.dumps(answer.to_dict()),
        "text": console.export_text(),
        "html": answer._repr_html_(),
        "output": printed.out,
        "errors": printed.err,
    }
    assert texts["json"].count('"line"') > 1
    for name, text in texts.items():
        assert traces(text.encode(), positions) == [], name
    found: list[dict[str, Any]] = answer.to_dict()["statements"]
    return found


def test_nothing_of_sql_leaks(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    canaries = Canaries()
    named = (statements.LITERALS, statements.SCANS, statements.COMMENTS, statements.FAILING)
    sampled = [each for part in named for each in lines(part)[:: EVERY[FORM]]]
    wrong = [*lines(DEFINED), *lines(REFUSED)]
    well = [*lines(WRITTEN), *lines(statements.TABLES), *sampled]
    filled = ";\n".join(canaries.filled(each, each) for each in [*wrong, *well])
    (tmp_path / "job.sql").write_text(filled, encoding="utf-8")
    found = check(tmp_path / "job.sql", canaries.positions, capfd)
    analyzed = [each["line"] for each in found if each["outcome"] == "analyzed"]
    assert [wrong[line - 1] for line in analyzed if line <= len(wrong)] == []
    assert len([line for line in analyzed if line > len(wrong)]) > FEWEST[FORM]


def test_nothing_of_a_script_leaks(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    canaries = Canaries()
    (tmp_path / "job.py").write_text(canaries.filled("script", SCRIPT), encoding="utf-8")
    found = check(tmp_path / "job.py", canaries.positions, capfd)
    targets = [each["target"] for each in found if each["outcome"] == "analyzed"]
    assert targets[:3] == [
        {"namespace": "s3://bucket", "name": "/"},
        {"namespace": "https://h", "name": "/out"},
        {"namespace": "catalog", "name": "spark_catalog.default.made"},
    ]
    refused = [each for each in found if each["outcome"] == "refused"]
    assert [each["line"] for each in refused] == [*range(15, 25), 0]
    assert refused[-1]["message"].startswith("The script ended with exit code 1;")


def test_what_ends_a_script_is_said_without_its_values(tmp_path: Path) -> None:
    canaries = Canaries()
    texts = [canaries.filled(each, each) for each in ENDS]
    command = [sys.executable, "-c", TRIED, str(tmp_path)]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert traces(done.stdout.encode(), canaries.positions) == []
    assert [_like(each, wanted) for each, wanted in zip(said, ENDS.values(), strict=True)] == [*ENDS.values()]


def test_what_a_planned_script_tells_spark_to_redact_is_not_in_its_plan(tmp_path: Path) -> None:
    canaries = Canaries()
    secret = canaries.filled("option", "'giraffe-{c}' yyyy")
    command = [sys.executable, "-c", REDACTED, str(tmp_path), secret]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert '["locale","KEPT"]' in done.stdout
    assert traces(done.stdout.encode(), canaries.positions) == []


def _like(said: str, wanted: str) -> str:
    """What was said, as short as what is wanted."""
    return f"{said[: len(wanted) - 3]}..." if wanted.endswith("...") else said


def test_what_a_child_that_dies_has_printed_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        Path(command[-1]).write_text("")  # the answer has begun
        return subprocess.CompletedProcess(command, 3, stdout=MARK, stderr=f"KeyError: '{MARK}'")

    monkeypatch.setattr(planned.subprocess, "run", dies)
    (tmp_path / "job.sql").write_text("SELECT 1", encoding="utf-8")
    with pytest.raises(LineageError) as caught:
        spark_lineage.plan(tmp_path / "job.sql")
    assert str(caught.value) == (
        "The session that analyzes ended early (exit code 3): plan the file in parts to find what ends it."
    )


def test_the_store_that_is_compared_with_is_named_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "_known", lambda _: planned.Known({}, {}, {}))
    monkeypatch.setattr(drift, "plan_sql", lambda *_: planned.Planned("job", (), Batch()))
    monkeypatch.setattr(drift, "_compared", lambda answer, *_: answer)
    answer = drift.plan_file(tmp_path / "job.sql", against="s3://ann:hunter2@bucket/store?sig=hunter3")
    assert answer.to_dict()["against"] == "s3://bucket/store"
