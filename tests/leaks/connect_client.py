"""Queries with secrets over Spark Connect: CONNECT has the settings, and where to write the positions."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from pyspark.sql import SparkSession  # noqa: E402 - the path is set above
from pyspark.sql import functions as F  # noqa: E402, N812 - pyspark's own name for it

from leaks.actions import fails  # noqa: E402
from leaks.canaries import Canaries  # noqa: E402

given = json.loads(os.environ["CONNECT"])
canaries = Canaries()
canaries.positions.extend(given["positions"])
builder = SparkSession.builder.remote("local[2]")
for name, value in given["settings"].items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()


def fill(text: str) -> str:
    """The text with its secrets."""
    return canaries.filled(f"Connect: {text[:60]}", text)


told = fill("{c}")
spark.addTag(fill("token={c}"))
spark.addTag(fill("KEPT_zebra-{c}"))
frame = spark.range(3).withColumn("name", F.concat(F.lit(fill("{c}")), F.col("id")))
frame.where(F.col("name") == fill("{c}")).collect()
frame.select(F.udf(lambda value: value + told)("name")).collect()
spark.sql(fill("SELECT '{c}' AS a /* {c} */ WHERE 'a' <> '{c}' -- {c}")).collect()
spark.sql("SELECT :p AS a", args={"p": fill("{c}")}).collect()
spark.createDataFrame([(fill("{c}"),)], "name string").where(fill("name <> '{c}'")).collect()
frame.write.option("password", fill("{c}")).mode("overwrite").parquet(given["data"])
fails(
    lambda: (
        frame.write.format("jdbc")
        .options(url=fill("jdbc:postgresql://u:{c}@h/d?password={c}"), dbtable="t")
        .save()
    )
)
fails(lambda: spark.sql(fill("SELECT raise_error(concat('{c}', id)) FROM range(2)")).collect())
fails(lambda: frame.select(F.udf(lambda value: {}[told + value])("name")).collect())
spark.stop()
Path(given["positions_file"]).write_text(json.dumps(canaries.positions), encoding="utf-8")
