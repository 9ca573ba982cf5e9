"""False alarms and recall of `spark-lineage unusual` over simulated years of runs with injected faults.

    python bench/unusual.py           # 2 held-out seeds
    python bench/unusual.py --full    # 10 held-out seeds, and the curve over the limit
    python bench/unusual.py --seeds 1-3     # these, or one: --seeds 7

A seed is a warehouse: sources with weekly and daily seasons, growth, month-ends, holidays and noise of several kinds;
jobs that bring them in, refine them and aggregate them, daily, hourly or on working days; retries, late runs, busy clusters. Faults
are injected into known runs: rows dropped, multiplied or written twice, nothing written, slow runs, inputs that vanish
or are new, drifts, and commits that no run made. The detectors see the store's rows and nothing of this file. Seeds below 300 are for development,
the goals are measured on others. Faults of rows hit runs of 100 rows and more.

An alarm is a warning or an error; it is false where neither the run nor what it read was touched by a fault. A fault is found
where one of its own runs has a warning of a kind that fits.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from rich.console import Console
from rich.table import Table as TextTable

from spark_lineage.compare.findings import Finding
from spark_lineage.compare.unusual.expectation import FALSE_ALARMS
from spark_lineage.compare.unusual.runs import unusual, unusual_of
from spark_lineage.compare.unusual.series import history_of
from spark_lineage.model import Batch, Dataset, DatasetId, Observation, Run, RunState, Severity
from spark_lineage.pipeline.logs.commits import Logs
from spark_lineage.query.snapshot import Snapshot
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.schema import TABLES

HOUR = 3_600_000
DAY = 24 * HOUR
YEAR = 365
WARM_UP_DAYS = 42
START = date(2025, 1, 1)
EPOCH = date(1970, 1, 1)
CHANGES_ROWS = {"rows dropped", "rows multiplied", "written twice", "nothing written", "drift"}
LEAST_ROWS = 100
HELD_OUT = range(301, 311)
SIZE = 12
CURVE = (3e-3, 1e-3, 3e-4, 1e-4, 1e-5)

VOLUME = {"unusual_rows", "unusual_bytes", "unusual_yield", "unusual_input", "empty_output"}
FITS = {
    "rows dropped": VOLUME,
    "rows multiplied": VOLUME,
    "written twice": VOLUME,
    "nothing written": VOLUME,
    "slow run": {"unusual_duration"},
    "input vanished": {"input_vanished"},
    "input new": {"input_new"},
    "drift": VOLUME | {"drift"},
}
"""Fault -> the kinds of findings that say it."""


@dataclass(slots=True)
class Source:
    """What comes in from outside: rows for each hour or day."""

    id: DatasetId
    base: float
    growth: float
    weekdays: list[float]
    hours: list[float]
    month_end: float
    month_edge: str
    holidays: dict[int, float]
    noise: Callable[[], float]

    def rows(self, at: int, *, hourly: bool) -> int:
        """The rows that are there for a run at a time, epoch milliseconds."""
        day = at // DAY
        date_ = EPOCH + timedelta(days=day)
        mean = (
            self.base * math.exp(self.growth * (day - (START - EPOCH).days)) * self.weekdays[date_.weekday()]
        )
        mean *= self.holidays.get(day, 1.0)
        if self.month_edge == "last" and (date_ + timedelta(days=1)).day == 1:
            mean *= self.month_end
        if self.month_edge == "first" and date_.day == 1:
            mean *= self.month_end
        if hourly:
            mean *= self.hours[at // HOUR % 24] / 24
        mean *= math.exp(self.noise())
        return poisson(mean)


@dataclass(slots=True)
class Job:
    """A job that writes one table from inputs; `kind` says how its rows follow from theirs."""

    name: str
    target: DatasetId
    inputs: list[Any]
    kind: str
    schedule: str
    minute: int
    share: float
    yield_sigma: float
    duration_sigma: float
    speed: float
    overhead: float
    bytes_per_row: float
    metrics: bool


@dataclass(slots=True)
class Fault:
    """One injected fault: which runs of which job it changes, and how much."""

    kind: str
    job: str
    runs: set[str] = field(default_factory=set)
    factor: float = 1.0
    length: int = 1


@dataclass(slots=True)
class World:
    """A simulated year: the store's rows, the faults, and the runs that faults reached."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    reads: list[dict[str, Any]] = field(default_factory=list)
    plans: dict[str, list[DatasetId]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)


RANDOM = random.Random()  # noqa: S311 - a simulation, not a secret


def poisson(mean: float) -> int:
    """A count around a mean; the normal approximation from 50 on."""
    if mean > 50:
        return max(0, round(RANDOM.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), RANDOM.random(), 0
    while product > limit:
        product *= RANDOM.random()
        count += 1
    return count


def noise_of(kind: str, sigma: float) -> Callable[[], float]:
    """Noise of a source, in logarithms."""
    state = [0.0]

    def normal() -> float:
        return RANDOM.gauss(0, sigma)

    def heavy() -> float:
        # Student's t with 4 degrees of freedom, of this standard deviation.
        chi = sum(RANDOM.gauss(0, 1) ** 2 for _ in range(4)) / 4
        return sigma * RANDOM.gauss(0, 1) / math.sqrt(chi) / math.sqrt(2)

    def persistent() -> float:
        state[0] = 0.7 * state[0] + RANDOM.gauss(0, sigma * math.sqrt(1 - 0.49))
        return state[0]

    def skewed() -> float:
        return sigma * (RANDOM.gammavariate(2, 1) - 2) / math.sqrt(2)

    return {"normal": normal, "heavy": heavy, "persistent": persistent, "skewed": skewed}[kind]


def loguniform(low: float, high: float) -> float:
    return math.exp(RANDOM.uniform(math.log(low), math.log(high)))


def holidays() -> list[int]:
    """About ten holidays, as days since 1970; two of them are several days long."""
    first = (START - EPOCH).days
    days = [first + RANDOM.randrange(YEAR) for _ in range(7)]
    for _ in range(2):
        begin = first + RANDOM.randrange(YEAR - 6)
        days += range(begin, begin + RANDOM.randint(2, 5))
    return days


def make_source(number: int, days: list[int]) -> Source:
    weekend = RANDOM.choice([1.0, RANDOM.uniform(0.2, 0.9), RANDOM.uniform(1.1, 1.8)])
    peak = RANDOM.uniform(9, 20)
    depth = RANDOM.uniform(0.2, 0.9)
    return Source(
        id=DatasetId("file", f"/raw/source_{number}"),
        base=loguniform(30, 5e6),
        growth=RANDOM.choice([0.0, RANDOM.uniform(-0.001, 0.003)]),
        weekdays=[RANDOM.uniform(0.9, 1.1) for _ in range(5)] + [weekend, weekend * RANDOM.uniform(0.9, 1.1)],
        hours=[1 + depth * math.cos((hour - peak) / 24 * 2 * math.pi) for hour in range(24)],
        month_end=RANDOM.uniform(1.5, 4) if RANDOM.random() < 0.2 else 1.0,
        month_edge=RANDOM.choice(["first", "last"]),
        holidays={day: RANDOM.uniform(0.15, 0.8) for day in days if RANDOM.random() < 0.9},
        noise=noise_of(RANDOM.choice(["normal", "heavy", "persistent", "skewed"]), loguniform(0.02, 0.15)),
    )


def make_job(name: str, inputs: list[Any], kind: str, schedule: str, minute: int) -> Job:
    return Job(
        name=name,
        target=DatasetId("file", f"/lake/{name}"),
        inputs=inputs,
        kind=kind,
        schedule=schedule,
        minute=minute,
        share=RANDOM.uniform(0.3, 1.0),
        yield_sigma=loguniform(0.003, 0.05),
        duration_sigma=loguniform(0.05, 0.25),
        speed=loguniform(1e3, 1e5),
        overhead=loguniform(5_000, 120_000),
        bytes_per_row=loguniform(20, 500),
        metrics=RANDOM.random() < 0.8,
    )


def make_jobs(sources: list[Source], size: int) -> list[Job]:
    """`size` chains: each source is brought in, refined, aggregated; some are hourly, some on working days."""
    jobs: list[Job] = []
    bronze = []
    for number, source in enumerate(sources):
        schedule = "hourly" if number % 8 == 7 else "workdays" if number % 5 == 4 else "daily"
        bronze.append(make_job(f"bronze_{number}", [source], "share", schedule, RANDOM.randrange(60, 180)))
    jobs += bronze
    silver = []
    for number in range(size):
        main = bronze[number % len(bronze)]
        others = RANDOM.sample(
            [job for job in bronze if job is not main and job.schedule == "daily"], RANDOM.randint(0, 2)
        )
        schedule = "daily" if main.schedule == "hourly" and others else main.schedule
        inputs = [main] if schedule == "hourly" else [main, *others]
        silver.append(make_job(f"silver_{number}", inputs, "share", schedule, RANDOM.randrange(200, 300)))
    jobs += silver
    for number in range(size):
        main = silver[number]
        kind = ("groups", "constant", "share", "snapshot")[number % 4]
        jobs.append(make_job(f"gold_{number}", [main], kind, main.schedule, RANDOM.randrange(330, 420)))
    return jobs


def schedule_of(job: Job) -> list[int]:
    """When a job runs in the year, epoch milliseconds."""
    first = (START - EPOCH).days
    days = [first + day for day in range(YEAR)]
    if job.schedule == "workdays":
        days = [day for day in days if (EPOCH + timedelta(days=day)).weekday() < 5]
    if job.schedule == "hourly":
        return [day * DAY + hour * HOUR + job.minute % 60 * 60_000 for day in days for hour in range(24)]
    return [day * DAY + job.minute * 60_000 for day in days]


def inject(job: Job, count: int) -> dict[int, tuple[Fault, float]]:
    """The faults of a job: number of its run -> the fault and its factor."""
    days = count / YEAR if job.schedule == "hourly" else 1
    warm = int(WARM_UP_DAYS * max(1, days))
    apart = 25
    found: dict[int, tuple[Fault, float]] = {}
    for _ in range(12 if job.schedule == "hourly" else 5):
        kind = RANDOM.choice(list(FITS))
        length = (
            round(max(1, days) * RANDOM.randint(30, 60))
            if kind == "drift"
            else RANDOM.choice([1, 1, 1, 2, 3])
        )
        begin = RANDOM.randrange(warm, count - length - 1)
        if any(begin - apart < place < begin + length + apart for place in found):
            continue
        fault = Fault(kind, job.name, length=length)
        end = RANDOM.choice([-1, 1]) * RANDOM.uniform(0.7, 1.2)
        once = {
            "rows dropped": RANDOM.uniform(0.05, 0.6),
            "rows multiplied": loguniform(1.8, 10),
            "written twice": 2.0,
            "nothing written": 0.0,
            "slow run": loguniform(3, 10),
        }.get(kind, 1.0)
        fault.factor = math.exp(end) if kind == "drift" else once
        for step in range(length):
            found[begin + step] = (fault, math.exp(end * (step + 1) / length) if kind == "drift" else once)
    return found


@dataclass(slots=True)
class Output:
    """What a job wrote in its last runs: rows, and whether a fault had reached them."""

    rows: list[int] = field(default_factory=list)
    touched: list[bool] = field(default_factory=list)

    def read(self, runs: int) -> tuple[int, bool]:
        """The sum of the last runs, and whether one was touched."""
        return sum(self.rows[-runs:]), any(self.touched[-runs:])


def simulate(seed: int, size: int) -> World:
    """A year of a warehouse of `size` chains."""
    RANDOM.seed(seed)
    days = holidays()
    sources = [make_source(number, days) for number in range(max(9, size * 2 // 3))]
    jobs = make_jobs(sources, size)
    world = World()
    outputs = {job.name: Output() for job in jobs}
    states = {job.name: 0.0 for job in jobs}
    schedules = {job.name: schedule_of(job) for job in jobs}
    faults = {job.name: inject(job, len(schedules[job.name])) for job in jobs}
    events = sorted(
        (at, order, number) for order, job in enumerate(jobs) for number, at in enumerate(schedules[job.name])
    )
    by_id: dict[int, Fault] = {}
    for at, order, number in events:
        job = jobs[order]
        fault, factor = faults[job.name].get(number, (None, 1.0))
        if fault is not None:
            by_id[id(fault)] = fault
        run(world, job, at, number, outputs, states, fault, factor)
        before = faults[job.name].get(number - 1, (None, 1.0))[0]
        if before is not None and before.kind == "drift" and fault is None:
            # Back to normal from far away, and so is what is made of it.
            world.touched.add(run_id(job, number))
            outputs[job.name].touched[-1] = True
    world.faults = [fault for fault in by_id.values() if fault.runs]
    return world


def run_id(job: Job, number: int) -> str:
    return f"{job.name}-{number}:1"


def run(
    world: World, job: Job, at: int, number: int, outputs: dict[str, Output], states: dict[str, float],
    fault: Fault | None, factor: float,
) -> None:  # fmt: skip
    """One scheduled run of a job, with what failed before it."""
    kind = None if fault is None else fault.kind
    reads, touched = read_inputs(job, at, outputs)
    if kind == "input vanished" and len(reads) > 0:
        del reads[RANDOM.choice(sorted(reads))]
    if kind == "input new":
        reads[DatasetId("file", f"/raw/new_{job.name}_{number}")] = 100
    rows_in = sum(reads.values())
    written = rows_written(job, rows_in, states)
    if kind in CHANGES_ROWS:
        # Twice nothing is nothing, and what becomes of a few rows nobody can tell from chance.
        fault, kind = (None, None) if written < LEAST_ROWS else (fault, kind)
        written = written if fault is None else round(written * factor)
    own = outputs[job.name]
    own.rows.append(written)
    own.touched.append(touched or kind in {*FITS} - {"slow run"})
    own.rows, own.touched = own.rows[-24:], own.touched[-24:]
    duration = (job.overhead + 1000 * rows_in / job.speed) * math.exp(RANDOM.gauss(0, job.duration_sigma))
    if RANDOM.random() < 0.01:
        duration *= RANDOM.uniform(1.5, 2.2)
    if kind == "slow run":
        duration *= factor
    started = at + round(abs(RANDOM.gauss(0, 120_000)))
    if RANDOM.random() < 0.01:
        record(world, job, f"{job.name}-{number}:0", reads, started, duration / 2, None, RunState.FAILED)
        started += RANDOM.randrange(10, 60) * 60_000
    elif job.schedule != "hourly" and RANDOM.random() < 0.01:
        started += RANDOM.randrange(1, 6) * HOUR
    name = run_id(job, number)
    record(world, job, name, reads, started, duration, written, RunState.COMPLETE)
    if fault is not None:
        fault.runs.add(name)
    if touched or fault is not None:
        world.touched.add(name)


def read_inputs(job: Job, at: int, outputs: dict[str, Output]) -> tuple[dict[DatasetId, int], bool]:
    """The rows of each input, and whether a fault had reached one of them."""
    reads: dict[DatasetId, int] = {}
    touched = False
    for each in job.inputs:
        if isinstance(each, Source):
            reads[each.id] = each.rows(at, hourly=job.schedule == "hourly")
            continue
        runs = 24 if each.schedule == "hourly" and job.schedule != "hourly" else 1
        reads[each.target], was = outputs[each.name].read(runs)
        touched = touched or was
    return reads, touched


def rows_written(job: Job, rows: int, states: dict[str, float]) -> int:
    """What a job makes of so many rows when nothing is wrong."""
    if job.kind == "constant":
        return round(1000 * job.share)
    if job.kind == "groups":
        return round(20 * math.pow(rows, 0.3 + 0.4 * job.share) * math.exp(RANDOM.gauss(0, job.yield_sigma)))
    share = rows * job.share * math.exp(RANDOM.gauss(0, job.yield_sigma))
    if job.kind == "snapshot":
        states[job.name] = (states[job.name] or 100 * share) + 0.2 * share
        return round(states[job.name])
    return round(share)


def record(
    world: World, job: Job, name: str, reads: dict[DatasetId, int], started: int, duration: float,
    rows: int | None, state: RunState,
) -> None:  # fmt: skip
    """The rows that the store has of a run."""
    fingerprint = f"{job.name} {' '.join(id_.name for id_ in sorted(reads))}"
    world.plans.setdefault(fingerprint, sorted(reads))
    world.runs.append(
        {
            "run_id": name, "part": 0, "kind": "write", "fingerprint": fingerprint, "job": job.name, "operation": "INSERT",
            "target_namespace": job.target.namespace, "target_name": job.target.name, "state": state.value,
            "started_at": started, "ended_at": started + round(duration), "rows": rows,
            "bytes": None if rows is None else round(rows * job.bytes_per_row * math.exp(RANDOM.gauss(0, 0.02))) + 500,
        }
    )  # fmt: skip
    for id_, count in reads.items():
        world.reads.append(
            {
                "run_id": name, "part": 0, "namespace": id_.namespace, "name": id_.name, "direction": "read",
                "path": id_.name, "rows": count if job.metrics else None,
            }
        )  # fmt: skip


class Store:
    """The simulated rows as the snapshot reads them."""

    def __init__(self, world: World) -> None:
        plans = [
            {
                "fingerprint": each,
                "datasets": [{"namespace": id_.namespace, "name": id_.name} for id_ in inputs],
            }
            for each, inputs in world.plans.items()
        ]
        self._tables = {
            name: pa.Table.from_pylist(rows, schema=TABLES[name].schema)
            for name, rows in (("runs", world.runs), ("observations", world.reads), ("plans", plans))
        }

    def read(
        self,
        table: str,
        columns: Iterable[str] | None = None,
        *,
        scope: Collection[str] | None = None,  # noqa: ARG002
    ) -> pa.Table:
        """The rows of a table."""
        rows = self._tables.get(table, TABLES[table].schema.empty_table())
        return rows if columns is None else rows.select(list(columns))


@dataclass(slots=True)
class Score:
    """What came of the seeds so far."""

    runs: int = 0
    false_alarms: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    why_false: Counter[str] = field(default_factory=Counter)
    missed: list[Fault] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def false_alarms_per_1000(self) -> float:
        """Runs with a false alarm, of 1,000."""
        return 1000 * self.false_alarms / max(1, self.runs)

    @property
    def recall(self) -> float:
        """Faults that were found, of 1."""
        return self.found.total() / max(1, self.injected.total())


def score(world: World, findings: Iterable[Finding], into: Score) -> None:
    """Count false alarms and faults found."""
    alarms = [finding for finding in findings if finding.severity is not Severity.INFO]
    false = {finding.run_id for finding in alarms if finding.run_id not in world.touched}
    into.why_false.update(Counter(each.kind for each in alarms if each.run_id in false))
    into.runs += sum(each["state"] == RunState.COMPLETE.value for each in world.runs)
    into.false_alarms += len(false)
    said: dict[str, set[str]] = {}
    for finding in alarms:
        said.setdefault(finding.run_id or "", set()).add(finding.kind)
    for fault in world.faults:
        into.injected[fault.kind] += 1
        if any(said.get(run, set()) & FITS[fault.kind] for run in fault.runs):
            into.found[fault.kind] += 1
        else:
            into.missed.append(fault)


def measure(seeds: Iterable[int], size: int, rates: Sequence[float]) -> dict[float, Score]:
    """The score at each rate of false alarms that the detectors are asked to keep for one measure."""
    scores = {rate: Score() for rate in rates}
    for seed in seeds:
        world = simulate(seed, size)
        history = history_of(Snapshot(Store(world)))
        for rate, into in scores.items():
            begin = time.perf_counter()
            findings = list(unusual_of(history, 0, false_alarms=rate))
            into.seconds += time.perf_counter() - begin
            score(world, findings, into)
    return scores


def outside_found(folder: str, seed: int) -> tuple[int, int, int]:
    """Commits of runs and of others in a real Delta table: (others', found, runs' commits called outside)."""
    draw = random.Random(seed)  # noqa: S311 - a simulation, not a secret
    table = f"{folder}/table_{seed}"
    rows = pa.table({"a": [1]})
    mine = [draw.random() < 0.7 for _ in range(40)]
    mine[0] = True
    for _ in mine:
        write_deltalake(table, rows, mode="append")
    stamps = {each["version"]: each["timestamp"] for each in DeltaTable(table).history()}
    id_ = DatasetId("file", table)
    store = DeltaStore(f"{folder}/store_{seed}")
    store.create()
    own = [version for version, is_own in enumerate(mine) if is_own]
    store.append(
        Batch(
            datasets=(Dataset("file", table, (), "delta"),),
            runs=tuple(outside_run(version, id_, stamps[version]) for version in own),
            observations=tuple(
                Observation(f"app:{version}", 0, "file", table, "written", table, version=version)
                for version in own
            ),
        )
    )
    findings = unusual(Snapshot(store), since=0, logs=Logs())
    said = {int(dict(each.evidence)["version"]) for each in findings if each.kind == "write_outside"}
    others = {version for version, is_own in enumerate(mine) if not is_own}
    return len(others), len(said & others), len(said - others)


def outside_run(version: int, id_: DatasetId, at: int) -> Run:
    """The run that made a commit."""
    return Run(
        f"app:{version}", 0, "write", "p", "job", "INSERT", id_, RunState.COMPLETE, "app", "app", "ann", "4.1.3", at - 5, at + 5
    )  # fmt: skip


def seeds_of(text: str) -> list[int]:
    """The seeds that `--seeds` names: one number, or the first and the last of several.

    >>> seeds_of("7"), seeds_of("1-3")
    ([7], [1, 2, 3])
    """
    first, dash, last = text.partition("-")
    numbers = (first, last) if dash else (first, first)
    if not all(each.isdecimal() for each in numbers) or int(numbers[0]) > int(numbers[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor a range such as 1-3")
    return list(range(int(numbers[0]), int(numbers[1]) + 1))


def main() -> int:
    """Run the bench; 1 if a goal is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--full", action="store_true", help="10 held-out seeds instead of 2, and the curve")
    parser.add_argument("--seeds", metavar="A-B", type=seeds_of, help="these seeds (or one), for development")
    arguments = parser.parse_args()
    seeds = arguments.seeds or list(HELD_OUT)[: 10 if arguments.full else 2]
    total = measure(seeds, SIZE, [FALSE_ALARMS])[FALSE_ALARMS]
    curve = measure(seeds[:2], SIZE, CURVE) if arguments.full else {}
    with tempfile.TemporaryDirectory() as folder:
        outside = [outside_found(folder, seed) for seed in seeds[:3]]
    figures: dict[str, float] = {
        "seeds": len(seeds),
        "runs": total.runs,
        "faults": total.injected.total(),
        "recall": round(total.recall, 4),
        "false_alarms_per_1000_runs": round(total.false_alarms_per_1000, 3),
        "microseconds_per_run": round(1e6 * total.seconds / total.runs),
        "outside_recall": sum(each[1] for each in outside) / sum(each[0] for each in outside),
        "outside_false": sum(each[2] for each in outside),
    }
    goals: dict[str, dict[str, Any]] = {
        "recall": {"op": ">=", "limit": 0.95},
        "false_alarms_per_1000_runs": {"op": "<=", "limit": 1},
        "outside_recall": {"op": ">=", "limit": 0.95},
        "outside_false": {"op": "<=", "limit": 0},
    }
    met = all(
        figures[name] <= goal["limit"] if goal["op"] == "<=" else figures[name] >= goal["limit"]
        for name, goal in goals.items()
    )
    show(total, curve)
    print(json.dumps({"bench": "unusual", "figures": figures, "goals": goals, "met": met}))
    return 0 if met else 1


def show(total: Score, curve: dict[float, Score]) -> None:
    """The figures for people."""
    table = TextTable("fault", "injected", "found", "recall", title=f"{total.runs:,} runs")
    for kind, count in sorted(total.injected.items()):
        table.add_row(kind, str(count), str(total.found[kind]), f"{total.found[kind] / count:.3f}")
    table.add_row("all", str(total.injected.total()), str(total.found.total()), f"{total.recall:.3f}")
    Console().print(table)
    said = ", ".join(f"{kind} {count}" for kind, count in total.why_false.most_common())
    print(
        f"{total.false_alarms} runs with false alarms, {total.false_alarms_per_1000:.2f} in 1,000: {said or 'none'}"
    )
    if curve:
        table = TextTable(
            "asked, one measure", "false alarms in 1,000 runs", "recall", title="the curve, two of the seeds"
        )
        for rate, each in curve.items():
            table.add_row(f"{rate:g}", f"{each.false_alarms_per_1000:.2f}", f"{each.recall:.3f}")
        Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
