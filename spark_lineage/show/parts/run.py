"""What text and HTML share on one run: the order of things and the words for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spark_lineage.show.parts.lists import error_word
from spark_lineage.show.parts.table import sources_of
from spark_lineage.show.parts.trees import ABOVE, tree_lines
from spark_lineage.show.words import Json, Labels, count_word, duration_word, elapsed_ms, size_word, time_word

__all__ = [
    "OperatorLine",
    "StageLine",
    "batch_facts",
    "chain_word",
    "error_words",
    "helpers_word",
    "labels_of",
    "notes_of_dataset",
    "operator_lines",
    "planned_writes",
    "run_head",
    "stage_lines",
    "without_helpers",
]

_STAGE_FACTS = (
    ("input_bytes", "reads"),
    ("shuffle_read_bytes", "shuffles in"),
    ("shuffle_write_bytes", "shuffles out"),
    ("disk_spilled_bytes", "spills to disk"),
    ("output_bytes", "writes"),
    ("peak_execution_memory_bytes", "peak memory"),
)
"""Metrics of a stage that are told, with their words; the rest stands in the JSON."""

_MANY_COLUMNS = 6

_NOT_COMPLETED = {"RUNNING": "It has not ended", "UNKNOWN": "Nobody knows whether it was written"}


@dataclass(frozen=True, slots=True)
class OperatorLine:
    """The operators of a chain, each with its notes, at their depth in the tree; `elsewhere` as in `trees.Line`."""

    depth: int
    operators: tuple[tuple[Json, tuple[str, ...]], ...]
    elsewhere: str


@dataclass(frozen=True, slots=True)
class StageLine:
    """A stage attempt in words: `name` is `3`, or `3.1` for a second attempt."""

    name: str
    state: str
    tasks: str
    took: str
    run_time: str
    notes: tuple[str, ...]
    failure: str | None


def labels_of(answer: Json) -> Labels:
    """Labels of all datasets of the answer."""
    targets = [run["target"] for run in answer["runs"] if run["target"]]
    planned = (source for each in answer.get("planned", ()) for source in sources_of(each))
    return Labels([*targets, *answer["datasets"], *planned])


def planned_writes(answer: Json) -> Iterator[tuple[Json, Json, str]]:
    """(run, what its plan would have written, a sentence on that), for each part that did not complete."""
    runs = {run["part"]: run for run in answer["runs"]}
    for planned in answer.get("planned", ()):
        run = runs[planned["part"]]
        said = _NOT_COMPLETED.get(run["state"], "It did not complete")
        yield run, planned, f"{said}: this is what its plan says, no fact about the table."


def without_helpers(answer: Json) -> Json:
    """The answer without the operators and stages of executions that only helped, such as Delta's reading of its log.

    Those that made the run's columns are the run's own; where none is known to have, all are.
    """
    own = {_execution(each) for each in answer["operators"] if each["target_columns"]}
    if not own or own.issuperset(map(_execution, answer["operators"])):
        return answer
    operators = [each for each in answer["operators"] if _execution(each) in own]
    ran_in = {stage for each in operators for stage in each["stages"]}
    own_or_unknown = {*own, str(None)}
    stages = [
        each for each in answer["stages"] if each["id"] in ran_in or str(each["execution"]) in own_or_unknown
    ]
    names = {(each["id"], each["attempt"]) for each in stages}
    chain = [each for each in answer["longest_chain"] if (each["id"], each["attempt"]) in names]
    return {**answer, "operators": operators, "stages": stages, "longest_chain": chain}


def helpers_word(answer: Json, own: Json) -> str | None:
    """How much of the answer `own`, which is `without_helpers` of it, leaves out; None where nothing."""
    kept = {each["id"] for each in own["operators"]}
    left_out = [each for each in answer["operators"] if each["id"] not in kept]
    if not left_out:
        return None
    queries = count_word(len({_execution(each) for each in left_out}), "helper query", "helper queries")
    return f"Not shown: {count_word(len(left_out), 'operator')} of {queries}, such as reads of a table's log."


def _execution(operator: Json) -> str:
    """The execution that an operator belongs to: its id is `<execution id>:<number>`."""
    execution: str = operator["id"].partition(":")[0]
    return execution


def run_head(run: Json) -> Iterator[str]:
    """The lines below a run's title: what it was and who ran it; when, how long and how much."""
    application = run["application"]["name"] or run["application"]["id"]
    what = run["operation"] if run["target"] else run["kind"]
    job = "" if run["job"] in {"", application} else f" by the job {run['job']}"
    yield f"{what}{job}, in {application}, {run['user']}, Spark {run['spark_version']}"
    facts = [time_word(run["started_at"]) if run["started_at"] else "start unknown"]
    took = elapsed_ms(run)
    if took is not None:
        facts.append(duration_word(took) if took >= 0 else "the clock went back while it ran")
    elif run["ended_at"]:
        facts.append(f"ended {time_word(run['ended_at'])}")
    facts += amounts(run)
    yield ", ".join(facts)
    if run["decided_by"]:
        source = {"log": "the target's own log", "application_end": "the end of its application"}.get(
            run["decided_by"], run["decided_by"]
        )
        yield f"No end was recorded: the state is that of {source}."
    if run["left_out"]:
        yield f"Operators and stages are left out on purpose, by the setting {run['left_out']}."


def error_words(run: Json, operators: Sequence[Json]) -> str | None:
    """The error of a run: message, class, condition, SQLSTATE, and the operator in which it failed."""
    error = run["error"]
    if not error:
        return None
    is_in_message = (error["message"] or "").startswith(f"[{error['condition']}]")
    condition = [error["condition"]] if error["condition"] and not is_in_message else []
    codes = condition + ([f"SQLSTATE {error['sqlstate']}"] if error["sqlstate"] else [])
    said = error_word(error, codes)
    if not error["class"]:
        return said
    failed = next((each["name"] for each in operators if each["id"] == run["failed_operator"]), None)
    return said if failed is None else f"{said} In the operator {failed}."


def amounts(item: Json) -> list[str]:
    """Rows, files and bytes, those that are known."""
    known = []
    if item["rows"] is not None:
        known.append(count_word(item["rows"], "row"))
    if item["files"] is not None:
        known.append(count_word(item["files"], "file"))
    if item["bytes"] is not None:
        known.append(size_word(item["bytes"]))
    return known


def notes_of_dataset(item: Json) -> tuple[str, ...]:
    """What is known of a dataset as the run met it: version, amounts, window of change, offsets; one line each."""
    lines = []
    if item["version"] is not None:
        at = f" of {time_word(item['version_at'])}" if item["version_at"] else ""
        lines.append(f"version {item['version']}{at}")
    facts = amounts(item)
    if item["partitions_read"] is not None:
        facts.append(count_word(item["partitions_read"], "partition"))
    if facts:
        lines.append(", ".join(facts))
    if item["modified_from"] and item["modified_until"]:
        first, last = time_word(item["modified_from"]), time_word(item["modified_until"])
        until = "" if first == last else f" to {last}"
        lines.append(f"files last changed {first}{until}")
    if item["partitions"]:
        lines.append(f"partition {', '.join(item['partitions'])}")
    if item["path"] and not _is_place(item["path"], item):
        lines.append(item["path"])
    lines += offset_lines(item["offsets"])
    return tuple(lines) or ("nothing more is known",)


def _is_place(path: str, item: Json) -> bool:
    """Whether a path says no more than the dataset's own name, with or without its scheme."""
    name = item["name"].rstrip("/")
    return path.rstrip("/") in {name, f"file:{name}", f"file://{name}", item["namespace"] + name}


def offset_lines(offsets: Any) -> list[str]:
    """The offsets of topics, one line for each: `orders: 0 from 10 to 20, 1 from 0 to 5`."""
    if not isinstance(offsets, Mapping):
        return [] if offsets is None else [f"offsets {offsets}"]
    lines = []
    for topic, partitions in sorted(offsets.items()):
        if not isinstance(partitions, Mapping):
            lines.append(f"offsets of {topic}: {partitions}")
            continue
        told = [
            f"{partition} {_range(ends)}" for partition, ends in sorted(partitions.items(), key=_by_number)
        ]
        lines.append(f"offsets of {topic}: {', '.join(told)}")
    return lines


def operator_lines(answer: Json) -> Iterator[OperatorLine]:
    """The executed operators as trees, the last one of each execution first.

    A chain, where each operator has one child, is one line with all of its operators, so that only joins and unions indent.
    """
    operators = {each["id"]: each for each in answer["operators"]}
    children = {
        name: [child for child in each["children"] if child in operators] for name, each in operators.items()
    }
    below = Counter(child for found in children.values() for child in found)
    heads = [name for name in operators if name not in below]
    failed = {run["failed_operator"] for run in answer["runs"]}

    def chain(head: str) -> list[str]:
        names = {head: None}
        last = head
        while len(children[last]) == 1:
            last = children[last][0]
            if below[last] > 1 or last in names:
                break
            names[last] = None
        return list(names)

    def onward(head: str) -> list[tuple[None, str]]:
        return [(None, child) for child in children[chain(head)[-1]]]

    above = {child: operators[name] for name, found in children.items() for child in found}
    told: set[str] = set()
    for line in tree_lines(heads or operators, onward):
        # A chain without branches is never elsewhere to `tree_lines`: a shared one is told once all the same.
        elsewhere = line.elsewhere or (ABOVE if line.node in told else "")
        names = [line.node] if elsewhere else chain(line.node)
        told.add(line.node)
        notes = (
            () if elsewhere else _operator_notes(operators[name], name in failed, above.get(name))
            for name in names
        )
        yield OperatorLine(
            line.depth, tuple(zip((operators[n] for n in names), notes, strict=True)), elsewhere
        )


def _operator_notes(each: Json, failed: bool, above: Json | None) -> tuple[str, ...]:  # noqa: FBT001 - a fact like the others
    """The notes of an operator; the columns that it makes where they are others than those of the one `above` it."""
    notes = ["failed here"] if failed else []
    notes += [each["note"]] if each["note"] else []
    notes += amounts(each)
    if each["time_ms"]:
        notes.append(duration_word(each["time_ms"]))
    if each["spill_bytes"]:
        notes.append(f"spilled {size_word(each['spill_bytes'])}")
    if each["peak_memory_bytes"]:
        notes.append(f"peak {size_word(each['peak_memory_bytes'])}")
    if each["stages"]:
        word = "stage" if len(each["stages"]) == 1 else "stages"
        notes.append(f"{word} {', '.join(map(str, each['stages']))}")
    if each["target_columns"] and (above is None or each["target_columns"] != above["target_columns"]):
        notes.append(f"makes {_listed(each['target_columns'])}")
    return tuple(notes)


def stage_lines(answer: Json) -> Iterator[StageLine]:
    """The stages in words, in their order."""
    for stage in answer["stages"]:
        tasks = [f"{stage['tasks']:,}"]
        for count, word in (
            ("failed_tasks", "failed"),
            ("killed_tasks", "killed"),
            ("speculative_tasks", "speculative"),
        ):
            if stage[count]:
                tasks.append(f"{stage[count]:,} {word}")
        took = elapsed_ms(stage)
        times = stage["run_time"]
        spread = (
            "" if times is None else f"{duration_word(times['median'])}, {duration_word(times['maximum'])}"
        )
        yield StageLine(
            name=f"{stage['id']}.{stage['attempt']}" if stage["attempt"] else str(stage["id"]),
            state=stage["state"],
            tasks=", ".join(tasks),
            took="" if took is None else duration_word(took) if took >= 0 else "unknown",
            run_time=spread + (", skewed" if stage["skewed"] else ""),
            notes=tuple(_stage_notes(stage)),
            failure=stage["failure"],
        )


def _stage_notes(stage: Json) -> Iterator[str]:
    metrics = {each["name"]: each["value"] for each in stage["metrics"]}
    for name, word in _STAGE_FACTS:
        if metrics.get(name):
            yield f"{word} {size_word(metrics[name])}"
    if metrics.get("jvm_gc_time_ms"):
        yield f"garbage collection {duration_word(metrics['jvm_gc_time_ms'])}"


def chain_word(answer: Json) -> str | None:
    """Which stages followed each other up to the end, and how much of the run they took; None where there is one or none."""
    if len(answer["longest_chain"]) < 2:
        return None
    stages = {(stage["id"], stage["attempt"]): stage for stage in answer["stages"]}
    chain = [stages[each["id"], each["attempt"]] for each in answer["longest_chain"]]
    names = [f"{each['id']}.{each['attempt']}" if each["attempt"] else str(each["id"]) for each in chain]
    times = [elapsed_ms(each) for each in chain]
    if any(each is not None and each < 0 for each in times):
        return f"One after the other ran the stages {', '.join(names)}; the clock went back meanwhile."
    spent = sum(each or 0 for each in times)
    took = elapsed_ms(answer["runs"][0])
    of = "" if took is None or took < 0 else f" of {duration_word(took)}"
    return f"One after the other ran the stages {', '.join(names)}: {duration_word(spent)}{of}."


def batch_facts(batch: Json) -> Iterator[tuple[str, str]]:
    """A micro-batch as (word, facts)."""
    name = batch["name"] or batch["query_id"]
    facts = [] if batch["input_rows"] is None else [f"{count_word(batch['input_rows'], 'row')} in"]
    facts += [] if batch["duration_ms"] is None else [duration_word(batch["duration_ms"])]
    facts += [f"watermark {time_word(batch['watermark'])}"] if batch["watermark"] else []
    yield "query", name
    if facts:
        yield "batch", f"{batch['batch_id']}: {', '.join(facts)}"
    else:
        yield "batch", str(batch["batch_id"])
    for source in batch["sources"]:
        rows = "" if source["rows"] is None else f", {count_word(source['rows'], 'row')}"
        yield "source", f"{source['description']}{rows}"
        yield "", f"from {_compact(source['start'])} to {_compact(source['end'])}"
    for state in batch["state"]:
        yield "state", ", ".join([state["name"], *_state_facts(state)])
    if batch["durations"]:
        longest = sorted(batch["durations"], key=lambda each: (-each["ms"], each["name"]))
        yield "time", ", ".join(f"{each['name']} {duration_word(each['ms'])}" for each in longest)


def _state_facts(state: Json) -> Iterator[str]:
    for key, word in (
        ("rows", "kept"),
        ("updated_rows", "updated"),
        ("removed_rows", "removed"),
        ("late_rows", "too late"),
    ):
        if state[key] is not None:
            yield f"{count_word(state[key], 'row')} {word}"
    if state["memory_bytes"] is not None:
        yield size_word(state["memory_bytes"])


def _listed(names: Sequence[str]) -> str:
    """Names, the first of them where there are many."""
    if len(names) <= _MANY_COLUMNS:
        return ", ".join(names)
    return f"{', '.join(names[: _MANY_COLUMNS - 1])} and {len(names) - _MANY_COLUMNS + 1:,} more"


def _range(ends: Any) -> str:
    if isinstance(ends, Sequence) and len(ends) == 2 and not isinstance(ends, str):
        return f"from {ends[0]} to {ends[1]}"
    return str(ends)


def _by_number(pair: tuple[str, Any]) -> tuple[int, str]:
    return (int(pair[0]) if pair[0].isdigit() else -1, pair[0])


def _compact(value: Any) -> str:
    """An offset without the braces of its JSON: `orders 0: 10`."""
    if isinstance(value, Mapping):
        inner = (
            f"{key} {_compact(each)}" if isinstance(each, Mapping) else f"{key}: {each}"
            for key, each in value.items()
        )
        return ", ".join(inner)
    return "nothing" if value is None else str(value)
