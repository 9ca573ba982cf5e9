"""What text and HTML share on a diff: the words for its writes, and which findings belong to which."""

from __future__ import annotations

from spark_lineage.show.words import Json, Labels, clean, time_word

VERDICTS = {
    "identical": "the same plan",
    "equivalent": "another plan with the same lineage",
    "changed": "another lineage",
    "added": "a new write",
    "removed": "not written any more",
    "unknown": "not known",
}
"""What each verdict means, in words."""

_CONSTANTS = {
    "compared": "",
    "unknown": "Constants: not known of both runs.",
    "other_key": "Constants: cannot be compared, they were hashed under different keys (the setting hashKeyFile).",
}


def diff_title(answer: Json) -> str:
    """What a diff is about."""
    if answer["job"] is not None:
        return clean(answer["job"])
    return Labels([answer["table"]]).of(answer["table"])


def nothing_ran(answer: Json) -> str:
    """What is said of a time in which nothing was written."""
    return f"Nothing was written since {time_word(answer['since'])}: there is nothing to compare."


def run_line(write: Json) -> str:
    """The two runs that a write was compared at, with the versions of Spark where they differ."""
    before, after = write["before"], write["after"]
    if before is None or after is None:
        run = before or after
        return f"{'last' if after is None else 'first'} at {time_word(run['at'])}, Spark {clean(run['spark_version'])}"
    if before["run"] == after["run"]:
        return f"one run, {time_word(after['at'])}"
    if before["spark_version"] == after["spark_version"]:
        return f"{time_word(before['at'])} → {time_word(after['at'])}"
    versions = (clean(run["spark_version"]) for run in (before, after))
    old, new = versions
    return f"{time_word(before['at'])}, Spark {old} → {time_word(after['at'])}, Spark {new}"


def constants_line(write: Json) -> str:
    """Whether the constants of a write could be compared; empty where they could, and where there is but one run."""
    if write["before"] is None or write["after"] is None or write["before"]["run"] == write["after"]["run"]:
        return ""
    return _CONSTANTS[write["constants"]["state"]]
