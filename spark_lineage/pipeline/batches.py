"""What a foreachBatch function ran: executions inside a micro-batch, each a write or usage of its own.

The micro-batch is the root execution of them all and ends last. The rows that it hands to the function are a
`LogicalRDD` in their plans, whose columns have the expression ids of the micro-batch's own output.
"""

from __future__ import annotations

from dataclasses import replace

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import writes_of
from spark_lineage.analyze.origins import MICRO_BATCHES
from spark_lineage.analyze.writes import FOREACH_BATCH_SINKS
from spark_lineage.decode.records import ExecutionRecord
from spark_lineage.model import RunState
from spark_lineage.pipeline.fold import Folded, Plans, fold, is_within


def fold_all(root: int, group: list[ExecutionRecord], plans: Plans, naming: Naming) -> list[Folded]:
    """What one root execution was: one thing, or what each execution was that a foreachBatch function ran.

    The micro-batch itself shows where it failed, and where its function ran no query: then nothing else tells of it.
    """
    batch = next((each for each in group if each.execution_id == root), None)
    if batch is None or not _hands_over(batch, plans, naming):
        return [fold(root, group, plans, naming)]
    inner = [each.inside(batch) for each in group if each is not batch]
    found = [fold(outermost, members, plans, naming) for outermost, members in _outermost(inner)]
    if not any(
        each.writes or each.usages or each.unread or each.not_followed or each.endings for each in found
    ):
        return [replace(fold(root, group, plans, naming), batch=batch)]
    failed = [Folded(root, failed=(batch,))] if batch.state is not RunState.COMPLETE else []
    return [*(replace(each, batch=batch) for each in found), *failed]


def _hands_over(batch: ExecutionRecord, plans: Plans, naming: Naming) -> bool:
    """Whether an execution is a micro-batch whose sink is a function of the program."""
    tree = plans(batch)
    if tree is None or tree.analyzed is None or tree.analyzed.name not in MICRO_BATCHES:
        return False
    return any(
        write.target and write.target[0].dataset.name in FOREACH_BATCH_SINKS
        for _, write in writes_of(tree, naming)
    )


def _outermost(inner: list[ExecutionRecord]) -> list[tuple[int, list[ExecutionRecord]]]:
    """The executions that ran inside no other one, in the order of their ends, each with those inside it."""
    tops: list[list[ExecutionRecord]] = []
    for each in sorted(inner, key=lambda one: one.ended_order, reverse=True):
        home = next((members for members in tops if is_within(each, members[0])), None)
        if home is None:
            tops.append([each])
        else:
            home.append(each)
    return [(members[0].execution_id, members[::-1]) for members in reversed(tops)]
