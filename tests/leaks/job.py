"""The job: every position of `statements.py` and `actions.py`, in one session. LEAKS names the folder for its data.

Writes `canaries.json`: the position of each secret, and the statements that did not end as they should.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from pyspark.sql import SparkSession  # noqa: E402 - the path is set above

from leaks import statements  # noqa: E402
from leaks.actions import UNLIKE, run_all  # noqa: E402
from leaks.canaries import Canaries  # noqa: E402

PREPARED = """
CREATE TABLE stored USING parquet AS SELECT cast(id AS int) AS id, concat('name-', id) AS name, DATE '2026-01-01' AS day FROM range(3)
CREATE TEMPORARY VIEW t AS SELECT * FROM VALUES (1, 'name-1', DATE '2026-01-01'), (2, 'name-2', DATE '2026-01-02') AS t(id, name, day)
CREATE TABLE short (a VARCHAR(3)) USING parquet
CREATE TABLE checked (a STRING) USING delta
ALTER TABLE checked ADD CONSTRAINT kept_check CHECK (a NOT LIKE 'KEPT%')
"""


def lines(text: str) -> list[str]:
    """The statements of a text, one a line; a line's own line ends are written as backslash and n."""
    found = [line.replace("\\n", "\n").replace("\\\\", "\\") for line in text.strip().splitlines()]
    return [line.removeprefix("4:") for line in found if SPARK_4 or not line.startswith("4:")]


SAMPLE = os.environ["LEAKS_FORM"] == "sample"
PARTS = (
    ("LITERALS", "SCANS", "TABLES", "COMMENTS")
    if SAMPLE
    else ("LITERALS", "SCANS", "TABLES", "DELTA", "COMMENTS")
)
folder = Path(os.environ["LEAKS"])
canaries = Canaries()
canaries.positions.extend(json.loads(os.environ["LEAKS_GIVEN"]))
spark = SparkSession.builder.getOrCreate()
spark.sparkContext.setLogLevel("OFF")
SPARK_4 = int(spark.version.split(".")[0]) >= 4
unlike: list[str] = []


def run(statement: str, *, must_fail: bool) -> None:
    """Run a statement with its secrets filled in; one that does not end as it should is noted."""
    text = canaries.filled(statement, statement.removeprefix("!")).replace("@", str(folder))
    try:
        spark.sql(text).collect()
    except Exception as error:  # noqa: BLE001 - each Spark line raises classes of its own
        if not (must_fail or statement.startswith("!")):
            unlike.append(f"{statement}: {str(error)[:300]}")
    else:
        if must_fail or statement.startswith("!"):
            unlike.append(f"{statement}: did not fail")


for statement in lines(PREPARED):
    run(statement, must_fail=False)
(folder / "csv").mkdir()
(folder / "csv" / "a.csv").write_text("x,y\n")
seconds: dict[str, float] = {}
for part in PARTS:
    started = time.monotonic()
    whole = part == "TABLES" or not SAMPLE  # what makes a table and what uses it belong together
    for statement in lines(getattr(statements, part))[:: 1 if whole else 6]:
        run(statement, must_fail=False)
    seconds[part.lower()] = round(time.monotonic() - started, 1)
started = time.monotonic()
spark.conf.set("spark.sql.ansi.enabled", "true")
for statement in lines(statements.FAILING)[:: 5 if SAMPLE else 1]:
    run(statement, must_fail=True)
seconds["failing"] = round(time.monotonic() - started, 1)
grammars = json.loads(os.environ["LEAKS_GRAMMARS"])
seconds |= run_all(spark, canaries, folder, grammars, sample=SAMPLE)
result = {"positions": canaries.positions, "unlike": unlike + UNLIKE, "seconds": seconds}
(folder / "canaries.json").write_text(json.dumps(result))
spark.stop()
