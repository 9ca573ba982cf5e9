"""Positions of secrets in a program: what no SQL text says. Each is a function that runs with a session and makes its own secrets."""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 - pyspark's own name for it

from leaks.canaries import Canaries

Action: TypeAlias = Callable[[SparkSession, Callable[[str], str], Path], Any]
"""Gets the session, what fills in secrets, and a folder."""

OPTION_KEYS = (
    *(
        "password",
        "PassWord",
        "pwd",
        "user",
        "username",
        "token",
        "accessToken",
        "apiKey",
        "api-key",
        "secret",
        "client_secret",
    ),
    *(
        "fs.s3a.access.key",
        "fs.s3a.secret.key",
        "fs.azure.account.key.box.dfs.core.windows.net",
        "fs.azure.sas.box.account",
    ),
    *(
        "google.cloud.auth.service.account.json.keyfile",
        "credentials",
        "keyfile",
        "pem_private_key",
        "sfPassword",
        "sfToken",
    ),
    *(
        "sfUser",
        "sfURL",
        "header.Authorization",
        "headers",
        "X-Custom",
        "cookie",
        "proxy.password",
        "nullValue",
        "emptyValue",
    ),
    *(
        "es.net.http.auth.pass",
        "es.net.http.auth.user",
        "spark.mongodb.output.uri",
        "spark.redis.auth",
        "auth",
        "aws_iam_role",
    ),
    *(
        "forward_spark_s3_credentials",
        "tempdir_credentials",
        "ssl.keystore.password",
        "keytab",
        "principal",
        "jaas",
        "my.own",
    ),
    *(
        "sessionInitStatement",
        "prepareQuery",
        "createTableOptions",
        "createTableColumnTypes",
        "customSchema",
        "preActions",
    ),
    *(
        "postActions",
        "awsAccessKeyId",
        "connectionString",
        "primaryKey",
        "sas",
        "sasToken",
        "userMetadata",
        "comment2",
    ),
)

KAFKA = {
    "kafka.sasl.jaas.config": 'org.apache.kafka.common.security.plain.PlainLoginModule required username="{c}" password="{c}";',
    "kafka.ssl.keystore.password": "{c}",
    "kafka.ssl.key.password": "{c}",
    "kafka.ssl.truststore.password": "{c}",
    "kafka.sasl.oauthbearer.token.endpoint.url": "https://h/x?token={c}",
    "kafka.client.id": "{c}",
    "kafka.sasl.client.callback.handler.class": "{c}",
    "kafka.bootstrap.servers": "user:{c}@127.0.0.1:9",
}

LABELS = (
    "nightly password={c}",
    "load token: {c}, and more",
    'call {"password": "{c} {c}", "a": 1}',
    "Authorization: Bearer {c}",
    "with Bearer {c}",
    "from https://ann:{c}@host/x?sig={c}",
    "from jdbc:postgresql://host/db?user=ann&password={c} {c}",
    "from jdbc:oracle:thin:ann/{c}@//host/x",
    "to s3a://{c}:{c}@bucket/p",
    "secret_key={c};api_key={c}&access-key:{c}",
    "AccountKey={c};SharedAccessSignature={c}",
)
"""Texts that people give to jobs: names, in which secrets stand where one can tell them."""

DESCRIPTIONS = (
    "loads '{c}' of {n}",
    "SELECT * FROM t WHERE name = '{c}' -- {c}",
    'Spark Connect - session_id: "5f"\\nuser_context {\\n  user_id: "ann"\\n}\\nplan {\\n  root {\\n    sql {\\n      query: "SELECT \\\\\'{c}\\\\\'"',
    'Spark Connect - plan { root { filter { condition { literal { string: "{c}" } } literal { long: {n} } } } }',
    'Spark Connect - plan { root { read { data_source { format: "jdbc" options { key: "password" value: "{c}',
)


def jdbc_urls(grammars: Iterable[str]) -> Action:
    """A write to each URL, which no driver takes."""

    def run(spark: SparkSession, fill: Callable[[str], str], _: Path) -> list[str]:
        frame = spark.sql("SELECT 1 AS a")
        driver = "org.apache.derby.iapi.jdbc.AutoloadedDriver"
        for grammar in grammars:
            writer = frame.write.format("jdbc").option("url", fill(grammar)).option("dbtable", "t")
            fails(
                lambda writer=writer: (
                    writer.option("driver", driver).option("password", fill("{c}")).mode("append").save()
                )
            )
        return []

    return run


UNLIKE: list[str] = []
"""What did not end as it should."""


def fails(action: Callable[[], Any]) -> None:
    """Do what must fail."""
    try:
        action()
    except Exception:  # noqa: BLE001 - each Spark line raises classes of its own
        return
    UNLIKE.append(f"what must fail did not: {traceback.extract_stack(limit=2)[0].line}")


def option_values(spark: SparkSession, fill: Callable[[str], str], folder: Path) -> None:
    """Options of readers and writers, of a query and of a command."""
    options = {key: fill("{c}") for key in OPTION_KEYS}
    frame = spark.read.options(**options).csv(str(folder / "csv"))
    frame.collect()
    options = {key: fill("{c}") for key in OPTION_KEYS if key not in {"nullValue", "emptyValue"}}
    frame.write.options(**options).mode("overwrite").parquet(str(folder / "options"))
    spark.read.option("modifiedBefore", "2050-07-01T08:30:00").option("x", fill("{c}")).csv(
        [str(folder / "csv")]
    ).collect()
    frame.write.option("header.x", fill("{c}")).option("path", str(folder / "saved")).saveAsTable("saved")
    spark.catalog.createTable(
        "made", source="csv", path=str(folder / "csv"), password=fill("{c}"), **{"a.b": fill("{c}")}
    )


def delta_options(spark: SparkSession, fill: Callable[[str], str], folder: Path) -> None:
    """Options of writes of Delta tables."""
    frame = spark.read.csv(str(folder / "csv"))
    frame.write.format("delta").option("userMetadata", fill("{c}")).save(str(folder / "delta"))
    where = fill("_c0 <> '{c}' AND _c0 > '{c}'")
    frame.write.format("delta").mode("overwrite").option("replaceWhere", "_c0 = 'x' OR " + where).save(
        str(folder / "delta")
    )
    frame.write.format("delta").partitionBy("_c0").option("token", fill("{c}")).saveAsTable("parted")


def path_tables(spark: SparkSession, fill: Callable[[str], str], folder: Path) -> None:
    """Tables by their paths: the name of such a table is its path."""
    table = fill(f"delta.`file://{folder}/by_path?sig={{c}}`")
    for statement in (
        "CREATE TABLE {} USING delta AS SELECT id, name FROM t",
        "INSERT INTO {} SELECT id, name FROM t",
        "MERGE INTO {} u USING t ON u.id = t.id WHEN MATCHED THEN UPDATE SET name = t.name",
        "SELECT name, upper(name) FROM {} VERSION AS OF 0",
    ):
        spark.sql(statement.replace("{}", table)).collect()


def jdbc_options(spark: SparkSession, fill: Callable[[str], str], folder: Path) -> None:
    """A database that is really there, its queries and its users."""
    spark._jvm.java.lang.System.setProperty("derby.stream.error.file", str(folder / "derby.log"))
    url = fill(f"jdbc:derby:{folder / 'derby'};create=true;user={{c}};password={{c}};territory=en_US")
    hidden = {"user": fill("{c}"), "password": fill("{c}"), "oracle.net.wallet_password": fill("{c}")}
    spark.sql("SELECT 1 AS a, 'x' AS b").write.jdbc(url, "copied", properties=hidden)
    query = fill("(SELECT * FROM copied WHERE \"b\" LIKE '%{c}' /* {c} */) q")
    spark.read.jdbc(url, query, properties=hidden).collect()
    reader = spark.read.format("jdbc").options(url=url, **hidden)
    reader.option(
        "query", fill('SELECT "b" FROM copied /* {c} */ WHERE "b" NOT LIKE \'{c}\'')
    ).load().collect()
    spark.read.jdbc(
        url, "copied", predicates=[fill("\"b\" LIKE '{c}'"), fill('"a" = {n}')], properties=hidden
    ).collect()
    bounds = {
        "partitionColumn": "a",
        "lowerBound": fill("{n}"),
        "upperBound": fill("9{n}"),
        "numPartitions": "2",
    }
    spark.read.format("jdbc").options(url=url, dbtable="copied", **hidden, **bounds).load().where(
        fill("b LIKE '%{c}'")
    ).collect()
    fails(
        lambda: spark.read.jdbc(
            url, fill("(SELECT CAST('{c}' AS INT) AS X FROM copied) q"), properties=hidden
        ).collect()
    )
    fails(lambda: spark.read.jdbc(url, fill("(SELECT '{c}' FROM none_{n}) q"), properties=hidden).collect())
    spark.sql(
        f"CREATE TABLE by_jdbc USING jdbc OPTIONS (url '{url}', dbtable 'copied', password '{fill('{c}')}')"
    )
    spark.sql(fill("INSERT INTO by_jdbc SELECT 2 AS a, '{c}' AS b"))


def expressions(spark: SparkSession, fill: Callable[[str], str], _: Path) -> None:
    """What DataFrames have and SQL has not."""
    frame = spark.table("t")
    name = frame["name"]
    frame.na.fill(fill("{c}")).na.replace({fill("{c}"): fill("{c}")}, subset=["name"]).collect()
    frame.where(name.isin(*[fill("{c}") for _ in range(12)])).collect()
    frame.select(
        F.when(name == fill("{c}"), fill("{c}")).otherwise(fill("{c}")), F.lit(fill("{c}"))
    ).collect()
    frame.withColumn(
        "k", name.alias("k", metadata={"comment": fill("{c}"), "x": {"y": fill("{c}")}})
    ).collect()
    frame.withMetadata("name", {"password": fill("{c}")}).collect()
    frame.hint("broadcast").sampleBy("name", {fill("{c}"): 0.5}, seed=3).collect()
    frame.groupBy("id").pivot("name", ["KEPT_value"]).agg(
        F.max(F.concat("name", F.lit(fill("{c}"))))
    ).collect()
    frame.observe("KEPT_observation", F.max(F.concat("name", F.lit(fill("{c}")))).alias("m")).collect()
    frame.selectExpr(fill("concat(name, '{c}')"), fill("'{c}' AS KEPT_selected")).toDF("a", "b").collect()
    frame.orderBy(name == fill("{c}")).drop_duplicates(["name"]).unionByName(
        frame.where(name < fill("{c}"))
    ).collect()
    spark.createDataFrame([(fill("{c}"), 1)], "name string, id int").groupBy("name").count().collect()
    frame.select(F.concat("name", F.lit(fill("{c}"))).alias("x")).localCheckpoint().where(
        fill("x <> '{c}'")
    ).collect()
    unnamed = frame.select(F.concat("name", F.lit(fill("{c}"))), F.lit(fill("{c}")))
    unnamed._jdf.showString(3, 20, False)  # noqa: FBT003 - as `show`, which prints the data
    unnamed.describe().collect()
    unnamed.summary("count", "max").collect()
    unnamed.select(F.upper(unnamed[0]), F.upper(unnamed[1]), unnamed[1].cast("binary")).collect()
    columns = [F.col(f"`{each}`") for each in unnamed.columns]
    unnamed.select(*(made(each) for made in (F.upper, F.struct, F.array) for each in columns)).collect()
    unnamed.select(unnamed[1].cast("binary")).select(F.upper(columns[1])).collect()
    unnamed.createOrReplaceTempView("unnamed")
    first, second = unnamed.columns
    spark.sql(f"SELECT max(`{first}`), max(`{second}`) FROM unnamed").collect()  # noqa: S608 - our own names
    spark.catalog.dropTempView("unnamed")
    unnamed.toJSON().collect()
    for again in (lambda rows: spark.createDataFrame(rows.rdd, rows.schema), lambda rows: rows.rdd.toDF()):
        again(frame.select(F.concat("name", F.lit(fill("{c}"))), F.lit(fill("{c}")))).collect()
        made = ("concat('{c}', '{c}')", "CASE WHEN name = '{c}' THEN '{c}' ELSE name END")
        again(frame.selectExpr(*map(fill, made)).where("name <> string(id)")).describe().collect()
    frame.withColumn("w", F.concat("name", F.lit(fill("{c}")))).persist().where(fill("w > '{c}'")).count()


def functions(spark: SparkSession, fill: Callable[[str], str], _: Path) -> None:
    """Functions in Python: what they close over, and what they raise."""
    closed, told, cause = fill("{c}"), fill("{c} and {c}"), fill("{c}")

    def kept_function(value: str, default: str = closed) -> str:
        return f"{value}{default}{closed}"

    spark.table("t").select(F.udf(kept_function)("name")).collect()
    spark.udf.register("KEPT_udf", kept_function)
    spark.sql(fill("SELECT KEPT_udf(concat(name, '{c}')) FROM t")).collect()

    def fail(value: str) -> str:
        try:
            {}[cause]
        except KeyError as error:
            raise ValueError(f"{told} of {value}\n{told}: password={told}") from error

    def exit_with(value: str) -> str:
        raise SystemExit(told + value)

    def fail_in_batches(frames: Any) -> Any:
        for _ in frames:
            raise RuntimeError(told)
        yield from ()

    fails(lambda: spark.table("t").select(F.udf(fail)("name")).collect())
    fails(lambda: spark.table("t").select(F.pandas_udf(fail, "string")("name")).collect())
    fails(lambda: spark.table("t").mapInPandas(fail_in_batches, "a string").collect())
    fails(
        lambda: spark.table("t").select(F.udf(exit_with)("name")).write.mode("overwrite").saveAsTable("never")
    )
    fails(lambda: spark.table("t").rdd.map(lambda row: fail(row.name)).collect())


def rdds(spark: SparkSession, fill: Callable[[str], str], folder: Path) -> None:
    """Jobs without a query."""
    context = spark.sparkContext
    rows = context.parallelize([fill("{c}"), fill("{c}")]).setName(fill("rows password={c}"))
    rows.map(lambda row: row + "x").saveAsTextFile(str(folder / "text"))
    rows.foreach(lambda _: None)
    secret = context.broadcast(fill("{c}"))
    context.textFile(str(folder / "text")).filter(lambda line: line != secret.value).count()
    fails(lambda: context.textFile(fill(f"file:{folder}/none?sig={{c}}")).count())
    fails(
        lambda: context.newAPIHadoopFile(
            fill("s3a://{c}:{c}@bucket/x"),
            "org.apache.hadoop.mapreduce.lib.input.TextInputFormat",
            "org.apache.hadoop.io.LongWritable",
            "org.apache.hadoop.io.Text",
            conf={"fs.s3a.secret.key": fill("{c}")},
        ).count()
    )


def labels(spark: SparkSession, fill: Callable[[str], str], _: Path) -> None:
    """What a program calls its jobs."""
    context = spark.sparkContext
    for label in LABELS[:: 4 if os.environ["LEAKS_FORM"] == "sample" else 1]:
        context.setJobGroup(fill(label), fill(label))
        context.setLocalProperty("callSite.short", fill(label))
        context.setLocalProperty("callSite.long", fill(label))
        context.addJobTag(fill("tag-token={c}"))
        spark.sql(fill("SELECT max(name) FROM t WHERE name = '{c}'")).collect()
        context.parallelize([1]).count()
        context.clearJobTags()
    for description in DESCRIPTIONS:
        context.setLocalProperty("callSite.short", None)
        context.setLocalProperty("callSite.long", None)
        context.setJobDescription(fill(description))
        spark.sql("SELECT max(name) FROM t").collect()
    context.setJobGroup("KEPT_group", "KEPT_description")
    spark.sql("SELECT min(name) FROM t").collect()
    context.setJobDescription(None)


def redacted(spark: SparkSession, fill: Callable[[str], str], folder: Path) -> None:
    """What nothing but the user's own patterns calls a secret: `spark.redaction.regex` and those of `spark.sql.redaction`.

    The patterns stand in `harness.SETTINGS`: a zebra is a secret in texts and options, a giraffe in options.
    """
    context = spark.sparkContext
    context.setJobGroup(fill("KEPT_herd of zebra-{c}"), fill("counts Zebra-{c} and zebra-{c} at night"))
    context.setLocalProperty("callSite.short", fill("count of zebra-{c}"))
    context.addJobTag(fill("zebra-{c}"))
    window = fill("`zebra-{c}`")
    spark.sql(
        f"SELECT max(name) OVER {window} AS a FROM t WINDOW {window} AS (PARTITION BY id)"  # noqa: S608
    ).collect()
    context.parallelize([1]).count()
    context.clearJobTags()
    context.setLocalProperty("callSite.short", None)
    context.setJobGroup("KEPT_group", "KEPT_description")
    reader = spark.read.schema("a string").option("pathGlobFilter", fill("*zebra-{c}*"))
    reader.option("dateFormat", fill("'giraffe-{c}' yyyy")).option("locale", fill("{c}")).csv(
        str(folder / "csv")
    ).collect()
    corrupt = spark.read.schema("a string").option("columnNameOfCorruptRecord", fill("{c}"))
    corrupt.json(str(folder / "csv")).collect()
    fails(lambda: spark.read.table(fill("`zebra-{c}`")).collect())
    context.setJobDescription(None)


def sessions(spark: SparkSession, fill: Callable[[str], str], _: Path) -> None:
    """Settings of a session."""
    session = spark.newSession()
    for key in (
        "spark.my.password",
        "spark.hadoop.fs.s3a.secret.key",
        "fs.azure.account.key.x",
        "spark.sql.catalog.other.password",
    ):
        session.conf.set(key, fill("{c}"))
    session.conf.set("spark.databricks.delta.commitInfo.userMetadata", fill("{c}"))
    session.sql(fill("SELECT '{c}' AS a")).write.format("delta").mode("append").saveAsTable("by_session")
    spark.sparkContext._jsc.hadoopConfiguration().set("fs.s3a.secret.key", fill("{c}"))


def places(spark: SparkSession, fill: Callable[[str], str], folder: Path) -> None:
    """Paths with users, passwords and signatures."""
    frame = spark.sql("SELECT 1 AS a")
    for place in (
        "s3a://{c}:{c}@bucket/x",
        "unknown://u:{c}@host/x?sig={c}",
        "https://u:{c}@host/x?sig={c}",
        "hdfs://u:{c}@localhost:1/x",
    ):
        fails(lambda place=place: frame.write.parquet(fill(place)))
        fails(lambda place=place: spark.read.parquet(fill(place)).collect())
        fails(
            lambda place=place: (
                spark.sql(fill(f"CREATE TABLE at (a INT) USING parquet LOCATION '{place}'")) or 1 / 0
            )
        )
        spark.sql("DROP TABLE IF EXISTS at")
    frame.write.parquet(str(folder / "KEPT_day=2026-01-01"))
    (folder / "bad.json").write_text(fill('{"a": "{c}"\n{c}'), encoding="utf-8")
    (folder / "bad.csv").write_text(fill("1,{c},{c}\n{c},2\n"), encoding="utf-8")
    (folder / "bad.parquet").write_text(fill("{c}{c}{c}"), encoding="utf-8")
    fails(
        lambda: spark.read.schema("a int").option("mode", "FAILFAST").json(str(folder / "bad.json")).collect()
    )
    fails(
        lambda: (
            spark.read.schema("a int, b int")
            .option("mode", "FAILFAST")
            .csv(str(folder / "bad.csv"))
            .collect()
        )
    )
    fails(lambda: spark.read.parquet(str(folder / "bad.parquet")).collect())


def kafka(spark: SparkSession, fill: Callable[[str], str], _: Path) -> None:
    """A broker that is not there."""
    options = {key: fill(value) for key, value in KAFKA.items()}
    quick = {
        "kafka.max.block.ms": "200",
        "kafka.default.api.timeout.ms": "200",
        "kafka.request.timeout.ms": "150",
        "topic": "KEPT_topic",
    }
    rows = spark.sql(
        fill(
            "SELECT '{c}' AS key, '{c}' AS value, array(struct('{c}' AS key, binary('{c}') AS value)) AS headers"
        )
    )
    for chosen in (options, {"kafka.bootstrap.servers": "127.0.0.1:9"}):
        fails(lambda chosen=chosen: rows.write.format("kafka").options(**(options | chosen), **quick).save())
    plain = {"kafka.bootstrap.servers": "127.0.0.1:9", **quick}
    fails(lambda: rows.write.format("kafka").options(**plain).save())


def streams(spark: SparkSession, fill: Callable[[str], str], folder: Path) -> None:
    """A stream: its options, its name, its function, and how it fails."""
    (folder / "arriving").mkdir()
    (folder / "arriving" / "a.json").write_text(json.dumps({"a": fill("{c}")}), encoding="utf-8")
    reader = spark.readStream.schema("a string").option("password", fill("{c}")).option("cleanSource", "off")
    stream = (
        reader.json(str(folder / "arriving"))
        .where(fill("a <> '{c}'"))
        .selectExpr(fill("concat(a, '{c}') AS a"))
    )
    writer = stream.writeStream.option("checkpointLocation", str(folder / "checkpoint")).option(
        "token", fill("{c}")
    )
    writer.queryName(fill("KEPT_stream password={c}")).trigger(availableNow=True).start(
        str(folder / "streamed")
    ).awaitTermination()
    told = fill("{c}")

    def fail(batch: Any, _: int) -> None:
        batch.where(f"a = '{told}'").collect()
        raise ValueError(told)

    query = (
        stream.writeStream.foreachBatch(fail)
        .option("checkpointLocation", str(folder / "other"))
        .trigger(availableNow=True)
        .start()
    )
    fails(query.awaitTermination)
    unnamed = reader.json(str(folder / "arriving")).selectExpr(*map(fill, ("concat(a, '{c}')", "'{c}'")))

    def look(batch: Any, _: int) -> None:
        batch.count()
        batch.select(F.upper(batch[0])).collect()

    for writer in (
        unnamed.writeStream.foreachBatch(look),
        unnamed.writeStream.format("memory").queryName("KEPT_memory"),
    ):
        writer.trigger(availableNow=True).start().awaitTermination()
    spark.table("KEPT_memory").collect()
    wrong = reader.json(str(folder / "arriving")).selectExpr("cast(a AS int) AS a").writeStream.format("noop")
    fails(
        wrong.option("checkpointLocation", str(folder / "third"))
        .trigger(availableNow=True)
        .start()
        .awaitTermination
    )
    time.sleep(0.1)


ACTIONS: dict[str, Action] = {
    "options": option_values,
    "delta options": delta_options,
    "path tables": path_tables,
    "database": jdbc_options,
    "expressions": expressions,
    "functions": functions,
    "rdds": rdds,
    "labels": labels,
    "redacted": redacted,
    "sessions": sessions,
    "places": places,
    "kafka": kafka,
    "streams": streams,
}


SAMPLE = ("options", "path tables", "database", "labels", "redacted", "urls")
"""The actions of the short form."""


def run_all(
    spark: SparkSession, canaries: Canaries, folder: Path, grammars: Iterable[str], *, sample: bool
) -> dict[str, float]:
    """Run all actions, or a sample of them; how long each took, in seconds."""
    seconds = {}
    chosen = {**ACTIONS, "urls": jdbc_urls(grammars)}
    for name, action in chosen.items():
        if sample and name not in SAMPLE:
            continue
        started = time.monotonic()
        try:
            action(spark, lambda text, name=name: canaries.filled(f"{name}: {text[:60]}", text), folder)
        except Exception as error:  # noqa: BLE001 - each Spark line raises classes of its own
            UNLIKE.append(f"{name}: {traceback.extract_tb(error.__traceback__)[1].line}: {str(error)[:300]}")
        seconds[name] = round(time.monotonic() - started, 1)
    return seconds
