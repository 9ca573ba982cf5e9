"""One run: the whole answer, how it is named, and what a store of an older release gives."""

from __future__ import annotations

import pytest
from lineage_rows import BRIDGE, dataset, plan, run, store_of
from support import one_run

from spark_lineage.errors import NameLookupError
from spark_lineage.model import Batch, OperatorMetrics, RunState
from spark_lineage.query.local import LocalEngine


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return LocalEngine(store_of(tmp_path_factory.mktemp("run"), one_run.BATCH_OF_EVERYTHING))


def test_the_whole_answer(engine):
    assert engine.run(one_run.RUN).to_dict() == one_run.ANSWER


@pytest.mark.parametrize("name", ["shop.report", "report", "00000000-0:7", f"{BRIDGE}:7"])
def test_the_ways_to_name_a_run(engine, name):
    """The last run of the table by its end is the failed one."""
    assert engine.run(name).to_dict()["id"] == one_run.RUN


def test_an_application_and_its_beginning(engine):
    answer = engine.run("00000000-0000").to_dict()
    assert (answer["id"], answer["runs"][0]["state"]) == (BRIDGE, "COMPLETE_WITH_FAILURES")
    assert answer["events"] == []


def test_a_micro_batch_is_the_attempt_that_names_the_run(engine):
    assert engine.run("00000000-b:9").to_dict()["batch"] == one_run.BATCH_ANSWER


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("orders", 'No run that is known here wrote the table "orders": `spark-lineage runs` lists what ran.'),
        ("00000000:8", 'There is no run "00000000:8" in the store: `spark-lineage runs` lists what ran.'),
        ("ffffffff", 'There is no run "ffffffff" in the store: `spark-lineage runs` lists what ran.'),
        ("9", 'There is no run or table "9" in the store: did you mean 00000000-b:9?'),
        ("99", 'There is no run or table "99" in the store: `spark-lineage runs` lists what ran.'),
        ("reprot", 'There is no table "reprot" in the store: did you mean /w/report or report?'),
    ],
)  # fmt: skip
def test_a_run_that_is_not_there(engine, name, message):
    with pytest.raises(NameLookupError) as caught:
        engine.run(name)
    assert str(caught.value) == message


def test_a_short_id_of_two_runs_is_refused(tmp_path):
    runs = tuple(run(1, None, None, 5, run_id=f"abc{last}:1", kind="query") for last in "de")
    engine = LocalEngine(store_of(tmp_path, Batch(runs=runs)))
    with pytest.raises(NameLookupError) as caught:
        engine.run("abc:1")
    assert caught.value.candidates == ("abcd:1", "abce:1")


def test_all_parts_of_an_execution_and_what_runs_still(tmp_path):
    """A multi-table INSERT is one execution with two writes; one that has not ended has all events since its start."""
    batch = Batch(
        datasets=(dataset("a"), dataset("b")),
        plans=(plan("p1", "a", "x:int"), plan("p2", "b", "x:int")),
        runs=(
            run(1, "p2", "b", None, part=1, started_at=1000, state=RunState.RUNNING),
            run(1, "p1", "a", None, started_at=1000, state=RunState.RUNNING),
        ),
        events=(*one_run.BATCH_OF_EVERYTHING.events,),
    )
    answer = LocalEngine(store_of(tmp_path, batch)).run("w/b").to_dict()
    assert [(each["part"], each["target"]["name"]) for each in answer["runs"]] == [(0, "/w/a"), (1, "/w/b")]
    assert [each["subject"] for each in answer["events"]] == ["2", "3"]


def test_operators_of_several_executions_and_of_older_bridges(tmp_path):
    """Without children each operator stands for itself, by number; a circle loses none."""
    lone = [
        OperatorMetrics(f"{BRIDGE}:1", f"{name}", name, None, None, None) for name in ("10:0", "9:2", "9:10")
    ]
    circle = [
        OperatorMetrics(f"{BRIDGE}:1", "11:0", "x", None, None, None, children=("11:1",)),
        OperatorMetrics(f"{BRIDGE}:1", "11:1", "y", None, None, None, children=("11:0", "gone")),
    ]
    batch = Batch(runs=(run(1, None, None, 5, kind="query"),), operators=(*lone, *circle))
    answer = LocalEngine(store_of(tmp_path, batch)).run(f"{BRIDGE}:1").to_dict()
    assert [each["id"] for each in answer["operators"]] == ["9:2", "9:10", "10:0", "11:0", "11:1"]
