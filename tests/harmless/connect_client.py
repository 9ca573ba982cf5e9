"""Two clients of a Spark Connect server, in a process of their own: each writes a table, and the second one reads the first one's, too.

Its words: the address, a folder, and what must not be kept of an option and of a literal.
"""

import sys
from pathlib import Path

from pyspark.sql.connect.session import SparkSession

address, folder, option, literal = sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]
ann = SparkSession.builder.remote(f"{address}/;user_id=ann").create()
made = ann.range(5).selectExpr("id", "id * 2 AS twice")
made.write.option("password", option).parquet(str(folder / "made"))
bob = SparkSession.builder.remote(f"{address}/;user_id=bob_Session_2").create()
bob.read.parquet(str(folder / "made")).createOrReplaceTempView("made")
insert = "INSERT OVERWRITE DIRECTORY '{}' USING parquet SELECT twice + 1 AS more FROM made WHERE '{}' <> ''"
bob.sql(insert.format(folder / "taken", literal))
rows = bob.read.parquet(str(folder / "taken")).groupBy().sum("more").collect()

if __name__ == "__main__":
    import spark_lineage
    from spark_lineage.errors import SparkUnsupportedError

    try:
        spark_lineage.enable(ann)
    except SparkUnsupportedError as error:
        print("refused", error)
    print("sessions", ann.session_id, bob.session_id)
    print("rows", [tuple(row) for row in rows])
