"""Secrets on other ways than a job's: Spark Connect, and the address of a remote spool that cannot be reached, of a job and of a live session."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest
from support.paths import JAR
from support.spark import SMALL, end_jvm, local_builder, own_session

from leaks.canaries import Canaries, traces
from leaks.harness import LOG
from spark_lineage import Lineage
from spark_lineage.capture import session
from spark_lineage.errors import BridgeError
from spark_lineage.settings import load_settings
from spark_lineage.show.cli import main

HERE = Path(__file__).parent
LONG = pytest.mark.skipif(os.environ.get("TORTURE") != "all", reason="starts JVMs of its own: TORTURE=all")


@LONG
@pytest.mark.torture("leaks")
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


@pytest.mark.spark
@pytest.mark.smoke35
def test_what_a_live_session_says_of_its_remote_spool_leaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its remote spool cannot be reached, which is told with the address."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    canaries = Canaries()
    settings = {
        "spark.jars": str(JAR),
        "spark.sql.extensions": "io.sparklineage.LineageExtension",
        "spark.lineage.spool": canaries.filled("spool", "unknown://ann:{c}@host/spool?token={c}"),
        "spark.my.password": canaries.filled("setting", "{c}"),
    }
    end_jvm()
    builder = local_builder(tmp_path, delta=False)
    for name, value in settings.items():
        builder = builder.config(name, value)
    with own_session(builder) as spark:
        rows = spark.range(3).selectExpr("id", canaries.filled("literal", "'{c}' AS secret"))
        rows.write.option("password", canaries.filled("option", "{c}")).parquet(str(tmp_path / "made"))
        with pytest.raises(BridgeError, match="the upload to the remote spool failed") as late:
            session.flush(spark, 5)
        status = session.status(spark)
        doctor = Lineage(load_settings(store=tmp_path / "store"), spark=spark).doctor()
        monkeypatch.setenv("SPARK_LINEAGE_SPOOL", str(tmp_path / "spool"))
        with pytest.raises(BridgeError, match="already on") as elsewhere:
            session.attach(spark, load_settings(store=tmp_path / "store"))
    assert status is not None
    told = [str(late.value), status.last_error or "", str(elsewhere.value)]
    told += [str(doctor), json.dumps(doctor.to_dict()), doctor._repr_html_()]
    assert [traces(each.encode(), canaries.positions) for each in told] == [[]] * len(told)
    content = b"".join(each.read_bytes() for each in (tmp_path / "state").rglob("*.seg"))
    assert b"/made" in content
    assert traces(content, canaries.positions) == []
