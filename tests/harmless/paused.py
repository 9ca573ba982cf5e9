"""Three writes; the second one tells the file `runs` in FOLDER that it runs, and which process the driver is, and goes on when there is `go`."""

import os
import time
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

import spark_lineage

HANG_SECONDS = 90
folder = Path(os.environ["FOLDER"])
builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
spark = builder.config("spark.lineage.segment.sealSeconds", "1").getOrCreate()
spark.sparkContext.setLogLevel("OFF")
spark_lineage.enable(spark)
driver, runs, go = spark._jvm.java.lang.ProcessHandle.current().pid(), folder / "runs", folder / "go"


@udf("long")
def waiting(value: int) -> int:
    """The same number, when it may be said."""
    runs.with_suffix(".new").write_text(str(driver))
    runs.with_suffix(".new").rename(runs)
    until = time.monotonic() + HANG_SECONDS
    while not go.exists() and time.monotonic() < until:
        time.sleep(0.05)
    return value


rows = spark.range(0, 3, 1, 1)
rows.write.parquet(str(folder / "data" / "before"))
rows.select(waiting("id").alias("id")).write.parquet(str(folder / "data" / "meanwhile"))
rows.write.parquet(str(folder / "data" / "after"))
