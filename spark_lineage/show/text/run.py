"""One run as text: how it ended, what it read and wrote, its operators as a tree, its stages."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from spark_lineage.show.parts.lists import run_title
from spark_lineage.show.parts.run import (
    OperatorLine,
    StageLine,
    batch_facts,
    chain_word,
    error_words,
    helpers_word,
    labels_of,
    notes_of_dataset,
    operator_lines,
    planned_writes,
    run_head,
    stage_lines,
    without_helpers,
)
from spark_lineage.show.text.elements import (
    certainty_text,
    draw_tree,
    files_part,
    grid,
    noted_rows,
    problems_part,
    state_text,
    titled,
)
from spark_lineage.show.text.table import columns_and_rows
from spark_lineage.show.words import Json, Labels, clean, time_word

__all__ = ["run_text"]

_STAGE_WIDTHS = (5, 9, 20, 10, None)
_FACT_WIDTH = 6
_LONG_NAME = 24
_TIME_WIDTH = 19


def run_text(answer: Json) -> RenderableType:
    """A run's answer for people; wraps to the width of the console, cuts nothing."""
    labels = labels_of(answer)
    own = without_helpers(answer)
    return Group(
        *_heads(answer, labels),
        *_datasets("Read", answer, labels, "read"),
        *_datasets("Written", answer, labels, "written"),
        *_planned(answer, labels),
        *titled("Micro-batch", _batch(answer)),
        *titled("Operators", _operators(own, helpers_word(answer, own))),
        *titled("Stages", _stages(own)),
        *titled("What happened to the application meanwhile", _events(answer)),
        *problems_part(answer["problems"]),
        *files_part(labels),
    )


def _heads(answer: Json, labels: Labels) -> list[RenderableType]:
    """The run's id and, for each of its writes, what it was and how it ended."""
    parts: list[RenderableType] = []
    for run in answer["runs"]:
        title = Text.assemble((clean(run_title(run, labels)), "bold"), "  ").append_text(
            state_text(run["state"])
        )
        parts += [title, *(Text(clean(line)) for line in run_head(run))]
        error = error_words(run, answer["operators"])
        parts += [Text(clean(error), style="red")] if error else []
    return [*parts, Text(f"run {clean(answer['id'])}", style="dim")]


def _datasets(title: str, answer: Json, labels: Labels, direction: str) -> list[RenderableType]:
    shown: list[RenderableType] = []
    for item in answer["datasets"]:
        if item["direction"] == direction:
            shown.append(Text(labels.of(item)))
            shown += [
                Padding(Text(clean(line), style="dim"), (0, 0, 0, 2)) for line in notes_of_dataset(item)
            ]
    return titled(title, Group(*shown) if shown else None)


def _planned(answer: Json, labels: Labels) -> list[RenderableType]:
    return [
        each
        for run, planned, said in planned_writes(answer)
        for each in titled(
            f"What {run_title(run, labels)} would have got",
            Group(*_said_of_plan(said, planned["certainty"]), *columns_and_rows(planned, labels)),
        )
    ]


def _said_of_plan(said: str, certainty: str) -> list[Text]:
    return [Text(said, style="dim"), *([certainty_text(certainty)] if certainty != "exact" else [])]


def _operators(answer: Json, helpers: str | None) -> RenderableType | None:
    if not answer["operators"]:
        return None
    tree = draw_tree((line.depth, _operator(line)) for line in operator_lines(answer))
    return tree if helpers is None else Group(tree, Text(helpers, style="dim"))


def _operator(line: OperatorLine) -> RenderableType:
    return Group(*(_told(each, notes, line.elsewhere) for each, notes in line.operators))


def _told(operator: Json, notes: tuple[str, ...], elsewhere: str) -> RenderableType:
    """An operator and, beside its name or below a long one, its notes."""
    name = Text(clean(operator["name"]), style="bold")
    said = Text(
        f"({elsewhere})" if elsewhere else clean(", ".join(notes)), style="dim italic" if elsewhere else "dim"
    )
    if len(name) > _LONG_NAME:
        return Group(name, Padding(said, (0, 0, 0, 2))) if said else name
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(overflow="fold", ratio=1)
    table.add_row(name, said)
    return table


def _stages(answer: Json) -> RenderableType | None:
    if not answer["stages"]:
        return None
    titles = ("stage", "state", "tasks", "took", "a task: median, longest")
    shown = noted_rows(titles, _STAGE_WIDTHS, map(_stage, stage_lines(answer)))
    chain = chain_word(answer)
    return Group(*shown, *([Text(chain, style="dim")] if chain else []))


def _stage(stage: StageLine) -> tuple[list[Text], list[Text]]:
    cells = [Text(stage.name), state_text(stage.state), *map(Text, (stage.tasks, stage.took, stage.run_time))]
    notes = [Text(clean(", ".join(stage.notes)), style="dim")] if stage.notes else []
    notes += [Text(clean(stage.failure), style="red")] if stage.failure else []
    return cells, notes


def _batch(answer: Json) -> RenderableType | None:
    if answer["batch"] is None:
        return None
    table = grid(_FACT_WIDTH, None)
    for word, facts in batch_facts(answer["batch"]):
        table.add_row(Text(word, style="dim"), Text(clean(facts)))
    return table


def _events(answer: Json) -> RenderableType | None:
    if not answer["events"]:
        return None
    table = grid(_TIME_WIDTH, None)
    for event in answer["events"]:
        what = f"{event['kind'].replace('_', ' ')} {event['subject']}"
        said = Text(clean(what)).append(f"  {clean(event['detail'])}" if event["detail"] else "", style="dim")
        table.add_row(Text(time_word(event["at"]).removesuffix(" UTC"), style="dim"), said)
    return table
