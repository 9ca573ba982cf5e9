"""docs/operations.md tells operators of every setting, problem and reason for a loss, and names nothing that is not there."""

from __future__ import annotations

import inspect
import json
import math
import re

from support.paths import REPOSITORY
from support.problem_codes import problem_codes

from spark_lineage.capture import spool
from spark_lineage.decode import parts, plans, records, room, spans
from spark_lineage.pipeline import problems
from spark_lineage.settings import SETTINGS
from spark_lineage.show import doctor

OPERATIONS = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
JAVA = REPOSITORY / "jvm_bridge" / "src" / "main" / "java" / "io" / "sparklineage"


def reasons() -> set[str]:
    """The reasons for which the bridge makes a gap."""
    text = (JAVA / "Gaps.java").read_text(encoding="utf-8")
    return set(re.findall(r'static final String [A-Z_]+ = "([a-z_]+)"', text))


def first_cells(title: str) -> list[str]:
    """The first cell of each row of the table with that title in its first cell; code marks removed."""
    table = OPERATIONS[OPERATIONS.index(f"| {title} |") :].split("\n\n", 1)[0].splitlines()[2:]
    return [name for row in table for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_every_reason_of_a_gap_has_its_words_for_people_and_for_operators() -> None:
    known = reasons()
    assert "spool_failed" in known
    assert {*problems._GAPS, "wrong_setting"} == known
    assert {*first_cells("reason of a gap"), "wrong_setting"} == known
    schema = json.loads(
        (REPOSITORY / "jvm_bridge" / "contract" / "record.schema.json").read_text(encoding="utf-8")
    )
    assert set(schema["$defs"]["gap"]["properties"]["reason"]["enum"]) == known


def test_the_limits_of_the_reader_are_those_of_the_code() -> None:
    table = OPERATIONS[OPERATIONS.index("| limit of the reader |") :].split("\n\n", 1)[0].splitlines()[2:]
    told = [(row.split("|")[1], int(row.split("|")[2].replace(",", ""))) for row in table]
    assert [number for _, number in told] == [
        records.MAX_RECORD_BYTES,
        records.MAX_OBJECT_BYTES,
        room.MAX_PLAN_BYTES,
        plans.MAX_NODES,
        plans.MAX_COLUMNS,
        records.MAX_NODE_OBJECTS,
        records.MAX_ATTRIBUTE_BYTES,
        spans.MAX_ATTRIBUTES,
        parts.MAX_PARTS,
        plans.MAX_VALUE_DEPTH,
        spool.SEARCH_LIMIT_BYTES,
    ]
    assert spool.FRAME_LIMIT_BYTES == records.MAX_RECORD_BYTES
    costs = [int(each.replace(",", "")) for each in re.findall(r"([\d,]*\d) for a", told[2][0])]
    assert costs == [room.NODE_BYTES, room.COLUMN_BYTES, room.TYPE_BYTES]
    assert room.COLUMN_BYTES == room.ELEMENT_BYTES == room.ATTRIBUTE_BYTES


def test_operators_are_told_of_every_setting_and_of_no_other() -> None:
    known = {setting.key for setting in SETTINGS}
    assert sorted(first_cells("setting")) == sorted(known)
    named = re.findall(r"`spark\.lineage\.([A-Za-z.]+)(?:=[^`]*)?`", OPERATIONS)
    assert named
    assert set(named) <= known


def test_operators_are_told_of_every_problem_and_of_no_other() -> None:
    stored = problem_codes("decode", "analyze", "pipeline")
    assert {"gap", "segment_torn", "unknown_cte", "unknown_target", "cut_subquery", "bad_record"} <= stored
    assert sorted(first_cells("code")) == sorted(stored)
    answered = problem_codes("query", "compare") - stored
    assert sorted(first_cells("code of an answer")) == sorted(answered)


def test_operators_are_told_what_leaves_no_note() -> None:
    section = OPERATIONS[OPERATIONS.index("## What a killed driver leaves") :].split("\n## ", 1)[0]
    said = [line[2:].partition(":")[0] for line in section.splitlines() if line.startswith("- ")]
    assert said == [*doctor.NOT_NOTED, doctor.OTHER_SESSIONS]


def test_operators_are_told_of_every_check_of_doctor_and_of_no_other() -> None:
    known = set(re.findall(r'(?:Check|_from_error)\(\s*"([a-z ]+)"', inspect.getsource(doctor)))
    assert {"jar", "kept aside", "last application"} <= known
    assert sorted(first_cells("check of `doctor`")) == sorted(known)


def test_the_limits_of_the_bridge_are_those_of_the_code() -> None:
    def number(file: str, name: str) -> int:
        found = re.search(rf"\b{name} = ([^;]+);", (JAVA / f"{file}.java").read_text(encoding="utf-8"))
        assert found is not None
        return math.prod(int(each.replace("_", "")) for each in found[1].split(" * "))

    table = OPERATIONS[OPERATIONS.index("| limit of the bridge") :].split("\n\n", 1)[0].splitlines()[2:]
    told = {
        re.findall(r"`(\w+)`", row)[0]: int(re.findall(r"[\d,]+", row)[0].replace(",", "")) for row in table
    }
    assert told["nodes"] == number("PlanEncoder", "NODE_LIMIT")
    assert told["time"] == number("PlanEncoder", "OUTPUT_MILLIS")
    noted = "at most {:,} `nodes`, and {} ms of `time`"
    assert noted.format(number("Intents", "NODE_LIMIT"), number("Intents", "OUTPUT_MILLIS")) in OPERATIONS


def test_every_line_of_the_log_is_explained() -> None:
    """What the bridge may say in the driver's log, by its first words."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(JAVA.glob("*.java")))
    said = set(re.findall(r'(?:\.warn|Bridge\.complain)\(\s*"([^"{}:,]{12,})', text))
    assert "Lineage is not captured" in {each.strip() for each in said}
    assert [each for each in sorted(said) if each.strip() not in OPERATIONS] == []
