"""Commits in a Delta table's own log that no known run explains: somebody wrote past the lineage."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow.compute as pc

from spark_lineage.compare.findings import Finding
from spark_lineage.compare.labels import label
from spark_lineage.model import DatasetId, Problem, Severity
from spark_lineage.pipeline.logs.commits import Commit, Logs, Sought, fits
from spark_lineage.pipeline.logs.log_files import location_of
from spark_lineage.query.answers import iso_time
from spark_lineage.query.snapshot import Snapshot

__all__ = ["CHANGES_NO_ROWS", "Written", "outside_commits", "outside_writes", "versions", "written"]

CHANGES_NO_ROWS = frozenset(
    {
        "ADD COLUMNS", "ADD CONSTRAINT", "CHANGE COLUMN", "CHANGE COLUMNS", "CLUSTER BY", "COMPUTE STATS", "CREATE TABLE", "DOMAIN METADATA",
        "DROP CONSTRAINT", "DROP FEATURE", "FSCK", "OPTIMIZE", "REINDEX", "RENAME COLUMN", "REORG", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES",
        "UPDATE COLUMN METADATA", "UPDATE SCHEMA", "UPGRADE PROTOCOL", "VACUUM END", "VACUUM START",
    }
)  # fmt: skip
"""Operations of Delta's `commitInfo` that keep a table's rows as they are (`DeltaOperations.scala`, and delta-rs)."""

_DAY_MS = 86_400_000
_SLACK_MS = 1_000
"""How far the stamp of a commit may lie outside of its run: both are the driver's clock, read at different places."""

_COLUMNS = (
    "run_id", "part", "target_namespace", "target_name", "operation", "started_at", "ended_at", "spark_version",
)  # fmt: skip


@dataclass(slots=True)
class Written:
    """What is known of the writes of one table: the versions that runs made, and the times in which runs may have made others."""

    versions: set[int] = field(default_factory=set)
    runs: list[Sought] = field(default_factory=list)
    since: int | None = None

    def explains(self, commit: Commit) -> bool:
        """Whether a known run made a commit or may have made it."""
        return commit.version in self.versions or any(fits(commit, each) for each in self.runs)


def written(snapshot: Snapshot) -> Mapping[DatasetId, Written]:
    """The known writes of each Delta table, of runs in any state: who failed may have committed."""
    found: dict[DatasetId, Written] = {}
    made = versions(snapshot, "written")
    runs = snapshot.runs.filter(pc.is_valid(snapshot.runs["target_name"]))
    for run_id, part, namespace, name, operation, started, ended, spark in zip(
        *(runs[each].to_pylist() for each in _COLUMNS), strict=True
    ):
        id_ = DatasetId(namespace, name)
        dataset = snapshot.datasets.get(id_)  # none of a table that was only ever created or dropped
        if dataset is None or dataset.format != "delta" or started is None:
            continue
        each = found.setdefault(id_, Written())
        each.since = started if each.since is None else min(each.since, started)
        version = made.get((run_id, part, id_))
        if version is not None:
            each.versions.add(version)
        # Beside a commit that is known a run may have made others, as automatic upkeep does.
        sought = _known(operation) if version is None else None
        # Without an end it may still have committed, but not days later.
        end = started + _DAY_MS if ended is None else ended
        each.runs.append(Sought(sought, started - _SLACK_MS, end + _SLACK_MS, spark_version=spark))
    return found


def outside_writes(
    snapshot: Snapshot, since: int, logs: Logs, datasets: Collection[DatasetId] | None = None
) -> Iterator[Finding]:
    """A finding for each commit since a time (epoch milliseconds) that changed rows and that no run explains.

    Nothing is said of the time before the first known write of a table. `logs` has what could not be read.
    """
    for id_, commit in outside_commits(snapshot, since, logs, datasets):
        yield _finding(id_, commit, label(snapshot, id_))


def outside_commits(
    snapshot: Snapshot, since: int, logs: Logs, datasets: Collection[DatasetId] | None = None
) -> Iterator[tuple[DatasetId, Commit]]:
    """The same as (table, commit), by table and version."""
    for id_, known in sorted(written(snapshot).items()):
        if datasets is not None and id_ not in datasets:
            continue
        begin = max(since, known.since or 0)
        for commit in logs.between(location_of(id_), Sought(None, begin, None)):
            if commit.operation not in CHANGES_NO_ROWS and not known.explains(commit):
                yield id_, commit
        state = snapshot.state(id_)
        if not state.plans or state.ended_by is not None:  # none is expected there
            logs.missing.discard(location_of(id_))


def log_problems(logs: Logs, lost: str = "writes that no run made are not seen") -> tuple[Problem, ...]:
    """What could not be looked up, in words; `lost` is what an answer goes without."""
    unreadable = (
        Problem(
            "log_unreadable",
            Severity.WARNING,
            f"The table's log cannot be read ({reason}): {lost}.",
            where=location,
            hint="ask where the table can be reached",
        )
        for location, reason in logs.unreadable.items()
    )
    forgotten = (
        Problem(
            "log_forgotten",
            Severity.INFO,
            f"The table's log no longer reaches back so far: {lost}.",
            where=location,
            hint="ask for a shorter time",
        )
        for location in sorted(logs.forgotten)
    )
    return (*unreadable, *forgotten, *_missing(sorted(logs.missing), lost))


def _missing(locations: Sequence[str], lost: str) -> Iterator[Problem]:
    """One problem for all: whoever asks from another machine sees none of them."""
    if locations:
        what = (
            "is no log at the table's place"
            if len(locations) == 1
            else f"are no logs at the places of {len(locations)} tables"
        )
        yield Problem(
            "log_missing",
            Severity.INFO,
            f"There {what}, seen from here: {lost}.",
            where=locations[0] if len(locations) == 1 else f"{locations[0]} and others",
            hint="ask where the tables can be reached, if they are still there",
        )


def _known(operation: str) -> str | None:
    """An operation that says what Delta's log calls it; None rules nothing out."""
    return (
        operation
        if operation in {"INSERT", "OVERWRITE", "MERGE", "UPDATE", "DELETE", "STREAM", "TRUNCATE TABLE"}
        else None
    )


def versions(snapshot: Snapshot, direction: str) -> dict[tuple[str, int, DatasetId], int]:
    """The version of each dataset (by run id, part, dataset) that a run has "read" or "written"; several of one count as the oldest."""
    names = ("run_id", "part", "namespace", "name", "version")
    rows = snapshot.read("observations", (*names, "direction"))
    rows = rows.filter(pc.and_(pc.equal(rows["direction"], direction), pc.is_valid(rows["version"])))
    found: dict[tuple[str, int, DatasetId], int] = {}
    for run_id, part, namespace, name, version in zip(
        *(rows[each].to_pylist() for each in names), strict=True
    ):
        key = (run_id, part, DatasetId(namespace, name))
        found[key] = min(version, found.get(key, version))
    return found


def _finding(id_: DatasetId, commit: Commit, name: str) -> Finding:
    by = f" by {commit.engine}" if commit.engine else ""
    facts = (
        ("version", str(commit.version)),
        ("operation", commit.operation or "unknown"),
        ("committed_at", iso_time(commit.timestamp) or ""),
        *([("engine", commit.engine)] if commit.engine else []),
        *([("rows", str(commit.rows))] if commit.rows is not None else []),
    )
    return Finding(
        kind="write_outside",
        severity=Severity.WARNING,
        message=f"{name}: version {commit.version} ({commit.operation or 'unknown operation'}{by}) was made by no known run.",
        dataset=id_,
        at=commit.timestamp,
        evidence=facts,
    )
