"""Tables whose writes were killed or failed: what their names mean, what is said of them, and what is not claimed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from spark_lineage.errors import NameLookupError
from spark_lineage.model import Batch, Certainty, Dataset, DatasetId, Edge, Plan, Run, RunState, is_called
from spark_lineage.query import unfinished
from spark_lineage.query.local import LocalEngine
from spark_lineage.query.unfinished import namesakes
from spark_lineage.show.answer import plain_text
from spark_lineage.show.html.run import run_html
from spark_lineage.show.text.run import run_text
from tests.query.lineage_rows import BRIDGE, dataset, edge, plan, run, store_of

CTAS = "CREATE TABLE AS SELECT"
FULL = "spark_catalog.default.kt"
ENDED = {
    RunState.UNKNOWN: "has no known end",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "was cancelled",
    RunState.RUNNING: "has not ended",
}


def named(name: str, number: int, state: RunState, fingerprint: str | None = None) -> Run:
    """A `CREATE TABLE name AS SELECT` that knows no place."""
    ended = None if state is RunState.UNKNOWN else number
    made = run(number, fingerprint or f"k{number}", None, ended, operation=CTAS, state=state, started_at=500)
    return replace(made, target=DatasetId("catalog", name))


def plan_of(name: str, fingerprint: str) -> Plan:
    """The plan of such a write: one column of /w/src."""
    made = plan(fingerprint, "src", "total:bigint", "src", operation=CTAS, overwrites=True)
    return replace(made, target=DatasetId("catalog", name))


def edges_of(name: str, fingerprint: str) -> Iterator[Edge]:
    """`SELECT sum(b) AS total FROM src WHERE day = 1`."""
    yield replace(
        edge(fingerprint, "src.b", "x.total", "AGGREGATION", "sum(b)"), target=DatasetId("catalog", name)
    )
    yield replace(edge(fingerprint, "src.day", "x", "FILTER", "(day = ?)"), target=DatasetId("catalog", name))


def engine(folder: Path, *names: str, good: tuple[str, ...] = ("kt",), state: RunState = RunState.UNKNOWN, more: Batch | None = None) -> LocalEngine:  # fmt: skip
    """Writes of `names` that did not complete, then one to each of the folders `good`, whose tables are called `kt`."""
    killed = Batch(
        datasets=(dataset("src", "spark_catalog.default.src"), *(Dataset("catalog", each, (each,)) for each in names)),
        plans=tuple(plan_of(name, f"k{number}") for number, name in enumerate(names, start=1)),
        edges=tuple(each for number, name in enumerate(names, start=1) for each in edges_of(name, f"k{number}")),
        runs=tuple(named(name, number, state) for number, name in enumerate(names, start=1)),
    )  # fmt: skip
    completed = Batch(
        datasets=tuple(dataset(each, FULL if each == "kt" else f"spark_catalog.{each}.kt") for each in good),
        plans=tuple(plan(f"g{each}", each, "total:bigint", "src", overwrites=True) for each in good),
        edges=tuple(edge(f"g{each}", "src.b", f"{each}.total", "IDENTITY", "b") for each in good),
        runs=tuple(run(50 + at, f"g{each}", each, 50 + at) for at, each in enumerate(good)),
    )
    return LocalEngine(store_of(folder, killed, completed, more or Batch()))


def beside(name: str, number: int, ended: str) -> dict[str, str]:
    """The problem of a table whose name a write had that did not complete."""
    return {
        "code": "write_by_name",
        "severity": "info",
        "message": f"A write (CREATE TABLE AS SELECT) of which only the table's name is known, {name}, {ended}: it may have been one of this table.",
        "where": "/w/kt",
        "hint": f"`spark-lineage run 00000000:{number}` says what it would have written.",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["kt", "KT", "default.kt", FULL, "/w/kt"])
@pytest.mark.parametrize("state", ENDED, ids=str)
def test_after_a_good_run_the_name_means_its_table(tmp_path: Path, text: str, state: RunState) -> None:
    """Whether the killed write had the whole name (SQL) or the last part alone (`saveAsTable`)."""
    answers = engine(tmp_path, "kt", FULL, state=state)
    told = answers.table(text).to_dict()
    assert told["dataset"] == {"namespace": "file", "name": "/w/kt", "aliases": [FULL]}
    assert (told["certainty"], told["plans"], told["runs"], told["last_run"]["id"]) == ("exact", ["gkt"], 1, f"{BRIDGE}:50")  # fmt: skip
    assert [(each["name"], [source["field"] for source in each["sources"]]) for each in told["columns"]] == [("total", ["b"])]  # fmt: skip
    assert told["problems"] == [
        beside("kt", 1, ENDED[state]),
        beside(FULL, 2, ENDED[state]),
    ]
    assert answers.run(text).to_dict()["id"] == f"{BRIDGE}:50"
    walk = answers.upstream(f"{text}.total").to_dict()
    assert [(each["name"], each["field"], each["certainty"]) for each in walk["nodes"]] == [
        ("/w/kt", "total", "exact"),
        ("/w/src", "b", "exact"),
    ]
    assert walk["problems"] == []


@pytest.mark.parametrize("name", ["kt", FULL])
def test_the_write_that_did_not_complete_has_a_name_of_its_own(tmp_path: Path, name: str) -> None:
    answers = engine(tmp_path, name)
    told = answers.table(f"catalog:{name}").to_dict()
    assert told["dataset"] == {"namespace": "catalog", "name": name, "aliases": []}
    assert (told["runs"], told["last_run"]["state"]) == (1, "UNKNOWN")
    assert answers.run(f"catalog:{name}").to_dict()["id"] == f"{BRIDGE}:1"
    listed = {(each["namespace"], each["name"]): each["certainty"] for each in answers.tables().to_dict()["tables"]}  # fmt: skip
    assert listed == {("catalog", name): "opaque", ("file", "/w/kt"): "exact", ("file", "/w/src"): "exact"}


def test_of_several_tables_with_a_place_none_is_chosen(tmp_path: Path) -> None:
    """The name alone is no candidate; which of them was to be written nobody knows, so none of them is told of it."""
    answers = engine(tmp_path, "kt", good=("one", "two"))
    with pytest.raises(NameLookupError) as caught:
        answers.table("kt")
    assert caught.value.candidates == ("spark_catalog.one.kt", "spark_catalog.two.kt")
    for each in ("one", "two"):
        assert answers.table(f"{each}.kt").to_dict()["problems"] == []
    assert answers.run("catalog:kt").to_dict()["id"] == f"{BRIDGE}:1"


def test_another_databases_table_does_not_take_a_whole_name(tmp_path: Path) -> None:
    answers = engine(tmp_path, FULL, good=("one",))
    assert answers.table(FULL).to_dict()["dataset"]["namespace"] == "catalog"
    assert answers.table("one.kt").to_dict()["problems"] == []
    with pytest.raises(NameLookupError) as caught:
        answers.table("kt")
    assert caught.value.candidates == (FULL, "spark_catalog.one.kt")


def test_what_was_really_there_does_not_stand_back(tmp_path: Path) -> None:
    """A view that was made, and a table that somebody read, are things of their own, with or without a place."""
    reader = replace(plan("r", "out", "total:bigint"), datasets=(DatasetId("catalog", "seen"),))
    both = Batch(
        datasets=(dataset("kt", FULL, "a.made", "a.seen"), dataset("out")),
        plans=(plan_of("made", "v"), reader),
        runs=(named("made", 20, RunState.COMPLETE, "v"), run(21, "r", "out", 21)),
    )
    answers = engine(tmp_path, "made", "seen", more=both)
    for name in ("made", "seen"):
        assert answers.table(name).to_dict()["dataset"] == {"namespace": "catalog", "name": name, "aliases": [name]}  # fmt: skip
    assert answers.table("kt").to_dict()["problems"] == []


def test_a_table_of_which_no_write_completed(tmp_path: Path) -> None:
    """Nothing of its plan is told as a fact; a sentence says why, and where the plan is."""
    assert engine(tmp_path, "kt", good=()).table("kt").to_dict() == {
        "schema_version": 1,
        "dataset": {"namespace": "catalog", "name": "kt", "aliases": ["kt"]},
        "certainty": "opaque",
        "plans": [],
        "runs": 1,
        "last_run": {"id": f"{BRIDGE}:1", "state": "UNKNOWN", "started_at": "1970-01-01T00:00:00.500Z", "rows": None},
        "columns": [],
        "rows": [],
        "problems": [NO_WRITE],
    }  # fmt: skip


NO_WRITE = {
    "code": "no_complete_write",
    "severity": "info",
    "message": "No write of it that is known here has completed, the last (CREATE TABLE AS SELECT) has no known end: what it is made of is not known.",
    "where": "kt",
    "hint": "`spark-lineage run 00000000:1` says what that one would have written.",
}  # fmt: skip


def test_a_failed_write_takes_nothing_from_a_table_that_is_read(tmp_path: Path) -> None:
    """What others made of it stays as sure as it was."""
    failed = Batch(runs=(run(60, "f", "src", 60, state=RunState.FAILED),), plans=(plan("f", "src", "b:int"),))
    answers = engine(tmp_path, more=failed)
    told = answers.table("src").to_dict()
    assert (told["certainty"], [each["code"] for each in told["problems"]]) == (
        "exact",
        ["no_complete_write"],
    )
    assert {each["certainty"] for each in answers.upstream("kt.total").to_dict()["nodes"]} == {"exact"}


@pytest.mark.parametrize("state", ENDED, ids=str)
def test_a_run_that_did_not_complete_says_what_it_would_have_written(tmp_path: Path, state: RunState) -> None:
    src = {"namespace": "file", "name": "/w/src", "aliases": ["spark_catalog.default.src"]}
    told = engine(tmp_path, "kt", state=state).run("00000000:1").to_dict()
    assert told["runs"][0]["state"] == state.value
    assert told["planned"] == [
        {
            "part": 0,
            "certainty": "exact",
            "columns": [
                {"name": "total", "type": "bigint", "certainty": "exact", "sources": [
                    {**src, "field": "b", "type": "DIRECT", "subtype": "AGGREGATION", "masking": False, "expression": "sum(b)", "plan": "k1"},
                ]},
            ],
            "rows": [{**src, "field": "day", "type": "INDIRECT", "subtype": "FILTER", "expression": "(day = ?)", "plan": "k1"}],
        }
    ]  # fmt: skip


def test_a_run_that_completed_is_no_plan_and_one_without_a_plan_has_none(tmp_path: Path) -> None:
    lost = Batch(runs=(run(60, "never stored", "kt", 60, state=RunState.FAILED),))
    answers = engine(tmp_path, more=lost)
    assert [answers.run(f"00000000:{number}").to_dict()["planned"] for number in (50, 60)] == [[], []]


@pytest.mark.parametrize(
    ("certainty", "said"),
    [
        (Certainty.OPAQUE, "opaque: it may have sources that are not known"),
        (Certainty.OVER_APPROXIMATE, "a superset: some of these sources may not matter"),
    ],
)
def test_a_plan_that_is_not_sure_is_not_shown_as_if_it_were(tmp_path: Path, certainty: Certainty, said: str) -> None:  # fmt: skip
    """The columns look sure: it is said of the write as a whole."""
    failed = run(60, "f", "kt", 60, state=RunState.FAILED)
    unsure = Batch(plans=(plan("f", "kt", "a:int", certainty=certainty),), runs=(failed,))
    answer = engine(tmp_path, more=unsure).run("00000000:60").to_dict()
    assert [each["certainty"] for each in answer["planned"]] == [certainty.value]
    lines = [line.strip() for line in plain_text(run_text(answer)).splitlines()]
    at = lines.index("It did not complete: this is what its plan says, no fact about the table.")
    assert lines[at + 1 : at + 4] == [said, "", "a  int"]
    assert run_html(answer).count(said) == 1


def test_many_names_and_many_tables_are_not_compared_each_with_each(monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """2,000 killed first writes in a store of 2,000 tables took two and a half seconds of each answer, ten times as much as the rest."""
    asked: list[str] = []
    monkeypatch.setattr(unfinished, "is_called", lambda dataset, name: not asked.append(name) and is_called(dataset, name))  # fmt: skip
    tables = [Dataset("file", f"/w/t{at}", (f"spark_catalog.default.T{at}", f"ice.db.T{at}")) for at in range(50)]  # fmt: skip
    wanted = {f"{beginning}{at}": at for beginning in ("t", "default.t", "db.T") for at in range(50)}
    names = [DatasetId("catalog", name) for name in (*wanted, "other", "x.T1")]
    assert namesakes(names, (), tables) == {
        DatasetId("catalog", name): (tables[at].id,) for name, at in wanted.items()
    }
    assert len(asked) == len(wanted)


def test_a_name_that_is_not_known_reads_the_plans_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """All tables are asked for a column of that name, those of which no write completed, too."""
    store = engine(tmp_path, "one", "two", "three", good=())._store
    answers, read, met = LocalEngine(store), store.read, []
    answers.tables()
    monkeypatch.setattr(store, "read", lambda table, *more, **scope: met.append(table) or read(table, *more, **scope))  # fmt: skip
    with pytest.raises(NameLookupError) as caught:
        answers.upstream("total")
    assert caught.value.candidates == ("one.total", "three.total", "two.total")
    assert met.count("plans") == 1


def test_upstream_of_what_would_have_been_written_says_so(tmp_path: Path) -> None:
    """No edge of the plan is walked, from either side, and the start is not said to be sure."""
    answers = engine(tmp_path, "kt", good=())
    told = answers.upstream("kt.total").to_dict()
    assert told["edges"] == []
    assert [(each["name"], each["field"], each["certainty"]) for each in told["nodes"]] == [("kt", "total", "opaque")]  # fmt: skip
    assert told["problems"] == [NO_WRITE]
    assert [each["name"] for each in answers.downstream("src").to_dict()["nodes"]] == ["/w/src"]
    with pytest.raises(NameLookupError):
        answers.upstream("kt.other")


def test_how_it_is_shown(tmp_path: Path) -> None:
    """The columns stand under a sentence that says whether they were written."""
    unknown = engine(tmp_path / "unknown", "kt").run("00000000:1").to_dict()
    failed = engine(tmp_path / "failed", "kt", state=RunState.FAILED).run("00000000:1").to_dict()
    heading = "What kt would have got"
    for answer, said in (
        (
            unknown,
            "Nobody knows whether it was written: this is what its plan says, no fact about the table.",
        ),
        (failed, "It did not complete: this is what its plan says, no fact about the table."),
    ):
        with (console := Console(width=200)).capture() as capture:
            console.print(run_text(answer))
        text = [line.strip() for line in capture.get().splitlines() if line.strip()]
        at = text.index(heading)
        assert text[at + 1 : at + 7] == [
            said, "total  bigint", "sum(b)", "aggregation     default.src.b", "Which rows", "filter          (day = ?)"
        ]  # fmt: skip
        html = run_html(answer)
        assert [each in html for each in (heading, said, "sum(b)", "default.src.b")] == [True] * 4
