"""One direction: a module imports only what stands before it, and reading a store imports no Spark."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.paths import REPOSITORY

PACKAGE = REPOSITORY / "spark_lineage"

WORDS = {"errors", "model", "owned", "settings"}
"""What every stage may use: the shared vocabulary."""

# Layer -> the layers it may import besides itself, and the packages of others. The longest prefix counts.
LAYERS: dict[str, tuple[set[str], set[str]]] = {
    "errors": (set(), set()),
    "model": (set(), set()),
    "owned": (set(), set()),
    "settings": ({"errors"}, {"tomli"}),
    "capture": (WORDS, {"pyspark", "py4j"}),
    "decode": (WORDS, {"msgspec"}),
    "analyze": (WORDS | {"decode"}, set()),
    "store": (WORDS, {"deltalake", "pyarrow"}),
    "store.spark": (WORDS | {"store"}, {"pyarrow", "pyspark", "py4j", "delta"}),
    "query": (WORDS | {"store"}, {"pyarrow"}),
    "pipeline": (WORDS | {"capture", "decode", "analyze", "store"}, {"pyarrow", "deltalake"}),
    "compare": (
        WORDS | {"planning", "capture", "decode", "analyze", "store", "query", "pipeline"},
        {"pyarrow", "yaml", "deltalake"},
    ),
    "planning": (WORDS | {"capture", "decode", "analyze"}, {"msgspec", "pyspark", "py4j"}),
    "jobs": (WORDS | {"capture", "decode", "analyze", "store", "query", "pipeline"}, {"pyspark"}),
    "show": (WORDS | {"capture", "store", "query", "pipeline", "compare"}, {"rich", "pyspark"}),
    "switch": (WORDS | {"capture"}, {"pyspark"}),
    "api": (WORDS | {"capture", "store", "query", "pipeline", "compare", "show", "switch"}, {"pyspark"}),
    "demo": (
        WORDS | {"capture", "store", "query", "pipeline", "show", "api", "switch"},
        {"rich", "pyspark", "delta", "pandas"},
    ),
    "show.completion": (WORDS | {"show", "api"}, {"typer"}),
    "show.command": (WORDS | {"pipeline", "show", "api"}, {"rich", "typer"}),
    "show.commands": (
        WORDS | {"capture", "store", "query", "pipeline", "compare", "show", "api", "demo"},
        {"rich", "typer"},
    ),
    "show.cli": (WORDS | {"show"}, {"typer"}),
    "testing": (WORDS | {"compare", "show", "api"}, {"rich"}),
    "pytest_plugin": ({"capture", "api"}, {"pytest"}),
    "__main__": ({"show.cli"}, set()),
    "__init__": ({"api", "errors", "switch"}, set()),
}


def layer_of(module: str) -> str:
    """The layer that a module (without `spark_lineage.`) belongs to."""
    return max((layer for layer in LAYERS if f"{module}.".startswith(f"{layer}.")), key=len, default="")


def imports_of(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import: write the whole name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wrong_imports(path: Path) -> Iterator[str]:
    """The imports of a file that its layer may not have."""
    module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
    own = layer_of(module)
    if not own:
        yield f"{module} belongs to no layer"
        return
    before, others = LAYERS[own]
    for name in imports_of(path):
        top, _, inner = name.partition(".")
        if top != "spark_lineage":
            if top not in sys.stdlib_module_names and top not in others:
                yield f"{module} imports {top}"
        elif inner not in {"__version__", ""}:
            target = layer_of(inner)
            if target != own and target not in before and target.partition(".")[0] not in before:
                yield f"{module} imports spark_lineage.{inner}"


@pytest.mark.smoke35
def test_imports_go_backward_only():
    files = sorted(PACKAGE.rglob("*.py"))
    assert files
    assert [wrong for path in files for wrong in wrong_imports(path)] == []


def test_the_check_finds_what_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    (tmp_path / "analyze").mkdir()
    path = tmp_path / "analyze" / "rules.py"
    path.write_text(
        "import json\nimport pyspark\nfrom spark_lineage.store import schema\nimport spark_lineage.decode.tree\n"
    )
    assert list(wrong_imports(path)) == [
        "analyze.rules imports pyspark",
        "analyze.rules imports spark_lineage.store.schema",
    ]


SCRIPT = """
import json, sys
from spark_lineage.show.cli import main
code = main(sys.argv[1:])
heavy = sorted({name.partition(".")[0] for name in sys.modules} & {"pyspark", "py4j", "delta", "pandas", "IPython"})
print(json.dumps([code, heavy]), file=sys.stderr)
"""

READING = [
    ["table", "report"],
    ["upstream", "report.total"],
    ["downstream", "orders.amount"],
    ["runs"],
    ["run", "report"],
    ["why", "report"],
    ["impact", "orders"],
    ["problems"],
    ["search", "x"],
    ["ingest"],
]


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_reading_a_store_imports_no_spark(tmp_path, words):
    command = [sys.executable, "-c", SCRIPT, *words, "--store", str(tmp_path / "store")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    _, heavy = json.loads(done.stderr.splitlines()[-1])
    assert heavy == []


@pytest.mark.parametrize("words", [["--help"], ["flags"]], ids=" ".join)
def test_help_and_flags_import_nothing_heavy(words):
    script = SCRIPT.replace('"pyspark",', '"pyspark", "pyarrow", "deltalake",')
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    assert json.loads(done.stderr.splitlines()[-1]) == [0, []]
