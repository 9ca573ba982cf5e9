"""What kind of thing a plan is: a write, a query, a command without data, or Spark's own look at files."""

from __future__ import annotations

from enum import Enum

from spark_lineage.analyze.classes import (
    ASSIGNMENTS,
    NEVER_ANALYZED,
    NOT_FOLLOWED,
    PARTS,
    QUIET,
    QUIET_OF_FORMATS,
    WRITES_WITHOUT_RULE,
)
from spark_lineage.analyze.endings import ENDINGS
from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.operators.opaque import cogroup, stateful, superset
from spark_lineage.analyze.operators.passed import passed
from spark_lineage.analyze.relations import (
    DETACHED,
    IN_MEMORY,
    REFERENCES,
    RELATIONS,
    by_paths,
    locate,
    options_of,
)
from spark_lineage.analyze.rules import RULES
from spark_lineage.analyze.writes import WRITES, below_ctes, finds_table, write_nodes
from spark_lineage.decode.tree import Node, Opaque, PlanTree, flatten
from spark_lineage.model import DatasetId


class Category(str, Enum):
    """What the analyzer does with a class of logical plans. Each class is in one category."""

    RULED = "ruled"
    PASSED = "passed"
    PROGRAM = "program"
    READ = "read"
    IN_MEMORY = "in memory"
    REFERENCE = "reference"
    DETACHED = "detached"
    WRITE = "write"
    WRITE_WITHOUT_RULE = "write without rule"
    NOT_FOLLOWED = "not followed"
    QUIET = "quiet"
    ENDING = "ending"
    ASSIGNMENT = "assignment"
    PART = "part"
    NEVER = "never"


_PROGRAMS = frozenset({superset, cogroup, stateful})

CLASSES: dict[Category, frozenset[str]] = {
    Category.RULED: frozenset(
        name for name, rule in RULES.items() if rule is not passed and rule not in _PROGRAMS
    ),
    Category.PASSED: frozenset(name for name, rule in RULES.items() if rule is passed),
    Category.PROGRAM: frozenset(name for name, rule in RULES.items() if rule in _PROGRAMS),
    Category.READ: RELATIONS,
    Category.IN_MEMORY: IN_MEMORY,
    Category.REFERENCE: REFERENCES,
    Category.DETACHED: DETACHED,
    Category.WRITE: frozenset(WRITES),
    Category.WRITE_WITHOUT_RULE: WRITES_WITHOUT_RULE,
    Category.NOT_FOLLOWED: NOT_FOLLOWED,
    Category.QUIET: QUIET | QUIET_OF_FORMATS,
    Category.ENDING: frozenset(ENDINGS),
    Category.ASSIGNMENT: frozenset(ASSIGNMENTS),
    Category.PART: PARTS,
    Category.NEVER: frozenset().union(*NEVER_ANALYZED.values()),
}
"""Every class of logical plans in the supported versions of Spark, Delta and Iceberg, by what becomes of it."""

COMMANDS = frozenset().union(
    *(
        CLASSES[each]
        for each in (
            Category.WRITE,
            Category.WRITE_WITHOUT_RULE,
            Category.NOT_FOLLOWED,
            Category.QUIET,
            Category.ENDING,
            Category.ASSIGNMENT,
        )
    )
)
"""The classes that are no queries."""


def is_command(tree: PlanTree) -> bool:
    """Whether the plan does something other than return rows: its root has a command's class."""
    root = below_ctes(tree.analyzed)
    return root is not None and (bool(write_nodes(root)) or not _is_query(root))


def _is_query(root: Node) -> bool:
    """Commands of others have Spark's package or a telling name."""
    if root.name in COMMANDS or root.name.endswith(("Command", "CommandResult", "Exec")):
        return False
    return ".execution.command." not in root.class_name


def answered_query(tree: PlanTree) -> Node | None:
    """The query whose rows the program gets, or a session variable; None where a command gives none.

    What a variable is set to counts where the query reads anything: a script counts its loops in variables.
    """
    root = tree.analyzed
    if root is None or root.name not in ASSIGNMENTS:
        return None if is_command(tree) else root
    query = root.get(ASSIGNMENTS[root.name])
    reads = any(each.name in RELATIONS or each.name in REFERENCES for each in tree.nodes)
    return query if reads and isinstance(query, Node) else None


def data_command(tree: PlanTree) -> str | None:
    """The name of a command that changes data without a query in its plan, which no rule follows; else None."""
    root = tree.analyzed
    return root.name if root is not None and root.name in NOT_FOLLOWED and not finds_table(root) else None


def changed_dataset(tree: PlanTree, naming: Naming) -> DatasetId | None:
    """The dataset that such a command changes, where its own fields name it."""
    root = tree.analyzed
    fields = root.fields.values() if root is not None else ()
    for item in (item for each in fields for item in flatten(each)):
        if not isinstance(item, Node):
            continue
        path = item.facts.get("path") or item.facts.get("location")
        located = by_paths([path], (), naming) if isinstance(path, str) else locate(item, naming)
        if located:
            return located[0].dataset.id
    return None


def is_schema_inference(tree: PlanTree) -> bool:
    """Whether a query is Spark's own look at the files of a CSV or JSON read, to learn their columns.

    Spark reads them as text, file by file, without the `path` option that a read of the user's has, and either takes the
    first line or hands the lines to its own code.
    """
    root = tree.analyzed
    if root is None or root.name not in {"GlobalLimit", "DeserializeToObject"}:
        return False
    relations = [each for each in tree.nodes if each.name == "LogicalRelation"]
    if len(relations) != 1 or relations[0].get("catalogTable") is not None:
        return False
    files = relations[0].get("relation")
    form = files.get("fileFormat") if isinstance(files, Node) else None
    is_text = isinstance(form, Node | Opaque) and form.class_name.endswith(".TextFileFormat")
    return is_text and "path" not in options_of(files)
