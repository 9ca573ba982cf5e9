"""What lineage costs a job: TPC-DS queries written as tables with nothing, with this project and with OpenLineage's agent listening.

    python bench/overhead.py           # a dozen of queries, 3 rounds
    python bench/overhead.py --full    # all 103, 9 rounds; goes on where it was interrupted

Each run is a `spark-submit` of its own, timed from its start to the end of its JVM: wall clock, and the CPU time (user and system) of
that process and all that it waited for. Each round has all three, in an order that is rotated, so that what else the machine does falls
on all alike. What is added is the median of the rounds' differences; its 95 % interval comes from bootstrapping them. CPU time decides; wall
time passes where its interval includes the limit. The agent's jar comes from Maven Central; without it the goals that
need it are not measured.

The listener's own time is counted by the bridge itself: CPU time that it took for events, against the time that Spark says it took to
analyze, optimize and plan the same queries. The CPU time of its whole thread is printed beside it, in which Spark's own work for each queue of
its bus is the larger part, and that of the thread that makes the records. What all of the bridge's threads and the notes of writes took together
is the part of the added CPU time that does not depend on what else the machine does; what is not in it is the compilation of the bridge's code,
and garbage.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pyarrow.parquet

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
sys.path[1:1] = [str(REPOSITORY), str(REPOSITORY / "tests"), str(REPOSITORY / "tests" / "corpora")]

import harness as corpora_harness  # noqa: E402
import queries  # noqa: E402
from execution.corpora import schemas  # noqa: E402
from execution.data import Density, Generator, arrow  # noqa: E402
from execution.domains import Domains  # noqa: E402
from peers import openlineage  # noqa: E402
from support.spark import SMALL, end_jvm, local_builder  # noqa: E402

from spark_lineage.capture.session import flags, jar_path  # noqa: E402
from spark_lineage.capture.spark_home import find_spark  # noqa: E402
from spark_lineage.capture.spool import Frame, frames, segments  # noqa: E402
from spark_lineage.settings import load_settings  # noqa: E402

JARS = REPOSITORY / ".cache" / "openlineage"
KEPT = REPOSITORY / ".cache" / "overhead"
JOB = HERE / "jobs" / "tpcds_writes.py"
QUICK_QUERIES = ("q3", "q7", "q9", "q13", "q15", "q19", "q26", "q42", "q48", "q52", "q72", "q96")
QUICK_ROUNDS, FULL_ROUNDS = 3, 9
NOTHING, OURS, THEIRS = "nothing", "spark_lineage", "OpenLineage"
RESAMPLES = 10_000
LIMITS = {
    "cpu_added_percent": 1.5,
    "cpu_to_openlineage": 0.04,
    "wall_added_percent_low": 1.5,
    "wall_to_openlineage_low": 0.04,
    "events_to_planning_percent": 2.0,
}
"""What is added to the bare run, in percent; that in parts of what OpenLineage adds (1/25); `low` is the lower end of the interval."""


@dataclass(frozen=True)
class Place:
    """Where the runs leave what they make, where their tables and statements lie, and the words that start each variant."""

    folder: Path
    work: Path
    variants: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Run:
    """One application: `wall` and `cpu` in seconds; of ours also what the bridge says of itself."""

    variant: str
    round: int
    wall: float
    cpu: float
    events: float | None = None
    listener: float | None = None
    recorder: float | None = None
    own: float | None = None
    planning: float | None = None
    executions: int | None = None


def main() -> int:
    """Measure, print the table and the JSON line; returns 1 if a goal is not met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--full", action="store_true", help=f"all queries, {FULL_ROUNDS} rounds")
    parser.add_argument("--rounds", type=int, help="another number of rounds")
    arguments = parser.parse_args()
    rounds = arguments.rounds or (FULL_ROUNDS if arguments.full else QUICK_ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        place = prepare(Path(folder), full=arguments.full)
        runs = list(measure(place, rounds, kept_file(place) if arguments.full else None))
    return report(runs, rounds)


def prepare(folder: Path, *, full: bool) -> Place:
    """Make the work where it is not made yet, and say how each variant is started."""
    chosen = [
        query
        for query in queries.read_queries("tpcds")
        if full or query.name.partition("/")[2] in QUICK_QUERIES
    ]
    work = KEPT / f"work-{digest(query.sql for query in chosen)}"
    if not work.is_dir():
        make_work(chosen, folder, work)
    settings = load_settings(store=folder / "store", spool=folder / "spool")
    variants: dict[str, tuple[str, ...]] = {NOTHING: (), OURS: flags(settings, find_spark())}
    agent = openlineage.fetch_jar(JARS, find_spark().scala)
    if agent is not None:
        theirs = openlineage.settings(agent, folder / "events.jsonl")
        variants[THEIRS] = tuple(word for item in theirs.items() for word in ("--conf", "=".join(item)))
    return Place(folder, work, variants)


def make_work(chosen: Sequence[queries.Query], folder: Path, work: Path) -> None:
    """Small tables, and each query as a CREATE TABLE; which names of its columns repeat, a session says."""
    spark = local_builder(folder, delta=False).getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    draft = folder / "work"
    types = schemas("tpcds")
    chance = random.Random("overhead")  # noqa: S311  data of a bench
    for table, rows in (
        Generator(Domains(), {}, Density(keys=3, rows=200, hits=0.9), chance).data(types).items()
    ):
        (draft / "tables" / table).mkdir(parents=True)
        pyarrow.parquet.write_table(arrow(rows, types[table]), draft / "tables" / table / "rows.parquet")
    columns = queries.read_schema("tpcds")
    spark.sql("CREATE DATABASE tpcds")
    spark.catalog.setCurrentDatabase("tpcds")
    for table, definitions in columns.items():
        spark.sql(f"CREATE TABLE {table} ({definitions}) USING parquet")
    statements = [corpora_harness.create_table_as(query, spark.sql(query.sql)) for query in chosen]
    end_jvm()
    plain = [statement.replace("TABLE tpcds.", "TABLE ", 1) for statement in statements]
    (draft / "queries.json").write_text(
        json.dumps({"tables": columns, "statements": plain}), encoding="utf-8"
    )
    KEPT.mkdir(parents=True, exist_ok=True)
    shutil.move(draft, work)


def digest(parts: Iterable[str]) -> str:
    """Sixteen hex digits of texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def kept_file(place: Place) -> Path:
    """Where the runs of a full bench are kept until it has ended; other jars, statements or versions are another bench."""
    work = (place.work / "queries.json").read_text(encoding="utf-8")
    jar = hashlib.sha256(jar_path().read_bytes()).hexdigest()
    return (
        KEPT
        / f"runs-{digest((work, jar, JOB.read_text(encoding='utf-8'), str(find_spark().version), *place.variants))}.jsonl"
    )


def measure(place: Place, rounds: int, kept: Path | None) -> Iterator[Run]:
    """The runs of all rounds, after those of a first one that warms the file cache and does not count; kept ones are not run again."""
    done = (
        [Run(**json.loads(line)) for line in kept.read_text(encoding="utf-8").splitlines()]
        if kept and kept.is_file()
        else []
    )
    yield from done
    names = list(place.variants)
    if len(done) < rounds * len(names):
        run_once(place, NOTHING, -1)
    for number in range(rounds):
        for variant in names[number % len(names) :] + names[: number % len(names)]:
            if any(run.variant == variant and run.round == number for run in done):
                continue
            run = run_once(place, variant, number)
            print(f"round {number + 1}, {variant}: {run.wall:.1f} s, CPU {run.cpu:.1f} s", file=sys.stderr)
            if kept is not None:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(run)) + "\n")
            yield run


def run_once(place: Place, variant: str, number: int) -> Run:
    """One application; an exit code that is not 0 ends the bench."""
    for left in ("warehouse", "spool", "events.jsonl", "scratch"):
        shutil.rmtree(place.folder / left, ignore_errors=True)
    (place.folder / "scratch").mkdir()
    (place.folder / "events.jsonl").unlink(missing_ok=True)
    command = [
        str(Path(sys.executable).with_name("spark-submit")),
        *words(place),
        *place.variants[variant],
        str(JOB),
    ]
    environment = (
        os.environ
        | {"PYSPARK_PYTHON": sys.executable}
        | {f"XDG_{name}_HOME": str(place.folder / name.lower()) for name in ("CONFIG", "DATA", "STATE")}
    )
    with (place.folder / "log").open("wb") as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, str(place.work), str(place.folder)],
            stdout=log,
            stderr=log,
            env=environment,
            cwd=place.folder / "scratch",
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        text = (place.folder / "log").read_text(encoding="utf-8", errors="replace")
        sys.exit(f"The application failed with {variant}:\n{text[-3000:]}")
    run = Run(variant, number, wall, usage.ru_utime + usage.ru_stime)
    return with_own_figures(run, place.folder / "spool") if variant == OURS else run


def words(place: Place) -> list[str]:
    """What all variants are started with; the agent looks for extensions in a way that modern JVMs refuse unless told otherwise."""
    options = f"-Djava.io.tmpdir={place.folder} --add-opens=java.base/java.security=ALL-UNNAMED"
    conf = SMALL | {
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.ansi.enabled": "false",  # q90 divides a count of no rows by another
        "spark.driver.extraJavaOptions": options,
    }
    return ["--master", "local[2]", *(word for item in conf.items() for word in ("--conf", "=".join(item)))]


def with_own_figures(run: Run, spool: Path) -> Run:
    """The run with what the bridge counted, from the last record of its spool, and how long Spark planned the same queries."""
    records = [
        json.loads(frame.payload)
        for segment in segments(spool)
        for frame in frames(segment.path)
        if isinstance(frame, Frame)
    ]
    executions = [record for record in records if record["kind"] == "execution"]
    planned = {
        record["query_execution_id"]: sum(end - start for start, end in record["phases"].values()) / 1e3
        for record in executions
    }
    (end,) = (record for record in records if record["kind"] == "application_end")
    times = [end["metrics"][f"{name}_nanos"] / 1e9 for name in ("listener", "recorder", "writer", "intent")]
    return replace(
        run,
        events=end["metrics"]["event_nanos"] / 1e9,
        listener=times[0],
        recorder=times[1],
        own=sum(times),
        planning=sum(planned.values()),
        executions=len(executions),
    )


@dataclass(frozen=True)
class Added:
    """What a variant adds, as a part of the bare run: the median, and its 95 % interval."""

    median: float
    low: float
    high: float


def values(runs: Sequence[Run], variant: str, what: str) -> list[float]:
    """One measure of a variant in the order of the rounds."""
    chosen = sorted((run for run in runs if run.variant == variant), key=lambda run: run.round)
    return [float(getattr(run, what)) for run in chosen]


def added(bare: Sequence[float], variant: Sequence[float]) -> Added:
    """The median of the rounds' differences over the bare median; the interval of 10,000 draws of as many rounds."""
    part = [(more - less) / statistics.median(bare) for less, more in zip(bare, variant, strict=True)]
    return Added(
        statistics.median(part),
        *interval(lambda rounds: statistics.median(part[each] for each in rounds), len(part)),
    )


def ratio(bare: Sequence[float], ours: Sequence[float], theirs: Sequence[float]) -> Added:
    """What we add in parts of what they add, of the same rounds."""

    def of(rounds: Sequence[int]) -> float:
        more = statistics.median(theirs[each] - bare[each] for each in rounds)
        return statistics.median(ours[each] - bare[each] for each in rounds) / more if more > 0 else math.inf

    return Added(of(range(len(bare))), *interval(of, len(bare)))


def interval(of: Callable[[Sequence[int]], float], rounds: int) -> tuple[float, float]:
    """The middle 95 % of what a statistic is for rounds that are drawn with replacement; the draws are the same in every run."""
    chance = random.Random(rounds)  # noqa: S311  it only has to be the same again
    drawn = sorted(of(chance.choices(range(rounds), k=rounds)) for _ in range(RESAMPLES))
    return drawn[RESAMPLES // 40], drawn[-1 - RESAMPLES // 40]


def report(runs: Sequence[Run], rounds: int) -> int:
    """Print the tables and the JSON line; 1 if a goal is not met."""
    figures: dict[str, float] = {"rounds": rounds}
    peer = any(run.variant == THEIRS for run in runs)
    for what in ("cpu", "wall"):
        bare, ours = values(runs, NOTHING, what), values(runs, OURS, what)
        theirs = values(runs, THEIRS, what) if peer else None
        print(f"{what + ', seconds':<20}{'median':>9}{'least':>9}{'most':>9}{'added':>9}   95 % interval")
        for name, measured in ((NOTHING, bare), (OURS, ours), (THEIRS, theirs)):
            print(row(name, bare, measured))
        found = added(bare, ours)
        figures |= {f"{what}_added_percent": 100 * found.median, f"{what}_added_percent_low": 100 * found.low}
        figures[f"{what}_bare_seconds"] = statistics.median(bare)
        if theirs:
            parts = ratio(bare, ours, theirs)
            print(
                f"{'of what OpenLineage adds':<47}{parts.median:>9.3f}   {parts.low:.3f} to {parts.high:.3f}"
            )
            figures |= {f"{what}_to_openlineage": parts.median, f"{what}_to_openlineage_low": parts.low}
            figures[f"{what}_openlineage_percent"] = 100 * added(bare, theirs).median
        print()
    events, listener, recorder, own, planning = (
        statistics.median(values(runs, OURS, what))
        for what in ("events", "listener", "recorder", "own", "planning")
    )
    executions = statistics.median(values(runs, OURS, "executions"))
    print(
        f"the listener took {1000 * events:.0f} ms for the events of {executions:.0f} executions that Spark planned in {planning:.1f} s; "
        f"its thread {1000 * listener:.0f} ms of CPU, the recorder's {1000 * recorder:.0f} ms"
    )
    own_percent = 100 * own / figures["cpu_bare_seconds"]
    print(
        f"all of the bridge's threads and the notes of writes: {1000 * own:.0f} ms, {own_percent:.2f} % of the bare CPU time"
    )
    figures |= {
        "events_ms": 1000 * events,
        "listener_ms": 1000 * listener,
        "recorder_ms": 1000 * recorder,
        "own_threads_percent": own_percent,
        "planning_ms": 1000 * planning,
        "events_to_planning_percent": 100 * events / planning,
        "listener_thread_to_planning_percent": 100 * listener / planning,
    }
    return verdict({name: round(value, 4) for name, value in figures.items()})


def row(name: str, bare: Sequence[float], measured: Sequence[float] | None) -> str:
    """One variant of the table."""
    if measured is None:
        return f"{name:<20}{'not measured':>27}"
    found = added(bare, measured)
    words = f"{name:<20}{statistics.median(measured):>9.2f}{min(measured):>9.2f}{max(measured):>9.2f}"
    return (
        words
        if name == NOTHING
        else f"{words}{100 * found.median:>8.2f}%   {100 * found.low:.2f} % to {100 * found.high:.2f} %"
    )


def verdict(figures: dict[str, float]) -> int:
    """Print the JSON line; the exit code. A goal that was not measured leaves open whether all are met."""
    goals = {name: {"op": "<=", "limit": limit} for name, limit in LIMITS.items()}
    met = all(figures[name] <= limit for name, limit in LIMITS.items() if name in figures)
    answer = None if met and not figures.keys() >= LIMITS.keys() else met
    print(json.dumps({"bench": "overhead", "figures": figures, "goals": goals, "met": answer}))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
