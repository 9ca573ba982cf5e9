"""The edges as an index of integers, and walks over it.

A vertex is a column or, with an empty field, a whole table. The rules of a walk stand in docs/json.md; in short: an
edge's end is met by every vertex of the same table that is the whole table, or whose field is the other's,
lies within it or has it within, and by all of them if the end is the whole table. A field keeps its path where the
whole passes on (IDENTITY), and where a plan wrote a column field by field (its edges name fields within the column),
those edges say more than the one to the whole. Nothing here recurses.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate

import pyarrow as pa
import pyarrow.compute as pc

from spark_lineage.model import Certainty, Subtype

__all__ = ["Graph", "Key", "Node", "Walk"]

Key = tuple[str, str, str | None]
"""A vertex: namespace, name and field; None for the whole table."""

_SEPARATOR = "\0"

_BONDS = (
    Subtype.IDENTITY,
    Subtype.TRANSFORMATION,
    Subtype.AGGREGATION,
    Subtype.CONDITIONAL,
    Subtype.WINDOW,
    Subtype.JOIN,
    Subtype.GROUP_BY,
    Subtype.FILTER,
    Subtype.SORT,
)
"""The kinds, the strongest bond first; the first three are DIRECT, each stronger in composition than the one before."""

_DIRECT_KINDS = 3
_MAX_CARRIED_DOTS = 64
"""A field that a cycle of plans would make deeper and deeper is taken with the whole that it lies in."""

_EMPTY_PATH = 1 << (2 * len(_BONDS))
_CERTAINTIES = tuple(Certainty)


@dataclass(frozen=True, slots=True)
class Node:
    """A vertex that a walk met; `subtype` None at depth 0. `certainty` is that of all ways to it, `own` of its own sources alone."""

    key: Key
    depth: int
    subtype: Subtype | None
    masking: bool
    certainty: Certainty
    own: Certainty


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk met: nodes by key, and the row numbers of the edges in `Graph.edges`, ascending."""

    nodes: tuple[Node, ...]
    edges: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Reached:
    """The first half of a walk: how far each vertex is, and the hops (edge, next vertex) out of it."""

    depths: dict[int, int]
    hops: dict[int, list[tuple[int, int]]]


class Graph:
    """An index over edges (rows of the table `edges`) and `columns`, those that have no edges too.

    `certainty_of` says how sure the sources of a vertex are known, apart from its edges.
    """

    def __init__(
        self, edges: pa.Table, columns: Iterable[Key], certainty_of: Callable[[Key], Certainty]
    ) -> None:
        self.edges = edges
        sources, targets = _joined(edges, "source"), _joined(edges, "target")
        known = set(columns)
        others = pa.array([_text(key) for key in known], pa.string())
        keys = pc.unique(pa.chunked_array([*sources.chunks, *targets.chunks, others], pa.string()))
        keys = keys.take(pc.sort_indices(keys))
        self._keys: list[str] = keys.to_pylist()
        self._sources = _End.of(pc.index_in(sources, keys), len(keys))
        self._targets = _End.of(pc.index_in(targets, keys), len(keys))
        subtypes = pa.array([subtype.value for subtype in _BONDS])
        kinds = pc.index_in(edges["subtype"], subtypes).to_pylist()
        self._kinds = [
            2 * kind + masking for kind, masking in zip(kinds, edges["masking"].to_pylist(), strict=True)
        ]
        levels = pa.array([certainty.value for certainty in _CERTAINTIES])
        self._certainties: list[int] = pc.index_in(edges["certainty"], levels).to_pylist()
        self._certainty_of = certainty_of
        self._summaries, self._details = _details(edges, known)

    def upstream(self, start: Key, depth: int | None) -> Walk:
        """All that the start is made of, at most `depth` hops away (None: no limit)."""
        return self._walk(
            start, depth, _Direction(self._upstream_hops, self._upstream_shown, _outer_first, wholes=False)
        )

    def downstream(self, start: Key, depth: int | None) -> Walk:
        """All that is made of the start, at most `depth` hops away (None: no limit)."""
        return self._walk(
            start, depth, _Direction(self._downstream_hops, self._downstream_shown, _inner_first, wholes=True)
        )

    def paths_downstream(self, start: Key) -> dict[Key, tuple[int, ...]]:
        """What is made of the start, each with the edges (row numbers) of one shortest path to it, in their order."""
        direction = _Direction(self._downstream_hops, self._downstream_shown, _inner_first, wholes=True)
        vertices = _Vertices()
        reached = self._reach(vertices, _starts(vertices, start, direction), None, direction)
        paths: dict[int, tuple[int, ...]] = {
            vertex: () for vertex, depth in reached.depths.items() if not depth
        }
        found: dict[Key, tuple[int, ...]] = {}
        for vertex in reached.depths:  # nearest first, as they were met
            hops = reached.hops.get(vertex, [])
            for edge, next_vertex in hops:
                paths.setdefault(next_vertex, (*paths[vertex], edge))
            if paths[vertex]:
                shown = self._downstream_shown(
                    vertices.texts[vertex], vertices.partial[vertex], [edge for edge, _ in hops]
                )
                for text in sorted(set(shown)):
                    found.setdefault(_key(text), paths[vertex])
        return found

    def _walk(self, start: Key, depth: int | None, direction: _Direction) -> Walk:
        vertices = _Vertices()
        reached = self._reach(vertices, _starts(vertices, start, direction), depth, direction)
        labels = self._labels(vertices, reached, direction.compose)
        nodes = self._nodes(vertices, reached, labels, direction)
        return Walk(tuple(nodes), tuple(sorted({edge for hops in reached.hops.values() for edge, _ in hops})))

    def _reach(
        self, vertices: _Vertices, starts: list[int], depth: int | None, direction: _Direction
    ) -> _Reached:
        """Breadth first: each vertex is met once, at its smallest distance."""
        depths = dict.fromkeys(starts, 0)
        hops: dict[int, list[tuple[int, int]]] = {}
        waiting = deque(starts)
        while waiting:
            vertex = waiting.popleft()
            if depth is not None and depths[vertex] >= depth:
                continue
            hops[vertex] = [
                (edge, vertices.number(text, partial))
                for edge, text, partial in direction.hops(vertices.texts[vertex], vertices.partial[vertex])
            ]
            for _, next_vertex in hops[vertex]:
                if next_vertex not in depths:
                    depths[next_vertex] = depths[vertex] + 1
                    waiting.append(next_vertex)
        return _Reached(depths, hops)

    def _upstream_hops(self, text: str, _: bool) -> Iterator[_Hop]:  # noqa: FBT001 - as `_downstream_hops`
        for met, relation in self._met(text):
            for edge in self._targets.edges_at(met):
                far = self._keys[self._sources.vertices[edge]]
                if relation is _Relation.OUTER and not self._is_table(met):
                    if edge in self._summaries:
                        continue
                    far = self._carried(edge, text, met, far)
                if relation is not _Relation.INNER or edge not in self._details:
                    yield edge, far, False

    def _downstream_hops(self, text: str, partial: bool) -> Iterator[_Hop]:  # noqa: FBT001 - a vertex is both
        for met, relation in self._met(text):
            if partial and relation is _Relation.INNER:
                continue
            for edge in self._sources.edges_at(met):
                far = self._keys[self._targets.vertices[edge]]
                if edge in self._summaries:
                    yield edge, far, True
                    continue
                within = relation is _Relation.OUTER and not self._is_table(met)
                carried = self._carried(edge, text, met, far) if within else far
                passes = self._kinds[edge] // 2 == 0 and not self._is_table(met)
                yield edge, carried, partial and passes
                # where a field was taken along with its whole, that whole is reached from the whole
                if edge not in self._details and carried == far:
                    for outer in _outer_fields(far):
                        yield edge, outer, True

    def _carried(self, edge: int, text: str, met: int, far: str) -> str:
        """Where a field within the edge's end goes: with a value that passes on whole, to the same field there."""
        passes = self._kinds[edge] // 2 == 0 and not far.endswith(_SEPARATOR)
        carried = far + text[len(self._keys[met]) :]
        return carried if passes and carried.count(".") <= _MAX_CARRIED_DOTS else far

    def _upstream_shown(self, text: str, _: bool, hops: Sequence[int]) -> Iterator[str]:  # noqa: FBT001
        yield text
        yield from (self._keys[met] for met, _ in self._met(text) if not self._is_table(met))
        yield from (self._keys[self._targets.vertices[edge]] for edge in hops)

    def _downstream_shown(self, text: str, partial: bool, hops: Sequence[int]) -> Iterator[str]:  # noqa: FBT001
        """Fields around a reached one are reached on their own: another kind may lead to the whole."""
        if partial:
            yield from (self._keys[met] for met in self._known([text]))
            return
        yield text
        hidden = set(_outer_fields(text))
        yield from (
            self._keys[met]
            for met, _ in self._met(text)
            if not self._is_table(met) and self._keys[met] not in hidden
        )
        sources = (self._keys[self._sources.vertices[edge]] for edge in hops)
        yield from (source for source in sources if source not in hidden)

    def _labels(
        self, vertices: _Vertices, reached: _Reached, compose: _Compose
    ) -> dict[int, tuple[int, int]]:
        """Vertex -> (set of kinds as bits, worst certainty) over all paths: they only grow, so this ends."""
        own = {
            vertex: _CERTAINTIES.index(self._certainty_of(_key(vertices.texts[vertex])))
            for vertex in reached.depths
        }
        starts = [vertex for vertex, depth in reached.depths.items() if depth == 0]
        labels = {vertex: (_EMPTY_PATH, own[vertex] if compose is _outer_first else 0) for vertex in starts}
        composed: dict[tuple[int, int], int] = {}
        waiting = deque(starts)
        queued = set(starts)
        while waiting:
            vertex = waiting.popleft()
            queued.discard(vertex)
            kinds, certainty = labels[vertex]
            for edge, next_vertex in reached.hops.get(vertex, ()):
                step = (kinds, self._kinds[edge])
                if step not in composed:
                    composed[step] = _composed(*step, compose)
                old = labels.get(next_vertex, (0, 0))
                level = max(old[1], certainty, self._certainties[edge], own[next_vertex])
                new = (old[0] | composed[step], level)
                if new != old:
                    labels[next_vertex] = new
                    if next_vertex not in queued:
                        queued.add(next_vertex)
                        waiting.append(next_vertex)
        return labels

    def _nodes(
        self,
        vertices: _Vertices,
        reached: _Reached,
        labels: dict[int, tuple[int, int]],
        direction: _Direction,
    ) -> Iterator[Node]:
        """The reached vertices, the columns that they meet, and the tables that their hops point to or from."""
        found: dict[str, tuple[int, int, int]] = {}
        for vertex, depth in reached.depths.items():
            hops = [edge for edge, _ in reached.hops.get(vertex, ())]
            shown = direction.shown(vertices.texts[vertex], vertices.partial[vertex], hops)
            kinds, certainty = labels[vertex]
            for each in set(shown):
                old = found.get(each, (depth, 0, 0))
                found[each] = (min(old[0], depth), old[1] | kinds, max(old[2], certainty))
        for text, (depth, kinds, certainty) in sorted(found.items()):
            subtype, masking = (None, False) if depth == 0 else _strongest(kinds)
            key = _key(text)
            yield Node(key, depth, subtype, masking, _CERTAINTIES[certainty], self._certainty_of(key))

    def _met(self, text: str) -> Iterator[tuple[int, _Relation]]:
        """The vertices that the vertex of this text meets, each once, and where they lie to it."""
        head, _, field = text.rpartition(_SEPARATOR)
        if not field:
            first = bisect_left(self._keys, text)
            for met in range(first, bisect_left(self._keys, head + "\1")):
                yield met, _Relation.SAME if self._keys[met] == text else _Relation.INNER
            return
        for position in self._known([head + _SEPARATOR]):
            yield position, _Relation.OUTER
        for position in self._known(_outer_fields(text)):
            yield position, _Relation.OUTER
        for position in self._known([text]):
            yield position, _Relation.SAME
        # "/" is the character after ".": between the two lie the fields within this one.
        for position in range(bisect_left(self._keys, text + "."), bisect_left(self._keys, text + "/")):
            yield position, _Relation.INNER

    def _known(self, texts: Iterable[str]) -> Iterator[int]:
        for text in texts:
            position = bisect_left(self._keys, text)
            if position < len(self._keys) and self._keys[position] == text:
                yield position

    def _is_table(self, vertex: int) -> bool:
        return self._keys[vertex].endswith(_SEPARATOR)


@dataclass(frozen=True, slots=True)
class _End:
    """One end of all edges: the vertex of each edge, and the edges of each vertex (from its offset to the next)."""

    vertices: Sequence[int]
    order: Sequence[int]
    offsets: Sequence[int]

    @staticmethod
    def of(vertices: pa.ChunkedArray, size: int) -> _End:
        offsets = [0] * (size + 1)
        counted = pc.value_counts(vertices)
        for vertex, count in zip(
            counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True
        ):
            offsets[vertex + 1] = count
        return _End(vertices.to_pylist(), pc.sort_indices(vertices).to_pylist(), list(accumulate(offsets)))

    def edges_at(self, vertex: int) -> Sequence[int]:
        return self.order[self.offsets[vertex] : self.offsets[vertex + 1]]


class _Vertices:
    """The vertices of one walk, numbered as they are met; a partial one stands for a field of which some part is reached.

    What part that is, the fields within it say, which are reached on their own.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.partial: list[bool] = []
        self._numbers: dict[tuple[str, bool], int] = {}

    def number(self, text: str, partial: bool = False) -> int:  # noqa: FBT001, FBT002 - half of the key
        """The number of a vertex."""
        known = self._numbers.setdefault((text, partial), len(self.texts))
        if known == len(self.texts):
            self.texts.append(text)
            self.partial.append(partial)
        return known


_Hop = tuple[int, str, bool]
"""An edge, and the vertex (text, partial) that it leads to."""


class _Relation(Enum):
    """Where a met vertex lies: around the one that meets it (the table, too), there, or within it."""

    OUTER = "outer"
    SAME = "same"
    INNER = "inner"


_Compose = Callable[[int, int], int]
"""(kind of the path so far, kind of the next hop) -> kind of both; kinds are numbers in `_BONDS`."""


@dataclass(frozen=True, slots=True)
class _Direction:
    """What makes a walk one upstream or downstream: the hops out of a vertex, the vertices shown for it, composition.

    `wholes`: the fields around the start are reached with it, in part.
    """

    hops: Callable[[str, bool], Iterator[_Hop]]
    shown: Callable[[str, bool, Sequence[int]], Iterator[str]]
    compose: _Compose
    wholes: bool


def _starts(vertices: _Vertices, start: Key, direction: _Direction) -> list[int]:
    """The vertices that a walk starts from."""
    text = _text(start)
    starts = [vertices.number(text)]
    if direction.wholes:
        starts += [vertices.number(outer, partial=True) for outer in _outer_fields(text)]
    return starts


def _details(edges: pa.Table, columns: set[Key]) -> tuple[set[int], set[int]]:
    """The edges to a value that the same plan knows field by field, and those to its fields."""
    dotted = pc.match_substring(pc.fill_null(edges["target_field"], ""), ".")
    wanted = edges.filter(pc.is_in(edges["fingerprint"], pc.unique(edges.filter(dotted)["fingerprint"])))
    numbers = pc.indices_nonzero(pc.is_in(edges["fingerprint"], pc.unique(wanted["fingerprint"]))).to_pylist()
    names = ("fingerprint", "target_namespace", "target_name", "target_field")
    targets = dict(zip(numbers, zip(*(wanted[name].to_pylist() for name in names), strict=True), strict=True))
    outer_of = {
        target: [(*target[:3], target[3][:end]) for end in _dots(target[3])]
        for target in set(targets.values())
        if target[3] is not None and target[1:] not in columns
    }
    written = set(targets.values())
    outer = {each for found in outer_of.values() for each in found if each in written}
    return (
        {number for number, target in targets.items() if target in outer},
        {number for number, target in targets.items() if any(e in outer for e in outer_of.get(target, ()))},
    )


def _outer_first(path: int, hop: int) -> int:
    """Composition where the path so far is the outer part: upstream."""
    if path >= _DIRECT_KINDS:
        return path
    return hop if hop >= _DIRECT_KINDS else max(path, hop)


def _inner_first(path: int, hop: int) -> int:
    """Composition where the path so far is the inner part: downstream."""
    return _outer_first(hop, path)


def _composed(paths: int, hop: int, compose: _Compose) -> int:
    """The kinds (bits, each 2 * kind + masking) of all paths followed by one hop (2 * kind + masking)."""
    if paths & _EMPTY_PATH:
        return 1 << hop | _composed(paths & ~_EMPTY_PATH, hop, compose)
    kind, masking = divmod(hop, 2)
    result = 0
    for bit in range(2 * len(_BONDS)):
        if paths >> bit & 1:
            result |= 1 << (2 * compose(bit // 2, kind) + (bit % 2 | masking))
    return result


def _strongest(kinds: int) -> tuple[Subtype, bool]:
    """The strongest of several kinds (bits), and whether all its paths mask."""
    lowest = (kinds & -kinds).bit_length() - 1
    return _BONDS[lowest // 2], bool(lowest % 2)


def _text(key: Key) -> str:
    return _SEPARATOR.join((key[0], key[1], key[2] or ""))


def _key(text: str) -> Key:
    namespace, name, field = text.split(_SEPARATOR)
    return namespace, name, field or None


def _outer_fields(text: str) -> Iterator[str]:
    """The fields within which a field lies, the outermost first."""
    head, _, field = text.rpartition(_SEPARATOR)
    return (head + _SEPARATOR + field[:end] for end in _dots(field))


def _dots(field: str) -> Iterator[int]:
    return (position for position, character in enumerate(field) if character == ".")


def _joined(edges: pa.Table, end: str) -> pa.ChunkedArray:
    """The texts of one end of all edges."""
    field = pc.fill_null(edges[f"{end}_field"], "")
    return pc.binary_join_element_wise(edges[f"{end}_namespace"], edges[f"{end}_name"], field, _SEPARATOR)
