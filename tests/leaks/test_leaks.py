"""A job with secrets in every position: none is in what lineage keeps, prints or logs; names stay.

`make test` runs a sample of the positions, `TORTURE=all` all of them.
"""

from __future__ import annotations

import inspect
import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

import spark_lineage
from leaks.canaries import MARK, Canaries, traces
from leaks.harness import Leaks, run_job
from spark_lineage.pipeline import ingest
from spark_lineage.show.answer import Answer
from spark_lineage.show.cli import app, main
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.schema import TABLES

pytestmark = [pytest.mark.spark, pytest.mark.matrix35, pytest.mark.torture("leaks")]

FORM = os.environ.get("TORTURE", "sample")
FEWEST = {"sample": 200, "all": 1_000}
NAMES = {
    "sample": (
        *(b"KEPT_view", b"KEPT_x", b"KEPT_temp", b"KEPT_application", b"KEPT_job", b"KEPT_group"),
        b"KEPT_herd of ?",
    ),
    "all": (
        b"KEPT_pivot",
        b"KEPT_alias",
        b"KEPT_field",
        b"KEPT_cte",
        b"KEPT_values",
        b"KEPT_udf",
        b"KEPT_topic",
        b"KEPT_day=2026-01-01",
    ),
}
EVERY = {"sample": 25, "all": 1}

WITHOUT_STORE = {"demo", "plan", "jar", "flags"}
"""Commands that show nothing of what was recorded; `plan` and the demo start sessions of their own."""

PER_TABLE = ("table", "upstream", "downstream", "why", "impact", "diff", "unusual", "freshness")
PER_RUN = ("run", "compare", "impact")
OVER_ALL = (
    *(
        ("tables",),
        ("runs",),
        ("problems",),
        ("drift",),
        ("unusual",),
        ("freshness",),
        ("stream",),
        ("validate",),
        ("doctor",),
    ),
    *(("search", "kept"), ("search", "concat"), ("search", MARK[:3]), ("check",), ("ingest",)),
)

DATA = frozenset({"data_diff", "data_drift"})
"""What they draw has values of the data: the smallest and the largest that the table's own log names, read when they are asked for."""

DRAWN_PER_TABLE = PER_TABLE
DRAWN_PER_RUN = ("run", "compare")
DRAWN_OVER_ALL = (
    *(("tables",), ("runs",), ("problems",), ("unusual",), ("freshness",), ("streams",), ("validate",)),
    *(("doctor",), ("check",), ("search", "kept"), ("drift", "7d")),
)
"""Methods of `Lineage`, with their words, whose answers a notebook draws."""


@pytest.fixture(scope="module")
def leaks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Leaks]:
    folder = tmp_path_factory.mktemp("leaks")
    mask = os.umask(0)  # the widest rights that one can forget to take away
    with pytest.MonkeyPatch.context() as patch:
        try:
            found = run_job(folder, FORM)
            patch.setenv("SPARK_LINEAGE_STORE", str(folder / "store"))
            patch.setenv("SPARK_LINEAGE_SPOOL", str(found.spool))
            yield found
        finally:
            os.umask(mask)


def test_a_leak_would_be_seen() -> None:
    canaries = Canaries()
    text = canaries.filled("here", "a {c} {n} {x}")
    found = [each.split(":")[0] for each in traces(text.encode(), canaries.positions)]
    assert found == ["here", "here", "somewhere"]
    for hidden in ("CNRYPT0000", "x%20cnrypt", "eENuUnlQdDAwMDA=", "Q25SeVB0MDAwMA==", "eHhDblJ5UHQwMDAw"):
        assert traces(hidden.encode(), canaries.positions), hidden
    assert not traces(b"encrypted", canaries.positions)


def test_every_position_was_reached(leaks: Leaks, record_property: Callable[[str, object], None]) -> None:
    assert len(leaks.positions) >= FEWEST[FORM]
    assert leaks.unlike == []
    print(f"{len(leaks.positions)} secrets; seconds: {leaks.seconds}")
    record_property("secrets", len(leaks.positions))


def test_nothing_leaks_into_spool_and_log(leaks: Leaks) -> None:
    segments = sorted(leaks.spool.glob("*.seg"))
    assert sum(each.stat().st_size for each in segments) > 100_000
    for file in (*leaks.spool.iterdir(), leaks.folder / "ours.log", leaks.folder / "stderr.log"):
        if file.is_file():
            assert traces(file.read_bytes(), leaks.positions) == [], file.name


def test_names_stay(leaks: Leaks) -> None:
    content = b"".join(each.read_bytes() for each in leaks.spool.glob("*.seg"))
    wanted = [*NAMES["sample"], *NAMES[FORM]]
    assert [name for name in wanted if name.lower() not in content.lower()] == []


def test_nothing_leaks_into_tables_and_answers(leaks: Leaks, capsys: pytest.CaptureFixture[str]) -> None:
    _run(("ingest",), leaks, capsys)
    store = DeltaStore(leaks.folder / "store")
    for name in TABLES:
        assert traces(repr(store.read(name).to_pylist()).encode(), leaks.positions) == [], name
    for file in (leaks.folder / "store").rglob("*.json"):
        assert traces(file.read_bytes(), leaks.positions) == [], file.name
    runs = store.read("runs").to_pylist()
    assert len(runs) > 30
    for words in OVER_ALL:
        _run(words, leaks, capsys)
    names = sorted({row["name"] for row in store.read("datasets").to_pylist()})
    for name in names[:: EVERY[FORM]]:
        for command in PER_TABLE:
            _run((command, f"`{name}`"), leaks, capsys)
    for row in runs[:: EVERY[FORM] * 2]:
        for command in PER_RUN:
            _run((command, row["run_id"]), leaks, capsys)


def test_nothing_leaks_into_what_a_notebook_draws(leaks: Leaks, capsys: pytest.CaptureFixture[str]) -> None:
    """Each kind of answer is drawn, and there is no other kind."""
    _run(("ingest",), leaks, capsys)
    store = DeltaStore(leaks.folder / "store")
    lineage = spark_lineage.open(leaks.folder / "store", ingest=False)
    names = sorted({f"`{row['name']}`" for row in store.read("datasets").to_pylist()})
    sample = names[:: EVERY[FORM]]
    runs = [row["run_id"] for row in store.read("runs").to_pylist()][:: EVERY[FORM]]
    streams = [each["query_id"] for each in lineage.streams().to_dict()["streams"]]
    asked = [
        *DRAWN_OVER_ALL,
        *((kind, name) for kind in DRAWN_PER_TABLE for name in sample),
        *((kind, run) for kind in DRAWN_PER_RUN for run in runs),
        *(("stream", stream) for stream in streams),
    ]
    drawn = {kind for kind, *words in asked if _draw(partial(getattr(lineage, kind), *words), leaks)}
    rare = [(kind, name) for kind in DRAWN_PER_TABLE if kind not in drawn for name in names]
    drawn |= {kind for kind, name in rare if _draw(partial(getattr(lineage, kind), name), leaks)}
    assert _draw(partial(lineage.impact, without=names[0]), leaks)
    methods = inspect.getmembers(spark_lineage.Lineage, inspect.isfunction)
    kinds = {
        name for name, each in methods if each.__annotations__.get("return") == "Answer" and name[0] != "_"
    }
    asked_for = {*DRAWN_PER_TABLE, *DRAWN_PER_RUN, *(kind for kind, *_ in DRAWN_OVER_ALL), "stream"}
    assert kinds == asked_for | DATA
    assert kinds - drawn <= DATA | {"stream"}  # not each job has a stream


def _draw(ask: Callable[[], Answer], leaks: Leaks) -> bool:
    """Whether there is an answer; its page has no secret."""
    try:
        answer = ask()
    except spark_lineage.LineageError:
        return False  # nothing is known of it: the command has said so
    assert traces(answer._repr_html_().encode(), leaks.positions) == []
    return True


def test_every_command_is_asked() -> None:
    asked = {*WITHOUT_STORE, *PER_TABLE, *PER_RUN, *(words[0] for words in OVER_ALL)}
    commands = {each.name or each.callback.__name__ for each in app.registered_commands if each.callback}
    assert {name.rstrip("_") for name in commands} == asked


def test_what_is_exported_is_clean(leaks: Leaks, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline, junit, sarif = tmp_path / "baseline.yaml", tmp_path / "junit.xml", tmp_path / "report.sarif"
    _run(("check", "--write-baseline", str(baseline)), leaks, capsys)
    _run(("check", str(baseline), "--junit", str(junit), "--sarif", str(sarif)), leaks, capsys)
    for file in (baseline, junit, sarif):
        assert traces(file.read_bytes(), leaks.positions) == [], file.name


def test_what_is_local_is_its_owners_alone(leaks: Leaks) -> None:
    ingest(leaks.spool, leaks.folder / "store")
    state = Path(os.environ["XDG_STATE_HOME"])
    made = [
        leaks.spool,
        *leaks.spool.rglob("*"),
        leaks.folder / "store",
        *(leaks.folder / "store").rglob("*"),
        *state.rglob("*"),
    ]
    assert len(made) > 30
    wide = [str(each) for each in made if each.exists() and stat.S_IMODE(each.stat().st_mode) & 0o077]
    assert [each[-70:] for each in wide] == []


def _run(words: tuple[str, ...], leaks: Leaks, capsys: pytest.CaptureFixture[str]) -> None:
    """A command, for people and as JSON; what it prints has no secret, whether it finds anything or refuses."""
    for options in ((), ("--json",)):
        main([*words, *options])
        printed = capsys.readouterr()
        for text in (printed.out, printed.err):
            assert traces(text.encode(), leaks.positions) == [], words
            assert "fault of spark-lineage" not in text, words
