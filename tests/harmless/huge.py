"""One application whose statements are huge; FOLDER is its place, LINEAGE says whether somebody listens, MEMORY what the driver has.
SIZE says how huge they are, TEXT_BYTES how long the literal is.

No statement needs a Python worker.
"""

import json
import os
import time
from pathlib import Path

from pyspark.sql import SparkSession

SIZE = int(os.environ["SIZE"])
BRANCHES, VALUES, TEXT_BYTES = 25 * SIZE, 1_000 * SIZE, int(os.environ["TEXT_BYTES"])
"""Of a union, each of four operators before they are optimized; of an IN; of a literal."""

folder = Path(os.environ["FOLDER"])
builder = (
    SparkSession.builder.master("local[2]")
    .config("spark.driver.memory", os.environ["MEMORY"])
    .appName("huge")
)
for name, value in {
    "spark.ui.enabled": "false",
    "spark.driver.extraJavaOptions": "-Xss16m",  # the parser and the optimizer recurse
    "spark.sql.warehouse.dir": str(folder / "warehouse"),
}.items():
    builder = builder.config(name, value)
if os.environ["LINEAGE"] == "on":
    builder = builder.config("spark.jars", os.environ["JARS"])
    builder = builder.config("spark.sql.extensions", "io.sparklineage.LineageExtension")
    builder = builder.config("spark.lineage.spool", str(folder / "spool"))
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("OFF")

branch = "SELECT v + {0} AS v FROM (SELECT CAST({0} AS BIGINT) AS v) WHERE v >= 0"
statements = {
    "union": " UNION ALL ".join(branch.format(number) for number in range(BRANCHES)),
    "text": f"SELECT CAST(length('{'x' * TEXT_BYTES}') AS BIGINT) AS v",
    "list": f"SELECT id AS v FROM range(10) WHERE id IN ({', '.join(map(str, range(0, 2 * VALUES, 2)))})",  # noqa: S608
}
seconds = {}
for name, statement in statements.items():
    began = time.monotonic()
    spark.sql(statement).coalesce(1).write.parquet(str(folder / "data" / name))
    seconds[name] = round(time.monotonic() - began, 1)
spark.stop()
(folder / "seconds.json").write_text(json.dumps(seconds))
