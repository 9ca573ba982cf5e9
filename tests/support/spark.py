"""Local Spark sessions for tests: small, with Delta, and each JVM ended before the next begins.

A JVM that has run stays in the process and ignores `spark.jars` of the next session, so a test folder begins with
`end_jvm()`, as the fixture `spark` in `tests/conftest.py` does.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from delta import configure_spark_with_delta_pip
from pyspark import SparkContext
from pyspark.sql import SparkSession

from support import jvm
from support.jvm import DELTA

SMALL = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.sql.session.timeZone": "UTC",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.legacy.createHiveTableByDefault": "false",
}
"""Settings that make small data quick and change no plan's meaning."""

INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
"""For many small queries, each met once: to compile one takes longer than to run it."""

UNCOMPILED = INTERPRETED | {"spark.sql.adaptive.enabled": "false"}
"""The same where plans may change, too."""


def local_builder(folder: Path, *, delta: bool = True) -> SparkSession.Builder:
    """A builder for a local session with its warehouse in `folder`; with Delta's jars and catalog unless not wanted."""
    builder = SparkSession.builder.master("local[2]").appName("tests")
    for name, value in (SMALL | (DELTA if delta else {})).items():
        builder = builder.config(name, value)
    settings = {
        "spark.driver.extraJavaOptions": f"-Dderby.stream.error.file={folder / 'derby.log'}",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }
    for name, value in (with_delta(settings) if delta else settings).items():
        builder = builder.config(name, value)
    return builder


def with_delta(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings of an application in one JVM, with Delta's jars: on the class path, with their classes archived, or as packages.

    The first, for which `make` has to have fetched them, takes a quarter of the CPU time until a table is written.
    """
    jars = jvm.delta_jars()
    if not jars:
        packages = configure_spark_with_delta_pip(SparkSession.Builder())._options["spark.jars.packages"]
        return {**settings, "spark.jars.packages": packages}
    options = f"{settings.get('spark.driver.extraJavaOptions', '')} {jvm.archived(jvm.WITH_DELTA)}"
    return {
        **settings,
        "spark.driver.extraClassPath": ":".join(jars),
        "spark.driver.extraJavaOptions": options,
    }


def quickly() -> dict[str, str]:
    """`INTERPRETED`, or nothing with COMPILED=all, as `make test-matrix` and `make determinism` run."""
    return {} if "COMPILED" in os.environ else INTERPRETED


@contextmanager
def own_session(builder: SparkSession.Builder, log_level: str = "ERROR") -> Iterator[SparkSession]:
    """A session whose Python workers run this Python; its JVM ends with it. `end_jvm()` comes before the builder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel(log_level)
        yield session
        gc.collect()  # PySpark's sockets, while their warnings are still ignored
        end_jvm()


def end_jvm() -> None:
    """End this process's session and its JVM, if there is one."""
    context = SparkContext._active_spark_context
    if context is not None:
        SparkSession.builder.getOrCreate().stop()
    gateway = SparkContext._gateway
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()
        SparkContext._gateway = None
        SparkContext._jvm = None


def run_script(script: Path, timeout_seconds: float, **environment: object) -> None:
    """Run a Python file as an application of its own, with what it needs in its environment; it has to end with 0."""
    done = subprocess.run(
        [sys.executable, str(script)],
        env=os.environ
        | {"PYSPARK_PYTHON": sys.executable}
        | {name: str(value) for name, value in environment.items()},
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def submit(
    script: Path, *words: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a Python file with this environment's spark-submit; `words` go before the file. The caller checks the result."""
    conf = [word for name, value in SMALL.items() for word in ("--conf", f"{name}={value}")]
    command = [
        str(Path(sys.executable).with_name("spark-submit")),
        "--master",
        "local[2]",
        *conf,
        *words,
        str(script),
    ]
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable} | (environment or {})
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=300)
