"""The words for spark-submit, for every line of Spark and with what is set already."""

import pytest

from spark_lineage.capture import session
from spark_lineage.capture.spark_home import SparkHome
from spark_lineage.errors import BridgeError
from spark_lineage.settings import load_settings

JAR = "/jars/spark-lineage-bridge.jar"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    for name in ("SPARK_HOME", "SPARK_CONF_DIR", "PYSPARK_SUBMIT_ARGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(session, "jar_path", lambda: JAR)


def spark(folder, version: str, defaults: str = "") -> SparkHome:
    (folder / "conf").mkdir()
    (folder / "conf" / "spark-defaults.conf").write_text(defaults)
    return SparkHome(folder, version, "2.13")


@pytest.mark.parametrize("version", ["4.0.4", "4.1.3", "4.2.0", "5.0.0"])
def test_spark_4_needs_the_jar_and_one_flag(tmp_path, version):
    words = session.flags(spark=spark(tmp_path, version, "spark.sql.extensions com.acme.One\n"))
    assert words == ("--jars", JAR, "--conf", "spark.lineage.enabled=true")


def test_spark_3_5_names_the_extension(tmp_path):
    words = session.flags(spark=spark(tmp_path, "3.5.9"))
    assert words == ("--jars", JAR, "--conf", "spark.sql.extensions=io.sparklineage.LineageExtension")


def test_what_is_set_already_stays(tmp_path):
    defaults = "spark.jars /jars/one.jar\nspark.sql.extensions com.acme.One,com.acme.Two\n"
    words = session.flags(spark=spark(tmp_path, "3.5.9", defaults))
    assert words == (
        "--jars",
        f"/jars/one.jar,{JAR}",
        "--conf",
        "spark.sql.extensions=com.acme.One,com.acme.Two,io.sparklineage.LineageExtension",
    )


def test_ours_is_not_named_twice(tmp_path):
    defaults = f"spark.jars {JAR}\nspark.sql.extensions io.sparklineage.LineageExtension,com.acme.One\n"
    words = session.flags(spark=spark(tmp_path, "3.5.9", defaults))
    assert words == (
        "--jars",
        JAR,
        "--conf",
        "spark.sql.extensions=com.acme.One,io.sparklineage.LineageExtension",
    )


def test_settings_that_are_not_the_defaults_are_named(tmp_path):
    settings = load_settings(store=tmp_path / "store", literals="kept", dataset_path_rules="none")
    assert session.flags(settings, spark(tmp_path, "4.1.3"))[2:] == (
        "--conf",
        "spark.lineage.enabled=true",
        "--conf",
        "spark.lineage.literals=kept",
        "--conf",
        "spark.lineage.dataset.pathRules=none",
        "--conf",
        f"spark.lineage.store={tmp_path / 'store'}",
    )


def test_a_missing_jar_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(session, "__file__", str(tmp_path / "spark_lineage" / "capture" / "session.py"))
    path = tmp_path / "spark_lineage" / "jars" / "spark-lineage-bridge.jar"
    with pytest.raises(BridgeError) as caught:
        session.jar_path()
    assert str(caught.value) == (
        f"The bridge's jar {path} is missing: install spark-lineage from a wheel, or run `make jar` in its sources."
    )
