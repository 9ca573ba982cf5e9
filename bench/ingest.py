"""How fast a spool comes into the store, on one core, and how much memory that takes.

    python bench/ingest.py           # 20,000 executions of known plans, 600 of new ones
    python bench/ingest.py --full    # 1,000,000 and 3,000

Spark runs a small job with lineage: writes that join, aggregate and filter, and a query. Its records are the templates of a spool, with
other numbers and, for new plans, with other tables. Known are plans that the store has from an ingest before; the process that is measured
has met none of them. Executions are all that Spark calls so: a write is two or three of them.

Processor seconds of the whole process, once its modules are loaded, all its threads together; the peak is of its resident memory.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from pyspark.sql import SparkSession
from rich.console import Console
from rich.table import Table as TextTable

import spark_lineage
from spark_lineage.capture import spool as spools
from spark_lineage.pipeline import ingest
from spark_lineage.store.durable import sync_tables
from spark_lineage.store.schema import TABLES

KNOWN_LIMIT = 3_000
NEW_LIMIT = 150
PEAK_LIMIT_MB = 1_024
SEGMENT_BYTES = 8 << 20
EXECUTIONS_OF_ONE = 2_000
"""So many executions an application has."""

MARK = "mark000000"
"""Stands in the name of every table of the job; new plans have another word of that length."""

SET_UP = """
CREATE TABLE mark000000_sales(day date, shop int, amount int) USING parquet;
CREATE TABLE mark000000_shops(id int, region string) USING parquet;
CREATE TABLE mark000000_daily(day date, region string, total bigint, sales bigint) USING parquet;
CREATE TABLE mark000000_top(region string, total bigint) USING parquet;
CREATE TABLE mark000000_copy(day date, region string, total bigint) USING parquet;
INSERT INTO mark000000_sales SELECT current_date(), id % 3, id FROM range(100);
INSERT INTO mark000000_shops VALUES (0, 'north'), (1, 'south'), (2, 'west')
"""

JOB = """
INSERT INTO mark000000_daily SELECT day, region, sum(amount), count(*)
  FROM mark000000_sales JOIN mark000000_shops ON shop = id WHERE amount > 0 GROUP BY day, region;
INSERT OVERWRITE mark000000_top SELECT region, max(total) FROM mark000000_daily GROUP BY region;
INSERT INTO mark000000_copy SELECT day, upper(region), total FROM mark000000_daily WHERE total > 10;
SELECT region, total FROM mark000000_daily ORDER BY total DESC LIMIT 5
"""


@dataclass(slots=True)
class Job:
    """The records of one run of the job: its application, plans by hash, executions in order."""

    application: dict[str, Any] = field(default_factory=dict)
    end: dict[str, Any] = field(default_factory=dict)
    plans: dict[str, str] = field(default_factory=dict)
    executions: list[dict[str, Any]] = field(default_factory=list)


def main() -> int:
    """Measure, print the table and the JSON line; 1 if a goal is not met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--full", action="store_true", help="1,000,000 executions, in some ten minutes")
    parser.add_argument("--executions", type=int, help="so many executions of known plans")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measured(Path(given.measure[0]), given.measure[1])))
        return 0
    known = given.executions or (1_000_000 if given.full else 20_000)
    with tempfile.TemporaryDirectory() as folder:
        figures = figures_of(Path(folder), known, 3_000 if given.full else 600)
    goals: dict[str, dict[str, Any]] = {
        "known_per_second": {"op": ">=", "limit": KNOWN_LIMIT},
        "new_per_second": {"op": ">=", "limit": NEW_LIMIT},
        "known_peak_mb": {"op": "<=", "limit": PEAK_LIMIT_MB},
    }
    met = all(
        figures[name] <= goal["limit"] if goal["op"] == "<=" else figures[name] >= goal["limit"]
        for name, goal in goals.items()
    )
    print(json.dumps({"bench": "ingest", "figures": figures, "goals": goals, "met": met}))
    return 0 if met else 1


def figures_of(folder: Path, known: int, new: int) -> dict[str, float]:
    """Record the job, write the spools and measure what they take."""
    job = record(folder)
    store = str(folder / "store")
    measure(write(folder / "first", job, len(job.executions), is_new=False), store)
    figures: dict[str, float] = {}
    table = TextTable("plans", "executions", "spool", "CPU", "per second and core", "peak memory")
    for name, size in (("known", known), ("new", new)):
        spool = write(folder / name, job, size, is_new=name == "new")
        megabytes = sum(each.size_bytes for each in spools.segments(spool)) / 1e6
        found = measure(spool, store)
        rate = found["executions"] / found["cpu_seconds"]
        figures |= {
            f"{name}_executions": found["executions"],
            f"{name}_per_second": round(rate),
            f"{name}_peak_mb": round(found["peak_mb"]),
        }
        table.add_row(
            name,
            f"{found['executions']:,.0f}",
            f"{megabytes:,.0f} MB",
            f"{found['cpu_seconds']:,.1f} s",
            f"{rate:,.0f}",
            f"{found['peak_mb']:,.0f} MB",
        )
    Console().print(table)
    figures["sync_again_ms"] = round(sync_again(store) * 1_000, 1)
    return figures


def record(folder: Path) -> Job:
    """Run the job in a local session, and take its records from the spool."""
    builder = SparkSession.builder.master("local[2]").appName("bench")
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.driver.extraJavaOptions": f"-Dderby.stream.error.file={folder / 'derby.log'}",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    for statement in SET_UP.split(";"):
        session.sql(statement)
    spark_lineage.enable(session, store=folder / "unused", spool=folder / "recorded")
    for statement in JOB.split(";"):
        session.sql(statement).collect()
    session.stop()
    return read(folder / "recorded")


def read(spool: Path) -> Job:
    """The records of a spool with one application."""
    job = Job()
    for segment in spools.segments(spool):
        for frame in spools.frames(segment.path):
            if not isinstance(frame, spools.Frame):
                raise TypeError(f"the bench's own spool is damaged: {frame.message}")
            said = json.loads(frame.payload)
            match said["kind"]:
                case "application":
                    job.application = said
                case "application_end":
                    job.end = said
                case "plan":
                    job.plans[said["hash"]] = frame.payload.decode()
                case "execution":
                    job.executions.append(said)
    return job


@dataclass(slots=True)
class Writer:
    """Writes the segments of one application as the bridge does."""

    spool: Path
    application: dict[str, Any]
    file: IO[bytes] | None = None
    sequence: int = 0
    plans: set[str] = field(default_factory=set)

    def write(self, payload: bytes) -> None:
        """One record; a segment that is full is followed by another."""
        if self.file is None or self.file.tell() > SEGMENT_BYTES:
            self.close()
            path = self.spool / f"{self.application['bridge']}-{self.sequence:08d}.seg"
            self.sequence += 1
            self.file = path.open("wb")
            self.file.write(b"SLSPOOL1")
            self.plans.clear()
            self._frame(json.dumps(self.application).encode())
        self._frame(payload)

    def close(self) -> None:
        """End the open segment."""
        if self.file is not None:
            self.file.close()
        self.file = None

    def _frame(self, payload: bytes) -> None:
        assert self.file is not None  # noqa: S101 - `write` opened it
        self.file.write(struct.pack(">II", len(payload), zlib.crc32(payload)) + payload)


def write(spool: Path, job: Job, executions: int, *, is_new: bool) -> Path:
    """A spool of so many executions: the job again and again, in applications one after the other."""
    spool.mkdir()
    left = executions
    number = 0
    while left > 0:
        bridge = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{spool.name} {number}"))
        writer = Writer(spool, job.application | {"bridge": bridge})
        mine = min(left, EXECUTIONS_OF_ONE)
        for place, (plan, said) in enumerate(repeated(job, mine)):
            word = f"n{number * EXECUTIONS_OF_ONE + place // len(job.executions):09d}" if is_new else MARK
            name, payload = renamed(plan, job.plans, word)
            if name is not None and name not in writer.plans:
                writer.write(payload)
                writer.plans.add(name)
            text = json.dumps(said | {"bridge": bridge, "plan": name}, separators=(",", ":"))
            writer.write(text.replace(MARK, word).encode())
        writer.write(json.dumps(job.end | {"bridge": bridge}).encode())
        writer.close()
        left -= mine
        number += 1
    return spool


def renamed(plan: str | None, plans: dict[str, str], word: str) -> tuple[str | None, bytes]:
    """A plan's hash and record, of tables of another name."""
    if plan is None or plan not in plans:
        return None, b""
    if word == MARK:
        return plan, plans[plan].encode()
    name = hashlib.sha256(f"{plan} {word}".encode()).hexdigest()[:32]
    return name, plans[plan].replace(MARK, word).replace(plan, name).encode()


def repeated(job: Job, count: int) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Executions with their plans, numbered on and a minute later from one run of the job to the next."""
    ids, orders = span(job.executions, ("execution_id",)), span(job.executions, ("ended_order",))
    queries = span(job.executions, ("query_execution_id",))
    for number in range(count):
        turn, place = divmod(number, len(job.executions))
        said = dict(job.executions[place])
        for names, step in (
            (("execution_id", "root_execution_id"), ids),
            (("started_order", "ended_order"), orders),
            (("query_execution_id",), queries),
            (("started_at", "ended_at"), 60_000),
        ):
            for name in names:
                if said.get(name) is not None:
                    said[name] += turn * step
        yield said["plan"], said


def span(executions: Iterable[dict[str, Any]], names: tuple[str, ...]) -> int:
    """More than the largest of some numbers."""
    return 1 + max(each.get(name) or 0 for each in executions for name in names)


def measure(spool: Path, store: str) -> dict[str, float]:
    """What a fresh process takes to ingest a spool."""
    command = [sys.executable, __file__, "--measure", str(spool), store]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    shutil.rmtree(spool)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(spool: Path, store: str) -> dict[str, float]:
    """Ingest, and say what that took."""
    from spark_lineage.pipeline import ingestion  # noqa: F401, PLC0415 - loading it is not what is measured

    pa.array([0])  # nor is pandas, which pyarrow loads with its first array
    started = time.process_time()
    report = ingest(spool, store)
    seconds = time.process_time() - started
    if report.bad_records or report.pending or report.problems > 1:
        raise ValueError(f"the bench's own spool is not ingested whole: {report}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    return {"executions": report.executions, "cpu_seconds": seconds, "peak_mb": peak}


def sync_again(store: str) -> float:
    """Seconds on the wall's clock to bring a store onto the disk that is there already."""
    started = time.perf_counter()
    sync_tables(store, TABLES)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
