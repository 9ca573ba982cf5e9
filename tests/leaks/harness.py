"""Runs the job with secrets around it, too, and keeps what it left."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark
from support.paths import JAR, REPOSITORY
from support.spark import submit, with_delta

from leaks.canaries import Canaries

HERE = Path(__file__).parent
GRAMMARS = REPOSITORY / "jvm_bridge" / "src" / "test" / "resources" / "secrets.txt"

SETTINGS = {
    "spark.hadoop.fs.s3a.secret.key": "{c}",
    "spark.hadoop.fs.s3a.access.key": "{c}",
    "spark.my.password": "{c}",
    "spark.ssl.keyPassword": "{c}",
    "spark.executorEnv.AWS_SECRET_ACCESS_KEY": "{c}",
    "spark.driver.extraJavaOptions": "-Dmy.password={c} -Dlog4j2.configurationFile=@/log4j2.properties",
    "spark.sql.catalog.other": "org.apache.spark.sql.connector.catalog.none.KEPT_Catalog",
    "spark.sql.catalog.other.password": "{c}",
    "spark.sql.catalog.other.url": "jdbc:postgresql://ann:{c}@h/d?password={c}",
    "spark.jdbc.url": "jdbc:oracle:thin:{c}/{c}@h:1:x",
    "spark.databricks.delta.commitInfo.userMetadata": "{c}",
    "spark.app.name": "KEPT_application password={c} of zebra-{c}",
    "spark.redaction.regex": "(?i)giraffe|locale",
    "spark.sql.redaction.options.regex": "(?i)zebra|corrupt",
    "spark.sql.redaction.string.regex": "(?i)zebra-[a-z0-9]+",
    "spark.lineage.job": "KEPT_job token={c}",
    "spark.lineage.dataset.pathRules": "key_value,{c}",
    "spark.lineage.unknown": "{c}",
    "spark.lineage.unknown.password": "{c}",
    "spark.submit.deployMode.{n}": "{c}",
}
ENVIRONMENT = ("AWS_SECRET_ACCESS_KEY", "MY_PASSWORD", "DATABRICKS_TOKEN", "SPARK_LINEAGE_UNKNOWN_SECRET")

LOG = """
rootLogger.level = warn
rootLogger.appenderRef.all.ref = all
appender.all.type = File
appender.all.name = all
appender.all.fileName = @/all.log
appender.all.layout.type = PatternLayout
appender.all.layout.pattern = %c %p %m%n%ex
logger.ours.name = io.sparklineage
logger.ours.level = trace
logger.ours.additivity = false
logger.ours.appenderRef.ours.ref = ours
appender.ours.type = File
appender.ours.name = ours
appender.ours.fileName = @/ours.log
appender.ours.layout.type = PatternLayout
appender.ours.layout.pattern = %c %p %m%n%ex
"""


@dataclass(frozen=True)
class Leaks:
    """What a job with secrets left behind."""

    folder: Path
    spool: Path
    positions: list[str]
    unlike: list[str]
    seconds: dict[str, float]


def grammars() -> list[str]:
    """The URLs that a real job writes to."""
    lines = GRAMMARS.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#") and line.lower().startswith("jdbc:")]


def run_job(folder: Path, form: str) -> Leaks:
    """Run the job in a folder: all of it, or a sample."""
    canaries = Canaries()
    settings = {
        canaries.filled(f"setting {key}", key): canaries.filled(f"setting {key}", value).replace(
            "@", str(folder)
        )
        for key, value in SETTINGS.items()
    }
    environment = {name: canaries.filled(f"environment {name}", "{c}") for name in ENVIRONMENT}
    (folder / "log4j2.properties").write_text(LOG.replace("@", str(folder)), encoding="utf-8")
    spool = folder / "spool"
    settings |= {
        "spark.jars": str(JAR),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension,io.sparklineage.LineageExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.lineage.spool": str(spool),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.task.maxFailures": "1",
    }
    words = [word for name, value in with_delta(settings).items() for word in ("--conf", f"{name}={value}")]
    words += ["--jars", ",".join([str(JAR), *_kafka()])]
    environment |= {
        "LEAKS": str(folder),
        "LEAKS_GIVEN": json.dumps(canaries.positions),
        "LEAKS_GRAMMARS": json.dumps(grammars()[:: 1 if form == "all" else 12]),
        "LEAKS_FORM": form,
    }
    result = submit(HERE / "job.py", *words, environment=environment)
    assert result.returncode == 0, result.stderr[-3_000:] + result.stdout[-1_000:]
    found: Any = json.loads((folder / "canaries.json").read_text())
    ours = [
        line for line in result.stderr.splitlines() if re.search("sparklineage|spark_lineage|Lineage", line)
    ]
    (folder / "stderr.log").write_text("\n".join(ours), encoding="utf-8")
    return Leaks(folder, spool, found["positions"], found["unlike"], found["seconds"])


def _kafka() -> list[str]:
    line = ".".join(pyspark.__version__.split(".")[:2])
    found = (REPOSITORY / ".cache" / "jars" / f"spark-{line}").glob("*.jar")
    return sorted(str(each) for each in found if "iceberg" not in each.name)
