"""`make check-by-execution`: prove the answers by running every query and case again; what is done is not done again.

    python -m execution.check --seeds 1-3 [--only tpcds/q8 'join: a left join'] [--of matrix] [--shard 1/4]

Results are files of one (subject, seed) each, named by all that they depend on. Exits with 1 where something changed
that is not claimed, where a query gave no rows, and where something could not be run.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import goldens
import queries
from pyspark.sql import SparkSession
from support.paths import JAR, REPOSITORY
from support.spark import local_builder

from execution import corpora, matrix
from execution.proof import Result, Subject, prove

HERE = Path(__file__).parent
CACHE = REPOSITORY / ".cache" / "by-execution"
SHARED = tuple(HERE / f"{name}.py" for name in ("data", "domains", "proof"))
SESSION = {
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "1",
    # Tiny tables: compiling and adapting would take longest.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    # The query is to run as such, not to be folded away, and its literals are to stay readable.
    "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.ConvertToLocalRelation,"
    "org.apache.spark.sql.catalyst.optimizer.PropagateEmptyRelation",
    "spark.sql.optimizer.inSetConversionThreshold": "100000",
}
Build = Callable[[SparkSession, Path], Subject]


@dataclass(frozen=True)
class Task:
    """One subject with one seed, and the file of its result. What is claimed as a superset need not be seen."""

    name: str
    seed: int
    build: Build
    exact: bool
    file: Path

    @property
    def title(self) -> str:
        """The subject and the seed."""
        return f"{self.name} seed {self.seed}"


def main() -> int:
    """Run what is asked for and print the totals."""
    parser = argparse.ArgumentParser(description="Prove the answers by execution.")
    parser.add_argument("--seeds", default="1", help="such as 1 or 1-3 or 2,5")
    parser.add_argument("--of", choices=["corpora", "matrix"], help="only the queries, or only the cases")
    parser.add_argument("--only", nargs="*", help="names, such as tpcds/q8")
    parser.add_argument("--shard", default="1/1", help="the part of the work to do, such as 2/4")
    parser.add_argument("--threads", type=int, default=2, help="subjects at a time")
    options = parser.parse_args()
    seeds = _numbers(options.seeds)
    tasks = list(_corpora_tasks(seeds)) if options.of != "matrix" else []
    tasks += _matrix_tasks(seeds) if options.of != "corpora" else []
    part, parts = map(int, options.shard.split("/"))
    wanted = [task for task in tasks if not options.only or task.name in options.only][part - 1 :: parts]
    failures = run([task for task in wanted if not task.file.is_file()], options.threads)
    return report(wanted, failures)


def answers() -> dict[str, goldens.Lineage]:
    """What the tool says about each query; kept for as long as the tool is the same."""
    code = [JAR, *sorted((REPOSITORY / "spark_lineage").rglob("*.py")), HERE / "claims.py"]
    file = CACHE / f"claims-{_digest(code)}.json"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        paths = [str(REPOSITORY / "tests"), str(REPOSITORY / "tests" / "corpora"), str(REPOSITORY)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        command = [sys.executable, "-m", "execution.claims", "--into", str(file)]
        subprocess.run(command, check=True, env=environment)
    found = json.loads(file.read_text(encoding="utf-8"))
    return {query: goldens.from_answer(answer) for query, answer in found.items()}


def _corpora_tasks(seeds: list[int]) -> Iterator[Task]:
    """Every seed of every query."""
    known, hints = answers(), corpora.hints()
    code = _digest([*SHARED, HERE / "corpora.py"])
    everything = [query for corpus in queries.CORPORA for query in queries.read_queries(corpus)]
    for seed in seeds:
        for query in everything:

            def build(spark: SparkSession, _: Path, query: queries.Query = query) -> Subject:
                return corpora.subject(spark.newSession(), query, known[query.name])

            file = _file(query.name, seed, code, query.sql, known[query.name], hints.get(query.name))
            yield Task(query.name, seed, build, exact=True, file=file)


def _matrix_tasks(seeds: list[int]) -> Iterator[Task]:
    """Every seed of every case that is run on this version of Spark; queries first, they are the quickest."""
    code, hints, decided = _digest([*SHARED, HERE / "matrix.py"]), corpora.hints(), matrix.decided()
    cases = sorted(matrix.cases(), key=lambda case: not case.select)
    for seed in seeds:
        for case in cases:
            if not case.supports(importlib.metadata.version("pyspark")):
                continue
            name = matrix.name_of(case)

            def build(spark: SparkSession, folder: Path, case: matrix.Case = case) -> Subject:
                own = replace(case, database=f"{case.database}_{folder.name}")  # each seed has one
                return matrix.subject(spark, own, folder)

            file = _file(
                name, seed, code, case.setup, case.code, case.expected, hints.get(name), decided.get(name)
            )
            yield Task(name, seed, build, matrix.is_exact(case), file)


def _file(name: str, seed: int, *inputs: object) -> Path:
    """The file of a result: a readable name, and a digest of all that the result depends on."""
    version = importlib.metadata.version("pyspark")
    key = hashlib.sha256("\n".join(map(repr, (version, name, *inputs))).encode()).hexdigest()[:12]
    readable = "".join(letter if letter.isalnum() else "_" for letter in name)[:60]
    return CACHE / "results" / f"{readable}-{seed}-{key}.json"


def run(tasks: list[Task], threads: int) -> list[str]:
    """Do the tasks, several at a time; what could not be run is returned."""
    if not tasks:
        return []
    logging.disable(
        logging.CRITICAL
    )  # PySpark logs each error of a query, and some changes make queries fail
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        spark = start(Path(folder))
        with ThreadPoolExecutor(threads) as pool:
            places = ((task, Path(folder) / f"c{number}x") for number, task in enumerate(tasks))
            for done in as_completed([pool.submit(_do, spark, task, place) for task, place in places]):
                line, failed = done.result()
                print(line, flush=True)
                failures += [line] if failed else []
        spark.stop()
    return failures


def start(folder: Path) -> SparkSession:
    """A session with Delta that is quick on tiny tables; new sessions of it are quick for queries."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = local_builder(folder)
    for name, value in SESSION.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    # Catalog commands and Delta build objects, which only generated code can.
    spark.conf.set("spark.sql.codegen.factoryMode", "FALLBACK")
    return spark


def _do(spark: SparkSession, task: Task, folder: Path) -> tuple[str, bool]:
    """Do one task; the line that tells of it, and whether it could not be run."""
    begun = time.monotonic()
    try:
        result = prove(task.build(spark, folder), task.seed)
    except Exception as error:  # noqa: BLE001  # it is told, and tried again next time
        return f"{task.title}: could not be run: {type(error).__name__}: {str(error)[:300]!r}", True
    if not task.exact:
        result.seen.clear()
    _keep(task.file, result)
    unseen = sum(not seen for seen in result.seen.values())
    return (
        f"{task.title}: {result.rows} rows, {result.variants} variants, {result.errors} failed, "
        f"{len(result.violations)} violations, {unseen} of {len(result.seen)} claims not seen, "
        f"{time.monotonic() - begun:.0f} s"
    ), False


def _keep(file: Path, result: Result) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part")
    unfinished.write_text(json.dumps(result.to_dict(), indent=1), encoding="utf-8")
    unfinished.replace(file)


def report(tasks: list[Task], failures: list[str]) -> int:
    """Print the totals over the seeds, what is claimed and never mattered, and what was not claimed."""
    results = [
        (task, json.loads(task.file.read_text(encoding="utf-8"))) for task in tasks if task.file.is_file()
    ]
    seen: dict[tuple[str, str], bool] = {}
    for task, result in results:
        for claim, mattered in result["seen"].items():
            seen[task.name, claim] = seen.get((task.name, claim), False) or mattered
    never = [f"{name}: {claim}" for (name, claim), mattered in seen.items() if not mattered]
    empty = [task.title for task, result in results if not result["rows"]]
    violations = [f"{task.title}: {text}" for task, result in results for text in result["violations"]]
    for title, lines in {
        "claimed, never seen to matter": never,
        "without rows": empty,
        "could not be run": failures,
        "changed, not claimed": violations,
    }.items():
        if lines:
            print(f"{title}:", *(f"  {line}" for line in lines), sep="\n")
    print(_totals(tasks, [result for _, result in results], len(seen), len(never), len(empty)))
    return 1 if violations or failures or empty else 0


def _totals(tasks: list[Task], results: list[dict[str, Any]], claims: int, never: int, empty: int) -> str:
    sums = {name: sum(result[name] for result in results) for name in ("variants", "errors")}
    violations = sum(len(result["violations"]) for result in results)
    return (
        f"{len({task.name for task in tasks})} subjects, {len(results)} of {len(tasks)} (subject, seed) done, "
        f"{sums['variants']} variants run, {sums['errors']} of them failed, {claims} claims, "
        f"{never} never seen to matter, {empty} without rows, {violations} violations"
    )


def _numbers(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


if __name__ == "__main__":
    sys.exit(main())
