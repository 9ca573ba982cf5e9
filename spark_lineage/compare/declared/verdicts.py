"""Lineage as declared against lineage as stored: each expectation, and what deviates from it.

What a superset or an opaque operator leaves open is no deviation and no pass either: it is a warning of the kind
`cannot_be_shown`, an error where the check is strict. Of an observed state, what was known and is opaque now is lost: an error.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from spark_lineage.compare.declared.checked import (
    CheckAnswer,
    Deviation,
    Expectation,
    deviation,
    nothing_matches,
    strictly,
)
from spark_lineage.compare.declared.declaration import (
    ColumnDeclaration,
    Declaration,
    ExpectedName,
    ExpectedSource,
    TableDeclaration,
)
from spark_lineage.compare.declared.flows import check_dependencies, check_flow
from spark_lineage.compare.declared.known import Known
from spark_lineage.compare.declared.patterns import short_name, table_matches
from spark_lineage.errors import DeclarationError, NameLookupError
from spark_lineage.model import Certainty, Dataset, DatasetId, weakest
from spark_lineage.query.graph import Key
from spark_lineage.query.snapshot import Snapshot
from spark_lineage.store.schema import Row

__all__ = ["check"]


def check(snapshot: Snapshot, declaration: Declaration, *, strict: bool = False) -> CheckAnswer:
    """Compare what a store has with what is declared.

    Raises `DeclarationError` for a table's name that means several tables.
    """
    known = Known(snapshot)
    tables = [(table, _table_of(known, declaration, table)) for table in declaration.tables]
    expectations = [each for table, dataset in tables for each in _check_table(known, table, dataset)]
    if declaration.observed:
        expectations += (_check_lost(known, table, each) for table, each in tables if each is not None)
    expectations += (check_flow(known, flow) for flow in declaration.forbidden)
    expectations += _check_owners(known, declaration, tables)
    if declaration.complete:
        expectations.append(_check_complete(known, declaration, [dataset for _, dataset in tables]))
    owned = tuple(_with_owner(known, declaration, tables, each) for each in expectations)
    return CheckAnswer(strictly(owned) if strict else owned, file=declaration.path or None, strict=strict)


def _table_of(known: Known, declaration: Declaration, table: TableDeclaration) -> Dataset | None:
    try:
        return known.table(table.name)
    except NameLookupError as error:
        place = f"{declaration.path}, line {table.line}: " if declaration.path else ""
        raise DeclarationError(f"{place}{error}") from None


def _check_table(known: Known, table: TableDeclaration, dataset: Dataset | None) -> Iterator[Expectation]:
    name = table.name
    if dataset is None:
        message = f"There is no table {name} in the store."
        missing = deviation("table_missing", message, table.line)
        yield Expectation(f"table {name}", table.line, (missing,))
        return
    yield Expectation(f"table {name}", table.line, tuple(_check_plans(known, table, dataset)))
    if table.sources is not None:
        yield _expectation(f"sources of {name}", table, _check_sources(known, table, dataset))
    if table.required_sources:
        yield _expectation(f"required sources of {name}", table, _check_required(known, table, dataset))
    if table.rows is not None:
        key = (dataset.namespace, dataset.name, None)
        found = known.into(dataset.id, None)
        yield _expectation(
            f"rows of {name}", table, _check_column_sources(known, key, table.rows, found, table)
        )
    if table.jobs is not None:
        yield _expectation(
            f"jobs that write {name}", table, _check_jobs(known, table.jobs, dataset, table.line)
        )
    for column in table.columns:
        what = f"column {name}.{column.name}"
        yield Expectation(what, column.line, tuple(_check_column(known, column, dataset)))
    if table.complete:
        yield _expectation(f"columns of {name}", table, _check_columns(known, table, dataset))


def _check_plans(known: Known, table: TableDeclaration, dataset: Dataset) -> Iterator[Deviation]:
    """Whether the store has the plans of the runs that made the table what it is."""
    lost = known.snapshot.state(dataset.id).lost
    key = (dataset.namespace, dataset.name, None)
    if lost:
        message = f"It cannot be shown what {known.label(key)} is made of: the plan of the run {lost[-1]} is not in the store."
        yield deviation("plan_missing", message, table.line, key, certain=False)
    elif not known.snapshot.state(dataset.id).plans and _is_about_writes(table):
        message = (
            f"It cannot be shown what {known.label(key)} is made of: no complete run that is known wrote it."
        )
        yield deviation("source_unexpected", message, table.line, key, certain=False)


def _is_about_writes(table: TableDeclaration) -> bool:
    """Whether something is expected that only a run which wrote the table can show."""
    of_table = (table.sources, table.rows, table.jobs)
    of_columns = any(column.sources is not None for column in table.columns)
    return of_columns or any(each is not None for each in of_table)


def _check_lost(known: Known, table: TableDeclaration, dataset: Dataset) -> Expectation:
    """Whether what was known of a table still is; where columns are lost, they say it."""
    fields = known.fields(dataset.id)
    columns: list[tuple[int, Key]] = [
        (column.line, (dataset.namespace, dataset.name, field))
        for column in table.columns
        if column.certainty is not Certainty.OPAQUE
        and (field := _spelled(column.name, fields)) is not None
        and known.certainty(dataset.id, field) is Certainty.OPAQUE
    ]
    is_lost = known.certainty_of_table(dataset.id) is Certainty.OPAQUE is not table.certainty
    lost = columns or [(table.line, (dataset.namespace, dataset.name, None)) for _ in range(is_lost)]
    return Expectation(
        f"what was known of {table.name}",
        table.line,
        tuple(
            deviation("lineage_lost", f"{_whose(known, key)} was known, and is opaque now.", line, key)
            for line, key in lost
        ),
    )


def _expectation(what: str, table: TableDeclaration, deviations: Iterable[Deviation]) -> Expectation:
    return Expectation(what, table.line, tuple(deviations))


def _check_sources(known: Known, table: TableDeclaration, dataset: Dataset) -> Iterator[Deviation]:
    """The tables that a table is made of directly, but for itself."""
    key, line = (dataset.namespace, dataset.name, None), table.line
    state = known.snapshot.state(dataset.id)
    plans = state.plans
    found = {source for plan in plans for source in plan.datasets}
    is_opaque = bool(state.lost) or any(plan.certainty is Certainty.OPAQUE for plan in plans)
    sure = table.certainty is Certainty.OPAQUE or not is_opaque
    met: set[DatasetId] = set()
    label = known.label(key)
    for name in table.sources or ():
        here = {
            source for source in found if known.names((source.namespace, source.name, None), name.pattern)
        }
        met |= here
        if not here:
            said = "it is not" if sure else "it cannot be shown that it is"
            yield deviation(
                "source_missing", f"{label} is to be made of {name.pattern}, and {said}.", name.line, key, certain=sure
            )  # fmt: skip
    for source in sorted(found - met - {dataset.id}):
        other = known.label((source.namespace, source.name, None))
        yield deviation(
            "source_unexpected", f"{label} is made of {other}, which is not declared.", line, key,
            evidence=(("found", other),),
        )  # fmt: skip
    if not sure:
        yield deviation(
            "source_unexpected", f"It cannot be shown what else {label} is made of: its lineage is opaque.",
            line, key, certain=False,
        )  # fmt: skip


def _check_required(known: Known, table: TableDeclaration, dataset: Dataset) -> Iterator[Deviation]:
    """The tables that are to be upstream at any distance."""
    key = (dataset.namespace, dataset.name, None)
    upstream: set[DatasetId] = set()
    sure = True
    waiting = [dataset.id]
    while waiting:
        here = waiting.pop()
        state = known.snapshot.state(here)
        sure = sure and not (state.lost and table.certainty is not Certainty.OPAQUE)
        for plan in state.walked:
            sure = sure and Certainty.OPAQUE not in {plan.certainty} - {table.certainty}
            fresh = set(plan.datasets) - upstream - ({here} if plan.reads_itself else set())
            upstream |= fresh
            waiting += fresh
    for name in table.required_sources:
        if not any(known.names((each.namespace, each.name, None), name.pattern) for each in upstream):
            said = "it does not" if sure else "it cannot be shown that it does"
            yield deviation(
                "required_source_missing", f"{known.label(key)} is to come from {name.pattern}, and {said}.",
                name.line, key, certain=sure,
            )  # fmt: skip


def _check_jobs(
    known: Known, expected: Sequence[ExpectedName], dataset: Dataset, line: int
) -> Iterator[Deviation]:
    key = (dataset.namespace, dataset.name, None)
    for job in sorted(known.jobs(dataset.id)):
        if not any(fnmatch.fnmatchcase(job, name.pattern) for name in expected):
            listed = ", ".join(name.pattern for name in expected) or "none"
            one = deviation(
                "job_unexpected", f"The job {job} wrote {known.label(key)}; declared is {listed}.", line, key
            )
            yield replace(one, finding=replace(one.finding, job=job))


def _check_column(known: Known, column: ColumnDeclaration, dataset: Dataset) -> Iterator[Deviation]:
    fields = known.fields(dataset.id)
    field = _spelled(column.name, fields)
    table = known.label((dataset.namespace, dataset.name, None))
    if field is None:
        key = (dataset.namespace, dataset.name, column.name)
        yield deviation("column_missing", f"{table} has no column {column.name}.", column.line, key)
        return
    key = (dataset.namespace, dataset.name, field)
    if column.type is not None and _plain(column.type) != _plain(fields[field]):
        found = fields[field] or "not known"
        yield deviation(
            "type_changed", f"{known.label(key)} is {found}, and is to be {column.type}.", column.line, key,
            evidence=(("expected", column.type), ("found", found)), certain=bool(fields[field]),
        )  # fmt: skip
    if column.sources is not None:
        direct = known.into(dataset.id, field)
        yield from _check_column_sources(known, key, column.sources, direct, column)
    yield from check_dependencies(known, column, key)


def _check_column_sources(
    known: Known,
    key: Key,
    expected: Sequence[ExpectedSource],
    rows: Sequence[Row],
    declared: ColumnDeclaration | TableDeclaration,
) -> Iterator[Deviation]:
    """The sources of a column one hop back; of rows (no field) all that decides them."""
    found = list({(_source(row), row["subtype"], row["masking"]): row for row in rows}.values())
    unmet = [each for each in expected if not any(_is(known, each, row) for row in found)]
    extra = [row for row in found if not any(_is(known, each, row) for each in expected)]
    accepted = declared.certainty
    deviations: list[Deviation] = []
    for row in extra:
        near = next((each for each in unmet if known.names(_source(row), each.pattern)), None)
        sure = Certainty(row["certainty"]).rank <= accepted.rank
        if near is not None:
            unmet.remove(near)
            deviations.append(_other_kind(known, key, near, row, sure=sure))
        elif key[2] is None or declared.complete or _is_direct(row):
            deviations.append(_unexpected(known, key, row, declared.line, sure=sure))
    certainty = weakest(
        known.certainty(DatasetId(*key[:2]), key[2]), *(Certainty(row["certainty"]) for row in rows)
    )
    sources = sorted({known.label(_source(row)) for row in found})
    sure = certainty is not Certainty.OPAQUE or accepted is Certainty.OPAQUE
    deviations += (_missing(known, key, each, sources, sure=sure) for each in unmet)
    if certainty.rank > accepted.rank and not deviations:
        why = "some of them are not known" if certainty is Certainty.OPAQUE else "they are a superset"
        message = f"It cannot be shown that {_whose(known, key)} has these sources: {why}."
        deviations.append(deviation("source_unexpected", message, declared.line, key, certain=False))
    yield from deviations


def _other_kind(known: Known, key: Key, expected: ExpectedSource, row: Row, *, sure: bool) -> Deviation:
    wanted, found = _expected_kind(expected), _kind(row)
    return deviation(
        "kind_changed",
        f"{_whose(known, key)} {_comes(sure)} from {known.label(_source(row))} as {found}; declared is {wanted}.",
        expected.line, key, certain=sure,
        evidence=(("expected", wanted), ("found", found), ("expression", row["expression"])),
    )  # fmt: skip


def _unexpected(known: Known, key: Key, row: Row, line: int, *, sure: bool) -> Deviation:
    source = f"{known.label(_source(row))} ({_kind(row)})"
    return deviation(
        "source_unexpected",
        f"{_whose(known, key)} {_comes(sure)} from {source}, which is not declared.",
        line, key, certain=sure, evidence=(("found", source), ("expression", row["expression"])),
    )  # fmt: skip


def _missing(
    known: Known, key: Key, expected: ExpectedSource, sources: Sequence[str], *, sure: bool
) -> Deviation:
    said = "it does not" if sure else "it cannot be shown that it does"
    return deviation(
        "source_missing",
        f"{_whose(known, key)} is to come from {expected.pattern}{_in_brackets(expected)}, and {said}.",
        expected.line, key, certain=sure,
        evidence=(("expected", expected.pattern), ("found", ", ".join(sources) or "nothing")),
    )  # fmt: skip


def _whose(known: Known, key: Key) -> str:
    """The column, or the rows of the table."""
    return known.label(key) if key[2] is not None else f"The set of rows of {known.label(key)}"


def _check_columns(known: Known, table: TableDeclaration, dataset: Dataset) -> Iterator[Deviation]:
    declared = {column.name.casefold() for column in table.columns}
    for name in known.columns(dataset.id):
        if name.casefold() not in declared:
            key = (dataset.namespace, dataset.name, name)
            message = f"{known.label((*key[:2], None))} has a column {name}, which is not declared."
            yield deviation("column_unexpected", message, table.line, key)


def _check_complete(
    known: Known, declaration: Declaration, declared: Collection[Dataset | None]
) -> Expectation:
    ids = {dataset.id for dataset in declared if dataset is not None}
    line = declaration.complete_line
    return Expectation(
        "every table that is written is declared",
        line,
        tuple(
            deviation(
                "table_unexpected", f"The table {short_name(dataset)} is written and not declared.", line,
                (dataset.namespace, dataset.name, None),
            )
            for dataset in known.written()
            if dataset.id not in ids
        ),
    )  # fmt: skip


_Tables = Sequence[tuple[TableDeclaration, Dataset | None]]


def _check_owners(known: Known, declaration: Declaration, tables: _Tables) -> Iterator[Expectation]:
    for each in declaration.owners:
        if not any(table_matches(each.pattern, dataset) for dataset in known.datasets):
            message = f"Nothing in the store is called {each.pattern}: {each.owner} owns nothing by it."
            yield Expectation(f"owner of {each.pattern}", each.line, (nothing_matches(message, each.line),))
    for name in declaration.owner_required:
        named = [dataset for dataset in known.written() if table_matches(name.pattern, dataset)]
        missing = [dataset for dataset in named if _owner(declaration, tables, dataset) is None]
        message = f"No table that is written is called {name.pattern}: the rule says nothing there."
        yield Expectation(
            f"owners of {name.pattern}",
            name.line,
            tuple(
                deviation(
                    "owner_missing", f"The table {short_name(dataset)} has no owner.", name.line,
                    (dataset.namespace, dataset.name, None),
                )
                for dataset in missing
            )
            if named
            else (nothing_matches(message, name.line),),
        )  # fmt: skip


def _owner(declaration: Declaration, tables: _Tables, dataset: Dataset) -> str | None:
    """The owner that is declared with the table itself, else that of the first glob that names it."""
    own = (
        table.owner for table, each in tables if each is not None and each.id == dataset.id and table.owner
    )
    of_globs = (each.owner for each in declaration.owners if table_matches(each.pattern, dataset))
    return next(own, None) or next(of_globs, None)


def _with_owner(known: Known, declaration: Declaration, tables: _Tables, each: Expectation) -> Expectation:
    """The same, where each finding about an owned table names the owner: the one to tell."""

    def told(one: Deviation) -> Deviation:
        dataset = None if one.finding.dataset is None else known.snapshot.datasets.get(one.finding.dataset)
        owner = None if dataset is None else _owner(declaration, tables, dataset)
        if owner is None:
            return one
        return replace(one, finding=replace(one.finding, evidence=(*one.finding.evidence, ("owner", owner))))

    return replace(each, deviations=tuple(map(told, each.deviations)))


def _is(known: Known, expected: ExpectedSource, row: Row) -> bool:
    """Whether an edge is what is expected."""
    kind_fits = expected.kind is None and (_is_direct(row) or row["target_field"] is None)
    kind_fits = kind_fits or (expected.kind is not None and row["subtype"] == expected.kind.value)
    masks = expected.masked is None or row["masking"] == expected.masked
    return kind_fits and masks and known.names(_source(row), expected.pattern)


def _source(row: Row) -> Key:
    return row["source_namespace"], row["source_name"], row["source_field"]


def _is_direct(row: Row) -> bool:
    return row["subtype"] in {"IDENTITY", "TRANSFORMATION", "AGGREGATION"}


def _comes(sure: bool) -> str:  # noqa: FBT001 - a choice of words
    return "comes" if sure else "may come"


def _kind(row: Row) -> str:
    return f"{row['subtype']}{', masked' if row['masking'] else ''}"


def _expected_kind(expected: ExpectedSource) -> str:
    masked = {None: "", True: "masked", False: "not masked"}[expected.masked]
    kind = "" if expected.kind is None else expected.kind.value
    return ", ".join(part for part in (kind, masked) if part) or "a value"


def _in_brackets(expected: ExpectedSource) -> str:
    return "" if expected.kind is None and expected.masked is None else f" ({_expected_kind(expected)})"


def _spelled(name: str, fields: Collection[str]) -> str | None:
    """The field as the table spells it."""
    if name in fields:
        return name
    same = [field for field in fields if field.casefold() == name.casefold()]
    return same[0] if len(same) == 1 else None


def _plain(type_: str) -> str:
    return "".join(type_.split()).casefold()
