"""Have Spark resolve the Delta jars of this environment once, so that later sessions find them in Ivy's cache.

    python scripts/fetch_delta.py FOLDER    # copies those of them into FOLDER that Spark does not have itself

Ivy looks into Maven's local folder first, where building the bridge leaves POMs whose jars it did not need: Ivy takes
such a POM, misses the jar and gives up. Here it looks at Maven Central alone; what it found is then in its cache.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pyspark
from delta import configure_spark_with_delta_pip
from pyspark.sql import SparkSession

from spark_lineage.demo.runner import IVY_SETTINGS

IVY_NAME = re.compile(r"[^_]+_(?P<artifact>.+?-)[0-9][^/]*[.]jar")
"""`io.delta_delta-storage-4.4.0.jar`: group, artifact, version."""


def main(into: Path) -> None:
    """Resolve the jars, and copy those that Spark lacks."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "ivysettings.xml"
        settings.write_text(IVY_SETTINGS, encoding="utf-8")
        builder = (
            SparkSession.builder.master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.jars.ivySettings", settings.as_uri())
        )
        spark = configure_spark_with_delta_pip(builder).getOrCreate()
        jars = [Path(urlsplit(jar).path) for jar in spark.sparkContext.getConf().get("spark.jars").split(",")]
        spark.stop()
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    there = [jar.name for jar in (Path(pyspark.__file__).parent / "jars").glob("*.jar")]
    for jar in jars:
        named = IVY_NAME.fullmatch(jar.name)
        if named is None:
            raise SystemExit(f"{jar}: not a name that Ivy gives, as {IVY_NAME.pattern}")
        if not any(re.match(re.escape(named["artifact"]) + "[0-9]", name) for name in there):
            shutil.copy(jar, into)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
