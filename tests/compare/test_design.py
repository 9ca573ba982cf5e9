"""A run beside its design, on rows written by hand: every status, and that what was not measured confirms nothing."""

from __future__ import annotations

from typing import Any

import pytest

import spark_lineage
from spark_lineage.compare.design import compare
from spark_lineage.model import Batch, Observation, OperatorMetrics, Problem, RunState, Severity
from spark_lineage.store.delta import DeltaStore
from tests.query.lineage_rows import BRIDGE, dataset, edge, plan, run, store_of

RUN = f"{BRIDGE}:1"
NO_SCAN = OperatorMetrics(RUN, "1:0", "HashAggregate", 1, None, None, (("numOutputRows", 1),), stages=(0,))


def read(name: str = "orders", operator: str | None = "1:5", **facts: Any) -> Observation:
    return Observation(RUN, 0, "file", f"/w/{name}", "read", f"/w/{name}", operator=operator, **facts)


def scan(rows: int | None = 3, name: str = "Scan parquet", **facts: Any) -> OperatorMetrics:
    metrics = () if rows is None else (("numOutputRows", rows),)
    ran = () if rows is None else (0,)
    return OperatorMetrics(
        RUN, "1:5", name, rows, None, None, metrics, **{"columns": ("Day", "amount"), "stages": ran, **facts}
    )


def compared(path, *observations: Observation, operators=(NO_SCAN,), state=RunState.COMPLETE):
    batch = Batch(
        datasets=(dataset("orders", "spark_catalog.shop.orders"), dataset("report"), dataset("audit")),
        plans=(plan("p1", "report", "total:double", "orders"),),
        edges=(
            edge("p1", "orders.amount", "report.total", "AGGREGATION", "sum(amount)"),
            edge("p1", "orders.day", "report", "FILTER", "(day > ?)"),
            edge("p1", "orders.info.note", "report", "FILTER", "(info.note = ?)"),
        ),
        runs=(run(1, "p1", "report", 10, state=state),),
        observations=observations,
        operators=operators,
    )
    return compare(store_of(path, batch), "report")


UNKNOWN_COLUMNS = {"amount": "unknown", "day": "unknown", "info": "unknown"}


@pytest.mark.parametrize(
    ("observations", "operators", "state", "status", "reason", "columns"),
    [
        ([read(rows=3, files=1)], (NO_SCAN, scan()), "COMPLETE", "confirmed", "3 rows were read",
         {"amount": "confirmed", "day": "confirmed", "info": "not_read"}),
        ([read(rows=3, operator=None)], (NO_SCAN,), "COMPLETE", "confirmed", "3 rows were read", UNKNOWN_COLUMNS),
        ([read(rows=3)], (NO_SCAN, scan()), "FAILED", "confirmed", "3 rows were read",
         {"amount": "confirmed", "day": "confirmed", "info": "not_read"}),
        ([read(rows=0, files=0)], (NO_SCAN, scan(0)), "COMPLETE", "pruned", "no file was left after pruning", None),
        ([read(rows=0, files=2)], (NO_SCAN, scan(0)), "COMPLETE", "empty", "it was read and gave no row", None),
        ([read(rows=0, files=2)], (NO_SCAN, scan(0)), "FAILED", "unknown", "it was read, and how many rows it gave is not known", None),
        ([read(files=2, bytes=9)], (NO_SCAN, scan(None)), "COMPLETE", "unknown",
         "it was read, and how many rows it gave is not known", None),
        ([read()], (NO_SCAN, scan(None)), "COMPLETE", "never_executed", "its scan is in the executed plan, and no job ran it", None),
        ([read()], (NO_SCAN, scan(None)), "FAILED", "unknown", "the run is FAILED, and nothing of it was counted", None),
        ([read(operator=None)], (NO_SCAN,), "COMPLETE", "never_executed", "the executed plan has no scan of it", None),
        ([read(operator=None)], (NO_SCAN, scan(3, "InMemoryTableScan")), "COMPLETE", "unknown",
         "no scan names it: it may be behind InMemoryTableScan", None),
        ([read(operator=None)], (NO_SCAN, scan(None, "EmptyRelation", note="empty")), "COMPLETE", "unknown",
         "no scan names it: it may be behind EmptyRelation", None),
        # The execution inside a command was lost: its scans may have run.
        ([read(operator=None)], (OperatorMetrics(RUN, "1:0", "Execute CreateTable", None, None, None),), "COMPLETE", "unknown",
         "what the run's operators did is not recorded", None),
        # Delta's own look at its log stands for no dataset.
        ([read(operator=None)], (NO_SCAN, scan(3, "RDDScan", columns=("txn", "add", "remove", "metaData", "protocol"))), "COMPLETE",
         "never_executed", "the executed plan has no scan of it", None),
        ([read(operator=None)], (), "COMPLETE", "unknown", "what the run's operators did is not recorded", None),
        ([], (), "COMPLETE", "unknown", "what the run's operators did is not recorded", None),
        # Two versions of one dataset: all have to agree.
        ([read(version=1, rows=0, files=0), read(version=2, rows=4, files=1, operator="1:6")], (NO_SCAN,), "COMPLETE",
         "confirmed", "4 rows were read", UNKNOWN_COLUMNS),
        ([read(version=1, rows=0, files=0), read(version=2, operator=None)], (NO_SCAN,), "COMPLETE", "unknown",
         "it was read, and how many rows it gave is not known", None),
        # A topic's offsets; the end is not included.
        ([read(offsets='{"t": {"0": [3, 5]}}')], (NO_SCAN,), "COMPLETE", "confirmed", "offsets were read", UNKNOWN_COLUMNS),
        ([read(offsets='{"t": {"0": [5, 5]}}')], (NO_SCAN,), "COMPLETE", "empty", "it was read and gave no row", None),
        # Counts that cannot be are no facts.
        ([read(rows=-5, files=2)], (NO_SCAN, scan()), "COMPLETE", "unknown", "it was read, and a count of what it gave is below 0", None),
        ([read(offsets='{"t": {"0": [9, 5]}}')], (NO_SCAN,), "COMPLETE", "unknown", "it was read, and its offsets run backwards", None),
        ([read(offsets='{"t": {"0": [0, 9], "1": [9, 5]}}')], (NO_SCAN,), "COMPLETE", "unknown",
         "it was read, and its offsets run backwards", None),
        ([read(offsets='{"t": {"0": [null, 5]}}')], (NO_SCAN,), "COMPLETE", "unknown",
         "it was read, and how many rows it gave is not known", None),
    ],
)  # fmt: skip
def test_what_became_of_a_source(tmp_path, observations, operators, state, status, reason, columns):
    answer = compared(tmp_path, *observations, operators=operators, state=RunState(state))
    (write,) = answer.writes
    (source,) = write.sources
    assert (source.status, source.reason) == (status, reason)
    expected = columns or dict.fromkeys(("amount", "day", "info"), status)
    assert {column.name: column.status for column in source.columns} == expected


def test_counts_below_0_are_not_shown(tmp_path):
    (write,) = compared(tmp_path, read(rows=-5, files=-1, partitions_read=2)).writes
    (source,) = write.sources
    assert (source.rows, source.files, source.partitions_read) == (None, None, 2)


def test_a_source_without_files_is_empty_where_no_condition_could_prune_it(tmp_path):
    batch = Batch(
        datasets=(dataset("orders"), dataset("report")),
        plans=(plan("p1", "report", "total:double", "orders"),),
        edges=(edge("p1", "orders.amount", "report.total", "AGGREGATION", "sum(amount)"),),
        runs=(run(1, "p1", "report", 10),),
        observations=(read(rows=0, files=0),),
        operators=(NO_SCAN, scan(0)),
    )
    (source,) = compare(store_of(tmp_path, batch), "report").writes[0].sources
    assert (source.status, source.reason) == ("empty", "it has no file")


def test_of_a_plan_that_was_cut_nothing_is_said_to_be_missing(tmp_path):
    compared(tmp_path, read(operator=None), read("audit", "1:7", rows=2))
    store = DeltaStore(tmp_path)
    store.append(Batch(problems=(Problem("plan_truncated", Severity.WARNING, "m", fingerprint="p1"),)))
    answer = compare(store, "report")
    assert [(each.dataset.name, each.status, each.reason) for each in answer.writes[0].sources] == [
        ("/w/audit", "unknown", "2 rows were read, and the plan is not whole"),
        ("/w/orders", "unknown", "what the run's operators did is not recorded"),
    ]
    assert answer.findings == ()


def test_a_plan_that_reads_a_checkpoint_of_one_that_was_cut_is_whole_itself(tmp_path):
    compared(tmp_path, read(operator=None), read("audit", "1:7", rows=2))
    store = DeltaStore(tmp_path)
    store.append(Batch(problems=(Problem("cut_checkpoint", Severity.WARNING, "m", fingerprint="p1"),)))
    (audit, _) = compare(store, "report").writes[0].sources
    assert (audit.dataset.name, audit.status, audit.reason) == (
        "/w/audit",
        "not_designed",
        "2 rows were read",
    )


def test_the_whole_answer_with_an_input_that_is_not_designed(tmp_path):
    answer = compared(
        tmp_path,
        read(rows=3, files=1, partitions_read=1),
        read("audit", "1:7", rows=2),
        read("seen", None),
        operators=(NO_SCAN, scan()),
    )
    assert answer.to_dict() == {
        "schema_version": 1, "run": RUN,
        "writes": [{
            "part": 0, "job": "nightly", "operation": "append", "state": "COMPLETE", "plan": "p1", "plan_known": True,
            "target": {"namespace": "file", "name": "/w/report", "aliases": []}, "started_at": "1970-01-01T00:00:09.000Z",
            "sources": [
                {"namespace": "file", "name": "/w/audit", "aliases": [], "status": "not_designed", "reason": "2 rows were read",
                 "rows": 2, "files": None, "partitions_read": None, "columns": []},
                {"namespace": "file", "name": "/w/orders", "aliases": ["spark_catalog.shop.orders"], "status": "confirmed",
                 "reason": "3 rows were read", "rows": 3, "files": 1, "partitions_read": 1,
                 "columns": [{"name": "amount", "status": "confirmed"}, {"name": "day", "status": "confirmed"},
                             {"name": "info", "status": "not_read"}]},
            ],
        }],
        "findings": [{
            "kind": "source_not_designed", "severity": "warning",
            "message": "w/audit was read, and is no source of the plan of the run that wrote w/report.",
            "dataset": {"namespace": "file", "name": "/w/audit"}, "field": None, "job": "nightly", "run": RUN,
            "at": "1970-01-01T00:00:10.000Z", "evidence": {"reason": "2 rows were read", "rows": "2"}, "strength": 1.0,
        }],
    }  # fmt: skip


TEXT = f"""\
w/report  complete
  empty           shop.orders
                  it was read and gave no row

run {RUN}

Full names
  w/report  /w/report"""


def test_it_draws_itself(tmp_path):
    compared(tmp_path / "s", read(rows=0, files=2), operators=(NO_SCAN, scan(0)))
    answer = spark_lineage.open(tmp_path / "s", ingest=False).compare(RUN)
    assert str(answer) == TEXT
    assert "<td>" in answer._repr_html_()
    (finding,) = answer.to_dict()["findings"]
    assert finding["message"] == "shop.orders, a source of the run that wrote w/report, gave no row."
