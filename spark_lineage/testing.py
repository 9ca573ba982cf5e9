"""Assertions about lineage, for tests: each fails with one sentence and a small table of what was expected and found.

    from spark_lineage.testing import assert_column_depends_on, assert_no_flow

    def test_report(spark, lineage):
        make_report(spark)
        assert_column_depends_on(lineage, "report.total", "orders.amount")
        assert_no_flow(lineage, "*.ssn", "public.*")

Names are globs as in docs/declared.md, but for the table or column that an assertion is about. Lineage that is a superset or not known
there proves nothing, so it fails an assertion unless `strict` is false.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from spark_lineage.compare.declared.declaration import (
    ColumnDeclaration,
    Declaration,
    ExpectedName,
    ExpectedSource,
    FlowDeclaration,
    Flows,
    TableDeclaration,
)
from spark_lineage.errors import NameLookupError
from spark_lineage.model import Subtype
from spark_lineage.show.words import Json, Labels, clean

if TYPE_CHECKING:
    from spark_lineage.api import Lineage

__all__ = [
    "Sources",
    "assert_column_depends_on",
    "assert_column_depends_only_on",
    "assert_lineage_equal",
    "assert_no_flow",
]

Sources: TypeAlias = str | Iterable[str] | Mapping[str, str | None]
"""One source, several, or sources with their kinds (`AGGREGATION`, None for any)."""


def assert_column_depends_on(
    lineage: Lineage, column: str, *sources: str, kinds: str = "direct", strict: bool = True
) -> None:
    """Assert that a column (`report.total`) is made of each of the sources, over any number of hops.

    `kinds` is `direct` or `all`, which counts what decides a value or the rows, too. Raises `AssertionError`, and ValueError
    for other kinds.
    """
    _assert_depends(lineage, column, sources, kinds, only=False, strict=strict)


def assert_column_depends_only_on(
    lineage: Lineage, column: str, *sources: str, kinds: str = "direct", strict: bool = True
) -> None:
    """Assert that a column is made of each of the sources, and that every path back from it meets one of them."""
    _assert_depends(lineage, column, sources, kinds, only=True, strict=strict)


def assert_no_flow(
    lineage: Lineage,
    source: str,
    target: str,
    *,
    kinds: str = "direct",
    masked_allowed: bool = False,
    strict: bool = True,
) -> None:
    """Assert that nothing of the source columns or tables gets into the targets, over any number of hops.

    With `masked_allowed` a path that masks is no flow. Names that the store does not have fail the assertion: it would say nothing.
    """
    flow = FlowDeclaration(
        (ExpectedName(source),), (ExpectedName(target),), Flows(kinds), masked_allowed=masked_allowed
    )
    answer = lineage.check(Declaration(forbidden=(flow,)), strict=strict).to_dict()
    findings = [
        finding
        for finding in answer["findings"]
        if finding["severity"] == "error" or finding["kind"] == "nothing_matches"
    ]
    if findings:
        hops = [
            (name, value)
            for finding in findings
            for name, value in finding["evidence"].items()
            if "hop" in name
        ]
        _fail([finding["message"] for finding in findings], _grid(("hop", "from -> to"), hops))


def assert_lineage_equal(
    lineage: Lineage, table: str, columns: Mapping[str, Sources], *, strict: bool = True
) -> None:
    """Assert that a table has these columns, no others, and that each has these DIRECT sources one hop back.

        assert_lineage_equal(lineage, "report", {"day": "orders.day", "total": {"orders.amount": "AGGREGATION"}})

    Raises `AssertionError`, and ValueError for a kind that is none.
    """
    expected = {name: _expected_sources(sources) for name, sources in columns.items()}
    found = _ask(lineage.table, table)
    declared = TableDeclaration(
        name=f"{found['dataset']['namespace']}:{found['dataset']['name']}",
        columns=tuple(ColumnDeclaration(name, sources=sources) for name, sources in expected.items()),
        complete=True,
    )
    findings = _errors(lineage, Declaration(tables=(declared,)), strict=strict)
    if findings:
        bad = {finding["field"].casefold() for finding in findings if finding["field"]}
        _fail([finding["message"] for finding in findings], _comparison(expected, found, bad))


def _assert_depends(
    lineage: Lineage, column: str, sources: Sequence[str], kinds: str, *, only: bool, strict: bool
) -> None:
    if not sources:
        raise ValueError(f"No source was named that {column} is to depend on: name at least one.")
    start = _ask(lineage.upstream, column)["start"]
    declared = ColumnDeclaration(
        name=start["field"] or column,
        depends_on=tuple(map(ExpectedName, sources)),
        depends_only=only,
        flows=Flows(kinds),
    )
    if start["field"] is None:
        raise AssertionError(f"{column} is a table: name one of its columns.")
    table = TableDeclaration(f"{start['namespace']}:{start['name']}", columns=(declared,))
    findings = _errors(lineage, Declaration(tables=(table,)), strict=strict)
    if findings:
        rows = [
            (finding["evidence"].get("expected", ""), finding["evidence"].get("found", ""))
            for finding in findings
        ]
        _fail([finding["message"] for finding in findings], _grid(("expected", "found"), rows))


def _ask(question: object, name: str) -> Json:
    try:
        answer: Json = question(name).to_dict()  # type: ignore[operator]  # a method of Lineage
    except NameLookupError as error:
        raise AssertionError(str(error)) from None
    return answer


def _errors(lineage: Lineage, declaration: Declaration, *, strict: bool) -> list[Json]:
    findings = lineage.check(declaration, strict=strict).to_dict()["findings"]
    return [finding for finding in findings if finding["severity"] == "error"]


def _expected_sources(sources: Sources) -> tuple[ExpectedSource, ...]:
    if isinstance(sources, str):
        return (ExpectedSource(sources),)
    if isinstance(sources, Mapping):
        return tuple(
            ExpectedSource(pattern, None if kind is None else Subtype(kind.upper()))
            for pattern, kind in sources.items()
        )
    return tuple(map(ExpectedSource, sources))


def _comparison(expected: Mapping[str, tuple[ExpectedSource, ...]], found: Json, bad: set[str]) -> Table:
    """A row for each column of either side: what was expected, what was found, red where they differ."""
    labels = Labels(source for column in found["columns"] for source in column["sources"])
    has = {
        column["name"]: "\n".join(
            f"{labels.column(source)} {source['subtype']}"
            for source in column["sources"]
            if source["type"] == "DIRECT"
        )
        or "(no source)"
        for column in found["columns"]
    }
    wants = {
        name: "\n".join(
            f"{source.pattern} {source.kind.value if source.kind else ''}".strip() for source in sources
        )
        or "(no source)"
        for name, sources in expected.items()
    }
    folded = {name.casefold(): name for name in has}
    table = _frame("column", "expected", "found")
    for name, want in wants.items():
        style = "red" if name.casefold() in bad else "green"
        got = has.pop(folded.get(name.casefold(), ""), "(no such column)")
        table.add_row(Text(name), Text(_clean_lines(want), style=style), Text(_clean_lines(got), style=style))
    for name, got in has.items():
        table.add_row(Text(name), Text("(no such column)", style="red"), Text(_clean_lines(got), style="red"))
    return table


def _clean_lines(text: str) -> str:
    """The text with what cannot be printed spelled out, line by line."""
    return "\n".join(map(clean, text.split("\n")))


def _grid(headers: Sequence[str], rows: Sequence[tuple[str, str]]) -> Table | None:
    if not any(any(row) for row in rows):
        return None
    table = _frame(*headers)
    for first, second in dict.fromkeys(rows):
        table.add_row(Text(clean(first), style="green"), Text(clean(second), style="red"))
    return table


def _frame(*headers: str) -> Table:
    table = Table()
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def _fail(sentences: Sequence[str], table: RenderableType | None) -> None:
    """Raise an AssertionError that says what is wrong, with the table below."""
    console = Console(
        width=100,
        force_terminal=_coloured(),
        color_system="standard" if _coloured() else None,
        highlight=False,
        legacy_windows=False,
    )
    with console.capture() as capture:
        if table is not None:
            console.print(table)
    said = "\n".join(map(clean, sentences))
    raise AssertionError(f"{said}\n{capture.get()}".rstrip("\n"))


def _coloured() -> bool:
    """Whether messages have colours: in a terminal, or where FORCE_COLOR says so; never with NO_COLOR."""
    if os.environ.get("NO_COLOR"):
        return False
    terminal = sys.__stdout__
    return bool(os.environ.get("FORCE_COLOR") or (terminal is not None and terminal.isatty()))
