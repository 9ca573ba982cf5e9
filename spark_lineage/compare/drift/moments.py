"""Moments of a job or table that people name: a time, how long ago, a run, or a version of Spark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from spark_lineage.compare.drift.history import History, Slot, WriteRun
from spark_lineage.compare.times import is_time, parse_time
from spark_lineage.errors import NameLookupError, SettingError

__all__ = ["Moment", "moment_of", "refuse_backwards"]

SPARK_PREFIX = "spark:"
"""Before a version, such as `spark:4.1`: the last run under it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a text means: the runs by which each write was done then, `at` (epoch milliseconds) and what it was given as.

    Of a run, `slots` are what it wrote; None: all.
    """

    text: str
    at: int
    runs: Callable[[Slot], Sequence[WriteRun]]
    run: WriteRun | None = None
    slots: frozenset[Slot] | None = None


def moment_of(history: History, slots: Sequence[Slot], text: str, now: int, what: str) -> Moment:
    """The moment that a text means for some writes; `what` is the option that it was given to.

    Raises `NameLookupError` for a run or version that is unknown, `SettingError` for a time that is none.
    """
    if text.startswith(SPARK_PREFIX):
        return _under_spark(history, slots, text, what)
    if is_time(text):
        until = parse_time(text, now, what)
        return Moment(text, until, lambda slot: history.last(slot, until))
    runs = {slot: [run for run in history.slots[slot] if _means(text, run.run_id)] for slot in slots}
    met = [run for found in runs.values() for run in found]
    meant = sorted({run.run_id for run in met})
    if len(meant) > 1:
        candidates = tuple(meant[:3])
        raise NameLookupError(
            f'{what}: the run "{text}" is ambiguous: write more of its id, so that it means one of {", ".join(candidates)}.',
            candidates,
        )
    if not met:
        _refuse_run(history, slots, text, what)
    at = max(run.at for run in met)
    wrote = frozenset(slot for slot, found in runs.items() if found)
    return Moment(text, at, lambda slot: runs[slot] or history.last(slot, at), met[0], wrote)


def refuse_backwards(earlier: Moment, later: Moment) -> None:
    """Refuse moments in the wrong order: `SettingError`. Versions of Spark have none, and runs of one application that of their numbers."""
    if earlier.text.startswith(SPARK_PREFIX) or later.text.startswith(SPARK_PREFIX):
        return
    one, other = earlier.run, later.run
    if one is not None and other is not None and one.application == other.application:
        is_backwards = one.number > other.number
    else:
        is_backwards = earlier.at > later.at
    if is_backwards:
        raise SettingError(f"--from {earlier.text} is later than --to {later.text}: exchange them.")


def _under_spark(history: History, slots: Sequence[Slot], text: str, what: str) -> Moment:
    version = text.removeprefix(SPARK_PREFIX)
    under = {slot: history.under(slot, version) for slot in slots}
    found = [run for runs in under.values() for run in runs]
    if not found:
        known = sorted({run.spark_version for slot in slots for run in history.slots[slot]})
        versions = known or ["no version with a plan in the store"]
        raise NameLookupError(
            f"{what}: nothing of this ran under Spark {version}, but under {', '.join(versions)}.",
            tuple(SPARK_PREFIX + each for each in known),
        )
    return Moment(text, max(run.at for run in found), lambda slot: under[slot])


def _refuse_run(history: History, slots: Sequence[Slot], text: str, what: str) -> None:
    if any(_means(text, run.run_id) for slot in slots for run in history.without_plan.get(slot, ())):
        raise NameLookupError(
            f'{what}: the plan of the run "{text}" is not in the store: there is nothing to compare.'
        )
    raise NameLookupError(
        f'{what}: there is no complete run "{text}" of this: `spark-lineage runs --json` lists the ids; a time such as '
        "2026-11-20, a duration such as 7d and spark:4.1 are allowed too."
    )


def _means(text: str, run_id: str) -> bool:
    """Whether a text is a run's id, or its beginning with the whole number: `8c0e:7`."""
    beginning, colon, number = text.partition(":")
    bridge, _, own = run_id.partition(":")
    return bool(beginning and colon) and bridge.startswith(beginning) and number == own
