"""A write that differs, told as findings: one sentence each, with the evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from spark_lineage.compare.drift.lineages import EQUIVALENT, UNKNOWN, ColumnChange, Hop, SourceChange
from spark_lineage.compare.drift.schemas import SchemaChange, SchemaColumnChange
from spark_lineage.compare.findings import Finding
from spark_lineage.model import DatasetId, Severity
from spark_lineage.query.answers import DatasetReference
from spark_lineage.query.names import short_alias

if TYPE_CHECKING:
    from spark_lineage.compare.drift.diff import WriteDiff

__all__ = ["findings_of", "missing_plan", "schema_finding", "short_name"]

_WORD = re.compile(r"\w+|[^\w\s()]+")
"""A name, a function or an operator in the text of an expression; parentheses are not compared."""

_TO = {"added": "came", "removed": "went", "changed": "reaches it in another way"}


def short_name(dataset: DatasetReference) -> str:
    """How a sentence names a dataset: its shortest alias without the default catalog, else the end of its name.

    >>> short_name(DatasetReference("file", "/w/lake/orders", ("spark_catalog.shop.orders",)))
    'shop.orders'
    >>> short_name(DatasetReference("file", "/w/lake/orders"))
    'lake/orders'
    """
    return short_alias(dataset.aliases, "/".join(dataset.name.split("/")[-2:]))


def findings_of(write: WriteDiff) -> list[Finding]:
    """What a write's comparison found; empty where nothing differs."""
    if write.verdict == UNKNOWN and not write.lineage.columns:
        return [missing_plan(write)]
    return [*_whole(write), *_columns(write), *_constants(write), *_schemas(write)]


def missing_plan(write: WriteDiff, runs: int = 1) -> Finding:
    """That nothing is known of what `write.after` did, and `runs - 1` runs before it."""
    plans = "is made by a plan that is" if runs == 1 else f"was made {runs} times by plans that are"
    message = f"{short_name(write.target)} {plans} not in the store: whether it changed is not known."
    return _finding(write, "plan_missing", Severity.WARNING, message)


def schema_finding(
    change: SchemaChange, job: str | None, run_id: str | None, at: int | None
) -> list[Finding]:
    """The findings of a dataset's schema change, one for each column."""
    return [_schema(change, column, job, run_id, at) for column in change.columns]


def _finding(
    write: WriteDiff, kind: str, severity: Severity, message: str, field: str | None = None, **evidence: str
) -> Finding:
    run = write.after or write.before
    return Finding(
        kind, severity, message,
        dataset=DatasetId(write.target.namespace, write.target.name),
        field=field,
        job=write.job,
        run_id=run.run_id if run else None,
        at=(run.at or None) if run else None,
        evidence=(*_plans(write), *evidence.items()),
    )  # fmt: skip


def _plans(write: WriteDiff) -> Iterator[tuple[str, str]]:
    before, after = write.before, write.after
    if before is not None:
        yield "run_before", before.run_id
    if before is not None and after is not None and before.fingerprint != after.fingerprint:
        yield "plan_before", before.fingerprint
        yield "plan_after", after.fingerprint
    if before is not None and after is not None and before.spark_version != after.spark_version:
        yield "spark_before", before.spark_version
        yield "spark_after", after.spark_version


def _whole(write: WriteDiff) -> Iterator[Finding]:
    target = short_name(write.target)
    if write.before is None:
        operation = write.after.operation if write.after else ""
        message = (
            f"{write.job} writes {target}, by {operation}, and did not before."
            if write.is_first
            else f"{write.job} also writes {target} by another plan, of {operation}."
        )
        yield _finding(write, "write_added", Severity.INFO, message)
    elif write.after is None:
        message = f"{write.job} does not write {target} by its {write.before.operation} any more."
        yield _finding(write, "write_removed", Severity.WARNING, message)
    if write.lineage.operations:
        before, after = write.lineage.operations
        message = f"{target} is written by {after}, before by {before}."
        yield _finding(write, "operation_changed", Severity.WARNING, message, before=before, after=after)
    if write.lineage.selects:
        message = f"{target} is made by another plan, and only a literal that selects (a key, a path, a version) differs."
        yield _finding(write, "selection_changed", Severity.WARNING, message)
    if write.verdict == EQUIVALENT:
        message = f"{target} is made by another plan with the same lineage: operators or expressions differ."
        yield _finding(write, "plan_equivalent", Severity.INFO, message)


def _columns(write: WriteDiff) -> Iterator[Finding]:
    for column in write.lineage.columns:
        expressions = _expressions(column)
        place = (
            f"{short_name(write.target)}.{column.name}"
            if column.name
            else f"the rows of {short_name(write.target)}"
        )
        if column.change == UNKNOWN:
            message = f"What {place} comes from is not known of both plans: whether it changed is not known."
            yield _finding(write, "column_unknown", Severity.WARNING, message, column.name, **expressions)
            continue
        if column.change != "changed":
            severity = Severity.INFO if column.change == "added" else Severity.WARNING
            message = f"The column {place} {_TO[column.change]}."
            yield _finding(write, f"column_{column.change}", severity, message, column.name, **expressions)
            continue
        if column.type_before != column.type_after:
            message = f"The column {place} is {column.type_after}, before {column.type_before}."
            types = {"before": column.type_before or "", "after": column.type_after or ""}
            yield _finding(write, "column_type_changed", Severity.WARNING, message, column.name, **types)
        for source in column.sources:
            name = _source(source)
            message = {
                "added": f"{name} is a new source of {place} ({_hops(source.after)}).",
                "removed": f"{name} is no source of {place} any more (before: {_hops(source.before)}).",
                "changed": f"{name} reaches {place} by {_hops(source.after)}, before by {_hops(source.before)}.",
            }[source.change]
            evidence = {"source": name, **expressions}
            yield _finding(
                write, f"source_{source.change}", Severity.WARNING, message, column.name, **evidence
            )
        if not column.sources and column.type_before == column.type_after:
            severity, message = _of_expression(column, place)
            yield _finding(write, "expression_changed", severity, message, column.name, **expressions)


def _of_expression(column: ColumnChange, place: str) -> tuple[Severity, str]:
    """An expression whose sources are the same: of the same names, functions and operators in another order, or of others.

    `a * b` and `b * a` may give the same; `a * b` and `a / b` do not.
    """
    before, after = (
        sorted(_WORD.findall(" ".join(texts)))
        for texts in (column.expressions_before, column.expressions_after)
    )
    if before == after:
        return (
            Severity.INFO,
            f"The expression of {place} is written in another way; its sources are the same.",
        )
    return Severity.WARNING, f"The expression of {place} computes something else; its sources are the same."


def _constants(write: WriteDiff) -> Iterator[Finding]:
    for constant in write.constants:
        which = f"Constant {constant.position} of {constant.count}" if constant.count > 1 else "The constant"
        is_rows = constant.place.startswith("* ")
        of = (
            f"the {constant.place[2:].replace('_', ' ').lower()} of {short_name(write.target)}"
            if is_rows
            else f"{short_name(write.target)}.{constant.place}"
        )
        evidence = {"place": constant.place, "position": str(constant.position), "of": str(constant.count)}
        message = f"{which} in {of} has another value than before."
        field = None if is_rows else constant.place
        yield _finding(write, "constant_changed", Severity.WARNING, message, field, **evidence)


def _schemas(write: WriteDiff) -> Iterator[Finding]:
    run = write.after
    for change in write.schemas:
        yield from schema_finding(
            change, write.job, run.run_id if run else None, (run.at or None) if run else None
        )


def _schema(
    change: SchemaChange, column: SchemaColumnChange, job: str | None, run_id: str | None, at: int | None
) -> Finding:
    name = f"{short_name(change.dataset)}.{column.name}"
    message = {
        "added": f"{name} is a new column ({column.type_after}) of what was {change.direction}.",
        "removed": f"{name} is missing in what was {change.direction}; it was {column.type_before}.",
        "changed": f"{name} was {change.direction} as {column.type_after}, before as {column.type_before}.",
    }[column.change]
    severity = Severity.INFO if column.change == "added" else Severity.WARNING
    dataset = DatasetId(change.dataset.namespace, change.dataset.name)
    evidence = {"change": column.change, "before": column.type_before or "", "after": column.type_after or ""}
    return Finding(
        "schema_changed", severity, message, dataset, column.name, job, run_id, at, tuple(evidence.items())
    )


def _expressions(column: ColumnChange) -> dict[str, str]:
    """The expressions before and after; of the conditions on rows those that only one plan has."""
    before, after = column.expressions_before, column.expressions_after
    if column.name is None:
        before, after = (
            tuple(text for text in own if text not in other)
            for own, other in ((before, after), (after, before))
        )
    texts = {"expression_before": before, "expression_after": after}
    return {name: "; ".join(each) for name, each in texts.items() if each}


def _source(source: SourceChange) -> str:
    at = f"@{source.version}" if source.version else ""
    return f"{short_name(source.dataset)}{at}" + (f".{source.field}" if source.field else "")


def _hops(hops: tuple[Hop, ...]) -> str:
    """The kinds in which a source is met; none where no column of it is used."""
    words = [
        hop.subtype.value.replace("_", " ").lower()
        + (", masked" if hop.masking else "")
        + ("" if hop.certainty == "exact" else f", {hop.certainty.replace('_', ' ')}")
        for hop in hops
    ]
    return " and ".join(words) or "read without a column"
