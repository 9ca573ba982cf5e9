"""Trees of a graph that is none: each node's branches are drawn once, and deep chains go on in a new tree."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Node = TypeVar("Node", bound=Hashable)
Way = TypeVar("Way")

TREE_DEPTH = 10
"""Levels of one tree: deeper, its guides would leave no room for names on 80 columns."""

ABOVE = "see above"
BELOW = "goes on below"


@dataclass(frozen=True, slots=True)
class Line(Generic[Node, Way]):
    """One line: `depth` 0 begins a tree, `way` is what led here, None at a beginning.

    `elsewhere` is ABOVE or BELOW where the node's branches are drawn there, else empty.
    """

    depth: int
    node: Node
    way: Way | None
    elsewhere: str


def tree_lines(
    roots: Iterable[Node], onward: Callable[[Node], Sequence[tuple[Way, Node]]]
) -> Iterator[Line[Node, Way]]:
    """Walk from each root, depth first; roots that were met on the way are not begun again.

    Over an own stack: chains may be longer than Python's.
    """
    waiting_roots = deque(roots)
    drawn: set[Node] = set()
    postponed: set[Node] = set()
    while waiting_roots:
        root = waiting_roots.popleft()
        if root in drawn and root not in postponed:
            continue
        postponed.discard(root)
        drawn.discard(root)
        deeper: list[Node] = []
        waiting: list[tuple[int, Way | None, Node]] = [(0, None, root)]
        while waiting:
            depth, way, node = waiting.pop()
            branches = onward(node)
            if branches and depth == TREE_DEPTH and node not in drawn:
                deeper.append(node)
                postponed.add(node)
            line = Line(depth, node, way, _elsewhere(node, drawn, postponed) if branches else "")
            if not line.elsewhere:
                waiting.extend((depth + 1, way, branch) for way, branch in reversed(branches))
            drawn.add(node)
            yield line
        waiting_roots.extendleft(reversed(deeper))


def split_trees(lines: Iterable[Line[Node, Way]]) -> list[list[Line[Node, Way]]]:
    """The lines of each tree by themselves."""
    trees: list[list[Line[Node, Way]]] = []
    for line in lines:
        if line.depth == 0:
            trees.append([])
        trees[-1].append(line)
    return trees


def _elsewhere(node: Node, drawn: set[Node], postponed: set[Node]) -> str:
    if node in postponed:
        return BELOW
    return ABOVE if node in drawn else ""
