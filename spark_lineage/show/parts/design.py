"""What text and HTML share on a run beside its design."""

from __future__ import annotations

from spark_lineage.show.words import Json, Labels, clean

STATUSES = {
    "confirmed": "confirmed",
    "pruned": "pruned",
    "empty": "empty",
    "never_executed": "never executed",
    "unknown": "unknown",
    "not_designed": "not designed",
}
"""The statuses as people read them."""


def labels_of(answer: Json) -> Labels:
    """The names of all datasets of the answer."""
    targets = [write["target"] for write in answer["writes"] if write["target"]]
    return Labels([*targets, *(source for write in answer["writes"] for source in write["sources"])])


def write_title(write: Json, labels: Labels) -> str:
    """What a write is about."""
    return labels.of(write["target"]) if write["target"] else clean(write["job"])


def column_notes(source: Json) -> list[str]:
    """The columns that have another status than their dataset, by status."""
    by_status: dict[str, list[str]] = {}
    for column in source["columns"]:
        if column["status"] != source["status"]:
            by_status.setdefault(column["status"], []).append(clean(column["name"]))
    words = {**STATUSES, "not_read": "read without"}
    return [f"{words.get(status, status)}: {', '.join(names)}" for status, names in sorted(by_status.items())]
