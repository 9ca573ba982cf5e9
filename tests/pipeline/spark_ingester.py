"""A process that ingests from one spool through delta-spark.

    python tests/pipeline/spark_ingester.py SPOOL STORE

It makes SPOOL/ready once its session is there; its last line is the number of records that it refused.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support.spark import UNCOMPILED, local_builder

from spark_lineage.pipeline import ingest
from spark_lineage.store.spark import SparkStore


def main() -> None:
    """Ingest what waits, once."""
    spool, store = Path(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        builder = local_builder(Path(folder))
        for name, value in UNCOMPILED.items():
            builder = builder.config(name, value)
        spark = builder.getOrCreate()
        spark.sparkContext.setLogLevel("OFF")
        (spool / "ready").touch()
        bad = ingest(spool, SparkStore(spark, store)).bad_records
        spark.stop()
    print(bad)


if __name__ == "__main__":
    main()
