"""A whole check: a declaration and the jobs and tables that are to have lineage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from spark_lineage.compare.checked import CheckAnswer
from spark_lineage.compare.declaration import Declaration
from spark_lineage.compare.declared import check
from spark_lineage.compare.declared_file import read_declaration
from spark_lineage.compare.required import require_lineage
from spark_lineage.query.snapshot import Snapshot

__all__ = ["check_all", "read"]


def read(declaration: Declaration | Path | str | None) -> Declaration:
    """The declaration itself, that of a file, or an empty one. Raises `DeclarationError`."""
    if declaration is None:
        return Declaration()
    return declaration if isinstance(declaration, Declaration) else read_declaration(declaration)


def check_all(
    snapshot: Snapshot, declaration: Declaration, required: Iterable[str] = (), *, strict: bool = False
) -> CheckAnswer:
    """All expectations, those of `required` last."""
    answer = check(snapshot, declaration, strict=strict)
    return replace(
        answer,
        expectations=(*answer.expectations, *(require_lineage(snapshot, name) for name in required)),
    )
