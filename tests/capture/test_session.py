"""The ways to switch lineage on, each on a real Spark: what a job or a session did lies in its store's spool."""

import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from support.spark import end_jvm, local_builder, submit

from spark_lineage import Lineage
from spark_lineage.capture import session, spool
from spark_lineage.capture.session import BridgeStatus
from spark_lineage.capture.spark_home import find_spark
from spark_lineage.capture.spool import Frame, SegmentState
from spark_lineage.errors import BridgeError, SparkUnsupportedError
from spark_lineage.settings import load_settings

pytestmark = pytest.mark.spark


def sealed_records(folder: Path) -> list[dict]:
    """All records of the sealed segments; there must be some, and nothing damaged."""
    found = [each for each in spool.segments(folder) if each.state is SegmentState.SEALED]
    frames = [frame for each in found for frame in spool.frames(each.path)]
    assert frames
    assert [frame for frame in frames if not isinstance(frame, Frame)] == []
    return [json.loads(frame.payload) for frame in frames]


def written_paths(records: list[dict]) -> set[str]:
    """The paths that the plans name."""
    text = json.dumps([record for record in records if record["kind"] == "plan"])
    return {path for path in ("first", "second", "third") if f"/{path}" in text}


JOB = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.range(3).write.parquet({path!r})
spark.stop()
"""

CONFIGURED_JOB = """
from pyspark.sql import SparkSession
from spark_lineage.capture.session import configure
from spark_lineage.settings import load_settings
spark = configure(SparkSession.builder, load_settings(store={store!r})).getOrCreate()
spark.range(3).write.parquet({path!r})
spark.stop()
"""


@pytest.mark.smoke35
def test_the_words_of_flags_switch_a_job_on(tmp_path):
    settings = load_settings(store=tmp_path / "store")
    script = tmp_path / "job.py"
    script.write_text(JOB.format(path=str(tmp_path / "first")))
    done = submit(script, *session.flags(settings))
    assert done.returncode == 0, done.stderr
    records = sealed_records(settings.spool)
    assert [records[0]["kind"], records[-1]["kind"]] == ["application", "application_end"]
    assert written_paths(records) == {"first"}


@pytest.mark.matrix35
def test_a_job_can_switch_itself_on(tmp_path):
    settings = load_settings(store=tmp_path / "store")
    script = tmp_path / "job.py"
    script.write_text(CONFIGURED_JOB.format(path=str(tmp_path / "first"), store=str(settings.store)))
    done = submit(script)
    assert done.returncode == 0, done.stderr
    assert written_paths(sealed_records(settings.spool)) == {"first"}


@pytest.mark.matrix35
def test_false_keeps_it_off(tmp_path):
    settings = load_settings(store=tmp_path / "store", enabled=False)
    builder = SparkSession.builder.config("spark.lineage.enabled", "true")
    assert session.configure(builder, settings)._options["spark.lineage.enabled"] == "false"
    status = session.attach(object(), settings)
    assert status == BridgeStatus(
        alive=False, last_error="lineage is switched off by spark.lineage.enabled=false"
    )
    script = tmp_path / "job.py"
    script.write_text(JOB.format(path=str(tmp_path / "first")))
    done = submit(script, *session.flags(settings), "--conf", "spark.lineage.enabled=false")
    assert done.returncode == 0, done.stderr
    assert spool.segments(settings.spool) == ()


@pytest.mark.smoke35
def test_a_running_session(spark, tmp_path):
    settings = load_settings(
        store=tmp_path / "store", namespace="shop", job="nightly", dataset_path_rules="date,uuid"
    )
    assert session.status(spark) is None
    with pytest.raises(BridgeError) as caught:
        session.flush(spark)
    assert str(caught.value) == "Lineage is not on in this session: call spark_lineage.enable(spark)."

    spark.range(3).write.parquet(str(tmp_path / "first"))
    attached = session.attach(spark, settings)
    assert (attached.alive, attached.spool, attached.lost) == (True, str(settings.spool), 0)
    spark.range(3).write.parquet(str(tmp_path / "second"))
    assert session.attach(spark, settings).bridge == attached.bridge
    assert session.attach(spark.newSession()).bridge == attached.bridge
    flushed = session.flush(spark)
    records = sealed_records(settings.spool)
    assert written_paths(records) == {"second"}
    # What changes a record's meaning travels in it.
    travelled = records[0]["settings"]
    assert travelled["spark.lineage.namespace"] == "shop"
    assert travelled["spark.lineage.job"] == "nightly"
    assert travelled["spark.lineage.dataset.pathRules"] == "date,uuid"
    assert (flushed.alive, flushed.lost, flushed.last_error) == (True, 0, None)
    assert flushed.records > 0

    other = load_settings(store=tmp_path / "other")
    with pytest.raises(BridgeError) as caught:
        session.attach(spark, other)
    assert str(caught.value) == (
        f"Lineage is already on in this application and goes to the spool {settings.spool}, not to {other.spool} of the "
        f"store {other.store}: name the store it was switched on with, or start a new application."
    )
    # The builder would only hand this session out.
    handed = session.configure(SparkSession.builder, settings).getOrCreate()
    assert session.status(handed).bridge == attached.bridge

    lineage = Lineage(settings, spark=spark)
    lineage.disable()
    lineage.disable()
    assert lineage.doctor().to_dict()["checks"][-1] == {
        "name": "session",
        "outcome": "ok",
        "sentence": "Lineage is switched off in this session (by disable): what runs is not captured",
        "fix": "spark_lineage.enable(spark) switches it on again",
    }
    session.detach(spark)
    assert lineage.tables().to_dict()["tables"][0]["name"] == str(tmp_path / "second")
    spark.range(3).write.parquet(str(tmp_path / "third"))
    assert session.status(spark).alive is False
    assert spool.segments(settings.spool) == ()
    assert [run["target"]["name"] for run in lineage.runs().to_dict()["runs"] if run["target"]] == [
        str(tmp_path / "second")
    ]


@pytest.mark.matrix35
def test_settings_of_a_running_session(spark, tmp_path, monkeypatch):
    monkeypatch.setenv("SPARK_LINEAGE_NAMESPACE", "environment")
    own = spark.newSession()
    for name in load_settings(namespace="x", job="x", enabled=True).to_conf():
        own.conf.unset(name)
    own.conf.set("spark.lineage.store", str(tmp_path / "kept"))
    own.conf.set("spark.lineage.spool", str(tmp_path / "waiting"))
    own.conf.set("spark.lineage.literals", "kept")
    assert session.session_settings(own) == load_settings(
        store=tmp_path / "kept", spool=tmp_path / "waiting", literals="kept"
    )
    # The session's spool belongs to the session's store.
    assert session.session_settings(own, store=tmp_path / "other", namespace=None) == load_settings(
        store=tmp_path / "other", literals="kept"
    )


@pytest.mark.smoke35
def test_a_builder_with_delta_and_another_session_in_the_same_jvm(tmp_path):
    end_jvm()
    settings = load_settings(store=tmp_path / "store")
    builder = local_builder(tmp_path).config("spark.lineage.namespace", "shop")
    configured = session.configure(builder, session.builder_settings(builder, store=settings.store))
    spark = configured.getOrCreate()
    spark.range(3).write.format("delta").save(str(tmp_path / "first"))
    session.flush(spark)
    first = session.status(spark)
    application = sealed_records(settings.spool)[0]
    lineage = Lineage(settings, spark=spark)
    assert repr(lineage).endswith(f"listening to {spark.sparkContext.applicationId}>")
    spark.stop()
    assert repr(lineage) == f"<Lineage of the store {settings.store}>"
    # The JVM stays, and its class path with it; the application is another one.
    spark = session.configure(local_builder(tmp_path, delta=False), settings).getOrCreate()
    spark.range(3).write.parquet(str(tmp_path / "second"))
    session.flush(spark)
    second = session.status(spark)
    end_jvm()
    assert application["settings"]["spark.lineage.namespace"] == "shop"
    assert first.bridge != second.bridge
    assert (first.spool, second.spool) == (str(settings.spool), str(settings.spool))
    records = sealed_records(settings.spool)
    assert written_paths(records) == {"first", "second"}
    assert {record["bridge"] for record in records if record["kind"] == "application"} == {
        first.bridge,
        second.bridge,
    }
    # What a session did that has ended is still answered.
    kinds = sorted(run["kind"] for run in lineage.runs().to_dict()["runs"])
    assert kinds == ["application", "application", "write", "write"]


@pytest.mark.matrix35
def test_what_is_set_in_a_builder_stays(tmp_path, monkeypatch):
    end_jvm()
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    (tmp_path / "spark-defaults.conf").write_text(
        "spark.jars /jars/default.jar\nspark.sql.extensions com.acme.Default\n"
    )
    bare = session.configure(SparkSession.builder, load_settings(store=tmp_path / "store"))._options
    builder = SparkSession.builder.config("spark.jars", "/jars/own.jar").config(
        "spark.sql.extensions", "com.acme.Own"
    )
    own = session.configure(builder, load_settings(store=tmp_path / "store"))._options
    jar = str(session.jar_path())
    assert (bare["spark.jars"], own["spark.jars"]) == (f"/jars/default.jar,{jar}", f"/jars/own.jar,{jar}")
    if find_spark().line >= (4, 0):
        assert (bare["spark.lineage.enabled"], own["spark.lineage.enabled"]) == ("true", "true")
        assert ("spark.sql.extensions" in bare, own["spark.sql.extensions"]) == (False, "com.acme.Own")
    else:
        ours = "io.sparklineage.LineageExtension"
        assert bare["spark.sql.extensions"] == f"com.acme.Default,{ours}"
        assert own["spark.sql.extensions"] == f"com.acme.Own,{ours}"


@pytest.mark.matrix35
def test_what_is_no_session_is_refused_with_one_sentence():
    with pytest.raises(SparkUnsupportedError) as caught:
        session.session_settings("spark")
    assert str(caught.value) == "This is a str, not a SparkSession: hand in the session."


@pytest.mark.matrix35
def test_spark_connect_is_refused_with_one_sentence(monkeypatch):
    refusal = (
        "This is a Spark Connect session, which has no driver of its own: "
        "switch lineage on where the Connect server is started, with the words that `spark-lineage flags` prints."
    )
    connect = type("SparkSession", (), {"__module__": "pyspark.sql.connect.session"})()
    for call in (session.attach, session.flush, session.status, session.session_settings):
        with pytest.raises(SparkUnsupportedError) as caught:
            call(connect)
        assert str(caught.value) == refusal
    monkeypatch.setenv("SPARK_REMOTE", "sc://localhost")
    with pytest.raises(SparkUnsupportedError) as caught:
        session.configure(SparkSession.builder)
    assert str(caught.value) == refusal


@pytest.mark.matrix35
@pytest.mark.parametrize(
    ("last_error", "detail"),
    [(None, ""), ("disk full", " (its last error: disk full)")],
    ids=["silent", "with error"],
)
def test_a_flush_that_takes_too_long(monkeypatch, last_error, detail):
    status = {"alive": True, "bridge": "b", "spool": "/s", "last_error": last_error}
    answers = {"status": json.dumps(status), "flush": False}
    monkeypatch.setattr(session, "_bridge", lambda _spark, method, *_: answers[method])
    monkeypatch.setattr(session, "_java", lambda _call, _what: True)
    with pytest.raises(BridgeError) as caught:
        session.flush(object(), timeout_seconds=1.5)
    assert str(caught.value) == (
        f"The bridge did not write out everything within 1.5 s{detail}: "
        "flush again with a longer timeout, or look at `lineage.doctor()`."
    )
