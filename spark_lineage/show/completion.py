"""What the shell offers for a table or a column: names from the store, silently nothing when it cannot be read."""

from __future__ import annotations

import typer

from spark_lineage.errors import LineageError
from spark_lineage.show.words import Json, Labels

_LIMIT = 200
"""Names that are offered at most: more is no help on a command line."""


def complete_table(context: typer.Context, incomplete: str) -> list[str]:
    """Short names of the store's tables that begin with what was typed."""
    datasets = _datasets(context)
    labels = Labels(datasets)
    return _beginning_with(incomplete, [labels.of(dataset) for dataset in datasets])


def complete_column(context: typer.Context, incomplete: str) -> list[str]:
    """Short names of tables and, once a table is typed with its dot, of its columns."""
    datasets = _datasets(context)
    labels = Labels(datasets)
    tables = {labels.of(dataset): dataset for dataset in datasets}
    columns = [
        f"{label}.{name}"
        for label, dataset in tables.items()
        if incomplete.startswith(f"{label}.")
        for name in dataset["columns"]
    ]
    return _beginning_with(incomplete, [*tables, *columns])


def _datasets(context: typer.Context) -> list[Json]:
    # Deltalake is loaded only when somebody presses TAB on a name; and TAB ingests nothing and says nothing.
    from spark_lineage import api  # noqa: PLC0415 - see above

    try:
        lineage = api.open(context.params.get("store"), spool=context.params.get("spool"), ingest=False)
        datasets: list[Json] = lineage.tables().to_dict()["tables"]
    except LineageError:
        return []
    return datasets


def _beginning_with(incomplete: str, names: list[str]) -> list[str]:
    return sorted({name for name in names if name.startswith(incomplete)})[:_LIMIT]
