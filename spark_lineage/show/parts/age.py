"""What text and HTML share on what is unusual and how old tables are."""

from __future__ import annotations

from spark_lineage.show.parts.findings import findings_word
from spark_lineage.show.words import Json, Labels, count_word, time_word

_DROPPED_SHOWN = 5
_PATHS_SHOWN = 5
_UNITS = ((86_400, "days", 2), (3_600, "h", 2), (60, "min", 2))


def age_word(seconds: int) -> str:
    """A duration in the unit that fits.

    >>> age_word(90), age_word(7_200), age_word(200_000)
    ('90 s', '2 h', '2 days')
    """
    return next(
        (f"{seconds // unit} {name}" for unit, name, least in _UNITS if seconds >= least * unit),
        f"{seconds} s",
    )


def unusual_title(answer: Json) -> str:
    """What was looked at and how much of it is told."""
    since = f"since {time_word(answer['since'])}"
    judged, new = f"{count_word(answer['runs'], 'run')} {since}", answer["runs_without_history"]
    if answer["findings"]:
        return f"{judged}: {findings_word(len(answer['findings']))}"
    if not answer["runs"]:
        return f"Nothing to judge: no write ended well{'' if answer['until'] is None else f' {since}'}."
    if new == answer["runs"]:
        return f"Nothing to compare with: {judged}, with too few of the same job before."
    return f"Nothing unusual: {judged}" + (f"; {new:,} had too few before to be judged." if new else ".")


def table_notes(table: Json) -> str:
    """How old a table's data is, and what is usual; what is not known, where its state is not."""
    notes = [f"written {age_word(table['data_age_seconds'])} ago"]
    rhythm = table["rhythm"]
    if table["emptied_at"] is not None:
        notes.append(f"emptied {time_word(table['emptied_at'])}")
    if rhythm is None:
        notes.append("too few loads to know what is usual")
    else:
        notes.append(f"{'was' if table['late'] else 'next'} due {time_word(rhythm['due_at'])}")
    if table["state"] == "unknown":
        notes.append(
            "no input of it is known" if not table["inputs"] else "not known whether all inputs are older"
        )
    if table["lineage_at"] != table["data_at"]:
        notes.append(f"lineage last seen {age_word(table['lineage_age_seconds'])} ago")
    return ", ".join(notes)


def dropped_lines(answer: Json, labels: Labels) -> list[str]:
    """What is no longer there, and since when: the newest first, of many the first ones."""
    dropped = sorted(answer["dropped"], key=lambda each: each["dropped_at"], reverse=True)
    lines = [f"{labels.of(each)}, {time_word(each['dropped_at'])}" for each in dropped[:_DROPPED_SHOWN]]
    return lines + ([f"and {len(dropped) - len(lines):,} more"] if len(dropped) > len(lines) else [])


def path_lines(table: Json, labels: Labels) -> list[str]:
    """Each way down from an input that is newer, the nearest first; of many the first ones."""
    paths = table["stale_paths"]
    lines = [f"newer: {' → '.join(labels.of(step) for step in path)}" for path in paths[:_PATHS_SHOWN]]
    return lines + ([f"and {len(paths) - len(lines):,} more"] if len(paths) > len(lines) else [])


def labels_of(answer: Json) -> Labels:
    """The names of all tables of an answer on freshness, and of the inputs on the way to one."""
    paths = [path for table in answer["tables"] for path in table["stale_paths"][:_PATHS_SHOWN]]
    steps = [step for path in paths for step in path]
    on_the_way = {(step["namespace"], step["name"]) for step in steps}
    inputs = [each for table in answer["tables"] for each in table["inputs"]]
    aliased = [each for each in inputs if (each["namespace"], each["name"]) in on_the_way]
    # What has aliases comes last, and so wins.
    return Labels([*steps, *aliased, *answer["dropped"], *answer["tables"]])
