"""Declared lineage: what tables are expected to be made of, and what must never flow where. docs/declared.md describes the file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from spark_lineage.model import Certainty, Subtype

__all__ = [
    "ColumnDeclaration",
    "Declaration",
    "ExpectedName",
    "ExpectedSource",
    "FlowDeclaration",
    "Flows",
    "OwnerDeclaration",
    "TableDeclaration",
]


class Flows(str, Enum):
    """Which kinds of edges make a flow."""

    DIRECT = "direct"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class ExpectedName:
    """A glob, and the line that it stands on (1 is the first; 0: not from a file)."""

    pattern: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class ExpectedSource:
    """A column (glob) that is expected as a source; `kind` and `masked` None where any will do."""

    pattern: str
    kind: Subtype | None = None
    masked: bool | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class ColumnDeclaration:
    """A column that a table is to have.

    `sources` are its DIRECT sources one hop back, all of them, and INDIRECT ones that it has among others; None: not said.
    `depends_on` are globs of columns that it is made of over any number of hops, each one met; with `depends_only` every path back
    meets one of them. With `complete` the INDIRECT sources are all of them, too. What is no surer than `certainty` is taken for sure.
    """

    name: str
    type: str | None = None
    sources: tuple[ExpectedSource, ...] | None = None
    depends_on: tuple[ExpectedName, ...] = ()
    depends_only: bool = False
    flows: Flows = Flows.DIRECT
    complete: bool = False
    certainty: Certainty = Certainty.EXACT
    line: int = 0


@dataclass(frozen=True, slots=True)
class TableDeclaration:
    """A table as it is to be.

    `sources` are the tables (globs) that it is made of directly, all of them; `required_sources` some of those upstream at any
    distance; `rows` all that decides its rows; `jobs` the jobs (globs) that may write it. None: not said. With `complete` it has the
    declared columns and no others. `certainty` is as for a column, of its sources and rows.
    """

    name: str
    owner: str | None = None
    sources: tuple[ExpectedName, ...] | None = None
    required_sources: tuple[ExpectedName, ...] = ()
    rows: tuple[ExpectedSource, ...] | None = None
    jobs: tuple[ExpectedName, ...] | None = None
    columns: tuple[ColumnDeclaration, ...] = ()
    complete: bool = False
    certainty: Certainty = Certainty.EXACT
    line: int = 0


@dataclass(frozen=True, slots=True)
class FlowDeclaration:
    """A flow that must not be, over any number of hops: from columns or tables (globs) to others."""

    sources: tuple[ExpectedName, ...]
    targets: tuple[ExpectedName, ...]
    flows: Flows = Flows.DIRECT
    masked_allowed: bool = False
    reason: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class OwnerDeclaration:
    """The owner of the tables that a glob names."""

    pattern: str
    owner: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Declaration:
    """All that is declared; `path` is the file. With `complete` every table that was written is declared in `tables`.

    With `observed` it is what a store had, not what somebody expects: what was known then and is opaque now is lost.
    """

    path: str = ""
    tables: tuple[TableDeclaration, ...] = ()
    forbidden: tuple[FlowDeclaration, ...] = ()
    owners: tuple[OwnerDeclaration, ...] = ()
    owner_required: tuple[ExpectedName, ...] = ()
    complete: bool = False
    complete_line: int = 0
    observed: bool = False
