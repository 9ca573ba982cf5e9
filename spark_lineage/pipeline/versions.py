"""The version of a table that each run read or made, with its time, from the table's own log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.relations import by_facts
from spark_lineage.decode.tree import PlanTree
from spark_lineage.model import CATALOG_NAMESPACE, DatasetId, Observation, Problem, Run, RunState, Severity
from spark_lineage.pipeline.fold import FoldedWrite
from spark_lineage.pipeline.logs.commits import Commit, Logs, Sought, only

_WITH_LOGS = frozenset({"delta", "iceberg"})


@dataclass(slots=True)
class Versions:
    """Looks versions up during one ingest.

    A commit is one run's. Where two runs both have it as their only candidate, one of them has made none, and neither is told.
    `claimants` are the runs, by id and part, that have one: whether it is theirs alone, the whole ingest tells.
    """

    logs: Logs = field(default_factory=Logs)
    claimants: set[tuple[str, int]] = field(default_factory=set)
    _claims: Counter[tuple[str, int]] = field(default_factory=Counter)
    _commits: dict[tuple[str, int], Commit] = field(default_factory=dict)

    def dated(self, read: Observation, table_format: str | None) -> Observation:
        """A read with the time at which its version was made, where the log still says it."""
        if read.version is None or table_format not in _WITH_LOGS or not _has_place(read):
            return read
        commit = self.logs.commit(read.path, read.version, table_format)
        return replace(read, version_at=commit.committed_at if commit else None)

    def made(self, written: Observation, sought: Sought, table_format: str | None) -> Observation:
        """A write with the version that it made, where exactly one commit fits it.

        `table_format` None is a folder of files of an unknown kind: Delta's, if it has a log.
        """
        if not _has_place(written):
            return written
        commit = only(self.logs.candidates(written.path, sought, table_format or "delta"))
        if commit is None:
            return written
        self.claimants.add((written.run_id, written.part))
        self._claims[written.path, commit.version] += 1
        self._commits[written.path, commit.version] = commit
        return replace(written, version=commit.version, version_at=commit.committed_at)

    def settled(self, observations: Iterable[Observation]) -> list[Observation]:
        """The observations without the versions that several runs would have made; with what a commit added, where the run has not counted it.

        Of Delta's commits that is the files: its rows are those that changed, and the run has them where there are any.
        """
        return [self._settled(each) for each in observations]

    def _settled(self, each: Observation) -> Observation:
        if each.direction != "written" or each.version is None:
            return each
        if self._claims[each.path, each.version] > 1:
            return replace(each, version=None, version_at=None)
        commit = self._commits.get((each.path, each.version))
        if commit is None:
            return each
        names = ("rows", "bytes", "files") if commit.table_format == "iceberg" else ("files",)
        return replace(each, **{name: getattr(commit, name) for name in names if getattr(each, name) is None})

    def problems(self) -> list[Problem]:
        """What keeps versions from being known and can be changed."""
        unreadable = [
            Problem(
                "log_unreadable",
                Severity.INFO,
                f"the log of a table cannot be read ({reason}): which versions runs made of it is not known",
                location,
                "ingest where the table can be reached, with the credentials that its storage wants",
            )
            for location, reason in self.logs.unreadable.items()
        ]
        return unreadable + [
            Problem(
                "log_cleaned_up",
                Severity.INFO,
                "the log of a table no longer has the commits of the time of a run: which version it made is not known",
                location,
                "ingest before the log is cleaned up (delta.logRetentionDuration, or when Iceberg's snapshots expire)",
            )
            for location in sorted(self.logs.forgotten)
        ]


def _has_place(each: Observation) -> bool:
    """Whether its path is one: a catalog's name may look like one, and is never looked for."""
    return each.namespace != CATALOG_NAMESPACE and (each.path.startswith("/") or ":" in each.path)


def with_counts(runs: Iterable[Run], observations: Iterable[Observation]) -> list[Run]:
    """The runs with the rows, bytes and files of what they wrote, where only the table's log has counted them."""
    written = {(each.run_id, each.part): each for each in observations if each.direction == "written"}
    return [
        _counted(each, written[each.run_id, each.part]) if (each.run_id, each.part) in written else each
        for each in runs
    ]


def _counted(run: Run, written: Observation) -> Run:
    rows, size, files = (
        known if known is not None else logged
        for known, logged in (
            (run.rows, written.rows),
            (run.bytes, written.bytes),
            (run.files, written.files),
        )
    )
    is_same = (rows, size, files) == (run.rows, run.bytes, run.files)
    return run if is_same else replace(run, rows=rows, bytes=size, files=files)


def sought_for(run: Run, rows: int | None, read_version: int | None) -> Sought | None:
    """What is known of the commit of a run; None where it made none, or where its own end does not say so."""
    if run.state is not RunState.COMPLETE:
        return None
    return Sought(
        run.operation,
        run.started_at,
        run.ended_at,
        read_version,
        rows,
        run.query_id,
        run.batch_id,
        run.application_id,
        run.spark_version,
    )


def target_version(
    write: FoldedWrite, target: DatasetId, plans: Mapping[str, PlanTree | None], naming: Naming
) -> int | None:
    """The newest version of its target that a write met in its plans."""
    met = []
    for execution in write.helpers:
        tree = plans.get(execution.plan or "")
        for index, version in execution.versions if tree is not None else ():
            node = tree.nodes[index] if tree is not None and index < len(tree.nodes) else None
            if node is not None and any(each.dataset.id == target for each in by_facts(node, naming)):
                met.append(version)
    return max(met, default=None)
