"""What the lineage tests share: case files, how a case runs, and how an answer is compared.

A case is SQL or DataFrame code and the whole lineage that a person read out of it. Both, the expectation and
the tool's answer, are written as the same lines of text, so a failure is a diff a person can read.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import tomllib
from packaging.specifiers import SpecifierSet
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F  # noqa: N812  # Spark's own convention

CASE_FOLDER = Path(__file__).parent / "cases"
CTAS = "CREATE TABLE out USING parquet AS"
WIDE_COLUMNS = 400
DIRECT = frozenset({"IDENTITY", "TRANSFORMATION", "AGGREGATION"})


def supports(wanted: str, version: str) -> bool:
    """Whether a version of Spark is among those that are wanted: `>=4.0`, `!=4.0.*`; all where nothing is said."""
    return SpecifierSet(wanted).contains(version)


@dataclass(frozen=True)
class Case:
    """One case of a file. `expected` is the raw table of the file; `database` belongs to this case alone."""

    family: str
    name: str
    database: str
    setup: tuple[str, ...]
    code: str
    select: str
    is_python: bool
    target: str
    spark: str
    expected: dict[str, Any] = field(hash=False)

    def supports(self, version: str) -> bool:
        """Whether the case is meant for this Spark version, such as "4.1.3"; `spark` is like ">=4.0" or "!=4.0.*"."""
        return supports(self.spark, version)


@dataclass(frozen=True)
class Ran:
    """What is known after a case ran: what to ask for, its folder, and Spark's own names and types."""

    lookup: str
    folder: str
    types: dict[str, str] | None
    error: Exception | None = None


def spark_marks() -> list[pytest.MarkDecorator]:
    """The marks of a module whose tests use Spark: what PySpark itself warns of is no failure of ours."""
    return [
        pytest.mark.spark,
        # The sockets of its results are left to the garbage collector.
        pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
        # Spark 3.5 compares the versions of pandas and Arrow with distutils.
        pytest.mark.filterwarnings("ignore:distutils Version classes are deprecated:DeprecationWarning"),
    ]


def version_of(text: str) -> tuple[int, ...]:
    """Major and minor of a version.

    >>> version_of("4.1.3")
    (4, 1)
    """
    return tuple(int(part) for part in text.split(".")[:2])


def load_family(path: Path) -> list[Case]:
    """All cases of one file, in its order; names are unique in it."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    setup = statements(data.get("setup", ""))
    cases = [_case(path.stem, index, setup, raw) for index, raw in enumerate(data["case"])]
    names = [case.name for case in cases]
    assert len(names) == len(set(names)), f"{path.name}: two cases of one name"
    return cases


def load_all() -> list[Case]:
    """Every case of every file, by file name, and the wide table."""
    return [*(case for path in sorted(CASE_FOLDER.glob("*.toml")) for case in load_family(path)), wide_case()]


def wide_case() -> Case:
    """A table of many columns, written out here because a file of them would hide what they say."""
    names = [f"f{n}" for n in range(WIDE_COLUMNS)]
    code = (
        "wide.select(*[F.col(name) if n % 2 else (F.col(name) + F.col('f0')).alias(name) "
        "for n, name in enumerate(wide.columns)]).write.saveAsTable('out')"
    )
    columns = {
        name: [f"wide.{name} IDENTITY"]
        if n % 2
        else sorted({f"wide.{name} TRANSFORMATION", "wide.f0 TRANSFORMATION"})
        for n, name in enumerate(names)
    }
    setup = (f"CREATE TABLE wide({', '.join(f'{name} int' for name in names)}) USING parquet",)
    return _case("wide", 0, setup, {"name": "a wide table", "python": code, "columns": columns})


def _case(family: str, index: int, setup: tuple[str, ...], raw: dict[str, Any]) -> Case:
    known = {"name", "select", "sql", "python", "target", "spark", "setup",
             "certainty", "rows", "problems", "columns", "certainties", "expressions", "transformations", "types", "fields"}  # fmt: skip
    assert set(raw) <= known, f"{family}: {raw['name']}: unknown keys {sorted(set(raw) - known)}"
    forms = {"select", "sql", "python"} & set(raw)
    assert len(forms) == 1, f"{family}: {raw['name']}: one of select, sql and python"
    select = raw.get("select", "").strip()
    return Case(
        family=family,
        name=raw["name"],
        database=f"{family}_{index:02d}",
        setup=setup + statements(raw.get("setup", "")),
        code=f"{CTAS} {select}" if select else raw.get("sql", raw.get("python", "")),
        select=select,
        is_python="python" in raw,
        target=raw.get("target", "out"),
        spark=raw.get("spark", ""),
        expected=raw,
    )


def statements(sql: str) -> tuple[str, ...]:
    """SQL split at semicolons that end a line."""
    return tuple(part.strip() for part in re.split(r";[ \t]*(?:\n|$)", sql) if part.strip())


def run_case(spark: SparkSession, case: Case, folder: Path) -> Ran:
    """Run a case in a session, a database and a folder of its own; an exception is kept for its test."""
    session = spark.newSession()
    folder.mkdir(parents=True)
    lookup = _lookup(case, folder)
    try:
        session.sql(f"CREATE DATABASE {case.database}")
        session.sql(f"USE {case.database}")
        for statement in case.setup:
            session.sql(statement.replace("{tmp}", str(folder)))
        run_code(session, case, folder)
        types = _types(session, case)
    except Exception as error:  # noqa: BLE001  # whatever it is, it fails this case's test and no other
        return Ran(lookup, str(folder), None, error)
    return Ran(lookup, str(folder), types)


def _lookup(case: Case, folder: Path) -> str:
    """What to ask for: `{tmp}/out` is a path, `jdbc:people` a table that Spark's catalog does not know."""
    if re.fullmatch(r"\w+", case.target):
        return f"{case.database}.{case.target}"
    return case.target.replace("{tmp}", str(folder)).removeprefix("jdbc:")


def run_code(session: SparkSession, case: Case, folder: Path) -> None:
    """Run the case's own statements; Python gets `spark`, `tmp`, `F`, `Window` and the tables of the setup."""
    if not case.is_python:
        for statement in statements(case.code):
            session.sql(statement.replace("{tmp}", str(folder)))
        return
    names = re.findall(r"CREATE TABLE (\w+)", "\n".join(case.setup))
    scope: dict[str, Any] = {name: session.table(name) for name in names}
    scope |= {"spark": session, "tmp": str(folder), "F": F, "Window": Window, "__name__": "__main__"}
    exec(compile(case.code, case.name, "exec"), scope)  # noqa: S102  # the case file is the test


def _types(session: SparkSession, case: Case) -> dict[str, str] | None:
    """Name -> simpleString of the target table, from Spark's catalog; None where it is not in the catalog."""
    if not re.fullmatch(r"\w+", case.target) or case.expected.get("types") is False:
        return None
    return dict(session.table(case.target).dtypes)


def expected_lines(case: Case, ran: Ran) -> list[str]:
    """The expectation as lines: certainty, then each column with its sources, then rows and problems."""
    raw = case.expected
    certainty = raw.get("certainty", "exact")
    lines = [f"certainty {certainty}"]
    for name, sources in raw["columns"].items():
        type_ = f" {ran.types[name]}" if ran.types else ""
        lines.append(f"column {name}{type_} {raw.get('certainties', {}).get(name, certainty)}")
        lines += sorted(f"    {source}" for source in sources)
        if name in raw.get("expressions", {}):
            lines.append(f"    = {raw['expressions'][name]}")
        for path, own in sorted(raw.get("fields", {}).items()):
            if path.startswith(f"{name}."):
                lines += [f"    field {path}", *sorted(f"        {source}" for source in own)]
    passed = raw.get("transformations")
    return [
        *lines,
        "rows",
        *sorted(f"    {row}" for row in raw.get("rows", [])),
        *([] if passed is None else ["transformations", *sorted(f"    {each}" for each in passed)]),
        *_problem_lines(raw.get("problems", [])),
    ]


def answer_lines(case: Case, ran: Ran, answer: dict[str, Any]) -> list[str]:
    """The answer of `lineage.table(...).to_dict()` in the same lines."""
    lines = [f"certainty {answer['certainty']}"]
    for column in answer["columns"]:
        type_ = f" {column['type']}" if ran.types else ""
        lines.append(f"column {column['name']}{type_} {column['certainty']}")
        lines += sorted({f"    {source_text(source, case, ran)}" for source in column["sources"]})
        if column["name"] in case.expected.get("expressions", {}):
            direct = {entry["expression"] for entry in column["sources"] if entry["type"] == "DIRECT"}
            lines += sorted(f"    = {expression}" for expression in direct)
        for inner in column.get("fields", ()) if "fields" in case.expected else ():
            own = sorted({f"        {source_text(source, case, ran)}" for source in inner["sources"]})
            lines += [f"    field {inner['name']}", *own]
    rows = sorted({f"    {source_text(row, case, ran)}" for row in answer["rows"]})
    if "transformations" in case.expected:
        entries = [*(each for column in answer["columns"] for each in column["sources"]), *answer["rows"]]
        passed = {f"    {source_text(each, case, ran)}: {_passed(each)}" for each in entries if _passed(each)}
        rows += ["transformations", *sorted(passed)]
    return [*lines, "rows", *rows, *_problem_lines(problem["code"] for problem in answer["problems"])]


def _passed(entry: dict[str, Any]) -> str:
    return " ".join(entry.get("transformations", ()))


def _problem_lines(codes: Any) -> list[str]:
    return ["problems", *sorted(f"    {code}" for code in codes)]


def source_text(entry: dict[str, Any], case: Case, ran: Ran) -> str:
    """One source or row entry as `t.a IDENTITY`, with ` MASKING` and ` via v` where they hold; `t@1.a` of version 1."""
    subtype = entry["subtype"]
    assert entry["type"] == ("DIRECT" if subtype in DIRECT else "INDIRECT"), (
        f"type and subtype disagree: {entry}"
    )
    version = f"@{entry['version']}" if entry.get("version") is not None else ""
    text = f"{short_name(entry, case.database, ran.folder)}{version}.{entry['field'] or '*'} {subtype}"
    if entry.get("masking"):
        text += " MASKING"
    via = sorted(str(name).rpartition(".")[2] for name in entry.get("via") or ())
    return text + (f" via {', '.join(via)}" if via else "")


def short_name(entry: dict[str, Any], database: str, folder: str) -> str:
    """The table's own name inside the case's database, the path inside its folder, else the whole name.

    A dataset of another case therefore never passes for one of this case.
    """
    for alias in entry["aliases"]:
        *_, schema, table = ("", *alias.split("."))
        if schema == database:
            return table
    name = entry["name"]
    if name.startswith(f"{folder}/"):
        return name.removeprefix(f"{folder}/")
    return name if "/" in name else name.rpartition(".")[2].lower()


def assert_same(expected: list[str], actual: list[str], title: str) -> None:
    """Fail with a diff of the two texts, the expectation first."""
    if expected == actual:
        return
    diff = "\n".join(difflib.unified_diff(expected, actual, "expected", "answer", lineterm="", n=99))
    raise AssertionError(f"{title}\n{diff}")


def folder_of(root: Path, case: Case) -> Path:
    """A short folder that no path rule trims: a letter, then the hash of the case's name."""
    digest = hashlib.sha256(case.name.encode()).hexdigest()[:8]
    return root / case.family / f"c{digest}x"
