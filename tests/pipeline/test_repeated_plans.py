"""A plan that runs again is decoded and analyzed once, for all applications, and again only where its lineage may be another."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest

from spark_lineage.decode.records import ExecutionRecord
from spark_lineage.pipeline import application as applications
from spark_lineage.pipeline import ingest, ingestion, places
from spark_lineage.pipeline.rows import Rows
from spark_lineage.store.memory import MemoryStore
from tests.analyze.building import EXPRESSION, PlanBuilder
from tests.pipeline.segments import BRIDGE, END, execution, write_segment

OTHER = "7d444840-9dc0-11d1-b245-5ffdce74fad2"


def plan() -> dict[str, Any]:
    """`INSERT INTO /out SELECT m[literal 1] AS b FROM /in WHERE a > literal 0`."""
    made = PlanBuilder()
    leaf, (a, m) = made.files("file:/in", ["a", "m"])
    numbers = [
        made.node(f"{EXPRESSION}Literal", "expression", {}, n="literal", t=0, x={"l": each})
        for each in (0, 1)
    ]
    condition = made.function("GreaterThan", ">", left=a, right=numbers[0])
    rows = made.operator("Filter", [a, m], condition=condition, child=leaf)
    chosen = made.function("GetMapValue", "[]", child=m, key=numbers[1])
    b = made.attribute("b")
    query = made.operator("Project", [b], projectList=[made.alias(chosen, b)], child=rows)
    return made.section(made.insert(query, "file:/out", ["b"])) | {"hash": "f" * 32}  # fmt: skip


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often a plan was decoded, and how often analyzed."""
    counts = {"decoded": 0, "analyzed": 0}
    decode, analyze = places.decode_plan, applications.analyze_write

    def decoded(record: Any) -> Any:
        counts["decoded"] += 1
        return decode(record)

    def analyzed(*words: Any) -> Any:
        counts["analyzed"] += 1
        return analyze(*words)

    monkeypatch.setattr(places, "decode_plan", decoded)
    monkeypatch.setattr(applications, "analyze_write", analyzed)
    return counts


def test_a_literal_that_selects_makes_another_plan_and_one_that_does_not_makes_none(
    tmp_path: Path, calls: dict[str, int]
) -> None:
    """(date, key of the map): another date every time, two keys; a key without its hash is a third."""
    chosen = [("d1", "x"), ("d2", "x"), ("d3", "y"), ("d4", "x"), ("d5", None)]
    for bridge in (BRIDGE, OTHER):
        ran = [execution(number, "f" * 32, literals=list(each)) for number, each in enumerate(chosen)]
        segment = [plan(), *({**each, "bridge": bridge} for each in (*ran, END))]
        write_segment(tmp_path / "spool", 0, *segment, bridge=bridge)
    store = MemoryStore()
    ingest(tmp_path / "spool", store)
    assert calls == {"decoded": 1, "analyzed": 3}
    rows = store.read("runs").to_pylist()
    for bridge in (BRIDGE, OTHER):
        x, again, y, last, unknown = (
            next(row["fingerprint"] for row in rows if row["run_id"] == f"{bridge}:{number}")
            for number in range(len(chosen))
        )
        assert (x == again == last, len({x, y, unknown})) == (True, 3)
    dates = {
        values for row in store.read("constants").to_pylist() for name, values in row["values"] if "FILTER" in name
    }  # fmt: skip
    assert len(dates) == len(chosen)


def test_what_is_known_of_plans_goes_with_them(
    tmp_path: Path, calls: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "NODE_LIMIT", 1)
    ran = [execution(number, "f" * 32, literals=["d", "x"]) for number in range(5)]
    write_segment(tmp_path / "spool", 0, plan(), *ran, END)
    ingest(tmp_path / "spool", MemoryStore())
    assert calls == {"decoded": 6, "analyzed": 5}


def test_no_record_stays_when_its_application_is_done(tmp_path: Path) -> None:
    for bridge in (BRIDGE, OTHER):
        ran = [execution(number, "f" * 32, literals=["d", "x"], bridge=bridge) for number in range(9)]
        write_segment(tmp_path / "spool", 0, plan(), *ran, END | {"bridge": bridge}, bridge=bridge)
    kept: list[int] = []
    rows = Rows.take

    def counted(self: Rows, *, last: bool = False) -> Any:
        gc.collect()
        kept.append(sum(isinstance(each, ExecutionRecord) for each in gc.get_objects()))
        return rows(self, last=last)

    before = sum(isinstance(each, ExecutionRecord) for each in gc.get_objects())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rows, "take", counted)
        ingest(tmp_path / "spool", MemoryStore())
    assert kept == [before]


def test_the_collector_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(ingestion, "decide_by_logs", lambda *_: seen.append(gc.isenabled()))
    write_segment(tmp_path / "spool", 0, plan(), execution(1, "f" * 32), END)
    ingest(tmp_path / "spool", MemoryStore())
    assert (seen, gc.isenabled()) == ([False], True)
