"""A real Spark Connect server with the flag, and two clients in another process: each write is of its client's user and session, and no
secret of theirs is kept.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from bridge.records import of_kind, read_spool
from leaks.canaries import Canaries, traces
from sources.broker import free_ports
from support.paths import JAR
from support.spark import SMALL

import spark_lineage
from spark_lineage.pipeline import ingest

pytest.importorskip("grpc", reason="only the environment of Spark 4.1 has what a Connect client needs")
pytestmark = [pytest.mark.spark]

SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
CLIENT = Path(__file__).with_name("connect_client.py")
STARTED = "Spark Connect server started"


def start_server(folder: Path, port: int) -> subprocess.Popen[str]:
    """A server that has said that it is up; what it says later goes into a file."""
    conf = SMALL | {
        "spark.connect.grpc.binding.port": str(port),
        "spark.lineage.enabled": "true",
        "spark.lineage.spool": str(folder / "spool"),
    }
    words = [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
    submit = str(Path(sys.executable).with_name("spark-submit"))
    command = [
        submit,
        "--class",
        SERVER,
        "--master",
        "local[2]",
        "--jars",
        str(JAR),
        *words,
        "spark-internal",
    ]
    log = folder / "server.log"
    with log.open("w", encoding="utf-8") as out:
        server = subprocess.Popen(
            command, stdout=out, stderr=out, text=True, env=os.environ | {"PYSPARK_PYTHON": sys.executable}
        )
    for _ in range(120):
        if STARTED in log.read_text(encoding="utf-8"):
            return server
        try:
            server.wait(1)
        except subprocess.TimeoutExpired:
            continue
        break
    server.kill()
    server.wait()
    raise AssertionError(log.read_text(encoding="utf-8")[-3000:])


def test_a_write_is_of_its_clients_user_and_session(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    canaries = Canaries()
    secrets = [canaries.filled(position, "{c}") for position in ("an option", "a literal")]
    server = start_server(tmp_path, port)
    try:
        client = subprocess.run(
            [sys.executable, str(CLIENT), f"sc://localhost:{port}", str(tmp_path), *secrets],
            capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    assert client.returncode == 0, client.stderr[-3000:]
    said = dict(line.split(" ", 1) for line in client.stdout.splitlines())
    ann, bob = said["sessions"].split()
    assert said["rows"] == "[(25,)]"
    assert said["refused"] == (
        "This is a Spark Connect session, which has no driver of its own: "
        "switch lineage on where the Connect server is started, with the words that `spark-lineage flags` prints."
    )
    records = read_spool(tmp_path / "spool")
    for file in (tmp_path / "spool").iterdir():
        assert traces(file.read_bytes(), canaries.positions) == [], file.name
    ingest(tmp_path / "spool", tmp_path / "store")
    lineage = spark_lineage.open(store=tmp_path / "store", ingest=False)
    writes = [run for run in lineage.runs().to_dict()["runs"] if run["kind"] == "write" and run["target"]]
    asked = {
        Path(run["target"]["name"]).name: (run["user"], run["session"], run["state"], run["call_site"])
        for run in writes
    }
    assert asked == {
        "made": ("ann", ann, "COMPLETE", "Spark Connect"),
        "taken": ("bob_Session_2", bob, "COMPLETE", "Spark Connect"),
    }
    answer = lineage.table(str(tmp_path / "taken")).to_dict()
    sources = [
        (column["name"], each["name"], each["field"], each["type"], each["subtype"], each["expression"])
        for column in answer["columns"]
        for each in column["sources"]
    ]
    assert sources == [("more", str(tmp_path / "made"), "twice", "DIRECT", "TRANSFORMATION", "(twice + ?)")]
    assert {each["user"] for each in of_kind(records, "intent")} == {"ann", "bob_Session_2"}
    texts = [each.get("description") for each in records] + [each.get("call_site") for each in records]
    assert not any("user_context" in text for text in texts if text)
