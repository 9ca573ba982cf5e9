"""The Python API without Spark: names, laziness, reading a store, answers that draw themselves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import spark_lineage
from spark_lineage import api
from spark_lineage.errors import BridgeError, NameLookupError, SettingError, StoreError
from spark_lineage.pipeline import IngestReport

ROOT = Path(spark_lineage.__file__).parents[1]


def test_all_is_sorted_and_there() -> None:
    assert spark_lineage.__all__ == sorted(spark_lineage.__all__)
    assert [name for name in spark_lineage.__all__ if not hasattr(spark_lineage, name)] == []
    assert set(spark_lineage.__all__) <= set(dir(spark_lineage))


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'spark_lineage' has no attribute 'enabel'"):
        _ = spark_lineage.enabel


def loaded_by(statement: str) -> set[str]:
    """Which of the heavy modules a statement loads in a fresh Python."""
    program = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    heavy = {"deltalake", "py4j", "pyarrow", "pyspark", "rich", "typer"}
    return heavy & set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import spark_lineage", set()),
        ("from spark_lineage import LineageError", set()),
        ("from spark_lineage import configure", set()),
        ("from spark_lineage import open", {"deltalake", "pyarrow", "rich"}),
        ("import spark_lineage.show.cli", {"rich", "typer"}),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_loaded(statement: str, heavy: set[str]) -> None:
    assert loaded_by(statement) == heavy


def test_open_reads_without_spark(store: Path) -> None:
    lineage = spark_lineage.open(store)
    assert lineage.store == store
    assert repr(lineage) == f"<Lineage of the store {store}>"
    assert lineage.table("report").to_dict()["columns"][0]["sources"][0]["expression"] == "sum(amount)"
    assert [node["name"] for node in lineage.upstream("report.total", depth=1).to_dict()["nodes"]] == [
        "/srv/lake/orders",
        "/srv/lake/report",
    ]
    assert len(lineage.downstream("orders").to_dict()["edges"]) == 1
    assert [run["id"] for run in lineage.runs(limit=1).to_dict()["runs"]] == ["b:2"]
    assert len(lineage.problems().to_dict()["problems"]) == 1
    assert len(lineage.search("TOTAL").to_dict()["matches"]) == 1
    assert len(lineage.tables().to_dict()["tables"]) == 3


def test_an_answer_draws_itself(store: Path) -> None:
    answer = spark_lineage.open(store).table("report")
    assert str(answer) == repr(answer)
    assert str(answer).splitlines()[0] == "shop.report  exact"
    assert answer._repr_html_().startswith('<div class="spark-lineage"><style>')


def test_the_json_of_an_answer_is_a_copy(store: Path) -> None:
    answer = spark_lineage.open(store).table("report")
    answer.to_dict()["columns"].clear()
    assert len(answer.to_dict()["columns"]) == 1


def test_a_lineage_draws_itself_escaped() -> None:
    drawn = api.Lineage(spark_lineage.settings.load_settings(store="/tmp/<b>"))._repr_html_()
    assert drawn.endswith("</style>Lineage of the store /tmp/&lt;b&gt;</div>")


def test_flush_needs_a_session(store: Path) -> None:
    with pytest.raises(BridgeError, match="listens to no session, so there is nothing to flush"):
        spark_lineage.open(store).flush()


def test_wrong_settings_are_refused_at_once() -> None:
    with pytest.raises(SettingError, match="There is no setting colour"):
        spark_lineage.configure(SimpleNamespace(_options={}), colour="red")
    with pytest.raises(SettingError, match="allowed is a local folder"):
        spark_lineage.open("lineage", spool="s3://bucket/spool")


def test_a_missing_store_and_an_unknown_name(store: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no store at"):
        spark_lineage.open(tmp_path / "none").tables()
    with pytest.raises(NameLookupError) as raised:
        spark_lineage.open(store).table("reprot")
    assert raised.value.candidates == ("report",)


def test_open_ingests_before_each_answer(
    store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ingested: list[tuple[Path, Path | str]] = []

    def ingest(spool: Path, into: Path | str) -> IngestReport:
        ingested.append((spool, into))
        return IngestReport(messages=("A segment was bad.",))

    monkeypatch.setattr(api, "ingest_spool", ingest)
    lineage = spark_lineage.open(store, spool=tmp_path)
    assert ingested == []
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match=r"^A segment was bad\.$"):
            lineage.tables()
    assert ingested == [(tmp_path, store)] * 2


def test_open_leaves_the_spool_alone_when_told(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "ingest_spool", None)
    assert len(spark_lineage.open(store, ingest=False).tables().to_dict()["tables"]) == 3
