"""Have Spark resolve the Delta jars of this environment once, so that later sessions find them in Ivy's cache.

Ivy looks into Maven's local folder first, where building the bridge leaves POMs whose jars it did not need: Ivy takes
such a POM, misses the jar and gives up. Here it looks at Maven Central alone; what it found is then in its cache.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from delta import configure_spark_with_delta_pip
from pyspark.sql import SparkSession

from spark_lineage.demo.runner import IVY_SETTINGS

with tempfile.TemporaryDirectory() as folder:
    settings = Path(folder) / "ivysettings.xml"
    settings.write_text(IVY_SETTINGS, encoding="utf-8")
    builder = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.jars.ivySettings", settings.as_uri())
    )
    configure_spark_with_delta_pip(builder).getOrCreate().stop()
