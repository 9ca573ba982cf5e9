"""Whether a job or a table has any lineage: what a deployment asks before it goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spark_lineage.compare.declared.checked import Deviation, Expectation, deviation
from spark_lineage.compare.declared.known import Known
from spark_lineage.model import CONTROL_RUN, Certainty, EdgeKind, RunState
from spark_lineage.query.graph import Key
from spark_lineage.query.snapshot import Snapshot
from spark_lineage.store.schema import Row

__all__ = ["require_lineage"]


def require_lineage(snapshot: Snapshot, name: str) -> Expectation:
    """What is missing for the lineage of a job (its very name) or else of a table: a complete run whose lineage is not opaque.

    Raises `NameLookupError` for a name that is no job and means several tables.
    """
    known = Known(snapshot)
    rows = [
        row
        for row in snapshot.runs.select(
            ["job", "kind", "state", "fingerprint", "target_namespace", "target_name"]
        ).to_pylist()
        if row["kind"] not in {CONTROL_RUN, "application"}
    ]
    of_job = [row for row in rows if row["job"] == name]
    key: Key | None = None
    if of_job:
        what = f"the job {name}"
    else:
        table = known.table(name)
        what = f"the table {name}" if table else name
        if table is not None:
            key = (table.namespace, table.name, None)
            of_job = [row for row in rows if (row["target_namespace"], row["target_name"]) == key[:2]]
    complete = {row["fingerprint"] for row in of_job if row["state"] == RunState.COMPLETE.value}
    states = sorted({row["state"] for row in of_job})
    return Expectation(
        f"lineage of {what}",
        0,
        tuple(_missing(known, what, key, sorted(complete - {None}), states)),
    )


def _missing(
    known: Known, what: str, key: Key | None, fingerprints: Sequence[str], states: Sequence[str]
) -> Iterator[Deviation]:
    subject = what[0].upper() + what[1:] if what.startswith("the ") else what
    if not states:
        said = "the store has no job and no table of this name" if key is None else "no run wrote it"
        yield deviation("no_lineage", f"{subject} has no lineage: {said}.", 0, key)
        return
    plans = [
        row
        for _, _, row in known.snapshot.complete_plans
        if row["fingerprint"] in fingerprints and row["kind"] != EdgeKind.CONTROL.value
    ]
    if not plans:
        listed = ", ".join(states)
        yield deviation(
            "no_lineage",
            f"{subject} has no lineage: its runs are {listed}, and none that ended well has a plan.",
            0,
            key,
        )
    elif all(map(_is_opaque, plans)):
        message = f"{subject} has opaque lineage only: it may have sources that are not known."
        yield deviation("only_opaque_lineage", message, 0, key)


def _is_opaque(plan: Row) -> bool:
    """Whether nothing is known of where any column comes from."""
    certainties = {column["certainty"] for column in plan["columns"]} or {plan["certainty"]}
    return certainties == {Certainty.OPAQUE.value}
