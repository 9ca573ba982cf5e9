"""Run files of Spark's SQL tests, with lineage or without, in one Spark of this process.

    python tests/corpora/sql_runner.py --files NAME... --into report.json [--store FOLDER]

Writes a JSON object: `files` has each file's outcomes, statement by statement. Each statement's executions carry its place as their
description, in letters (`label`), since numbers are masked. A statement that makes a temporary view of inline values
is followed by storing these values in a table and letting the view read it: so a column of a test's view is a column
that can be traced, not a constant. Both runs do so.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyspark
from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from queries import SOURCES, read_schema
from sql_inputs import SqlFile, read_file

TABLES = {
    "aggtest": ("agg.data", "a int, b float"),
    "onek": ("onek.data", ""),
    "tenk1": ("tenk.data", ""),
}
_TENK_NUMBERS = (
    *("unique1", "unique2", "two", "four", "ten", "twenty", "hundred", "thousand"),
    *("twothousand", "fivethous", "tenthous", "odd", "even"),
)
TENK = ", ".join(
    [f"{name} int" for name in _TENK_NUMBERS]
    + [f"{name} string" for name in ("stringu1", "stringu2", "string4")]
)
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Duser.language=en -Duser.country=US"
KEPT_TABLES = {"testdata", "arraydata", "mapdata", *TABLES}
OF_TPCDS = {"pipe-operators.sql"}
"""The files that read the tables of TPC-DS too."""

_FEATURES = ("collation.schemaLevel", "collation.objectLevel", "timeType", "geospatial")
STORED = "stored_values"
"""The database of the tables behind temporary views of inline values."""

_TEMPORARY_VIEW = re.compile(
    r"create\s+(?:or\s+replace\s+)?(?:local\s+)?(?P<scope>global\s+)?temp(?:orary)?\s+view\s+"
    r"(?:if\s+not\s+exists\s+)?(?P<name>`[^`]+`|\w+)",
    re.IGNORECASE,
)
_READS = re.compile(r"\s*(?:select|values|table|show|describe|desc|explain|set)\b", re.IGNORECASE)
_VALUES = {"LocalRelation", "OneRowRelation", "Range"}
_RUN_BOUND = (
    (re.compile(r"#\d+L?"), "#x"),
    (
        re.compile(
            r"(plan_id=|CTERelation(?:Def|Ref) |UnionLoop(?:Ref)? |Loop id: |transient_lastDdlTime=|stored_values\.v)\d+"
        ),
        r"\1x",
    ),
    (re.compile(r"(Created By|Created Time|Last Access|Owner|Partition Statistics)\b[^\]\n]*"), r"\1 x"),
    (re.compile(r"(\"(?:created_time|last_access|transient_lastDdlTime)\":)\"[^\"]*\""), r"\1x"),
    (re.compile(r"@[0-9a-f]{5,}"), "@x"),
)
"""What a result says of the moment and the machine, as Spark's suite takes it out."""


def main() -> None:
    """Run the files and write the report."""
    parser = argparse.ArgumentParser(description="Run files of Spark's SQL tests, with lineage or without.")
    parser.add_argument("--files", nargs="+", required=True)
    parser.add_argument("--into", type=Path, required=True, help="the JSON report to write")
    parser.add_argument("--store", help="switch lineage on, with this store")
    arguments = parser.parse_args()
    into = arguments.into.resolve()
    files = [read_file(name) for name in arguments.files]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        spark = start_session(Path(folder))
        create_tables(spark)
        if arguments.store is not None:
            import spark_lineage  # noqa: PLC0415  the bare run must not have it in its process

            lineage = spark_lineage.enable(spark, store=arguments.store)
        report: dict[str, Any] = {"folder": folder, "tables": table_columns(spark)}
        report["files"] = {
            file.name: run_file(spark, file, number, folder) for number, file in enumerate(files)
        }
        if arguments.store is not None:
            from spark_lineage.capture import session  # noqa: PLC0415

            session.flush(spark, timeout_seconds=300)
            report["spool"] = str(lineage.spool)
        spark.stop()
        os.chdir("/")
    into.write_text(json.dumps(report, indent=1), encoding="utf-8")


def label(file: int, statement: int) -> str:
    """The place of a statement in letters.

    >>> label(0, 27)
    'statement a bb'
    """
    return f"statement {_letters(file)} {_letters(statement)}"


def start_session(folder: Path) -> SparkSession:
    """A local session with the settings of Spark's suite, and its test classes on the class path."""
    os.environ["SPARK_HOME"] = str(Path(pyspark.__file__).parent)
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    settings = {
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.driver.memory": "2g",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        # Thousands of tiny queries: to interpret them is several times faster than to compile each.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.datetime.java8API.enabled": "true",
        "spark.sql.session.timeZone": "America/Los_Angeles",
        # Spark's own tests have on what is not yet on for all.
        **{f"spark.sql.{feature}.enabled": "true" for feature in _FEATURES},
        "spark.driver.extraJavaOptions": f"{JAVA_OPTIONS} -Duser.timezone=America/Los_Angeles",
    }
    jars = sorted(str(jar) for jar in (SOURCES / "jars").glob("*.jar"))
    settings["spark.driver.extraClassPath"] = ":".join(jars)
    builder = SparkSession.builder.master("local[1]").appName("sql-tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    logging.getLogger("SQLQueryContextLogger").setLevel(
        logging.CRITICAL
    )  # one page for each error that is meant
    return spark


def create_tables(spark: SparkSession) -> None:
    """The tables that Spark's suite makes for all files."""
    data = SOURCES / "test-data" / "postgresql"
    testdata = spark.range(1, 101).selectExpr("cast(id AS int) AS key", "cast(id AS string) AS value")
    testdata.coalesce(1).write.saveAsTable("testdata")
    arrays = "VALUES (array(1, 2, 3), array(array(1, 2, 3))), (array(2, 3, 4), array(array(2, 3, 4)))"
    spark.sql(f"{arrays} AS t(arraycol, nestedarraycol)").write.saveAsTable("arraydata")
    rows = (
        ", ".join(f"{key}, '{'abcde'[key - 1]}{row}'" for key in range(1, 7 - row)) for row in range(1, 6)
    )
    maps = ", ".join(f"(map({pairs}))" for pairs in rows)
    spark.sql(f"VALUES {maps} AS t(mapcol)").write.saveAsTable("mapdata")
    for table, (file, columns) in TABLES.items():
        frame = spark.read.csv(str(data / file), sep="\t", header=False, schema=columns or TENK)
        frame.write.saveAsTable(table)
    spark.sql(f"CREATE DATABASE {STORED}")


def run_file(spark: SparkSession, file: SqlFile, number: int, folder: str) -> list[dict[str, Any]]:
    """Run a file's statements in a session of its own; the catalog is as before afterwards."""
    session = spark.newSession()
    _prepare(session, file)
    outcomes = []
    for position, sql in enumerate(file.statements):
        spark.sparkContext.setJobDescription(label(number, position))
        outcome = run_statement(session, sql, folder)
        if outcome["outcome"] == "ok":
            outcome["stored"] = store_values(session, sql, f"v{number}_{position}")
            if not _READS.match(sql) or outcome["stored"]:
                outcome["tables"] = table_columns(session)
        outcomes.append(outcome)
    spark.sparkContext.setJobDescription("between files")
    _clean(session)
    return outcomes


def run_statement(session: SparkSession, sql: str, folder: str) -> dict[str, Any]:
    """What came of one statement: its schema, the number of its rows and a digest of their sorted texts, or its error."""
    try:
        frame = session.sql(sql)
        schema = frame._jdf.schema().catalogString()
        rows = frame._jdf.collectAsList()
        texts = _texts(session, rows)
    except PySparkException as error:
        return {"outcome": _condition(error)}
    except Py4JJavaError as error:
        return {"outcome": error.java_exception.getClass().getName()}
    lines = sorted(_without_run(text, folder) for text in texts)
    digest = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return {
        "outcome": "ok",
        "schema": schema,
        "rows": len(lines),
        "digest": digest,
        "first": "\n".join(lines)[:300],
    }


def store_values(session: SparkSession, sql: str, table: str) -> bool:
    """Let a temporary view of inline values read them from a table; whether that was done.

    Not where a column cannot be stored (intervals, nulls without a type) or two have the same name.
    """
    found = _TEMPORARY_VIEW.match(sql)
    if found is None:
        return False
    scope, name = found["scope"] or "", found["name"]
    qualified = f"global_temp.{name}" if scope else name
    try:
        frame = session.table(qualified)
        if not set(_leaves(frame._jdf.queryExecution().analyzed())) <= _VALUES:
            return False
        frame.coalesce(1).write.saveAsTable(f"spark_catalog.{STORED}.{table}")
        session.sql(f"CREATE OR REPLACE {scope}TEMPORARY VIEW {name} AS TABLE spark_catalog.{STORED}.{table}")
    except (PySparkException, Py4JError):
        return False
    return True


def table_columns(session: SparkSession) -> dict[str, list[str]]:
    """The columns of every table as the catalog has them now, by `database.table`."""
    catalog = session._jsparkSession.sharedState().externalCatalog()
    found = {}
    for database in _names(catalog.listDatabases()):
        for name in _names(catalog.listTables(database)):
            table = catalog.getTable(database, name)
            if table.tableType().name() != "VIEW":
                found[f"{database}.{name}"] = list(table.schema().fieldNames())
    return found


def _names(sequence: Any) -> list[str]:
    return [sequence.apply(position) for position in range(sequence.size())]


def _leaves(plan: Any) -> list[str]:
    leaves = plan.collectLeaves()
    return [leaves.apply(position).getClass().getSimpleName() for position in range(leaves.size())]


def _texts(session: SparkSession, rows: Any) -> list[str]:
    """The rows as Java writes them; where one has an array of bytes, all with what is in their arrays."""
    texts = [row.toString() for row in rows]
    if any("[B@" in text for text in texts):
        return [session._jvm.scala.runtime.ScalaRunTime.stringOf(row.toSeq()) for row in rows]
    return texts


def _condition(error: PySparkException) -> str:
    condition = error.getCondition() if hasattr(error, "getCondition") else error.getErrorClass()
    return condition or type(error).__name__


def _without_run(text: str, folder: str) -> str:
    text = text.replace(folder, "<folder>")
    for pattern, replacement in _RUN_BOUND:
        text = pattern.sub(replacement, text)
    return text


def _prepare(session: SparkSession, file: SqlFile) -> None:
    """The settings and functions that Spark's suite gives to the files of a folder."""
    conf = session.conf
    conf.set("spark.sql.ansi.enabled", str(file.folder != "nonansi").lower())
    if "postgreSQL/" in file.name:
        conf.set("spark.sql.legacy.interval.enabled", "true")
        for name in ("booleq", "boolne", "vol"):
            session.udf.register(name, _POSTGRES[name], "string" if name == "vol" else "boolean")
    if file.folder == "timestampNTZ":
        conf.set("spark.sql.timestampType", "TIMESTAMP_NTZ")
    for name, value in file.settings:
        session.sql(f"set {name}={value}")
    if file.name in OF_TPCDS:
        for table, columns in read_schema("tpcds").items():
            session.sql(f"CREATE TABLE {table} ({columns}) USING parquet")
    if _needs_functions(file):
        _register(session, file)


_POSTGRES = {
    "booleq": lambda one, other: None if one is None or other is None else one == other,
    "boolne": lambda one, other: None if one is None or other is None else one != other,
    "vol": lambda text: text,
}


def _needs_functions(file: SqlFile) -> bool:
    return file.udf is not None or file.folder == "udtf"


def _register(session: SparkSession, file: SqlFile) -> None:
    """Register the function kinds of Spark's own tests, by its own code; constructors differ between versions."""
    jvm = session._jvm
    utils = jvm.org.apache.spark.sql.IntegratedUDFTestUtils
    if file.folder == "udtf":
        kinds = getattr(jvm.org.apache.spark.sql, "IntegratedUDFTestUtils$TestUDTFSet")
        utils.registerTestUDTFs(kinds(utils.AllTestUDTFs()), session._jsparkSession)
        return
    name = "udaf" if file.folder == "udaf" else "udf"
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    kind = loader.loadClass(f"org.apache.spark.sql.IntegratedUDFTestUtils${file.udf}")
    constructor = kind.getConstructors()[0]
    kinds = [each.getSimpleName() for each in constructor.getParameterTypes()]
    others = {"Option": jvm.scala.Option.empty(), "int": 100, "boolean": True}
    arguments = [name if kind == "String" else others[kind] for kind in kinds]
    function = getattr(jvm.org.apache.spark.sql, f"IntegratedUDFTestUtils${file.udf}")(*arguments)
    utils.registerTestUDF(function, session._jsparkSession)


def _clean(session: SparkSession) -> None:
    """Drop what the file left in the catalog."""
    session.catalog.clearCache()
    session.sql("SET CATALOG spark_catalog")
    session.sql("USE default")
    catalog = session._jsparkSession.sharedState().externalCatalog()
    for database in _names(catalog.listDatabases()):
        if database not in {"default", STORED}:
            session.sql(f"DROP DATABASE IF EXISTS `{database}` CASCADE")
    for name in _names(catalog.listTables("default")):
        if name not in KEPT_TABLES:
            is_view = catalog.getTable("default", name).tableType().name() == "VIEW"
            session.sql(f"DROP {'VIEW' if is_view else 'TABLE'} IF EXISTS spark_catalog.default.`{name}`")
    for name in _names(catalog.listFunctions("default", "*")):
        session.sql(f"DROP FUNCTION IF EXISTS spark_catalog.default.`{name}`")
    for view in session.sql("SHOW VIEWS IN global_temp").collect():
        session.sql(f"DROP VIEW IF EXISTS global_temp.`{view.viewName}`")


def _letters(number: int) -> str:
    """0 -> a, 25 -> z, 26 -> ba."""
    first, last = divmod(number, 26)
    return (_letters(first) if first else "") + "abcdefghijklmnopqrstuvwxyz"[last]


if __name__ == "__main__":
    main()
