"""The command line: answers, exit codes, errors, help, completion; most of it in this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from spark_lineage import __version__
from spark_lineage.capture import session
from spark_lineage.errors import BridgeError
from spark_lineage.show import cli
from spark_lineage.show.command import SECTIONS

TABLE = """\
shop.report  exact
file /srv/lake/report
1 run, the last complete 1970-01-01 00:00:02 UTC, 3 rows

  total  double
    sum(amount)
    aggregation     shop.orders.amount

1 problem
  warning Something was odd. At Foo#3. Look at it.
"""

UPSTREAM = """\
shop.report.total
sum(amount)
└── shop.orders.amount  aggregation
    cast(amount as double)
    └── raw/orders.csv.amount  transformation

1 problem
  warning Something was odd. At Foo#3. Look at it.

Full names
  raw/orders.csv  /srv/raw/orders.csv
"""

COMMANDS = sorted(command.name or command.callback.__name__ for command in cli.app.registered_commands)


def run(capfd: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command line."""
    exit_code = cli.main([str(word) for word in words])
    captured = capfd.readouterr()
    return exit_code, captured.out, captured.err


def error_of(out: str) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(out)["error"]
    return error


def test_the_commands() -> None:
    assert COMMANDS == [
        "check",
        "compare",
        "demo",
        "diff",
        "doctor",
        "downstream",
        "drift",
        "flags",
        "freshness",
        "impact",
        "ingest",
        "jar",
        "plan",
        "problems",
        "run",
        "runs",
        "search",
        "stream",
        "table",
        "tables",
        "unusual",
        "upstream",
        "validate",
        "why",
    ]


def test_a_table(capfd: pytest.CaptureFixture[str], store: Path) -> None:
    assert run(capfd, "table", "report", "--store", store) == (0, TABLE, "")


def test_upstream(capfd: pytest.CaptureFixture[str], store: Path) -> None:
    assert run(capfd, "upstream", "report.total", "--store", store) == (0, UPSTREAM, "")


def test_depth_is_a_number_of_hops(capfd: pytest.CaptureFixture[str], store: Path) -> None:
    exit_code, out, _ = run(capfd, "upstream", "report.total", "--depth", "1", "--json", "--store", store)
    answer = json.loads(out)
    assert (exit_code, answer["depth"]) == (0, 1)
    assert [(edge["source"]["name"], edge["expression"]) for edge in answer["edges"]] == [
        ("/srv/lake/orders", "sum(amount)")
    ]


def test_downstream(capfd: pytest.CaptureFixture[str], store: Path) -> None:
    exit_code, out, err = run(capfd, "downstream", "raw/orders.csv.amount", "--store", store)
    assert (exit_code, out.splitlines()[0], err) == (
        0,
        "raw/orders.csv.amount reaches 2 tables: 2 columns",
        "",
    )


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (
            ["table", "report"],
            ["dataset", "certainty", "plans", "runs", "last_run", "columns", "rows", "problems"],
        ),
        (["upstream", "report.total"], ["start", "direction", "depth", "nodes", "edges", "problems"]),
        (["downstream", "orders"], ["start", "direction", "depth", "nodes", "edges", "problems"]),
        (["runs", "--limit", "1"], ["runs"]),
        (["problems"], ["problems"]),
        (["search", "amount"], ["text", "matches"]),
        (["tables"], ["tables", "edges", "problems"]),
        (["stream"], ["streams"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_every_answer_is_json_with_a_version(
    capfd: pytest.CaptureFixture[str], store: Path, words: list[str], keys: list[str]
) -> None:
    exit_code, out, err = run(capfd, *words, "--json", "--store", store)
    answer = json.loads(out)
    assert (exit_code, err, list(answer), answer["schema_version"]) == (0, "", ["schema_version", *keys], 1)


def test_runs_are_limited(capfd: pytest.CaptureFixture[str], store: Path) -> None:
    _, out, _ = run(capfd, "runs", "--limit", "1", "--json", "--store", store)
    assert [run["id"] for run in json.loads(out)["runs"]] == ["b:2"]


def test_an_unknown_table_is_wrong_use(capfd: pytest.CaptureFixture[str], store: Path) -> None:
    exit_code, out, err = run(capfd, "table", "reprot", "--store", store)
    assert (exit_code, out) == (2, "")
    assert err == 'error: There is no table "reprot" in the store: did you mean report?\n'


def test_an_error_is_json_too(capfd: pytest.CaptureFixture[str], store: Path) -> None:
    exit_code, out, err = run(capfd, "table", "reprot", "--store", store, "--json")
    message = 'There is no table "reprot" in the store: did you mean report?'
    assert (exit_code, err) == (2, f"error: {message}\n")
    assert json.loads(out) == {"error": {"code": "name", "message": message, "candidates": ["report"]}}


def test_a_missing_store_is_a_problem(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    exit_code, out, err = run(capfd, "tables", "--store", tmp_path / "none", "--json")
    assert (exit_code, error_of(out)["code"]) == (1, "store")
    assert err.startswith(f"error: There is no store at {tmp_path / 'none'}: ")


def test_a_wrong_setting_is_wrong_use(
    capfd: pytest.CaptureFixture[str], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_LINEAGE_LITERALS", "some")
    exit_code, out, err = run(capfd, "tables", "--store", store)
    assert (exit_code, out) == (2, "")
    assert err == "error: Setting SPARK_LINEAGE_LITERALS is 'some': allowed is masked or kept.\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["impact"],
            "Invalid value: Name a table or column, or what would be missing (--without): see `spark-lineage impact --help`.",
        ),
        (["upstream"], "Missing argument 'TABLE[.COLUMN]': see `spark-lineage upstream --help`."),
        (["tabel"], "No such command 'tabel'. Did you mean 'table', 'tables'? See `spark-lineage --help`."),
        (["tables", "--depth", "1"], "No such option: --depth: see `spark-lineage tables --help`."),
    ],
    ids=["neither", "argument", "command", "option"],
)
def test_wrong_words_are_wrong_use(
    capfd: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    exit_code, out, err = run(capfd, *words, "--json")
    assert (exit_code, err) == (2, f"error: {sentence}\n")
    assert json.loads(out) == {"error": {"code": "usage", "message": sentence, "candidates": []}}


def test_a_wrong_value_is_wrong_use(capfd: pytest.CaptureFixture[str]) -> None:
    exit_code, out, err = run(capfd, "upstream", "a", "--depth", "0")
    assert (exit_code, out) == (2, "")
    assert err.startswith("error: Invalid value for '--depth': ")


def test_no_words_give_the_help_as_wrong_use(capfd: pytest.CaptureFixture[str]) -> None:
    exit_code, out, err = run(capfd)
    assert (exit_code, out, err.splitlines()[0]) == (
        2,
        "",
        "Usage: spark-lineage [OPTIONS] COMMAND [ARGS]...",
    )


def test_a_fault_of_ours_is_a_sentence(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "jar_path", lambda: 1 / 0)
    exit_code, out, err = run(capfd, "jar")
    assert (exit_code, out) == (1, "")
    assert err == (
        "error: This is a fault of spark-lineage (division by zero, ZeroDivisionError): run it again with "
        "SPARK_LINEAGE_DEBUG=1 and report what it prints.\n"
    )


def test_debug_shows_the_traceback(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_LINEAGE_DEBUG", "1")
    monkeypatch.setattr(session, "jar_path", lambda: 1 / 0)
    exit_code, _, err = run(capfd, "jar")
    assert (exit_code, err.splitlines()[0]) == (1, "Traceback (most recent call last):")


def test_the_jar(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(session, "jar_path", lambda: tmp_path / "bridge.jar")
    assert run(capfd, "jar") == (0, f"{tmp_path / 'bridge.jar'}\n", "")


def test_a_missing_jar_is_a_problem(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> Path:
        raise BridgeError("The jar is missing: build it.")

    monkeypatch.setattr(session, "jar_path", missing)
    assert run(capfd, "jar") == (1, "", "error: The jar is missing: build it.\n")


def test_flags_are_quoted_for_the_shell(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "flags", lambda _settings: ("--jars", "/a b.jar", "--conf", "x=1"))
    assert run(capfd, "flags") == (0, "--jars '/a b.jar' --conf x=1\n", "")


def test_an_ingest_of_nothing(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    place = ["--store", tmp_path / "store", "--spool", spool]
    warning = f"warning: There is no folder {spool}: no job has written there yet, or the path is another.\n"
    assert run(capfd, "ingest", *place) == (0, "Nothing waits in the spool.\n", warning)
    spool.mkdir()
    assert run(capfd, "ingest", *place) == (0, "Nothing waits in the spool.\n", "")


@pytest.fixture
def bad_spool(tmp_path: Path) -> Path:
    """A spool with one sealed segment that is none."""
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "00000000-0000-0000-0000-000000000001-00000000.seg").write_bytes(b"no segment at all, only text")
    return spool


def test_an_ingest_of_something_bad_exits_1(
    capfd: pytest.CaptureFixture[str], bad_spool: Path, tmp_path: Path
) -> None:
    exit_code, out, err = run(capfd, "ingest", "--store", tmp_path / "store", "--spool", bad_spool)
    assert exit_code == 1
    assert "Kept aside, because they could not be read: " in out
    assert err.startswith("warning: ")


def test_an_ingest_on_the_way_only_warns(
    capfd: pytest.CaptureFixture[str], bad_spool: Path, tmp_path: Path
) -> None:
    exit_code, out, err = run(capfd, "tables", "--store", tmp_path / "store", "--spool", bad_spool, "--json")
    assert (exit_code, json.loads(out)["tables"]) == (0, [])
    assert err.startswith("warning: ")


def test_no_ingest_leaves_the_spool(capfd: pytest.CaptureFixture[str], bad_spool: Path, store: Path) -> None:
    before = sorted(bad_spool.iterdir())
    exit_code, _, err = run(capfd, "tables", "--store", store, "--spool", bad_spool, "--no-ingest")
    assert (exit_code, err, sorted(bad_spool.iterdir())) == (0, "", before)


def test_the_version(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "--version") == (0, f"spark-lineage {__version__}\n", "")


def test_every_command_has_its_place_in_the_help() -> None:
    placed = [name for names in SECTIONS.values() for name in names]
    assert sorted(placed) == sorted(COMMANDS)


@pytest.mark.parametrize(
    "command", [[], *([name] for name in COMMANDS)], ids=lambda words: (words or ["all"])[0]
)
def test_help_has_examples_and_fits_80_columns(capfd: pytest.CaptureFixture[str], command: list[str]) -> None:
    exit_code, out, err = run(capfd, *command, "--help")
    examples = out.partition("Example")[2].splitlines()[2:]
    assert (exit_code, err) == (0, "")
    assert examples
    assert all(" ".join(["spark-lineage", *command]) in line for line in examples)
    assert "..." not in out.partition("Options:")[2].partition("Example")[0]
    assert max(map(len, out.partition("Example")[0].splitlines())) <= 80


def complete(store: Path | None, typed: str, *before: str) -> list[str]:
    """What bash is offered for a last word `typed` after the words `before`."""
    words = ["spark-lineage", *before, *(["--store", str(store)] if store else []), typed]
    environment = {"_SPARK_LINEAGE_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words)}
    command = typer.main.get_command(cli.app)
    runner = CliRunner(env={**environment, "COMP_CWORD": str(len(words) - 1)})
    result = runner.invoke(cli.app, [], prog_name="spark-lineage")
    assert (command.name, result.exit_code) == ("spark-lineage", 0)
    return result.stdout.split()


def test_commands_complete() -> None:
    assert complete(None, "do") == ["downstream", "doctor"]


def test_tables_complete_from_the_store(store: Path) -> None:
    assert complete(store, "", "table") == ["raw/orders.csv", "shop.orders", "shop.report"]
    assert complete(store, "shop.r", "table") == ["shop.report"]


def test_columns_complete_once_their_table_is_typed(store: Path) -> None:
    assert complete(store, "shop.re", "upstream") == ["shop.report"]
    assert complete(store, "shop.report.", "upstream") == ["shop.report.total"]


def test_completion_of_a_missing_store_is_silent(tmp_path: Path) -> None:
    assert complete(tmp_path / "none", "", "table") == []


def python(*words: str | Path, pipe: str = "") -> subprocess.CompletedProcess[str]:
    """Run `python -m spark_lineage`, or what `pipe` makes of its output."""
    command = [sys.executable, "-m", "spark_lineage", *map(str, words)]
    environment = os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[2])}
    return subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$@" {pipe}', "bash", *command],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def test_as_a_module(store: Path) -> None:
    done = python("table", "report", "--store", store)
    assert (done.returncode, done.stdout, done.stderr) == (0, TABLE, "")


def test_a_closed_pipe_is_no_traceback(store: Path) -> None:
    done = python("runs", "--json", "--store", store, pipe="| true")
    assert (done.stdout, done.stderr) == ("", "")


def test_reading_imports_no_pyspark_and_starts_no_jvm(store: Path) -> None:
    program = (
        "import sys; from spark_lineage.show.cli import main; "
        f"main(['upstream', 'report.total', '--store', {str(store)!r}]); "
        "sys.exit(sorted(name for name in sys.modules if name.split('.')[0] in {'pyspark', 'py4j'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(cli.__file__).parents[2],
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, UPSTREAM, "[]\n")


CANARY = "CnRyPt0000"
PLACES = (
    f"unknown://{CANARY}:{CANARY}/{CANARY}@host/x?sig={CANARY}",
    f"unknown://ann:{CANARY}@host/x?token={CANARY}#{CANARY}",
)


@pytest.mark.parametrize("place", PLACES)
def test_what_a_user_types_with_a_secret_is_not_repeated_with_it(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["tables"], ["table", "a"], ["doctor"], ["run", "a"]):
        for option in ("--store", "--spool"):
            for more in ([], ["--json"]):
                cli.main([*words, option, place, *more])
                printed = capsys.readouterr()
                said = printed.out + printed.err
                assert CANARY not in said, words
                assert "unknown://host/x" in said, words
