"""How much of a lineage is kept (`spark.lineage.level`), by the job and by the namespace of what is written."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass

from spark_lineage.settings import LEVEL_RULE

__all__ = ["COLUMN", "JOB", "Levels"]

COLUMN = "column"
JOB = "job"


@dataclass(frozen=True, slots=True)
class Levels:
    """The rules in their order, each (of what, pattern, level); the first that fits counts, `column` where none does."""

    rules: tuple[tuple[str, str, str], ...] = ()

    @staticmethod
    def parse(text: str) -> Levels:
        """The rules of the setting's text; what is no rule, as a newer release may have, says nothing.

        >>> Levels.parse("namespace:s3://tmp-*=job, column").of("nightly", "s3://tmp-1")
        'job'
        """
        found = (LEVEL_RULE.fullmatch(part.strip()) for part in text.split(","))
        return Levels(
            tuple(
                (each["of"] or "", (each["pattern"] or "").strip(), each["level"]) for each in found if each
            )
        )

    def of(self, job: str, namespace: str) -> str:
        """The level of what a job writes into a namespace; patterns have `*`, `?` and `[...]`, as those of a shell."""
        names = {"job": job, "namespace": namespace}
        fits = (
            level for of, pattern, level in self.rules if not of or fnmatch.fnmatchcase(names[of], pattern)
        )
        return next(fits, COLUMN)
