"""One Spark application: case files and one side of each pair, with lineage on.

    python tests/determinism/session.py FOLDER --side 0 --every 20

Everything lies in FOLDER, so that two runs over folders of one name read and write datasets of the same names. Only the
spool is filled: who ran it ingests it.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[1:1] = [str(HERE.parent), str(HERE.parent.parent)]

from lineage import harness  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402
from support.spark import local_builder, quickly  # noqa: E402

import spark_lineage  # noqa: E402
from determinism.pairs import PAIRS, SETUP, Pair  # noqa: E402
from spark_lineage.capture import session as capture  # noqa: E402


def main() -> None:
    """Run what the arguments say, and seal the spool."""
    parser = argparse.ArgumentParser(description="Case files and one side of each pair, with lineage on.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, choices=(0, 1), required=True)
    parser.add_argument("--every", type=int, default=1, help="run every so manieth case only")
    arguments = parser.parse_args()
    work = arguments.folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    spark = local_builder(work).config(map=quickly()).getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    spark_lineage.enable(
        spark, store=arguments.folder / "unused", spool=arguments.folder / f"spool{arguments.side}",
        hash_key_file=arguments.folder / "hash.key",
    )  # fmt: skip
    cases = [case for case in harness.load_all() if case.supports(spark.version)]
    for case in cases[:: arguments.every]:
        error = harness.run_case(spark, case, harness.folder_of(work, case)).error
        if error is not None:
            raise error
    for pair in PAIRS:
        if harness.supports(pair.spark, spark.version):
            run_side(spark.newSession(), pair, pair.scripts[arguments.side])
    capture.flush(spark, 120)
    spark.stop()


def run_side(spark: SparkSession, pair: Pair, script: str) -> None:
    """Make the tables that the pair names, and run one of its scripts."""
    spark.sql(f"CREATE DATABASE {pair.database}")
    spark.sql(f"USE {pair.database}")
    for table, setup in SETUP.items():
        if any(re.search(rf"\b{table}\b", text, re.IGNORECASE) for text in pair.scripts):
            for statement in setup.split("; "):
                spark.sql(statement)
    if script.startswith("python:"):
        names = [row.tableName for row in spark.sql("SHOW TABLES").collect()]
        scope = {name: spark.table(name) for name in names} | {"spark": spark}
        exec(script.removeprefix("python:").strip(), scope)  # noqa: S102  # the pair is the test
    else:
        spark.sql(f"CREATE TABLE out USING parquet AS {script}")


if __name__ == "__main__":
    main()
