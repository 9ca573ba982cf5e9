"""Secrets on other ways than a job of one session: Spark Connect, and the address of a remote spool that cannot be reached."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest
from support.paths import JAR
from support.spark import SMALL

from leaks.canaries import Canaries, traces
from leaks.harness import LOG
from spark_lineage.show.cli import main

HERE = Path(__file__).parent
LONG = pytest.mark.skipif(os.environ.get("TORTURE") != "all", reason="starts JVMs of its own: TORTURE=all")


@LONG
@pytest.mark.spark
@pytest.mark.skipif(
    pyspark.__version__ < "4", reason="PySpark 3.5 starts no Connect server without a package"
)
def test_connect_and_the_address_of_a_remote_spool_leak_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    canaries = Canaries()
    spool = canaries.filled("spool", "unknown://ann:{c}@host/spool?token={c}")
    (tmp_path / "log4j2.properties").write_text(LOG.replace("@", str(tmp_path)), encoding="utf-8")
    settings = SMALL | {
        "spark.jars": str(JAR),
        "spark.sql.extensions": "io.sparklineage.LineageExtension",
        "spark.lineage.spool": spool,
        "spark.lineage.segment.sealSeconds": "1",
        "spark.redaction.string.regex": "(?i)zebra-[a-z0-9]+",
        "spark.my.password": canaries.filled("setting", "{c}"),
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={tmp_path}/log4j2.properties",
    }
    given = {
        "settings": settings,
        "positions": canaries.positions,
        "data": str(tmp_path / "data"),
        "positions_file": str(tmp_path / "positions.json"),
    }
    environment = os.environ | {
        "CONNECT": json.dumps(given),
        "PYSPARK_PYTHON": sys.executable,
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    command = [sys.executable, str(HERE / "connect_client.py")]
    result = subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False, timeout=300
    )
    assert result.returncode == 0, result.stderr[-3_000:]
    positions = json.loads((tmp_path / "positions.json").read_text())
    staged = sorted((tmp_path / "state").rglob("*.seg")) + sorted((tmp_path / "state").rglob("*.open"))
    content = b"".join(each.read_bytes() for each in staged)
    assert b"Spark Connect" in content
    assert b"_Tag_token=?" in content
    assert traces(content, positions) == []
    assert traces((tmp_path / "ours.log").read_bytes(), positions) == []
    place = ["--spool", str(staged[0].parent), "--store", str(tmp_path / "store")]
    for words in (["doctor"], ["ingest"], ["runs"], ["problems"], ["tables"]):
        for options in ([], ["--json"]):
            main([*words, *place, *options])
            printed = capsys.readouterr()
            assert traces((printed.out + printed.err).encode(), positions) == [], words
    print(f"{len(positions)} secrets, {len(content)} bytes")
