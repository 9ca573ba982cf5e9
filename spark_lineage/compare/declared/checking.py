"""A whole check: a declaration, a baseline, and the jobs and tables that are to have lineage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from spark_lineage.compare.declared.baseline import declaration_of, named_store
from spark_lineage.compare.declared.checked import CheckAnswer
from spark_lineage.compare.declared.declaration import Declaration
from spark_lineage.compare.declared.file import read_declaration
from spark_lineage.compare.declared.required import require_lineage
from spark_lineage.compare.declared.verdicts import check
from spark_lineage.query.snapshot import Snapshot

__all__ = ["check_all", "read"]


def read(declaration: Declaration | Path | str | None) -> Declaration:
    """The declaration itself, that of a file, or an empty one. Raises `DeclarationError`."""
    if declaration is None:
        return Declaration()
    return declaration if isinstance(declaration, Declaration) else read_declaration(declaration)


def check_all(
    snapshot: Snapshot,
    declaration: Declaration,
    *,
    baseline: str | None = None,
    require: Iterable[str] = (),
    strict: bool = False,
) -> CheckAnswer:
    """All expectations: those of the declaration, those of the store `baseline` (`STORE[@TIME]`), those of `require`.

    Raises `StoreError` for a baseline that cannot be read, `SettingError` for a time that is none.
    """
    answer = check(snapshot, declaration, strict=strict)
    expectations = list(answer.expectations)
    if baseline is not None:
        then = declaration_of(Snapshot(named_store(baseline)))
        expectations += (
            replace(each, what=f"baseline: {each.what}")
            for each in check(snapshot, then, strict=strict).expectations
        )
    expectations += (require_lineage(snapshot, name) for name in require)
    return replace(answer, expectations=tuple(expectations), baseline=baseline)
