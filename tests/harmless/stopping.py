"""Applications that stop straight after a write, in one JVM; FOLDER is their place, RACES says how many there are.

Then one whose queue drops events while it goes on, one that ends while events are dropped, one that is behind while a plan is run again,
and at last one whose queue is behind when the program ends. With NEVER only one whose queue never gets on again.
"""

import json
import os
import threading
import time
from pathlib import Path

from pyspark.sql import SparkSession

folder, races, jars = Path(os.environ["FOLDER"]), int(os.environ["RACES"]), os.environ["JARS"]
counts = {}


def begin(name: str, **conf: str) -> SparkSession:
    """An application with a spool of its own."""
    builder = (
        SparkSession.builder.master("local[2]")
        .appName(name)
        .config("spark.jars", jars)
        .config("spark.ui.enabled", "false")
        .config("spark.sql.extensions", "io.sparklineage.LineageExtension")
        .config("spark.lineage.spool", str(folder / name))
    )
    for key, value in conf.items():
        builder = builder.config("spark.scheduler.listenerbus." + key.replace("__", "."), value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return spark


def write(spark: SparkSession, name: str) -> None:
    """One small table."""
    spark.range(3).write.parquet(str(folder / "data" / name))


def hold(spark: SparkSession, millis: int) -> None:
    """Come back when the thread of the bridge's queue is held up."""
    holding = spark._jvm.harmless.Holding
    holding.hold(millis)
    write(spark, f"held-{time.monotonic_ns()}")
    while not holding.isHeld():
        time.sleep(0.01)


def gauge(spark: SparkSession) -> int:
    """How many events wait in the bridge's queue, as Spark counts them."""
    metrics = spark._jsc.sc().listenerBus().metrics().metricRegistry()
    return metrics.getGauges().get("queue.spark-lineage.size").getValue()


def fall_behind(name: str, millis: int, writes: int) -> SparkSession:
    """An application that wrote a table, and some more while the thread of the bridge's queue is held up; nobody waits for its bus.

    The thread is held up for so long after the last write, however long they take.
    """
    session = begin(name, exitTimeout="1s")
    write(session, f"{name}-0")
    session._jvm.harmless.Holding.add(session._jsc.sc())
    hold(session, 3_600_000)
    for number in range(1, writes + 1):
        write(session, f"{name}-{number}")
    session._jvm.harmless.Holding.hold(millis)
    return session


if "NEVER" in os.environ:
    session = fall_behind("never", 3_600_000, 3)
    counts["posted"] = gauge(session)
    began = time.monotonic()
    session.stop()
    counts["stop_seconds"] = time.monotonic() - began
    counts["waiting"] = gauge(session)
    (folder / "counts.json").write_text(json.dumps(counts))
    raise SystemExit(0)

for number in range(races):
    session = begin("races", exitTimeout="1s" if number % 2 else "0")
    write(session, f"race-{number}")
    session.stop()
    SparkSession.builder._options.clear()

for name in ("goes_on", "ends"):
    session = begin(name, **{"eventqueue__spark-lineage__capacity": "4"})
    context = session._jsc.sc()
    write(session, f"{name}-0")
    session._jvm.harmless.Holding.add(context)
    dropped = context.listenerBus().metrics().metricRegistry().counter("queue.spark-lineage.numDroppedEvents")
    context.listenerBus().waitUntilEmpty()
    counts[f"{name}-0"] = dropped.getCount()
    hold(session, 120_000)
    for number in range(1, 4):
        write(session, f"{name}-{number}")
    release = session._jvm.harmless.Holding.release
    if name == "goes_on":
        release()
        context.listenerBus().waitUntilEmpty()
    else:
        threading.Timer(2, release).start()  # the end is dropped by then, and stop waits for the queue
    session.stop()
    counts[name] = dropped.getCount()
    SparkSession.builder._options.clear()

session = begin("again")
session._jvm.harmless.Holding.add(session._jsc.sc())
rows = session.range(0, 1_000, 1, 2).selectExpr("id % 7 AS k", "id")._jdf
for _ in range(3):
    hold(session, 120_000)
    rows.collect()
    rows.queryExecution().executedPlan().resetMetrics()  # as the next collect() does
    session._jvm.harmless.Holding.release()
    session._jsc.sc().listenerBus().waitUntilEmpty()
session.stop()
SparkSession.builder._options.clear()

session = fall_behind("behind", 4_000, 5)
session.stop()
counts["held"] = session._jvm.harmless.Holding.isHeld()
(folder / "counts.json").write_text(json.dumps(counts))
