"""What an RDD was computed from: the files and tables at the ends of its ancestry.

What a program does between them cannot be seen. So the answer is a superset: every column that was read, or the dataset
as a whole where its columns are not known, is a source of all that comes out. Through the RDD of a query the sources are those that
are seen, and more may be missing: the tables that the query broadcast, or used in subqueries, are no parents of its RDD.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spark_lineage.analyze.identity import Naming, jdbc_id
from spark_lineage.analyze.relations import Located, by_paths
from spark_lineage.analyze.values import SourceKey, Trace
from spark_lineage.model import Certainty, Dataset, Subtype

IN_MEMORY_RDDS = frozenset({"ParallelCollectionRDD", "EmptyRDD"})
"""RDDs of the program's own data: no source, and that is exact."""

_KNOWN_RDDS = IN_MEMORY_RDDS | {
    "MapPartitionsRDD", "PythonRDD", "PairwiseRDD", "UnionRDD", "CoalescedRDD", "ShuffledRDD", "CoGroupedRDD", "CartesianRDD",
    "ZippedPartitionsRDD2", "ZippedWithIndexRDD", "PartitionwiseSampledRDD", "PartitionerAwareUnionRDD",
}  # fmt: skip
"""RDDs that are either data of the program or computed from others alone: for records that do not mark the ends."""

_QUERY = "SQLExecutionRDD"
"""The RDD of a query, in which everything that it broadcast is out of sight."""

_INTERNAL_COLUMNS = ("__delta_internal_", "_tmp_metadata_", "_databricks_internal_")


@dataclass(frozen=True, slots=True)
class Read:
    """A dataset that an RDD reads; `columns` is empty where they are not known."""

    located: Located
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ancestry:
    """What an RDD was computed from; `unknown` says what else it may have read, in words."""

    reads: tuple[Read, ...]
    unknown: tuple[str, ...]

    @property
    def certainty(self) -> Certainty:
        """Exact for the program's own data, else a superset, or not known."""
        if self.unknown:
            return Certainty.OPAQUE
        return Certainty.OVER_APPROXIMATE if self.reads else Certainty.EXACT

    def sources(self, operator: str) -> dict[SourceKey, Trace]:
        """Everything that was read, as the sources of each value that comes out at an operator."""
        trace = Trace(operator, certainty=Certainty.OVER_APPROXIMATE, functions=frozenset({"rdd"}))
        return {
            (read.located.dataset.id, column, Subtype.TRANSFORMATION): trace
            for read in self.reads
            for column in read.columns or (None,)
        }

    def located(self) -> tuple[Located, ...]:
        """The datasets that were read."""
        return tuple(dict.fromkeys(read.located for read in self.reads))


def ancestry(facts: Mapping[str, Any], naming: Naming) -> Ancestry:
    """What the facts of an RDD tell: `{"ancestry": [{"class", "leaf", "paths", "columns", ...}], "ancestry_cut"}`."""
    entries = [each for each in facts.get("ancestry") or () if isinstance(each, Mapping)]
    marked = any(each.get("leaf") for each in entries)
    ends = [
        each for each in entries if each.get("leaf") or (not marked and each.get("class") not in _KNOWN_RDDS)
    ]
    reads: list[Read] = []
    unknown = {} if entries else {"the RDD": None}
    if facts.get("ancestry_cut"):
        unknown["the RDDs beyond the bridge's limit"] = None
    if not marked and not any(each.get("class") in IN_MEMORY_RDDS for each in entries):
        unknown["the RDD"] = None
    if any(each.get("class") == _QUERY for each in entries):
        unknown["a broadcast or a subquery of its query"] = None
    for each in ends:
        found = tuple(_reads(each, naming))
        reads.extend(found)
        if not found and each.get("class") not in IN_MEMORY_RDDS:
            unknown[str(each.get("class"))] = None
    return Ancestry(tuple(dict.fromkeys(reads)), tuple(unknown))


def _reads(end: Mapping[str, Any], naming: Naming) -> Iterator[Read]:
    columns = tuple(
        each
        for each in end.get("columns") or ()
        if isinstance(each, str) and not each.startswith(_INTERNAL_COLUMNS)
    )
    for located in by_paths([path for path in end.get("paths") or () if path], (), naming):
        yield Read(located, columns)
    url, table = end.get("url"), end.get("table")
    if isinstance(url, str) and isinstance(table, str):
        identity = jdbc_id(url, table)
        yield Read(Located(Dataset(identity.namespace, identity.name, (), "jdbc")), columns)
