"""Puts into the rows of an ingest what the targets' own logs say of writes without an end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pyarrow.compute as pc

from spark_lineage.model import DatasetId, Observation, Problem, Run, RunState, Severity
from spark_lineage.pipeline.logs.commits import Commit
from spark_lineage.pipeline.outcomes import RunKey, Version, decide
from spark_lineage.pipeline.rows import Rows
from spark_lineage.store.protocol import Store

__all__ = ["decide_by_logs"]

_CLAIM = ("run_id", "part", "namespace", "name", "direction", "version")


def decide_by_logs(rows: Rows, target: Store) -> None:
    """Decide the writes without an end, where their targets' logs can; of the others a problem says that nobody knows."""
    if not rows.undecided:
        return
    stored = target.read("observations", _CLAIM)
    stored = stored.filter((pc.field("direction") == "written") & pc.field("version").is_valid())
    claims = _claims(rows.observations, stored.to_pylist())
    decided = decide(rows.undecided, claims, rows.versions.logs)
    runs = {key: run for key, (run, _) in decided.items()}
    rows.runs = [runs.get((run.run_id, run.part), run) for run in rows.runs]
    rows.observations = [_with_commit(each, decided) for each in rows.observations]
    for each in rows.undecided:
        run = each.run
        is_over = (
            each.alive_until is not None
        )  # a remote spool has no word of that: the end may come with the next segment
        if is_over and run.state is RunState.UNKNOWN and (run.run_id, run.part) not in decided:
            rows.tell([_unknown(run.operation, run.call_site, run.run_id, run.target)])


def _with_commit(each: Observation, decided: Mapping[RunKey, tuple[Run, Commit]]) -> Observation:
    """What a decided run wrote, with the version that it made."""
    found = decided.get((each.run_id, each.part))
    if found is None or each.direction != "written":
        return each
    run, commit = found
    return replace(each, version=commit.version, version_at=commit.committed_at, rows=run.rows)


def _claims(
    observations: Iterable[Observation], stored: Iterable[Mapping[str, Any]]
) -> dict[Version, set[RunKey]]:
    claims: dict[Version, set[RunKey]] = defaultdict(set)
    for each in observations:
        if each.direction == "written" and each.version is not None:
            claims[DatasetId(each.namespace, each.name), each.version].add((each.run_id, each.part))
    for row in stored:
        claims[DatasetId(row["namespace"], row["name"]), row["version"]].add((row["run_id"], row["part"]))
    return claims


def _unknown(operation: str, call_site: str | None, run_id: str, dataset: DatasetId | None) -> Problem:
    message = f"{operation} began and its end is not known: its application was killed, or the record of it was lost"
    hint = "look whether the table has what it should have, and run the job again where it has not"
    return Problem("run_without_end", Severity.WARNING, message, call_site or "", hint, run_id, None, dataset)
