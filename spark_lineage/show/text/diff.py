"""Diffs and drifts as text."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from spark_lineage.show.parts.diff import VERDICTS, constants_line, diff_title, nothing_ran, run_line
from spark_lineage.show.parts.findings import findings_word
from spark_lineage.show.text.elements import files_part, problems_part
from spark_lineage.show.text.findings import findings_table
from spark_lineage.show.words import Json, Labels, clean, count_word, time_word

_STYLES = {
    "identical": "green",
    "equivalent": "green",
    "added": "cyan",
    "removed": "yellow",
    "changed": "yellow",
}


def diff_text(answer: Json) -> RenderableType:
    """A job or table at two moments: each write with its verdict, then what was found."""
    labels = Labels(write["target"] for write in answer["writes"])
    head = Text.assemble((diff_title(answer), "bold"), "  ", _verdict(answer["verdict"]))
    parts: list[RenderableType] = [head]
    if not answer["writes"]:
        parts.append(Text("Nothing was written at either of these moments.", style="dim"))
    for write in answer["writes"]:
        by = f"  by {clean(write['job'])}" if answer["job"] is None else ""
        title = Text.assemble(
            (labels.of(write["target"]), "bold"), (by, "dim"), "  ", _verdict(write["verdict"])
        )
        lines = [Text(run_line(write), style="dim")]
        lines += [Text(said, style="dim") for said in (constants_line(write),) if said]
        parts.append(Padding(Group(title, *lines), (1, 0, 0, 2)))
    return Group(*parts, *_found(answer), *files_part(labels))


def drift_text(answer: Json) -> RenderableType:
    """What changed over the whole store."""
    problems = problems_part(answer["problems"])
    if not answer["writes"] and not answer["findings"]:
        return Group(Text(nothing_ran(answer)), *problems)
    ran = f"{count_word(answer['writes'], 'write')} ran since {time_word(answer['since'])}"
    if not answer["findings"]:
        return Group(Text(f"No drift: {ran}, and none of them changed."), *problems)
    head = Text(f"{ran}: {findings_word(len(answer['findings']))}", style="bold")
    return Group(head, *_found(answer), *problems)


def _verdict(verdict: str) -> Text:
    return Text(VERDICTS.get(verdict, clean(verdict)), style=_STYLES.get(verdict, "yellow"))


def _found(answer: Json) -> list[RenderableType]:
    return [Padding(findings_table(answer["findings"]), (1, 0, 0, 0))] if answer["findings"] else []
