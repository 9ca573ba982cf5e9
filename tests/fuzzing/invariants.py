"""What holds for any bytes: a record and its lineage, or a `DecodeError`; the same each time; never anything else."""

from __future__ import annotations

from typing import Any

from spark_lineage.analyze.commands import (
    answered_query,
    changed_dataset,
    data_command,
    is_command,
    is_schema_inference,
)
from spark_lineage.analyze.endings import ending_of
from spark_lineage.analyze.executed import executed, never_begun
from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import Context, analyze_usage, analyze_write, writes_of
from spark_lineage.decode.plans import decode_plan
from spark_lineage.decode.records import PlanRecord, decode_record
from spark_lineage.decode.tree import PlanTree
from spark_lineage.errors import DecodeError

REFUSED = "refused"
SENTENCE_LIMIT = 1_000


def outcome(payload: bytes) -> str:
    """`refused`, or the kind of record that it is; raises whatever is not a `DecodeError`, or differs the second time."""
    try:
        record = decode_record(payload)
        tree = decode_plan(record) if isinstance(record, PlanRecord) else None
    except DecodeError as error:
        if len(str(error)) > SENTENCE_LIMIT:
            raise AssertionError(f"a refusal of {len(str(error))} characters is no sentence") from error
        return REFUSED
    if isinstance(record, PlanRecord) and tree is not None:
        first, second = analyzed(tree), analyzed(decode_plan(record))
        assert repr(first) == repr(second), "the lineage of one plan differs the second time"
    return type(record).__name__


def analyzed(tree: PlanTree) -> list[Any]:
    """All that the analyzer says of a plan."""
    naming, context = Naming(), Context("job")
    found: list[Any] = [analyze_write(node, write, tree, context) for node, write in writes_of(tree, naming)]
    found.append(analyze_usage(tree, context))
    found += [is_command(tree), data_command(tree), changed_dataset(tree, naming), ending_of(tree, naming)]
    found += [is_schema_inference(tree), answered_query(tree) is not None]
    found += [[each.index for each in executed(tree)], sorted(each.index for each in never_begun(tree))]
    return found
