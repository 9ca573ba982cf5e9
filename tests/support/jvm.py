"""How the JVMs that tests start are quick to begin: with Spark's classes as another JVM has read them.

    python tests/support/jvm.py    # makes the archive for the Spark of this Python (`make test` does)

Most JVMs of the tests live for seconds, of which they spend a good part on reading and verifying the same ten thousand
classes. The JDK can keep them as they are in memory after that (a dynamic class-data archive). A JVM with another class
path ignores it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from support.paths import REPOSITORY

ARCHIVE = REPOSITORY / ".cache" / "classes" / f"spark-{version('pyspark')}.jsa"
SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djdk.lang.Process.launchMechanism=VFORK"
"""Without the second compiler such JVMs take a third less CPU time; Hadoop starts a `chmod` or a `readlink` for each file."""
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
spark.stop()
"""


def options() -> str:
    """For SPARK_SUBMIT_OPTS; what the archive does not fit is not said, since it costs only time."""
    return f"{SHORT_LIVED} -XX:SharedArchiveFile={ARCHIVE} {QUIETLY}" if ARCHIVE.exists() else SHORT_LIVED


def make_archive() -> None:
    """Run what most tests do, in a JVM that leaves its classes."""
    ARCHIVE.parent.mkdir(parents=True, exist_ok=True)
    submit = str(Path(sys.executable).with_name("spark-submit"))
    with tempfile.TemporaryDirectory() as folder:
        made, work = ARCHIVE.with_suffix(".new"), Path(folder) / "work.py"
        work.write_text(WORK, encoding="utf-8")
        environment = {
            "SPARK_SUBMIT_OPTS": f"{SHORT_LIVED} -XX:ArchiveClassesAtExit={made} {QUIETLY}",
            "PYSPARK_PYTHON": sys.executable,
        }
        subprocess.run(
            [submit, "--master", "local[2]", "--conf", "spark.ui.enabled=false", str(work), folder],
            env=os.environ | environment,
            cwd=folder,
            check=True,
            capture_output=True,
        )
        made.replace(ARCHIVE)


if __name__ == "__main__":
    make_archive()
