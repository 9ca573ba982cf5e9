"""How the JVMs that tests start are quick: with Spark's classes as another JVM has read them, and no process for a `chmod`.

    python tests/support/jvm.py    # makes the archives and the jar for the Spark of this Python (`make test` does)

Most JVMs of the tests live for seconds, of which they spend a good part on reading and verifying the same ten thousand
classes. The JDK can keep them as they are in memory after that (a dynamic class-data archive). A JVM with another class
path ignores it, but for what comes at its end. Only what the JVM's own class loader has read can be kept, so there is one
with Delta on the class path, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.metadata import distribution, version
from pathlib import Path

from support.paths import REPOSITORY

SPARK = version("pyspark")
CLASSES = REPOSITORY / ".cache" / "classes"
ARCHIVE = CLASSES / f"spark-{SPARK}.jsa"
WITH_DELTA = CLASSES / f"spark-{SPARK}-delta.jsa"
LOCAL_FILES = CLASSES / f"local-files-{SPARK}.jar"
DELTA_JARS = REPOSITORY / ".cache" / "jars" / f"delta-{'.'.join(SPARK.split('.')[:2])}"
"""Those of Delta's jars that Spark does not have itself; scripts/fetch_delta.py puts them there."""
DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djdk.lang.Process.launchMechanism=VFORK"
"""Without the second compiler such JVMs take a third less CPU time; Hadoop's own local files start a process for each `chmod`."""
QUIETLY = "-Xlog:cds=off -Xlog:cds+dynamic=off -Xlog:class+path=off"
WORK = """
import sys
from pyspark.sql import SparkSession, functions as f

spark = SparkSession.builder.getOrCreate()
spark.range(100).withColumn("key", f.col("id") % 7).write.saveAsTable("numbers")
spark.sql("CREATE TABLE sums USING parquet AS SELECT key, sum(id) AS total FROM numbers GROUP BY key")
spark.sql("INSERT INTO sums SELECT n.key, s.total FROM numbers n JOIN sums s ON n.key = s.key ORDER BY 1 LIMIT 5")
spark.sql("SELECT key, rank() OVER (PARTITION BY key ORDER BY total) FROM sums WHERE total > 1").collect()
spark.table("sums").withColumn("more", f.udf(lambda total: total + 1, "long")("total")).toPandas()
spark.createDataFrame([("a", 1)], "name string, number int").write.mode("overwrite").json(sys.argv[1] + "/json")
spark.read.csv(sys.argv[1] + "/json").count()
stream = spark.readStream.schema("name string, number int").json(sys.argv[1] + "/json").groupBy("name").count()
stream.writeStream.trigger(availableNow=True).outputMode("complete").format("noop").option(
    "checkpointLocation", sys.argv[1] + "/checkpoint"
).start().awaitTermination()
"""
WORK_WITH_DELTA = """
path = sys.argv[1] + "/delta"
rows = spark.range(100).withColumn("key", f.col("id") % 7)
rows.write.format("delta").option("delta.enableChangeDataFeed", "true").save(path)
rows.write.format("delta").mode("append").partitionBy("key").saveAsTable("kept")
spark.sql("CREATE TABLE made USING delta TBLPROPERTIES (delta.enableDeletionVectors = true) AS SELECT * FROM kept")
spark.sql("MERGE INTO made t USING kept s ON s.id = t.id WHEN MATCHED AND s.key = 2 THEN DELETE WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")
spark.sql("UPDATE made SET key = 1 WHERE id < 9")
spark.sql("DELETE FROM made WHERE id = 5")
spark.read.format("delta").option("versionAsOf", 0).load(path).count()
spark.sql("OPTIMIZE made")
spark.sql("DESCRIBE HISTORY made").collect()
spark.readStream.format("delta").load(path).writeStream.format("delta").trigger(availableNow=True).option(
    "checkpointLocation", sys.argv[1] + "/checkpoint_delta"
).start(sys.argv[1] + "/streamed").awaitTermination()
"""


def delta_jars() -> list[str]:
    """The jars as paths; none before `make` has fetched them."""
    return sorted(map(str, DELTA_JARS.glob("*.jar")))


def options() -> str:
    """For SPARK_SUBMIT_OPTS; what the archive does not fit is not said, since it costs only time."""
    return f"{SHORT_LIVED} {archived(ARCHIVE)} {QUIETLY}"


def archived(archive: Path) -> str:
    """The option to begin with the classes of an archive; the last one given counts."""
    return f"-XX:SharedArchiveFile={archive}" if archive.exists() else ""


def variables() -> dict[str, str]:
    """What the JVMs of the tests begin with. The jar with LocalFiles.java comes last on their class path.

    With COMPILED=all, as `make test-matrix` and `make determinism` run, Hadoop's own local files are used.
    """
    named = {"SPARK_SUBMIT_OPTS": options()}
    if LOCAL_FILES.exists() and "COMPILED" not in os.environ:
        named["SPARK_DIST_CLASSPATH"] = str(LOCAL_FILES)
    return named


def make_local_files() -> None:
    """Compile LocalFiles.java for this Spark's Hadoop, into a jar that also says where Hadoop is to use it."""
    jars = Path(str(distribution("pyspark").locate_file("pyspark/jars")))
    source, made = Path(__file__).with_name("local_files"), LOCAL_FILES.with_suffix(".new")
    CLASSES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        compiler = ["javac", "-nowarn", "-Xlint:-deprecation", "-cp", f"{jars}/*", "-d", folder]
        subprocess.run([*compiler, str(source / "LocalFiles.java")], check=True)
        packer = [
            "jar",
            "--create",
            "--file",
            str(made),
            "-C",
            folder,
            ".",
            "-C",
            str(source),
            "core-site.xml",
        ]
        subprocess.run(packer, check=True)
    made.replace(LOCAL_FILES)


def make_archive(archive: Path, work: str, *words: str) -> None:
    """Run what most tests do, in a JVM that leaves its classes."""
    submit = str(Path(sys.executable).with_name("spark-submit"))
    with tempfile.TemporaryDirectory() as folder:
        made, script = archive.with_suffix(".new"), Path(folder) / "work.py"
        script.write_text(work, encoding="utf-8")
        environment = {
            "SPARK_SUBMIT_OPTS": f"{SHORT_LIVED} -XX:ArchiveClassesAtExit={made} {QUIETLY}",
            "PYSPARK_PYTHON": sys.executable,
        }
        subprocess.run(
            [submit, "--master", "local[2]", "--conf", "spark.ui.enabled=false", *words, str(script), folder],
            env=os.environ | environment,
            cwd=folder,
            check=True,
            capture_output=True,
        )
        made.replace(archive)


def main() -> None:
    """Make the jar and both archives."""
    make_local_files()
    make_archive(ARCHIVE, WORK)
    words = [word for name, value in DELTA.items() for word in ("--conf", f"{name}={value}")]
    make_archive(WITH_DELTA, WORK + WORK_WITH_DELTA, "--driver-class-path", ":".join(delta_jars()), *words)


if __name__ == "__main__":
    main()
