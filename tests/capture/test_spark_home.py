"""The Spark at hand and what is set for it, on folders made to look like one."""

from pathlib import Path

import pytest

from spark_lineage.capture import spark_home
from spark_lineage.capture.spark_home import SparkHome, find_spark, read_properties, set_already
from spark_lineage.errors import SparkUnsupportedError


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("SPARK_HOME", "SPARK_CONF_DIR", "PYSPARK_SUBMIT_ARGS"):
        monkeypatch.delenv(name, raising=False)


def make_spark(folder: Path, version: str, scala: str) -> Path:
    (folder / "jars").mkdir(parents=True)
    (folder / "jars" / f"spark-core_{scala}-{version}.jar").write_bytes(b"")
    return folder


def test_spark_is_found_where_it_is_named(tmp_path, monkeypatch):
    named, other = make_spark(tmp_path / "a", "3.5.9", "2.12"), make_spark(tmp_path / "b", "4.2.0", "2.13")
    monkeypatch.setenv("SPARK_HOME", str(other))
    assert find_spark(named) == SparkHome(named, "3.5.9", "2.12")
    assert find_spark() == SparkHome(other, "4.2.0", "2.13")
    assert find_spark().line == (4, 2)


@pytest.mark.smoke35
def test_the_installed_pyspark_is_found():
    pyspark = pytest.importorskip("pyspark")
    assert find_spark().version == pyspark.__version__
    assert find_spark().folder == Path(pyspark.__file__).parent


def test_no_spark(monkeypatch):
    monkeypatch.setattr(spark_home, "find_spec", lambda _name: None)
    with pytest.raises(SparkUnsupportedError) as caught:
        find_spark()
    assert str(caught.value) == (
        "No Spark was found: install it with `pip install 'spark-lineage[spark]'`, or set SPARK_HOME."
    )


def test_a_folder_without_spark(tmp_path):
    with pytest.raises(SparkUnsupportedError) as caught:
        find_spark(tmp_path)
    assert (
        str(caught.value) == f"{tmp_path} holds no Spark (no jars/spark-core_*.jar): set SPARK_HOME to one."
    )


def test_an_old_spark(tmp_path):
    with pytest.raises(SparkUnsupportedError) as caught:
        find_spark(make_spark(tmp_path / "s", "3.4.4", "2.12"))
    assert str(caught.value) == "Spark 3.4.4 is not supported: lineage needs Spark 3.5 to 4.2."


def test_properties_as_java_reads_them():
    text = (
        "# a comment\n! another\n\n"
        "spark.master            local[2]\n"
        "  spark.a=1\n"
        "spark.b : 2 = 3  \n"
        "spark.jars  a.jar,\\\n    b.jar\n"
        "spark.path C:\\\\jars\\\\x.jar\n"
        "spark.flag\n"
    )
    assert read_properties(text) == {
        "spark.master": "local[2]",
        "spark.a": "1",
        "spark.b": "2 = 3",
        "spark.jars": "a.jar,b.jar",
        "spark.path": "C:\\jars\\x.jar",
        "spark.flag": "",
    }


def test_what_is_set_already(tmp_path, monkeypatch):
    spark = SparkHome(make_spark(tmp_path / "s", "3.5.9", "2.12"), "3.5.9", "2.12")
    assert set_already(spark) == {}
    (spark.folder / "conf").mkdir()
    (spark.folder / "conf" / "spark-defaults.conf").write_text(
        "spark.sql.extensions com.acme.One\nspark.jars one.jar\n"
    )
    assert set_already(spark) == {"spark.sql.extensions": "com.acme.One", "spark.jars": "one.jar"}
    words = "--jars two.jar --conf 'spark.app.name=my job' -c spark.sql.extensions=com.acme.Two pyspark-shell"
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", words)
    assert set_already(spark) == {
        "spark.sql.extensions": "com.acme.Two",
        "spark.jars": "two.jar",
        "spark.app.name": "my job",
    }
    other = tmp_path / "conf"
    other.mkdir()
    (other / "spark-defaults.conf").write_text("spark.master yarn\n")
    monkeypatch.setenv("SPARK_CONF_DIR", str(other))
    monkeypatch.delenv("PYSPARK_SUBMIT_ARGS")
    assert set_already(spark) == {"spark.master": "yarn"}
