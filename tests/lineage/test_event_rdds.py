"""RDDs: DataFrames made from them, and jobs that have no query at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lineage.harness import spark_marks, version_of
from lineage.place import QUERY, Json, Place, fields, shape

pytestmark = spark_marks()

READ = ["a TRANSFORMATION", "b TRANSFORMATION"]
"""What `QUERY` reads of `t`, as the sources of each column of a superset."""


def sources(answer: Json) -> list[tuple[str, list[str]]]:
    """Each column with its sources."""
    return [(column["name"], fields(column["sources"])) for column in answer["columns"]]


def through_a_query(answer: Json) -> None:
    """The answer lists what was seen, and says that more may be missing: what the query broadcast."""
    assert answer["certainty"] == "opaque"
    assert [problem["code"] for problem in answer["problems"]] == ["rdd_round_trip"]
    assert "broadcast" in answer["problems"][0]["message"]


def in_file(place: Place, text: str) -> str:
    """A text file in the place's folder."""
    path = place.folder / "lines.txt"
    path.write_text(text)
    return str(path)


def test_rows_mapped_in_python_have_all_that_was_read(place: Place) -> None:
    rows = place.spark.sql(QUERY).rdd.map(tuple)
    place.spark.createDataFrame(rows, "a int, big string").write.saveAsTable("out")
    answer = place.table()
    through_a_query(answer)
    assert sources(answer) == [("a", READ), ("big", READ)]
    assert {source["name"].rpartition("/")[2] for source in answer["columns"][0]["sources"]} == {"t"}
    assert answer["rows"] == []


def test_two_tables_joined_as_rdds(place: Place) -> None:
    left = place.spark.table("t").select("a", "c").rdd.map(lambda row: (row.a, row.c))
    right = place.spark.table("u").rdd.map(lambda row: (row.a, row.v))
    joined = left.join(right).map(lambda pair: (pair[0], pair[1][0] + pair[1][1]))
    joined.toDF(["k", "total"]).write.saveAsTable("out")
    answer = place.table()
    through_a_query(answer)
    for column in answer["columns"]:
        assert [
            (source["name"].rpartition("/")[2], source["field"], source["subtype"])
            for source in column["sources"]
        ] == [
            ("t", "a", "TRANSFORMATION"),
            ("t", "c", "TRANSFORMATION"),
            ("u", "a", "TRANSFORMATION"),
            ("u", "v", "TRANSFORMATION"),
        ]


# Rows from text files: (name, how the DataFrame is made of the file's path)
FROM_TEXT: list[tuple[str, Callable[[Place, str], Any]]] = [
    ("textFile", lambda at, path: at.spark.sparkContext.textFile(path).map(lambda line: (line,)).toDF(["k"])),
    ("wholeTextFiles", lambda at, path: at.spark.sparkContext.wholeTextFiles(path).toDF(["name", "k"])),
    (
        "a union with data of the program",
        lambda at, path: (
            at.spark.sparkContext.union(
                [at.spark.sparkContext.textFile(path), at.spark.sparkContext.parallelize(["x"])]
            )
            .map(lambda line: (line,))
            .toDF(["k"])
        ),
    ),
]


@pytest.mark.parametrize("make", [row[1] for row in FROM_TEXT], ids=[row[0] for row in FROM_TEXT])
def test_rows_of_a_text_file_have_the_file_as_their_source(
    place: Place, make: Callable[[Place, str], Any]
) -> None:
    path = in_file(place, '{"k": 1}\n{"k": 2}\n')
    make(place, path).write.saveAsTable("out")
    answer = place.table()
    assert (answer["certainty"], answer["problems"]) == ("over_approximate", [])
    for column in answer["columns"]:
        assert [(source["name"], source["field"], source["subtype"]) for source in column["sources"]] == [
            (path, None, "TRANSFORMATION")
        ]


def test_json_of_an_rdd_has_the_file_as_its_source(place: Place) -> None:
    """Spark itself parses the lines in a query, and goes on with that query's RDD."""
    path = in_file(place, '{"k": 1}\n')
    lines = place.spark.sparkContext.textFile(path).map(lambda line: line)
    place.spark.read.json(lines).write.saveAsTable("out")
    answer = place.table()
    through_a_query(answer)
    assert [(source["name"], source["field"]) for source in answer["columns"][0]["sources"]] == [(path, None)]


def test_an_rdd_that_does_not_say_what_it_reads_is_a_problem(place: Place) -> None:
    """The ancestry of a checkpointed RDD is gone."""
    place.spark.sparkContext.setCheckpointDir(str(place.folder / "checkpoints"))
    rows = place.spark.table("t").rdd.map(tuple)
    rows.checkpoint()
    rows.count()
    place.spark.createDataFrame(rows, "a int, b string, c double").write.saveAsTable("out")
    answer = place.table()
    assert answer["certainty"] == "opaque"
    assert [problem["code"] for problem in answer["problems"]] == ["rdd_round_trip"]


# Writes without a query: (name, the action; it writes `{folder}/out`)
SAVES: list[tuple[str, Callable[[Any, str], Any]]] = [
    ("saveAsTextFile", lambda rdd, out: rdd.saveAsTextFile(out)),
    ("saveAsPickleFile", lambda rdd, out: rdd.saveAsPickleFile(out)),
    ("saveAsSequenceFile", lambda rdd, out: rdd.map(lambda row: (row.a, row.big)).saveAsSequenceFile(out)),
    (
        "saveAsHadoopFile",
        lambda rdd, out: rdd.map(lambda row: (row.a, row.big)).saveAsHadoopFile(
            out, "org.apache.hadoop.mapred.TextOutputFormat"
        ),
    ),
    (
        "saveAsNewAPIHadoopFile",
        lambda rdd, out: rdd.map(lambda row: (row.a, row.big)).saveAsNewAPIHadoopFile(
            out, "org.apache.hadoop.mapreduce.lib.output.TextOutputFormat"
        ),
    ),
]


@pytest.mark.parametrize("save", [row[1] for row in SAVES], ids=[row[0] for row in SAVES])
def test_a_save_of_an_rdd_is_a_write_of_files(place: Place, save: Callable[[Any, str], Any]) -> None:
    out = f"{place.folder}/out"
    runs = place.new_runs(lambda: save(place.spark.sql(QUERY).rdd, out))
    writes = [run for run in runs if run["kind"] == "write"]
    assert [(run["operation"], run["state"], run["target"]["name"]) for run in writes] == [
        ("RDD", "COMPLETE", out)
    ]
    assert writes[0]["rows"] >= 1
    # PySpark looks at the first rows to learn how to write them.
    assert {run["kind"] for run in runs} <= {"write", "usage"}
    answer = place.lineage.table(out).to_dict()
    assert (answer["certainty"], answer["columns"]) == ("opaque", [])
    assert "broadcast" in answer["problems"][0]["message"]
    assert fields(answer["rows"]) == READ
    assert "made of" in str(place.lineage.table(out)).lower()


def test_a_walk_passes_through_files_that_an_rdd_wrote(place: Place) -> None:
    path = in_file(place, "1\n2\n")
    middle = f"{place.folder}/middle"
    place.spark.sparkContext.textFile(path).map(str).saveAsTextFile(middle)
    place.spark.read.text(middle).write.saveAsTable("out")
    found = place.lineage.upstream(f"{place.database}.out.value").to_dict()
    assert (path, None, 2) in [(node["name"], node["field"], node["depth"]) for node in found["nodes"]]
    found = place.lineage.downstream(path).to_dict()
    reached = [(node["name"].rpartition("/")[2], node["field"]) for node in found["nodes"]]
    assert ("out", "value") in reached


def test_what_goes_to_the_program_is_a_usage(place: Place) -> None:
    runs = place.new_runs(lambda: place.spark.sql(QUERY).rdd.map(lambda row: row.a).collect())
    assert shape(runs) == [("usage", "RDD", "COMPLETE")]
    assert place.reaches_driver("t.b")


def test_the_rows_of_a_loop_in_a_script_go_to_the_program(place: Place) -> None:
    """FOR takes them by a job that no query is around."""
    if version_of(place.spark.version) < (4, 1):
        pytest.skip(f"scripts are off before Spark 4.1, this is {place.spark.version}")
    script = "BEGIN DECLARE n INT DEFAULT 0; FOR x AS SELECT DISTINCT b FROM t DO SET n = n + 1; END FOR; END"
    problems = place.new_problems(lambda: place.sql(script))
    assert problems == []
    assert place.reaches_driver("t.b")


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_look_at_the_files_that_a_query_names_is_no_usage(place: Place, form: str) -> None:
    path = f"{place.folder}/{form}"
    place.spark.table("t").write.format(form).save(path)
    query = f"SELECT * FROM {form}.`{path}`"  # noqa: S608
    runs = place.new_runs(lambda: place.spark.sql(query).collect())
    assert shape(runs) == [("usage", "USAGE", "COMPLETE")]
    assert place.new_problems(lambda: place.spark.sql(query).collect()) == []


def of_an_ended_query(place: Place, act: Callable[[], Any]) -> None:
    """Act as a thread does that was started inside a query which has ended: it keeps the query's number."""
    context = place.spark.sparkContext
    context.setLocalProperty("spark.sql.execution.id", "0")
    try:
        act()
    finally:
        context.setLocalProperty("spark.sql.execution.id", None)


def test_a_write_by_a_thread_that_outlived_its_query_is_told(place: Place) -> None:
    rows = place.spark.sql(QUERY).rdd.map(str)
    runs = place.new_runs(
        lambda: of_an_ended_query(place, lambda: rows.saveAsTextFile(f"{place.folder}/out"))
    )
    assert shape(runs) == [("write", "RDD", "COMPLETE")]
    assert [run["target"]["name"] for run in runs] == [f"{place.folder}/out"]


def test_what_a_thread_that_outlived_its_query_reads_and_calls_is_told(place: Place) -> None:
    path = in_file(place, "one\ntwo\n")
    lines = place.spark.sparkContext.textFile(path)
    runs = place.new_runs(lambda: of_an_ended_query(place, lines.count))
    assert shape(runs) == [("usage", "RDD", "COMPLETE")]
    rows = place.spark.table("t").rdd
    problems = place.new_problems(lambda: of_an_ended_query(place, lambda: rows.foreach(lambda _: None)))
    assert {problem["code"] for problem in problems} == {"rdd_job"}


def test_a_save_that_fails_is_a_failed_write(place: Place) -> None:
    def fail(_: Any) -> str:
        raise ValueError

    def act() -> None:
        with pytest.raises(Exception, match="ValueError"):
            place.spark.sql(QUERY).rdd.map(fail).saveAsTextFile(f"{place.folder}/out")

    runs = place.new_runs(act)
    assert [(run["kind"], run["state"], run["error"]["class"]) for run in runs] == [
        ("write", "FAILED", "ValueError")
    ]


@pytest.mark.parametrize("action", ["foreach", "foreachPartition"])
def test_a_function_over_an_rdd_is_a_problem(place: Place, action: str) -> None:
    problems = place.new_problems(lambda: getattr(place.spark.table("t").rdd, action)(lambda _: None))
    assert {problem["code"] for problem in problems} == {"rdd_job"}
    assert any("what that wrote is not known" in problem["message"] for problem in problems)


def test_data_of_the_program_is_no_problem(place: Place) -> None:
    assert place.new_problems(lambda: place.spark.sparkContext.parallelize(range(4)).collect()) == []
