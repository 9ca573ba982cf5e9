"""The ways to switch the bridge on and off, and that it never costs the job its end."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from support.paths import JAR, REPOSITORY
from support.spark import submit

from bridge.records import frame_sizes, of_kind, read_segment, read_spool

pytestmark = pytest.mark.spark

ONE = Path(__file__).parent / "jobs" / "one.py"
EXTENSION = ("--conf", "spark.sql.extensions=io.sparklineage.LineageExtension")


def run(spool: Path, *words: str, do: str = "nothing") -> subprocess.CompletedProcess[str]:
    """Run `one.py` with the jar and a spool; every run must have counted its rows, however it ends."""
    result = submit(
        ONE,
        *("--jars", str(JAR), "--conf", f"spark.lineage.spool={spool}"),
        *words,
        environment={"DO": do},
    )
    assert "rows 2" in result.stdout, result.stdout + result.stderr[-3000:]
    return result


def said(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """What the job printed, by first word."""
    return dict(line.split(" ", 1) for line in result.stdout.splitlines() if " " in line)


@pytest.mark.smoke35
def test_the_extension_is_the_switch(tmp_path: Path) -> None:
    assert run(tmp_path, *EXTENSION).returncode == 0
    kinds = [record["kind"] for record in read_spool(tmp_path)]
    assert kinds == ["application", "plan", "execution", "application_end"]


@pytest.mark.matrix35
def test_the_switch_without_the_jar_costs_a_warning(tmp_path: Path) -> None:
    spool = ("--conf", f"spark.lineage.spool={tmp_path / 'spool'}")
    result = submit(ONE, *spool, *EXTENSION, environment={"DO": "nothing"})
    assert result.returncode == 0
    assert "rows 2" in result.stdout
    assert "Cannot use io.sparklineage.LineageExtension to configure session extensions." in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.matrix35
def test_enabled_false_stands_above_the_extension(tmp_path: Path) -> None:
    assert run(tmp_path, *EXTENSION, "--conf", "spark.lineage.enabled=false").returncode == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.matrix35
def test_a_jar_alone_does_nothing(tmp_path: Path) -> None:
    assert run(tmp_path).returncode == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.smoke35
def test_py4j_enables_once_flushes_and_disables(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    words = said(run(spool, *csv_sink(tmp_path / "metrics"), do="status"))
    assert words["missing"] == "[]"
    assert words["once"] == "True"
    assert words["flushed"] == "True True"
    status = json.loads(words["status"])
    assert status.pop("bridge")
    metrics = status.pop("metrics")
    assert status == {
        "alive": True,
        "spool": str(spool),
        "intent": "written",
        "every_session": False,
        "records": 2,
        "segments": 1,
        "lost": 0,
        "last_error": None,
    }
    assert json.loads(words["after"])["alive"] is False
    in_sink = read_csv_sink(tmp_path / "metrics")
    assert in_sink.keys() == metrics.keys() == documented_metrics()
    clocks = ("listener_nanos", "event_nanos", "recorder_nanos", "writer_nanos", "intent_nanos")
    times = {name: metrics.pop(name) for name in clocks}
    assert all(0 < in_sink.pop(name) <= value for name, value in times.items())
    _, plan, execution = frame_sizes(min(spool.glob("*.seg")))
    assert metrics == in_sink
    assert metrics == {
        "executions": 1,
        "sampled_out": 0,
        "intents": 0,
        "intents_late": 0,
        "lost": 0,
        "lost_writer_queue_full": 0,
        "lost_encode_failed": 0,
        "lost_spool_failed": 0,
        "lost_listener_queue_dropped": 0,
        "lost_record_too_large": 0,
        "lost_intent_failed": 0,
        "lost_spool_full": 0,
        "wrong_settings": 0,
        "records": 2,
        "segments": 1,
        "written_bytes": plan + execution,
        "queued_executions": 0,
        "queued_records": 0,
        "queued_bytes": 0,
    }


def documented_metrics() -> set[str]:
    """The names of the table in docs/metrics.md."""
    lines = (REPOSITORY / "docs" / "metrics.md").read_text(encoding="utf-8").splitlines()
    cells = [line.split("|")[1] for line in lines if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


@pytest.mark.smoke35
def test_what_is_disabled_stays_off_in_every_session_until_it_is_enabled(tmp_path: Path) -> None:
    """And what the first listener lost is not told of by the second: Spark counts drops per application."""
    spool = tmp_path / "spool"
    words = said(run(spool, *EXTENSION, *csv_sink(tmp_path / "metrics"), do="switch"))
    first, off, second, last = (json.loads(words[name]) for name in ("first", "off", "second", "last"))
    reason = "listener_queue_dropped"
    assert (first["alive"], first["lost"], first["last_error"]) == (True, 5, reason)
    assert (off["alive"], off["bridge"], off["records"]) == (False, None, 0)
    assert (second["alive"], second["lost"], second["last_error"]) == (True, 0, None)
    assert (last["bridge"], last["lost"], last["last_error"]) == (second["bridge"], 7, reason)
    assert (second["every_session"], last["every_session"]) == (True, True)
    told = {
        status["bridge"]: [
            (record["kind"], record.get("count"))
            for record in read_spool(spool)
            if record["kind"] != "plan" and record["bridge"] == status["bridge"]
        ]
        for status in (first, last)
    }
    for each in told.values():
        each[1:3] = sorted(
            each[1:3]
        )  # what was lost is told when the writer gets to it, before the execution or after it
    assert told == {
        first["bridge"]: [("application", None), ("execution", None), ("gap", 5)],
        last["bridge"]: [("application", None), ("execution", None), ("gap", 7), ("application_end", None)],
    }
    lost = {name: count for name, count in read_csv_sink(tmp_path / "metrics").items() if "lost" in name}
    assert {name: count for name, count in lost.items() if count} == {"lost": 7, f"lost_{reason}": 7}
    assert len(lost) == 8


def csv_sink(folder: Path) -> list[str]:
    """For spark-submit: Spark's metrics go to files of that folder."""
    folder.mkdir()
    sink = {"class": "org.apache.spark.metrics.sink.CsvSink", "directory": str(folder)}
    conf = (f"spark.metrics.conf.*.sink.csv.{name}={value}" for name, value in sink.items())
    return [word for each in conf for word in ("--conf", each)]


def read_csv_sink(folder: Path) -> dict[str, int]:
    """Metric -> last value, of what Spark's CSV sink wrote of the source `spark-lineage`."""
    files = {
        file.name.partition(".driver.spark-lineage.")[2]: file
        for file in folder.glob("*.driver.spark-lineage.*.csv")
    }
    return {
        name.removesuffix(".csv"): int(file.read_text().split()[-1].split(",")[1])
        for name, file in files.items()
    }


@pytest.mark.matrix35
def test_a_wrong_switch_is_refused_and_the_job_goes_on(tmp_path: Path) -> None:
    result = run(tmp_path, *EXTENSION, "--conf", "spark.lineage.enabled=maybe")
    assert result.returncode == 0
    assert result.stderr.count("spark.lineage.enabled has a wrong value; allowed are true and false") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.matrix35
def test_a_wrong_value_is_told_of_and_its_default_counts(tmp_path: Path) -> None:
    """In the job's log, in the spool and by the numbers; what stands there may be a secret, and is not said."""
    wrong = {"intent": "hunter2", "job": "nightly", "col$our": "red", "sample": "lots"}
    conf = [word for name, value in wrong.items() for word in ("--conf", f"spark.lineage.{name}={value}")]
    result = run(tmp_path, *EXTENSION, *conf)
    assert result.returncode == 0
    sentences = [
        "spark.lineage.intent has a wrong value, so its default counts; allowed are off, async, written and synced",
        "spark.lineage.sample has a wrong value, so its default counts; allowed are numbers from 0 to 1, such as 0.05",
        "spark.lineage.col?our is not a setting: see docs/settings.md",
    ]
    told = re.findall(r"WARN Bridge: (.*)", result.stderr)
    assert told == sentences
    application, *records = read_spool(tmp_path)
    settings = application["settings"]
    ours = {name: value for name, value in settings.items() if name.startswith("spark.lineage.")}
    assert ours == {"spark.lineage.job": "nightly"}
    assert {each["kind"] for each in records} == {"plan", "execution", "gap", "application_end"}
    (gap,) = of_kind(records, "gap")
    assert (gap["reason"], gap["count"], gap["message"]) == ("wrong_setting", 3, "; ".join(sentences))
    metrics = records[-1]["metrics"]
    assert (metrics["wrong_settings"], metrics["lost"]) == (3, 0)


@pytest.mark.matrix35
def test_a_spool_that_cannot_be_made_costs_one_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run(tmp_path / "file" / "spool", *EXTENSION, do="status")
    assert result.returncode == 0
    assert "Lineage is not captured, the job goes on" in result.stderr
    status = json.loads(said(result)["status"])
    assert status["alive"] is False
    assert str(tmp_path / "file") in status["last_error"]


@pytest.mark.matrix35
def test_a_failing_job_keeps_its_exit_code_and_its_records(tmp_path: Path) -> None:
    assert run(tmp_path, *EXTENSION, do="fail").returncode == 3
    records = read_spool(tmp_path)
    assert len(of_kind(records, "execution")) == 1
    assert records[-1]["kind"] == "application_end"


@pytest.mark.smoke35
def test_a_killed_job_leaves_whole_records(tmp_path: Path) -> None:
    assert run(tmp_path, *EXTENSION, do="die").returncode != 0
    segment = next(tmp_path.glob("*.open"))
    assert [record["kind"] for record in read_segment(segment)] == ["application", "plan", "execution"]


@pytest.mark.smoke35
def test_a_sample_leaves_out_the_detail_of_what_repeats_a_plan_and_ended_well(tmp_path: Path) -> None:
    settings = {"spark.lineage.sample": "0", "spark.lineage.level": "namespace:s3*=column, job"}
    conf = settings | {"spark.sql.ansi.enabled": "true"}
    words = [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
    result = run(tmp_path, *EXTENSION, *words, do="repeat")
    assert result.stdout.count("did 1") == 3
    records = read_spool(tmp_path)
    assert settings.items() <= records[0]["settings"].items()
    _, *repeated = of_kind(records, "execution")
    told = [
        (
            each["state"],
            each.get("left_out"),
            "operator_stages" in each,
            any("distributions" in stage for stage in each["stages"]),
        )
        for each in repeated
    ]
    whole, less = ("COMPLETE", None, True, True), ("COMPLETE", "sample", False, False)
    assert told == [whole, less, ("FAILED", None, True, True), less]
    assert all(each["metrics"] and each["stages"] for each in repeated)
    metrics = records[-1]["metrics"]
    assert (metrics["executions"], metrics["sampled_out"]) == (5, 2)
