"""Plans that Spark itself builds and analyzes, as the bridge records them.

A temporary view of each is made: a command whose plan is recorded whole, and which runs no job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  # Spark's own convention

import spark_lineage
from spark_lineage.capture import spool as spools
from spark_lineage.decode.plans import decode_plan
from spark_lineage.decode.records import PlanRecord, decode_record

Steps: TypeAlias = Callable[[SparkSession, int], list[DataFrame]]


@dataclass(frozen=True)
class Recorded:
    """One plan: the bridge's record, and what Spark needed to analyze it, all its steps together.

    `text` is Spark's `toJSON` of it, empty where that was not asked for.
    """

    payload: bytes
    analysis_seconds: float
    text: str = ""


def nested(session: SparkSession, size: int) -> list[DataFrame]:
    """`size` nested `withColumn`, each replacing one of ten columns by a function of its neighbour."""
    frames = [session.table("ten")]
    for number in range(size):
        name, other = f"c{number % 10}", f"c{(number + 1) % 10}"
        frames.append(frames[-1].withColumn(name, F.col(other) + 1))
    return frames


def doubled(session: SparkSession, size: int) -> list[DataFrame]:
    """`size` levels, each of which uses the one before it twice: 2^size leaves where nothing is shared."""
    frames = [session.table("ten").select("c0")]
    for _ in range(size):
        frames.append(frames[-1].select((F.col("c0") + F.col("c0")).alias("c0")))
    return frames


def wide(columns: int) -> Steps:
    """`size` operators over a table of many columns, each replacing one of them."""

    def steps(session: SparkSession, size: int) -> list[DataFrame]:
        frames = [session.range(1).select(*[F.col("id").alias(f"c{number}") for number in range(columns)])]
        frames[0].write.mode("overwrite").parquet(f"{session.conf.get('spark.sql.warehouse.dir')}/wide")
        frames = [session.read.parquet(f"{session.conf.get('spark.sql.warehouse.dir')}/wide")]
        for number in range(size):
            name = f"c{number * 7 % columns}"
            frames.append(frames[-1].withColumn(name, F.col(name) + 1))
        return frames

    return steps


def record(shapes: Mapping[str, tuple[Steps, int, bool]], folder: Path) -> dict[str, Recorded]:
    """Build and record plans: name -> (steps, size, whether its text is wanted). One local session, ended here.

    Of the same steps in several sizes the largest is built, and the others are its beginnings.
    """
    builder = SparkSession.builder.master("local[2]").appName("bench")
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.driver.memory": "2g",
        "spark.driver.extraJavaOptions": f"-Xss256m -Dderby.stream.error.file={folder / 'derby.log'}",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    spark_lineage.enable(session, store=folder / "store", spool=folder / "spool")
    session.sql(f"CREATE TABLE ten({', '.join(f'c{number} bigint' for number in range(10))}) USING parquet")
    analysis: dict[str, float] = {}
    texts: dict[str, str] = {}
    largest: dict[Steps, int] = {}
    for steps, size, _ in shapes.values():
        largest[steps] = max(size, largest.get(steps, 0))
    built = {steps: steps(session, size) for steps, size in largest.items()}
    for name, (steps, size, with_text) in shapes.items():
        frames = built[steps][: size + 1]
        analysis[name] = sum(_analysis_seconds(each) for each in frames[1:])
        texts[name] = frames[-1]._jdf.queryExecution().analyzed().toJSON() if with_text else ""  # noqa: SLF001
        frames[-1].createOrReplaceTempView(name)
    session.stop()
    payloads = _payloads(folder / "spool")
    return {name: Recorded(payloads[name], analysis[name], texts[name]) for name in shapes}


def _analysis_seconds(frame: Any) -> float:
    phases = frame._jdf.queryExecution().tracker().phases()  # noqa: SLF001  # Spark's own measure
    return float(phases.apply("analysis").durationMs()) / 1000


def _payloads(spool: Path) -> dict[str, bytes]:
    """The record of each view's plan, by the view's name."""
    found: dict[str, bytes] = {}
    for segment in spools.segments(spool):
        for frame in spools.frames(segment.path):
            if not isinstance(frame, spools.Frame):
                raise TypeError(f"the bench's own spool is damaged: {frame.message}")
            plan = decode_record(frame.payload)
            root = decode_plan(plan).analyzed if isinstance(plan, PlanRecord) else None
            if root is not None and root.name == "CreateViewCommand":
                found[str(root.get("name").get("table"))] = frame.payload
    return found
