"""Runs the demo's jobs as a shop runs them: scripts, in processes of their own, with the flag on.

Everything lies in one folder: `raw/` and `lake/` (the shop's data), `jobs/` (the scripts), `conf/` (Spark's
settings), `logs/`, and lineage's own `store/` and `spool/`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spark_lineage import errors, owned
from spark_lineage.capture import session
from spark_lineage.demo import shop
from spark_lineage.settings import load_settings

_MARK = ".spark-lineage-demo"
_WROTE = "wrote "

# Ivy, which brings Delta's jars, also looks into Maven's local folder by default. There it takes a POM without
# its jar for a find, and then fails; so it is told to look only where all of them are.
IVY_SETTINGS = """\
<ivysettings>
  <settings defaultResolver="central"/>
  <resolvers><ibiblio name="central" m2compatible="true"/></resolvers>
</ivysettings>
"""

_LOG_SETTINGS = """\
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex
"""


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """The places of one demo."""

    root: Path

    @property
    def store(self) -> Path:
        """Where the lineage tables lie."""
        return self.root / "store"

    @property
    def spool(self) -> Path:
        """Where the bridge leaves its records."""
        return self.root / "spool"

    @property
    def hash_key(self) -> Path:
        """The key of the hashes that stand for literals."""
        return self.root / "hash.key"

    @property
    def logs(self) -> Path:
        """What Spark had to say."""
        return self.root / "logs"


def prepare(root: Path) -> DemoFolder:
    """Make the demo's folder with raw data, jobs and Spark's settings; an earlier demo there is replaced.

    Raises `SettingError` where the folder holds anything else than an earlier demo.
    """
    folder = DemoFolder(root.resolve())
    _check_needs()
    if root.exists() and (not root.is_dir() or any(root.iterdir())) and not (root / _MARK).is_file():
        raise errors.SettingError(
            f"The folder {root} holds something that is not a demo: name another one with --dir."
        )
    shutil.rmtree(root, ignore_errors=True)
    owned.make_folder(folder.logs)
    (root / _MARK).write_text(
        "Made by `spark-lineage demo`, which may replace this folder.\n", encoding="utf-8"
    )
    shop.generate(root / "raw")
    shutil.copytree(Path(__file__).parent / "jobs", root / "jobs", ignore=shutil.ignore_patterns("__*__*"))
    conf = root / "conf"
    conf.mkdir()
    (conf / "spark-defaults.conf").write_text(_spark_defaults(folder), encoding="utf-8")
    (conf / "ivysettings.xml").write_text(IVY_SETTINGS, encoding="utf-8")
    (conf / "log4j2.properties").write_text(_LOG_SETTINGS, encoding="utf-8")
    return folder


def run_daily(folder: DemoFolder, tell: Callable[[str], None]) -> None:
    """Run the nightly pipeline, which switches lineage on by `spark_lineage.configure`.

    Calls `tell` with the name of each table as soon as it is written. Raises `LineageError` when the job
    fails, which it should not.
    """
    exit_code = _run(
        folder, "daily", [sys.executable, str(folder.root / "jobs" / "daily.py"), str(folder.root)], tell
    )
    if exit_code != 0:
        raise errors.LineageError(
            f"The demo's pipeline ended with exit code {exit_code} ({_last_words(folder.logs / 'daily.log')}): "
            f"read {folder.logs / 'daily.log'}."
        )


def run_refunds(folder: DemoFolder, tell: Callable[[str], None]) -> int:
    """Run the refund job by spark-submit, with lineage as a flag on the command; it fails half-way.

    Returns the exit code of spark-submit.
    """
    return _run(folder, "refunds", [_spark_submit(), *refunds_arguments(folder)], tell)


def refunds_arguments(folder: DemoFolder) -> list[str]:
    """What stands after `spark-submit` on the command of the refund job."""
    settings = load_settings(store=folder.store, spool=folder.spool, hash_key_file=folder.hash_key)
    return [*session.flags(settings), str(folder.root / "jobs" / "refunds.py"), str(folder.root)]


def _spark_defaults(folder: DemoFolder) -> str:
    settings = {
        "spark.master": "local[2]",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(folder.root / "lake"),
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.jars.ivySettings": (folder.root / "conf" / "ivysettings.xml").as_uri(),
    }
    return "".join(f"{name} {value}\n" for name, value in settings.items())


def _run(folder: DemoFolder, name: str, command: Sequence[str], tell: Callable[[str], None]) -> int:
    log = folder.logs / f"{name}.log"
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            command, cwd=folder.root, env=_environment(folder), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=file, encoding="utf-8", errors="replace",
        ) as process,
    ):  # fmt: skip
        for line in process.stdout or ():
            if line.startswith(_WROTE):
                tell(line.removeprefix(_WROTE).strip())
            else:
                file.write(line)
    return process.returncode


def _environment(folder: DemoFolder) -> dict[str, str]:
    """The environment of a job: this Python and its pyspark, the demo's settings, no other Spark's."""
    others = ("SPARK_HOME", "PYSPARK_SUBMIT_ARGS", "SPARK_LINEAGE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYTHONUTF8": "1",
        "SPARK_CONF_DIR": str(folder.root / "conf"),
        "SPARK_LINEAGE_STORE": str(folder.store),
        "SPARK_LINEAGE_SPOOL": str(folder.spool),
        "SPARK_LINEAGE_HASH_KEY_FILE": str(folder.hash_key),
    }


def _check_needs() -> None:
    missing = [name for name in ("pyspark", "delta") if importlib.util.find_spec(name) is None]
    if missing:
        raise errors.LineageError(
            f"The demo runs Spark with Delta, and this Python has no {' and no '.join(missing)}: "
            "pip install 'spark-lineage[spark]'."
        )
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise errors.LineageError("The demo runs Spark, and there is no java on the PATH: install a JDK 17.")


def _spark_submit() -> str:
    found = shutil.which("spark-submit", path=_environment_path())
    if found is None:
        raise errors.LineageError(
            "There is no spark-submit beside this Python or on the PATH: reinstall pyspark with pip."
        )
    return found


def _environment_path() -> str:
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "it said nothing")
