"""Spark's own SQL test files, `sql-tests/inputs` of the test jar, read as `SQLQueryTestSuite` reads them.

A file is statements between semicolons (or between `--QUERY-DELIMITER-START` and `-END`), comments, and directives:
`--SET name=value,...`, `--IMPORT file` (its statements come first), `--CONFIG_DIM1 name=value,...` (dimensions of
settings: the file runs with each combination of their lines). The folder says what a file needs besides.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from queries import SOURCES

INPUTS = SOURCES / "sql-tests" / "inputs"
RESULTS = SOURCES / "sql-tests" / "results"
NOT_RUN = frozenset({"ignored.sql"})
"""`ignored.sql` tests that the suite can ignore a file."""

UDF_KINDS = ("TestScalaUDF", "TestPythonUDF", "TestScalarPandasUDF")
"""What each file in `udf/` is run with, under the name `udf`: classes of Spark's `IntegratedUDFTestUtils`."""

_SEMICOLON = re.compile(r"(?<=[^\\]);")


@dataclass(frozen=True)
class SqlFile:
    """One run of an input file.

    `name` is its path below `inputs`, with `@kind` where a UDF's kind is chosen, and `%1` with the second combination of settings.
    """

    name: str
    statements: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]
    udf: str | None = None

    @property
    def folder(self) -> str:
        """The outermost folder below `inputs`, empty for the files that stand in `inputs` itself."""
        return self.name.partition("/")[0] if "/" in self.name else ""


@dataclass(frozen=True)
class Golden:
    """What Spark's own result file says of one statement: its schema, `struct<>` where it fails or gives nothing."""

    sql: str
    schema: str
    output: str

    @property
    def fails(self) -> bool:
        """Whether the output is an exception: its class, then its message or the parts of it as JSON."""
        return self.schema == "struct<>" and re.fullmatch(r"[a-z]\w*(\.\w+)+", self.error_class) is not None

    @property
    def error_class(self) -> str:
        """The first line of the output: the class of the exception, where it is one."""
        return self.output.partition("\n")[0]

    @property
    def condition(self) -> str | None:
        """The exception's error condition; older exceptions have none."""
        found = re.search(r'"(?:errorClass|condition)" : "([^"]+)"', self.output)
        return found[1] if self.fails and found else None


def file_names() -> tuple[str, ...]:
    """The names of all runs; a file in `udf/` is three. First all with their first settings, sorted, then the others."""
    names, others = [], []
    for path in sorted(INPUTS.rglob("*.sql")):
        name = path.relative_to(INPUTS).as_posix()
        if name in NOT_RUN:
            continue
        runs = [f"{name}@{kind}" for kind in UDF_KINDS] if name.startswith("udf/") else [name]
        names += runs
        combinations = len(_combinations(_split(name)[0]))
        others += [f"{run}%{number}" for number in range(1, combinations) for run in runs]
    return (*names, *others)


def path_of(name: str) -> str:
    """The path of a run's file."""
    return name.partition("%")[0].partition("@")[0]


def read_file(name: str) -> SqlFile:
    """The statements and settings of one run."""
    run, _, number = name.partition("%")
    path, _, udf = run.partition("@")
    comments, code = _split(path)
    imported = [line for file in _after(comments, "--IMPORT ") for line in _split(file.strip())[1]]
    settings = tuple(pair for line in _after(comments, "--SET ") for pair in _pairs(line))
    if path.startswith("udaf/"):
        udf = "TestGroupedAggPandasUDF"
    statements = _statements([*imported, *code])
    return SqlFile(name, statements, (*settings, *_combinations(comments)[int(number or 0)]), udf or None)


def read_golden(name: str) -> tuple[Golden, ...]:
    """The golden results of a run's statements, in their order."""
    file = RESULTS / f"{path_of(name)}.out"
    segments = re.split(r"-- !query.*\n", file.read_text(encoding="utf-8"))[1:]
    if len(segments) % 3:
        raise ValueError(f"{file.name} does not have a statement, a schema and an output in turn")
    triples = zip(segments[::3], segments[1::3], segments[2::3], strict=True)
    return tuple(Golden(sql.strip(), schema.strip(), output.strip()) for sql, schema, output in triples)


def _split(name: str) -> tuple[list[str], list[str]]:
    """The comment lines and the other lines of an input file."""
    comments, code = [], []
    for line in Path(INPUTS / name).read_text(encoding="utf-8").split("\n"):
        text = line.strip()
        is_comment = text.startswith("--") and not text.startswith("--QUERY-DELIMITER")
        (comments if is_comment else code).append(line)
    return comments, code


def _after(comments: list[str], directive: str) -> list[str]:
    return [line[len(directive) :] for line in comments if line.startswith(directive)]


def _pairs(line: str) -> list[tuple[str, str]]:
    return [
        (name.strip(), value.strip()) for name, _, value in (part.partition("=") for part in line.split(","))
    ]


def _combinations(comments: list[str]) -> list[tuple[tuple[str, str], ...]]:
    """One line of each dimension, in all ways, but for code generation: that is the runner's choice."""
    lines: dict[str, dict[tuple[tuple[str, str], ...], None]] = {}
    for line in _after(comments, "--CONFIG_DIM"):
        dimension, _, settings = line.partition(" ")
        pairs = tuple(pair for pair in _pairs(settings) if not pair[0].startswith("spark.sql.codegen."))
        lines.setdefault(dimension, {})[pairs] = None
    return [tuple(itertools.chain(*each)) for each in itertools.product(*lines.values())]


def _statements(code: list[str]) -> tuple[str, ...]:
    found: list[str] = []
    outside: list[str] = []
    inside: list[str] | None = None
    for line in code:
        if line.strip().startswith("--QUERY-DELIMITER-START"):
            found += _SEMICOLON.split("\n".join(outside))
            outside, inside = [], []
        elif line.strip().startswith("--QUERY-DELIMITER-END"):
            found.append("\n".join(inside or ()).removesuffix(";"))
            inside = None
        else:
            (outside if inside is None else inside).append(line)
    found += _SEMICOLON.split("\n".join(outside))
    bare = (
        "\n".join(line for line in each.strip().split("\n") if not line.startswith("--")) for each in found
    )
    return tuple(text for each in bare if (text := each.strip()))
