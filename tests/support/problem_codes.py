"""The codes of all problems, found in the sources wherever they are said."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from spark_lineage.capture.spool import Damage
from support.paths import REPOSITORY

_ARGUMENT = {"Problem": 0, "problem": 0, "refuse": 3}
"""What is called with a code, and where among its arguments that stands."""

_MADE = {
    "f'segment_{each.damage.value}'": {f"segment_{each.value}" for each in Damage},
    "f'unknown_{what}'": {"unknown_cte", "unknown_checkpoint"},
}
"""Codes that are put together."""

_HANDED_ON = {"code", "problem.code"}
"""Codes that were said elsewhere: in a call, or in a tuple (code, sentence, hint)."""

_CODE = re.compile(r"[a-z]+(_[a-z]+)+")


def problem_codes(*folders: str) -> set[str]:
    """The codes that the code of some folders of the package makes; fails where it makes one in a way that is not known here."""
    found: set[str] = set()
    for folder in folders:
        for file in sorted((REPOSITORY / "spark_lineage" / folder).rglob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            found.update(code for node in ast.walk(tree) for code in _said(node))
    return found


def _said(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Tuple):
        yield from _of_tuple(node.elts)
    elif isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        if name in _ARGUMENT:
            yield from _of_argument(node.args[_ARGUMENT[name]])


def _of_tuple(parts: list[ast.expr]) -> Iterator[str]:
    is_text = [isinstance(part, ast.Constant | ast.JoinedStr) for part in parts]
    code = str(parts[0].value) if parts and isinstance(parts[0], ast.Constant) else ""
    if is_text == [True] * 3 and _CODE.fullmatch(code) and len(ast.unparse(parts[1]).split()) > 3:
        yield code


def _of_argument(code: ast.expr) -> Iterator[str]:
    text = ast.unparse(code)
    if isinstance(code, ast.Constant):
        yield str(code.value)
    elif text in _MADE:
        yield from _MADE[text]
    else:
        assert text in _HANDED_ON, f"a problem with the code {text}: which are these?"
