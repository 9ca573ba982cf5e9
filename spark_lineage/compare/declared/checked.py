"""What a check says: each expectation with what deviates from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from spark_lineage.compare.findings import Finding
from spark_lineage.model import SCHEMA_VERSION, DatasetId, Severity
from spark_lineage.query.answers import Json
from spark_lineage.query.graph import Key

__all__ = [
    "CANNOT_BE_SHOWN",
    "CheckAnswer",
    "Deviation",
    "Expectation",
    "deviation",
    "nothing_matches",
    "strictly",
]

CANNOT_BE_SHOWN = "cannot_be_shown"
"""Kind of what may or may not deviate, because lineage is a superset there or not known: a warning, an error if strict."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """A finding, and the line of the declaration that it deviates from (0: it is in no file)."""

    finding: Finding
    line: int


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that is expected, in a few words, where it is declared, and what deviates from it."""

    what: str
    line: int
    deviations: tuple[Deviation, ...] = ()

    @property
    def outcome(self) -> str:
        """`failed`, `unsure` (only warnings) or `met`."""
        severities = {each.finding.severity for each in self.deviations}
        if Severity.ERROR in severities:
            return "failed"
        return "unsure" if severities else "met"


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """All expectations of a check; `file` is the declaration, `baseline` the store that was compared with."""

    expectations: tuple[Expectation, ...]
    file: str | None = None
    baseline: str | None = None
    strict: bool = False

    @property
    def failed(self) -> bool:
        """Whether any expectation failed."""
        return any(each.outcome == "failed" for each in self.expectations)

    def to_dict(self) -> Json:
        """The JSON that docs/json.md describes."""
        outcomes = [each.outcome for each in self.expectations]
        found = [(each.what, one) for each in self.expectations for one in each.deviations]
        found.sort(key=lambda pair: (pair[1].finding.order, pair[1].line, pair[0]))
        return {
            "schema_version": SCHEMA_VERSION,
            "file": self.file,
            "baseline": self.baseline,
            "strict": self.strict,
            "outcome": "failed" if self.failed else "passed",
            "counts": {outcome: outcomes.count(outcome) for outcome in ("met", "unsure", "failed")},
            "expectations": [
                {"what": each.what, "line": each.line or None, "outcome": each.outcome}
                for each in self.expectations
            ],
            "findings": [
                {**one.finding.to_dict(), "line": one.line or None, "expectation": what}
                for what, one in found
            ],
        }


def deviation(
    kind: str,
    message: str,
    line: int,
    key: Key | None = None,
    *,
    certain: bool = True,
    evidence: Iterable[tuple[str, str]] = (),
) -> Deviation:
    """An error; where it is not certain, a warning of the kind `CANNOT_BE_SHOWN`."""
    finding = Finding(
        kind=kind if certain else CANNOT_BE_SHOWN,
        severity=Severity.ERROR if certain else Severity.WARNING,
        message=message,
        dataset=None if key is None else DatasetId(*key[:2]),
        field=None if key is None else key[2],
        evidence=tuple(evidence),
    )
    return Deviation(finding, line)


def nothing_matches(message: str, line: int) -> Deviation:
    """A warning, strict or not: a rule that meets nothing would pass in silence."""
    return Deviation(Finding("nothing_matches", Severity.WARNING, message), line)


def strictly(expectations: Iterable[Expectation]) -> tuple[Expectation, ...]:
    """The same, with what cannot be shown as an error."""
    return tuple(replace(each, deviations=tuple(map(_as_error, each.deviations))) for each in expectations)


def _as_error(one: Deviation) -> Deviation:
    if one.finding.kind != CANNOT_BE_SHOWN:
        return one
    return replace(one, finding=replace(one.finding, severity=Severity.ERROR))
