"""The edges as an index of integers, and walks over it.

A vertex is a column or, with an empty field, a whole table. The rules of a walk stand in docs/json.md; in short: an
edge's end is met by every vertex of the same table that is the whole table, or whose field is the other's,
lies within it or has it within, and by all of them if the end is the whole table. Nothing here recurses.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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
_EMPTY_PATH = 1 << (2 * len(_BONDS))
_CERTAINTIES = tuple(Certainty)


@dataclass(frozen=True, slots=True)
class Node:
    """A vertex that a walk met; `subtype` None at depth 0."""

    key: Key
    depth: int
    subtype: Subtype | None
    masking: bool
    certainty: Certainty


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
        others = pa.array([_text(key) for key in columns], pa.string())
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

    def upstream(self, start: Key, depth: int | None) -> Walk:
        """All that the start is made of, at most `depth` hops away (None: no limit)."""
        return self._walk(start, depth, self._targets, self._sources, _outer_first)

    def downstream(self, start: Key, depth: int | None) -> Walk:
        """All that is made of the start, at most `depth` hops away (None: no limit)."""
        return self._walk(start, depth, self._sources, self._targets, _inner_first)

    def _walk(self, start: Key, depth: int | None, near: _End, far: _End, compose: _Compose) -> Walk:
        texts = _Texts(self._keys, _text(start))
        reached = self._reach(texts, depth, near, far)
        labels = self._labels(texts, reached, compose)
        nodes = self._nodes(texts, reached, labels, near)
        return Walk(tuple(nodes), tuple(sorted({edge for hops in reached.hops.values() for edge, _ in hops})))

    def _reach(self, texts: _Texts, depth: int | None, near: _End, far: _End) -> _Reached:
        """Breadth first: each vertex is met once, at its smallest distance."""
        depths, hops = {texts.start: 0}, {}
        waiting = deque([texts.start])
        while waiting:
            vertex = waiting.popleft()
            if depth is not None and depths[vertex] >= depth:
                continue
            hops[vertex] = [
                (edge, far.vertices[edge]) for met in self._met(texts[vertex]) for edge in near.edges_at(met)
            ]
            for _, next_vertex in hops[vertex]:
                if next_vertex not in depths:
                    depths[next_vertex] = depths[vertex] + 1
                    waiting.append(next_vertex)
        return _Reached(depths, hops)

    def _labels(self, texts: _Texts, reached: _Reached, compose: _Compose) -> dict[int, tuple[int, int]]:
        """Vertex -> (set of kinds as bits, worst certainty) over all paths: they only grow, so this ends."""
        own = {
            vertex: _CERTAINTIES.index(self._certainty_of(_key(texts[vertex]))) for vertex in reached.depths
        }
        first_certainty = own[texts.start] if compose is _outer_first else 0
        labels = {texts.start: (_EMPTY_PATH, first_certainty)}
        composed: dict[tuple[int, int], int] = {}
        waiting = deque([texts.start])
        queued = {texts.start}
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
        self, texts: _Texts, reached: _Reached, labels: dict[int, tuple[int, int]], near: _End
    ) -> Iterator[Node]:
        """The reached vertices, the columns that they meet, and the tables that their hops point to or from."""
        found: dict[int, tuple[int, int, int]] = {}
        for vertex, depth in reached.depths.items():
            shown = {vertex, *(met for met in self._met(texts[vertex]) if not self._is_table(met))}
            shown.update(near.vertices[edge] for edge, _ in reached.hops.get(vertex, ()))
            kinds, certainty = labels[vertex]
            for each in shown:
                old = found.get(each, (depth, 0, 0))
                found[each] = (min(old[0], depth), old[1] | kinds, max(old[2], certainty))
        for key, each in sorted(
            ((_key(texts[each]), each) for each in found), key=lambda pair: _text(pair[0])
        ):
            depth, kinds, certainty = found[each]
            subtype, masking = (None, False) if depth == 0 else _strongest(kinds)
            yield Node(key, depth, subtype, masking, _CERTAINTIES[certainty])

    def _met(self, text: str) -> Iterator[int]:
        """The vertices that the vertex of this text meets, each once."""
        head, _, field = text.rpartition(_SEPARATOR)
        if not field:
            yield from range(bisect_left(self._keys, text), bisect_left(self._keys, head + "\1"))
            return
        outer = [head + _SEPARATOR + field[:end] for end in (0, *_dots(field), len(field))]
        for key in outer:
            position = bisect_left(self._keys, key)
            if position < len(self._keys) and self._keys[position] == key:
                yield position
        # "/" is the character after ".": between the two lie the fields within this one.
        yield from range(bisect_left(self._keys, text + "."), bisect_left(self._keys, text + "/"))

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


@dataclass(frozen=True, slots=True)
class _Texts:
    """The texts of the vertices; a start that is no vertex of the index is number -1."""

    keys: Sequence[str]
    start_text: str

    @property
    def start(self) -> int:
        position = bisect_left(self.keys, self.start_text)
        return position if self.keys[position : position + 1] == [self.start_text] else -1

    def __getitem__(self, vertex: int) -> str:
        return self.start_text if vertex < 0 else self.keys[vertex]


_Compose = Callable[[int, int], int]
"""(kind of the path so far, kind of the next hop) -> kind of both; kinds are numbers in `_BONDS`."""


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


def _dots(field: str) -> Iterator[int]:
    return (position for position, character in enumerate(field) if character == ".")


def _joined(edges: pa.Table, end: str) -> pa.ChunkedArray:
    """The texts of one end of all edges."""
    field = pc.fill_null(edges[f"{end}_field"], "")
    return pc.binary_join_element_wise(edges[f"{end}_namespace"], edges[f"{end}_name"], field, _SEPARATOR)
