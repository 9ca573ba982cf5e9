"""The operators of real runs: what they measured is what the query returned, and what adaptive execution made of them is told."""

from __future__ import annotations

import pytest
from lineage.harness import spark_marks

from observed.conftest import Observed
from observed.jobs import JOBS

pytestmark = [*spark_marks(), pytest.mark.matrix35]

MERGED = ("merged_plainly", "merged_adaptively", "broadcast", "broadcast_adaptively", "switched")


def test_every_job_is_a_run_without_a_problem(observed: Observed) -> None:
    assert list(observed.jobs) == list(JOBS)
    assert {each.run.state.value for each in observed.jobs.values()} == {"COMPLETE"}
    assert [each.code for each in observed.problems] == []


def test_rows_written_are_those_that_the_files_hold(observed: Observed) -> None:
    for name, seen in observed.jobs.items():
        if seen.run.kind == "write":
            (command,) = seen.named("Execute InsertIntoHadoopFsRelationCommand")
            assert (name, command.rows, seen.run.rows) == (name, seen.returned, seen.returned)


def test_operators_have_the_rows_of_the_data(observed: Observed) -> None:
    """Of 1,000 orders 571 have an amount over 2 (ids modulo 7 that are 3 to 6), each one customer; there are 10 customers."""
    for name in MERGED:
        seen = observed.jobs[name]
        scans = {each.columns: (each.rows, each.files) for each in seen.named("Scan parquet")}
        assert scans == {("customer", "amount"): (1000, 2), ("customer_id", "name"): (10, 1)}
        joins = [each for each in seen.operators if "Join" in each.name]
        assert [each.rows for each in joins] == [571]
        final = next(
            each for each in seen.operators if each.columns == ("name", "total", "orders") and each.rows
        )
        assert (final.name, final.rows) == ("HashAggregate", 10)
    assert observed.jobs["returned"].named("HashAggregate")[0].rows == observed.jobs["returned"].returned


def test_what_adaptive_execution_did_is_noted(observed: Observed) -> None:
    def notes(name: str) -> dict[str, str]:
        return {each.name: each.note for each in observed.jobs[name].operators if each.note}

    assert notes("merged_plainly") == {}
    assert notes("merged_adaptively") == {"AQEShuffleRead": "coalesced"}
    assert notes("broadcast") == {}
    assert notes("broadcast_adaptively") == {"AQEShuffleRead": "coalesced"}  # its join was planned so
    for name in ("broadcast", "broadcast_adaptively"):
        assert observed.jobs[name].one("BroadcastHashJoin").rows == 571
    switched = observed.jobs["switched"]
    assert switched.one("BroadcastHashJoin").note == "planned as SortMergeJoin"
    assert sorted(each.note for each in switched.named("AQEShuffleRead")) == [
        "coalesced",
        "local read",
        "local read",
    ]
    assert notes("reused_plainly") == {"ReusedExchange": "reused"}
    assert notes("reused_adaptively")["ReusedExchange"] == "reused"
    assert notes("skewed")["SortMergeJoin(skew=true)"] == "skew split"
    assert [each.note for each in observed.jobs["skewed"].named("AQEShuffleRead")] == [
        "coalesced, skew split",
        "coalesced",
    ]
    assert "empty" in notes("emptied_wholly").values()


def test_what_ran_before_an_input_was_seen_to_be_empty_is_told(observed: Observed) -> None:
    """Customers and nothing were both shuffled; the aggregate over nothing and the join never began."""
    seen = observed.jobs["emptied_wholly"]
    if (seen.run.spark_version or "").startswith("3."):
        pytest.skip("Spark 3.5 leaves nothing in the plan of what ran before it")
    scans = {each.columns: (each.rows, each.files) for each in seen.named("Scan parquet")}
    assert scans == {("customer_id", "name"): (10, 1), ("customer",): (0, 1)}
    assert {(each.rows, bool(each.stages)) for each in seen.named("HashAggregate")} == {
        (None, False),
        (0, True),
    }
    assert seen.named("SortMergeJoin") == ()


def test_operators_are_joined_to_their_stages(observed: Observed) -> None:
    """Without adaptive execution: two stages that scan, one that joins and pre-aggregates, one that finishes and writes."""
    seen = observed.jobs["merged_plainly"]
    stages = {each.operator: each.stages for each in seen.operators}
    scans = seen.named("Scan parquet")
    (first,), (second,) = (each.stages for each in scans)
    join = seen.one("SortMergeJoin")
    (joining,) = join.stages
    (writing,) = seen.one("Execute Insert").stages
    assert len({first, second, joining, writing}) == 4 == len(seen.stages)
    assert seen.one("WriteFiles").stages == (writing,)
    assert seen.one("Project").stages == (joining,)  # it has no metrics: those around it say where it ran
    exchanges = [each.stages for each in seen.named("Exchange")]
    assert sorted(exchanges) == sorted([(joining, writing), (first, joining), (second, joining)])
    assert all(stages.values())


def test_children_make_one_tree(observed: Observed) -> None:
    for seen in observed.jobs.values():
        ids = {each.operator for each in seen.operators}
        below = [child for each in seen.operators for child in each.children]
        assert set(below) <= ids
        tops = [each for each in seen.operators if each.operator not in below]
        assert len(tops) == 1 + len(seen.named("Subquery"))


def test_units_are_said(observed: Observed) -> None:
    units = {name: unit for each in observed.jobs["merged_plainly"].operators for name, unit in each.units}
    wanted = {
        "numOutputRows": "rows", "numFiles": "files", "filesSize": "bytes", "scanTime": "ms", "shuffleWriteTime": "ns",
        "shuffleRecordsWritten": "rows", "peakMemory": "bytes", "avgHashProbe": "tenths",
        "numOutputBytes": "bytes", "localBlocksFetched": "count",
    }  # fmt: skip
    assert {name: units.get(name) for name in wanted} == wanted
    for each in observed.jobs["merged_plainly"].operators:
        assert [name for name, _ in each.units] == [name for name, _ in each.metrics]


def test_memory_is_what_the_operator_took(observed: Observed) -> None:
    seen = observed.jobs["merged_plainly"]
    for each in (*seen.named("Sort"), *seen.named("HashAggregate")):
        if each.name in {"Sort", "HashAggregate"}:
            assert each.peak_memory_bytes is not None
            assert each.peak_memory_bytes > 0
    assert seen.one("WriteFiles").peak_memory_bytes is None
