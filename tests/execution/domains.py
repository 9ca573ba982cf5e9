"""What a query compares its columns with: literals, and which columns are compared with each other.

Read from the JSON of Spark's optimized plan, where constants are folded and filters stand as they are evaluated. An
expression that compares gives its literals to every column below it, through aliases down to the tables' columns.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

COMPARISONS = frozenset(
    {"EqualTo", "EqualNullSafe", "LessThan", "LessThanOrEqual", "GreaterThan", "GreaterThanOrEqual"}
    | {
        "In",
        "InSet",
        "InSubquery",
        "Like",
        "RLike",
        "StartsWith",
        "EndsWith",
        "Contains",
        "LikeAny",
        "LikeAll",
    }
)
ARITHMETIC = frozenset({"Add", "Subtract"})


@dataclass(frozen=True)
class Node:
    """An expression or operator: its class's short name, its own fields, its children, and trees in its fields."""

    name: str
    fields: dict[str, Any]
    children: tuple[Node, ...]


@dataclass
class Domains:
    """By lower-case column name: literals as text, names that share values, and alternatives.

    An alternative is a set of columns with the literals that one branch of an OR wants for them together.
    """

    literals: dict[str, set[str]] = field(default_factory=dict)
    leaders: dict[str, str] = field(default_factory=dict)
    steps: dict[str, set[int]] = field(default_factory=dict)
    alternatives: list[dict[str, set[str]]] = field(default_factory=list)

    def leader(self, name: str) -> str:
        """The name that stands for all names that share values with this one."""
        while name in self.leaders and self.leaders[name] != name:
            name = self.leaders[name]
        return name

    def join(self, names: set[str]) -> None:
        """All these names share their values."""
        leaders = sorted({self.leader(name) for name in names})
        for name in leaders:
            self.leaders[name] = leaders[0]

    def compared(self, name: str) -> bool:
        """Whether the column is compared with a column."""
        return name in self.leaders


def read_domains(plan: str) -> Domains:
    """The domains of a plan, given as Spark's `toJSON`."""
    trees = [_tree(json.loads(plan))]
    aliases: dict[int, Node] = {}
    nodes = list(_walk(trees))
    for node in nodes:
        if node.name == "Alias":
            aliases[node.fields["exprId"]["id"]] = node.children[0]
    names = _Names(aliases)
    domains = Domains()
    for node in nodes:
        if node.name in COMPARISONS:
            _compare(node, names, domains)
        elif node.name == "Or":
            _alternatives(node, names, domains)
    return domains


class _Names:
    """The columns of tables below an expression, through aliases."""

    def __init__(self, aliases: dict[int, Node]) -> None:
        self.aliases = aliases
        self.known: dict[int, frozenset[str]] = {}

    def of(self, node: Node) -> frozenset[str]:
        """Lower-case names of all columns below the expression."""
        if node.name == "AttributeReference":
            return self._of_id(node.fields["exprId"]["id"], node.fields["name"].lower())
        return frozenset().union(*(self.of(child) for child in node.children))

    def _of_id(self, number: int, name: str) -> frozenset[str]:
        if number not in self.known:
            self.known[number] = frozenset()  # a recursive query ends here
            below = self.aliases.get(number)
            self.known[number] = self.of(below) if below else frozenset({name})
        return self.known[number]


def _compare(node: Node, names: _Names, domains: Domains) -> None:
    columns = names.of(node)
    literals = set(_literals(node))
    for column in columns:
        domains.literals.setdefault(column, set()).update(literals)
    if all(names.of(child) for child in node.children) and len(node.children) > 1:
        domains.join(set(columns))
        steps = {int(text) for text in literals if text.lstrip("-").isdigit() and abs(int(text)) < 1000}
        for column in columns:
            domains.steps.setdefault(column, set()).update(steps)


def _alternatives(node: Node, names: _Names, domains: Domains) -> None:
    for branch in node.children:
        if branch.name != "And":
            continue
        wanted: dict[str, set[str]] = {}
        for part in _conjuncts(branch):
            literals = {
                text for below in _walk([part]) if below.name in COMPARISONS for text in _literals(below)
            }
            for column in names.of(part):
                if literals:
                    wanted.setdefault(column, set()).update(literals)
        if len(wanted) > 1:
            domains.alternatives.append(wanted)


def _conjuncts(node: Node) -> Iterator[Node]:
    if node.name != "And":
        yield node
        return
    for child in node.children:
        yield from _conjuncts(child)


def _literals(node: Node) -> Iterator[str]:
    if node.name == "Literal" and node.fields.get("value") is not None:
        yield str(node.fields["value"])
    for child in node.children:
        yield from _literals(child)


def _walk(nodes: list[Node]) -> Iterator[Node]:
    """Every node below, trees in fields (conditions, plans of subqueries) too."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.children
        for value in node.fields.values():
            waiting += _trees(value)


def _trees(value: Any) -> list[Node]:
    if isinstance(value, list) and value:
        if isinstance(value[0], dict) and "num-children" in value[0]:
            return [_tree(value)]
        return [tree for part in value for tree in _trees(part)]
    return []


def _tree(nodes: list[dict[str, Any]]) -> Node:
    """A tree from its nodes in pre-order."""
    position = 0

    def build() -> Node:
        nonlocal position
        raw = nodes[position]
        position += 1
        children = tuple(build() for _ in range(raw["num-children"]))
        return Node(raw["class"].rpartition(".")[2], raw, children)

    return build()
