"""An application that writes TPC-DS queries as tables, one after the other: what `bench/overhead.py` measures.

    spark-submit tpcds_writes.py WORK FOLDER

`WORK/tables` has a folder of Parquet files for each table, `WORK/queries.json` the schema and the statements; the warehouse is made in
`FOLDER`. Nothing here knows whether somebody listens.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pyspark.sql import SparkSession


def main() -> None:
    given, folder = Path(sys.argv[1]), Path(sys.argv[2])
    spark = SparkSession.builder.config("spark.sql.warehouse.dir", str(folder / "warehouse")).getOrCreate()
    work = json.loads((given / "queries.json").read_text(encoding="utf-8"))
    for table, columns in work["tables"].items():
        spark.sql(f"CREATE TABLE {table} ({columns}) USING parquet LOCATION '{given / 'tables' / table}'")
    for statement in work["statements"]:
        spark.sql(statement)
    spark.stop()


if __name__ == "__main__":
    main()
