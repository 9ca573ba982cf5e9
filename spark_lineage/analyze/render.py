"""Expressions as text: SQL's spelling, literals as `?`, source columns inlined, bounded in length."""

from __future__ import annotations

from collections.abc import Callable

from spark_lineage.analyze.values import Constant, Leaf, Term
from spark_lineage.decode.tree import Node

MAX_EXPRESSION_CHARACTERS = 2_000

CUT = f"... (cut at {MAX_EXPRESSION_CHARACTERS:,} characters)"
"""How a text ends that is not whole: so it says it itself, wherever it is shown."""


def render(term: Term, name_of: Callable[[Leaf], str]) -> str:
    """Write a term as text; one that is longer than `MAX_EXPRESSION_CHARACTERS` is cut and ends in `CUT`.

    The walk is iterative and stops at the limit, so a shared term that would unfold without end does not.
    """
    return rendered(term, name_of)[0]


def rendered(term: Term, name_of: Callable[[Leaf], str]) -> tuple[str, tuple[Node, ...]]:
    """A term as text, as `render` writes it, and the literals in it, in order; those behind the cut are left out."""
    pieces: list[str] = []
    literals: list[Node] = []
    length = 0
    stack: list[str | Leaf | Constant | Term] = [term]
    while stack:
        part = stack.pop()
        if isinstance(part, Term):
            stack.extend(reversed(part.parts))
            continue
        if isinstance(part, Constant):
            literals.append(part.node)
            text = part.text
        else:
            text = part if isinstance(part, str) else name_of(part)
        pieces.append(text)
        length += len(text)
        if length > MAX_EXPRESSION_CHARACTERS:
            return "".join(pieces)[: MAX_EXPRESSION_CHARACTERS - len(CUT)] + CUT, tuple(literals)
    return "".join(pieces), tuple(literals)


def joined(terms: list[Term], separator: str = ", ") -> tuple[str | Term, ...]:
    """Terms with a separator between them, as parts of a larger term."""
    parts: list[str | Term] = []
    for term in terms:
        if parts:
            parts.append(separator)
        parts.append(term)
    return tuple(parts)


def call(name: str, terms: list[Term]) -> Term:
    """A function call: `name(a, b)`."""
    return Term((f"{name}(", *joined([without_parentheses(each) for each in terms]), ")"))


def without_parentheses(term: Term) -> Term:
    """A term for a place that has parentheses of its own."""
    if len(term.parts) > 2 and term.parts[0] == "(" and term.parts[-1] == ")":
        return Term(term.parts[1:-1])
    return term
