"""Two plans of one write beside each other: what of their lineage differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from spark_lineage.model import Certainty, DatasetId, Subtype
from spark_lineage.query.answers import DatasetReference, Json
from spark_lineage.store.schema import Row

__all__ = [
    "CHANGED",
    "EQUIVALENT",
    "IDENTICAL",
    "UNKNOWN",
    "ColumnChange",
    "Hop",
    "LineageChange",
    "PlanLineage",
    "SourceChange",
    "compare_plans",
]

IDENTICAL, EQUIVALENT, CHANGED, UNKNOWN = "identical", "equivalent", "changed", "unknown"
"""Verdicts: one plan; another shape with the same lineage; another lineage; alike as far as both are known."""

SourceId: TypeAlias = tuple[str, str, str, str]
"""Namespace, name, field (empty for the whole dataset) and the version that the query asked for."""


@dataclass(frozen=True, slots=True, order=True)
class Hop:
    """How a source reaches its target."""

    subtype: Subtype
    masking: bool
    certainty: str

    def to_dict(self) -> Json:
        """The hop's JSON."""
        kind = Subtype(self.subtype)
        return {
            "type": kind.type.value,
            "subtype": kind.value,
            "masking": self.masking,
            "certainty": self.certainty,
        }


@dataclass(frozen=True, slots=True)
class PlanLineage:
    """A plan's row and those of its edges."""

    plan: Row
    edges: Sequence[Row]


@dataclass(frozen=True, slots=True)
class SourceChange:
    """A source that was added, removed, or reaches its target in another way; `field` None is the whole dataset."""

    change: str
    dataset: DatasetReference
    field: str | None
    version: str | None
    before: tuple[Hop, ...]
    after: tuple[Hop, ...]

    def to_dict(self) -> Json:
        """The change's JSON."""
        return {
            "change": self.change,
            **self.dataset.to_dict(),
            "field": self.field,
            "version": self.version,
            "before": [hop.to_dict() for hop in self.before],
            "after": [hop.to_dict() for hop in self.after],
        }


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A column of the target, or (`name` None) what decides its rows, that differs; expressions and types before and after.

    `change` is UNKNOWN where nothing is known of it in one of the plans (opaque): then nothing is said of its sources.
    """

    name: str | None
    change: str
    type_before: str | None
    type_after: str | None
    expressions_before: tuple[str, ...]
    expressions_after: tuple[str, ...]
    sources: tuple[SourceChange, ...]

    @property
    def is_shape(self) -> bool:
        """Whether only the way it is written differs."""
        return self.change == CHANGED and not self.sources and self.type_before == self.type_after

    def to_dict(self) -> Json:
        """The change's JSON."""
        return {
            "name": self.name,
            "change": "expression" if self.is_shape else self.change,
            "type_before": self.type_before,
            "type_after": self.type_after,
            "expressions_before": list(self.expressions_before),
            "expressions_after": list(self.expressions_after),
            "sources": [source.to_dict() for source in self.sources],
        }


@dataclass(frozen=True, slots=True)
class LineageChange:
    """The verdict on two plans, and the columns that differ, in the order of the later plan; the rows (None) come last.

    `operations` are the operation before and after, where they differ; `selects` is whether they differ in nothing but
    a literal that selects (a map's key, a path, a version): then the plan is another one and its edges are the same.
    """

    verdict: str
    columns: tuple[ColumnChange, ...] = ()
    operations: tuple[str, str] | None = None
    selects: bool = False


def compare_plans(
    before: PlanLineage, after: PlanLineage, reference: Mapping[DatasetId, DatasetReference]
) -> LineageChange:
    """What differs from one plan to another. `reference` has the datasets' aliases, where there are some."""
    if before.plan["fingerprint"] == after.plan["fingerprint"]:
        return LineageChange(IDENTICAL)
    names = _names(before, after)
    old, new = _Side(before, names), _Side(after, names)
    columns = tuple(
        change for key in _keys(old, new) if (change := _column(key, old, new, reference)) is not None
    )
    operations = _operation(before.plan), _operation(after.plan)
    moved = operations if operations[0] != operations[1] else None
    if moved or not all(change.is_shape or change.change == UNKNOWN for change in columns):
        return LineageChange(CHANGED, columns, moved)
    if any(change.change == UNKNOWN for change in columns):
        return LineageChange(UNKNOWN, columns)
    # What a fingerprint has besides: where all of this is alike, only a literal that selects is left to differ.
    alike = not columns and sorted(old.shape) == sorted(new.shape)
    return LineageChange(CHANGED if alike else EQUIVALENT, columns, None, selects=alike)


def _operation(plan: Row) -> str:
    return f"{plan['operation']} (replaces the table)" if plan["overwrites"] else str(plan["operation"])


class _Side:
    """One plan by columns; a key of `columns` is a column's name as both plans spell it, None for the rows."""

    def __init__(self, lineage: PlanLineage, names: Mapping[str, str]) -> None:
        columns = lineage.plan["columns"]
        self.types = {names.get(each["name"], each["name"]): each["type"] for each in columns}
        self.opaque: set[str | None] = {
            names.get(each["name"], each["name"])
            for each in columns
            if each["certainty"] == Certainty.OPAQUE.value
        }
        if lineage.plan["certainty"] == Certainty.OPAQUE.value:
            self.opaque.add(None)
        self.sources: dict[str | None, dict[SourceId, set[Hop]]] = {}
        self.expressions: dict[str | None, set[str]] = {}
        self.shape: list[str] = [each["id"] for each in lineage.plan["operators"]]
        for edge in lineage.edges:
            field = edge["target_field"]
            name = field if field is None else names.get(field, field)
            source = (
                edge["source_namespace"],
                edge["source_name"],
                edge["source_field"] or "",
                edge["source_version"] or "",
            )
            hop = Hop(Subtype(edge["subtype"]), bool(edge["masking"]), edge["certainty"])
            self.sources.setdefault(name, {}).setdefault(source, set()).add(hop)
            self.expressions.setdefault(name, set()).add(edge["expression"])
            ways = (*edge["transformations"], "via", *edge["via"])
            self.shape.append(repr((name, source, hop.subtype.value, edge["operator"], ways)))
        self.read = {(edge["source_namespace"], edge["source_name"]) for edge in lineage.edges}
        for each in lineage.plan["datasets"]:
            if (each["namespace"], each["name"]) not in self.read:  # no column of it is used, as by count(*)
                source = (each["namespace"], each["name"], "", "")
                self.sources.setdefault(None, {}).setdefault(source, set())


def _names(before: PlanLineage, after: PlanLineage) -> dict[str, str]:
    """Another spelling of a column in the earlier plan -> that of the later one: Spark takes names in either case."""
    spelled = {each["name"].lower(): each["name"] for each in after.plan["columns"]}
    own = [each["name"] for each in before.plan["columns"]]
    if len(spelled) < len(after.plan["columns"]) or len({name.lower() for name in own}) < len(own):
        return {}
    return {name: spelled[name.lower()] for name in own if name.lower() in spelled}


def _keys(old: _Side, new: _Side) -> list[str | None]:
    named = {**dict.fromkeys(new.types), **dict.fromkeys(old.types)}
    inner = sorted(
        {name for side in (new, old) for name in side.sources if name is not None and name not in named}
    )
    return [*named, *inner, None]


def _column(
    name: str | None, old: _Side, new: _Side, reference: Mapping[DatasetId, DatasetReference]
) -> ColumnChange | None:
    earlier, later = (dict(side.sources.get(name, {})) for side in (old, new))
    if name is None:
        _forget_unknown(earlier, later, old, new)
    types = (old.types.get(name), new.types.get(name)) if name is not None else (None, None)
    texts = tuple(sorted(filter(None, side.expressions.get(name, set()))) for side in (old, new))
    sources = tuple(_sources(earlier, later, reference))
    change = CHANGED
    if name is not None:
        is_old, is_new = (name in side.types or name in side.sources for side in (old, new))
        change = CHANGED if is_old and is_new else "added" if is_new else "removed"
        if change == CHANGED and (name in old.opaque) != (name in new.opaque):
            return ColumnChange(name, UNKNOWN, *types, tuple(texts[0]), tuple(texts[1]), ())
    if change == CHANGED and not sources and types[0] == types[1] and texts[0] == texts[1]:
        return None
    return ColumnChange(name, change, *types, tuple(texts[0]), tuple(texts[1]), sources)


def _forget_unknown(
    earlier: dict[SourceId, set[Hop]], later: dict[SourceId, set[Hop]], old: _Side, new: _Side
) -> None:
    """Take from what decides the rows what an opaque plan leaves open: a source that it does not name may be one of it all the same."""
    for opaque, own, other, read in ((new, later, earlier, old.read), (old, earlier, later, new.read)):
        if None in opaque.opaque:
            for source in other.keys() - own.keys():
                del other[source]
            for source in own.keys() - other.keys():
                if source[:2] in read:  # a column of it is read there; here it is not known which
                    del own[source]


def _sources(
    earlier: Mapping[SourceId, set[Hop]],
    later: Mapping[SourceId, set[Hop]],
    reference: Mapping[DatasetId, DatasetReference],
) -> Iterable[SourceChange]:
    for source in sorted({*earlier, *later}):
        if earlier.get(source) == later.get(source):
            continue
        change = "added" if source not in earlier else "removed" if source not in later else CHANGED
        namespace, name, field, version = source
        dataset = reference.get(DatasetId(namespace, name), DatasetReference(namespace, name))
        before, after = (tuple(sorted(each.get(source, ()))) for each in (earlier, later))
        yield SourceChange(change, dataset, field or None, version or None, before, after)
