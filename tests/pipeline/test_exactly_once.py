"""Exactly once: in pieces, again, in any order and by several at once, the store says what one clean delivery says."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from pathlib import Path

import pytest

from spark_lineage.capture import spool as spools
from spark_lineage.jobs import ingest as ingest_job
from spark_lineage.model import Problem, Severity
from spark_lineage.pipeline import ingest, ingestion, places
from spark_lineage.pipeline.reading import Reading
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.digest import table_digests
from spark_lineage.store.memory import MemoryStore
from spark_lineage.store.schema import from_rows
from tests.pipeline.deliveries import OTHER, Form, deliver, through_deltalake, write_applications
from tests.pipeline.segments import BRIDGE, END, application, copy_plan, execution, write_segment

PLAN = copy_plan("p", "file:/in", "file:/out")


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def states(store: MemoryStore) -> dict[str, str]:
    return {row["run_id"].replace(BRIDGE, "app"): row["state"] for row in store.read("runs").to_pylist()}


def test_an_ingest_in_pieces_says_what_one_in_a_piece_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = []
    for number, limits in enumerate(((10**9,) * 5, (1,) * 5, (7, 40, 2, 1, 3))):
        for name, value in zip(("PIECE_ROWS", "_CHECKED"), limits[:2], strict=True):
            monkeypatch.setattr(ingestion, name, value)
        for name, value in zip(("NODE_LIMIT", "RECENT_LIMIT", "OPEN_LIMIT"), limits[2:], strict=True):
            monkeypatch.setattr(places, name, value)
        source = tmp_path / f"spool{number}"
        write_applications(source)
        stores.append(MemoryStore())
        reports = [ingest(source, stores[-1]), ingest(source, stores[-1])]
        assert [each.pending for each in reports] == [0, 0]
        assert (reports[0].executions, reports[0].writes, reports[0].usages) == (33, 11, 11)
    assert table_digests(stores[0]) == table_digests(stores[1]) == table_digests(stores[2])
    assert len(stores[0].read("runs")) > 20


def test_the_end_of_an_application_counts_the_runs_that_come_before_it_after_it_and_alone(
    spool: Path,
) -> None:
    failed = execution(8, "p", state="FAILED")
    whole = {"app:7": "COMPLETE", "app:8": "FAILED", "app": "COMPLETE_WITH_FAILURES"}
    for order in itertools.permutations(((PLAN, execution(7, "p")), (PLAN, failed), (END,))):
        store = MemoryStore()
        for number, records in enumerate(order):
            write_segment(spool, number, *records)
            ingest(spool, store)
        assert states(store) == whole
        told = [row for row in store.read("runs").to_pylist() if row["run_id"] == BRIDGE]
        assert [(row["ended_at"], row["error_message"]) for row in told] == [(9_000, None)]


def test_an_application_without_a_word_has_failed_when_a_query_of_it_turns_out_to_have(spool: Path) -> None:
    store = MemoryStore()
    dead = write_segment(spool, 0, PLAN, execution(7, "p"))
    os.utime(dead.rename(dead.with_suffix(".open")), (5, 5))
    ingest(spool, store)
    assert states(store) == {"app:7": "COMPLETE", "app": "UNKNOWN"}
    write_segment(spool, 1, PLAN, execution(8, "p", state="FAILED"))
    ingest(spool, store)
    assert states(store) == {"app:7": "COMPLETE", "app:8": "FAILED", "app": "FAILED"}


def test_what_an_unknown_write_wrote_is_told_when_its_end_is_found(spool: Path) -> None:
    """It was ingested as one without an end, with its target and no rows; then its record comes after all."""
    intent = {"kind": "intent", "v": 3, "bridge": BRIDGE, "execution_id": 7, "plan": "p", "started_at": 2_007}
    dead = write_segment(spool, 0, PLAN, intent)
    os.utime(dead.rename(dead.with_suffix(".open")), (5, 5))
    late, clean = MemoryStore(), MemoryStore()
    stages = [{"stage_id": 0, "metrics": {"output_rows": 5, "output_bytes": 90}}]
    ended = (PLAN, execution(7, "p", stages=stages))
    ingest(spool, late)
    assert states(late)["app:7"] == "UNKNOWN"
    for store in (late, clean):
        write_segment(spool, 1, *ended)
        ingest(spool, store)
    written = [
        [(row["rows"], row["bytes"]) for row in store.read("observations").to_pylist() if row["direction"] == "written"]
        for store in (late, clean)
    ]  # fmt: skip
    assert written == [[(5, 90)], [(5, 90)]]


def refused(what: str, number: object, segment: Path, offset: int) -> Problem:
    reason = f"{what} of {BRIDGE} is known with other content: this one is not ingested"
    where = f"segment {segment.name}, byte {offset}"
    hint = "the record is kept aside in the spool's folder `bad`"
    run_id = BRIDGE if number is None else f"{BRIDGE}:{number}"
    return Problem("other_content", Severity.ERROR, reason, where, hint, run_id)


def offsets(segment: Path) -> list[int]:
    return [each.offset for each in spools.frames(segment) if isinstance(each, spools.Frame)]


JOB = {
    "kind": "rdd_job", "v": 1, "bridge": BRIDGE, "job_id": 3, "started_at": 1, "ended_at": 2, "call_site": "collect at x.py:1",
    "rdd": {"ancestry": [{"id": 1, "class": "HadoopRDD", "leaf": True, "paths": ["file:/in"]}]},
}  # fmt: skip
INTENT = {
    "kind": "intent", "v": 3, "bridge": BRIDGE, "execution_id": 8, "plan": "p", "started_at": 2_008, "started_order": 1, "sequence": 1,
}  # fmt: skip
STREAM = {"v": 3, "bridge": BRIDGE, "query_id": "q", "run_id": "r", "name": None}
BATCH = STREAM | {"kind": "progress", "batch_id": 4, "started_at": 50, "sources": [{"rows": 3}]}
STARTED = STREAM | {"kind": "stream_start", "at": 40}
STOPPED = STREAM | {"kind": "stream_end", "at": 60, "error": None}
OTHER_PLAN = copy_plan("o", "file:/in", "file:/elsewhere")
OTHERS = {
    "execution": ("execution 7", 7, execution(7, "p"), execution(7, "p", state="FAILED")),
    "job": ("job 3", "job-3", JOB, JOB | {"call_site": "collect at y.py:1"}),
}


STREAMS = {
    "batch": ("batch 4 of stream q, run r", BATCH, BATCH | {"sources": [{"rows": 4}]}),
    "start": ("the start of stream q, run r", STARTED, STARTED | {"at": 41}),
    "end": ("the end of stream q, run r", STOPPED, STOPPED | {"error": {"class": "java.lang.Error"}}),
}


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("place", ["in one segment", "in another", "against the store"])
def test_what_a_stream_says_twice_in_two_ways_is_refused(
    kind: str, place: str, spool: Path, tmp_path: Path
) -> None:
    what, first, second = STREAMS[kind]
    store, clean = MemoryStore(), MemoryStore()
    before = [first, first]
    if place != "in one segment":
        write_segment(spool, 0, *before)
        before = []
    if place == "against the store":
        assert ingest(spool, store).bad_records == 0
        write_segment(spool, 0, first)  # the same again is none
    odd = write_segment(spool, 1, *before, second)
    offset, payload = offsets(odd)[-1], json.dumps({"v": 1, **second}).encode()
    assert ingest(spool, store).bad_records == 1
    problems = from_rows("problems", store.read("problems").to_pylist())
    assert problems == (refused(what, None, odd, offset),)
    assert [path.read_bytes() for path in spools.kept_aside(spool)] == [payload]
    write_segment(tmp_path / "clean", 0, first)
    ingest(tmp_path / "clean", clean)
    ours, theirs = table_digests(store), table_digests(clean)
    assert [name for name in ours if ours[name] != theirs[name]] == ["problems"]


def test_what_a_stream_says_of_another_run_of_it_or_another_batch_is_not_refused(spool: Path) -> None:
    """A query that starts again from its checkpoint has another run, and does its last batch again."""
    store = MemoryStore()
    again = [each | {"run_id": "r2", "at": 70} for each in (STARTED, BATCH, STOPPED)]
    following = BATCH | {"batch_id": 5, "started_at": 55}
    write_segment(spool, 0, STARTED, BATCH, following, STOPPED, *again)
    assert ingest(spool, store).bad_records == 0
    batches = store.read("batches", ["batch_id", "stream_run_id"]).to_pylist()
    assert [tuple(each.values()) for each in batches] == [(4, "r"), (5, "r"), (4, "r2")]


def test_executors_that_come_and_go_again_have_no_number_to_contradict(spool: Path) -> None:
    executor = {"kind": "executor", "v": 3, "bridge": BRIDGE, "executor": "1"}
    went = [
        executor | {"at": 5, "event": "added"},
        executor | {"at": 6, "event": "removed", "reason": "decommissioned"},
        executor | {"at": 7, "event": "removed", "reason": "its process ended"},
        executor | {"at": 8, "event": "added"},
    ]
    store = MemoryStore()
    write_segment(spool, 0, *went)
    assert ingest(spool, store).bad_records == 0
    events = store.read("events", ["at", "kind"]).to_pylist()
    assert [each["at"] for each in events] == [5, 6, 7, 8]


@pytest.mark.parametrize(
    "order", ["alone", "before its execution", "around its execution", "against the store"]
)
def test_a_second_intent_of_an_execution_is_refused(order: str, spool: Path, tmp_path: Path) -> None:
    store, clean = MemoryStore(), MemoryStore()
    other = INTENT | {"plan": "o"}
    ran = [] if order in {"alone", "against the store"} else [execution(8, "p")]
    if order == "around its execution":
        records = [PLAN, OTHER_PLAN, INTENT, INTENT, *ran, INTENT, other]
    else:
        records = [PLAN, OTHER_PLAN, INTENT, INTENT, other, *ran]
    if order == "against the store":
        write_segment(spool, 0, PLAN, OTHER_PLAN, INTENT, END)
        ingest(spool, store)
        records = [PLAN, OTHER_PLAN, other]
    odd = write_segment(spool, 1, *records, END)
    offset = offsets(odd)[1 + records.index(other)]
    report = ingest(spool, store)
    assert report.bad_records == 1
    assert report.executions == len(ran)
    problems = from_rows("problems", store.read("problems").to_pylist())
    assert refused("the intent of execution 8", 8, odd, offset) in problems
    assert [json.loads(path.read_bytes()) for path in spools.kept_aside(spool)] == [other]
    write_segment(tmp_path / "clean", 0, PLAN, INTENT, *ran, END)
    ingest(tmp_path / "clean", clean)
    ours, theirs = table_digests(store), table_digests(clean)
    assert [name for name in ours if ours[name] != theirs[name]] == ["problems"]


def test_an_execution_takes_the_place_of_its_intent_whatever_the_plans_are(spool: Path) -> None:
    """The intent's plan lacks the executed part, and its limits are lower: its hash is another one."""
    store = MemoryStore()
    write_segment(spool, 0, OTHER_PLAN, INTENT | {"plan": "o"}, END)
    ingest(spool, store)
    assert states(store)["app:8"] == "UNKNOWN"
    write_segment(spool, 1, OTHER_PLAN, INTENT | {"plan": "o"}, PLAN, execution(8, "p"), END)
    assert ingest(spool, store).bad_records == 0
    assert states(store)["app:8"] == "COMPLETE"


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("at_once", ["in one ingest", "against the store"])
def test_a_record_with_a_known_number_and_other_content_is_refused(
    kind: str, at_once: str, spool: Path, tmp_path: Path
) -> None:
    what, number, first, second = OTHERS[kind]
    store, clean = MemoryStore(), MemoryStore()
    write_segment(spool, 0, PLAN, first, execution(9, "p"))
    if at_once == "against the store":
        ingest(spool, store)
    odd = write_segment(spool, 1, PLAN, second, execution(10, "p"))
    offset, payload = offsets(odd)[2], json.dumps({"v": 1, **second}).encode()
    report = ingest(spool, store)
    assert report.bad_records == 1
    assert [f"{what} of {BRIDGE} is known with other content" in each for each in report.messages] == [True]
    problems = from_rows("problems", store.read("problems").to_pylist())
    assert refused(what, number, odd, offset) in problems
    assert [path.read_bytes() for path in spools.kept_aside(spool)] == [payload]
    assert [each.name for each in spools.segments(spool)] == []
    write_segment(tmp_path / "clean", 0, PLAN, first, execution(9, "p"), execution(10, "p"))
    ingest(tmp_path / "clean", clean)
    ours, theirs = table_digests(store), table_digests(clean)
    assert [name for name in ours if ours[name] != theirs[name]] == ["problems"]


def test_a_segment_with_a_refused_record_goes_when_that_is_on_the_disk(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What becomes of the bytes and names is followed in tests/capture/test_spool.py: here it is that an ingest says which they are."""
    store, told = MemoryStore(), []
    segment = write_segment(spool, 0, PLAN, execution(7, "p"), execution(7, "p", state="FAILED"))
    fsync, unlink = os.fsync, os.unlink

    def synced(descriptor: int) -> None:
        told.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    def removed(path: Path) -> None:
        told.append(Path(path))
        unlink(path)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "unlink", removed)
    ingest(spool, store)
    (kept,) = spools.kept_aside(spool)
    assert sorted(told[:2]) == [kept, kept.with_name(f"{kept.name}.reason")]
    assert sorted(told[2:4]) == [spool, spool / "bad"]
    assert told[4:] == [segment]


def test_two_deliveries_that_contradict_a_record_in_two_ways_are_both_kept(spool: Path) -> None:
    store = MemoryStore()
    for description in ("first", "second", "third", "second"):
        write_segment(spool, 0, PLAN, execution(7, "p", description=description))
        ingest(spool, store)
    kept = [json.loads(path.read_bytes())["description"] for path in spools.kept_aside(spool)]
    assert sorted(kept) == ["second", "third"]


def test_a_plan_with_a_known_hash_and_other_content_is_refused_and_so_are_the_executions_of_it(
    spool: Path, tmp_path: Path
) -> None:
    store, clean = MemoryStore(), MemoryStore()
    write_segment(spool, 0, PLAN, execution(7, "p"))
    write_segment(spool, 1, copy_plan("p", "file:/secret", "file:/out"), execution(8, "p"))
    assert ingest(spool, store).bad_records == 1
    # The store knows no plans of the bridge, only runs: there it is the run that has another content with another plan.
    write_segment(spool, 2, copy_plan("p", "file:/secret", "file:/out"), execution(7, "p"))
    report = ingest(spool, store)
    assert report.bad_records == 1
    assert "execution 7 of" in report.messages[0]
    write_segment(tmp_path / "clean", 0, PLAN, execution(7, "p"))
    ingest(tmp_path / "clean", clean)
    assert table_digests(store)["edges"] == table_digests(clean)["edges"]


def test_a_second_end_with_other_content_is_refused(spool: Path) -> None:
    store = MemoryStore()
    write_segment(spool, 0, PLAN, execution(7, "p"), END)
    odd = write_segment(spool, 1, END | {"exit_code": 1})
    (_, offset) = offsets(odd)
    ingest(spool, store)
    problems = from_rows("problems", store.read("problems").to_pylist())
    assert problems == (refused("the end of the application", None, odd, offset),)
    assert states(store) == {"app:7": "COMPLETE", "app": "COMPLETE"}


def test_an_application_that_is_known_otherwise_is_refused_with_all_that_stands_behind_it(
    spool: Path,
) -> None:
    """Its settings name datasets: what is behind it cannot be told under those of another record."""
    store = MemoryStore()
    write_segment(spool, 0, PLAN, execution(7, "p"))
    odd = application() | {"settings": {"spark.lineage.namespace": "other"}}
    segment = write_segment(spool, 1, odd, PLAN, execution(8, "p"))
    offset = offsets(segment)[1]
    report = ingest(spool, store)
    problems = from_rows("problems", store.read("problems").to_pylist())
    assert refused("the application", None, segment, offset) in problems
    assert sorted(each.code for each in problems) == ["bad_record", "bad_record", "other_content"]
    assert (report.bad_records, len(spools.kept_aside(spool))) == (3, 3)
    assert states(store) == {"app:7": "COMPLETE"}


def test_an_application_lived_until_the_last_sign_of_all_its_segments(spool: Path) -> None:
    for number, last_sign in enumerate((50, 5)):
        dead = write_segment(spool, number, PLAN).with_suffix(".open")
        dead.with_suffix(".seg").rename(dead)
        os.utime(dead, (last_sign, last_sign))
    reading = Reading(spool)
    for segment in spools.segments(spool):
        reading.read(segment)
    assert reading.noted[BRIDGE].alive_until == 52_000


def test_the_job_that_ingests_exits_with_1_where_content_was_refused(
    spool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--store", str(tmp_path / "lineage"), "--spool", str(spool)]
    write_segment(spool, 0, PLAN, execution(7, "p"), END)
    assert ingest_job.main(arguments) == 0
    write_segment(spool, 0, PLAN, execution(7, "p"), END)
    assert ingest_job.main(arguments) == 0  # the same again is none
    write_segment(spool, 0, PLAN, execution(7, "p", description="another"), END)
    assert ingest_job.main(arguments) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["bad_records"] == 1


def test_a_record_that_waited_and_is_read_again_is_no_other(spool: Path) -> None:
    store = MemoryStore()
    running = write_segment(spool, 0, PLAN, execution(8, "p", root=7))
    last = spool / f"{BRIDGE}-{1:08d}.open"
    last.write_bytes(b"")  # young: its writer lives
    assert ingest(spool, store).pending == 1
    last.unlink()
    write_segment(spool, 1, PLAN, execution(7, "p", started_order=1, ended_order=99), END)
    report = ingest(spool, store)
    assert (report.bad_records, report.pending, running.exists()) == (0, 0, False)
    assert states(store) == {"app:7": "COMPLETE", "app": "COMPLETE"}


def test_four_ingesters_that_are_killed_and_three_deliveries_say_what_one_says(tmp_path: Path) -> None:
    """The quick form of `deliveries.py`; `make torture` does it with a hundred seeds and more kills."""
    told = deliver(0, tmp_path, Form(4 * (through_deltalake,), kills=3, at_once=16, pause=0.4))
    assert told.kills >= 1
    assert told.digests == told.clean
    assert told.refused == []


def test_deliveries_tell_a_store_that_misses_a_row_from_one_that_has_it(tmp_path: Path) -> None:
    write_applications(tmp_path / "spool")
    store = DeltaStore(tmp_path / "lineage")
    ingest(tmp_path / "spool", store)
    less = MemoryStore()
    shutil.rmtree(tmp_path / "spool")
    write_applications(tmp_path / "spool")
    next((tmp_path / "spool").glob(f"{OTHER}*")).unlink()
    ingest(tmp_path / "spool", less)
    assert table_digests(store)["runs"] != table_digests(less)["runs"]
