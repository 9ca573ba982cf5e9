"""A check for other programs: JUnit XML for build servers, SARIF 2.1.0 for those that show findings beside the code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from spark_lineage import __version__
from spark_lineage.show.parts.check import evidence
from spark_lineage.show.words import Json, clean

__all__ = ["RULES", "junit", "sarif"]

SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

RULES = {
    "cannot_be_shown": "Lineage is a superset or not known there, so the expectation cannot be shown to hold.",
    "capture_incomplete": "Something that ran is not in the store.",
    "column_missing": "A declared column is not there.",
    "column_unexpected": "A column is there and not declared.",
    "dependency_missing": "A column does not come from what it is to come from.",
    "dependency_unexpected": "A column comes from something else than what it may come from.",
    "forbidden_flow": "Data gets to where it must not.",
    "job_unexpected": "A job writes a table that it is not declared for.",
    "kind_changed": "A source is there in another kind than declared.",
    "lineage_lost": "What a column or table is made of was known, and is not any more.",
    "no_lineage": "A job or table left no lineage.",
    "nothing_matches": "A rule names nothing that is in the store.",
    "only_opaque_lineage": "All lineage of a job or table is opaque.",
    "owner_missing": "A table has no owner.",
    "plan_missing": "The plan of a run that made a table is not in the store.",
    "required_source_missing": "A table does not come from a table that it is to come from.",
    "source_missing": "A declared source is not there.",
    "source_unexpected": "A source is there and not declared.",
    "table_missing": "A declared table is not in the store.",
    "table_unexpected": "A table is written and not declared.",
    "type_changed": "A column has another type than declared.",
}
"""Every kind of finding of a check, in a sentence."""


def junit(answer: Json) -> str:
    """The answer of a check as JUnit XML: an expectation is a test case, errors are failures, warnings its output."""
    counts = answer["counts"]
    suite = ET.Element(
        "testsuite",
        name="spark-lineage check",
        tests=str(sum(counts.values())),
        failures=str(counts["failed"]),
        errors="0",
        skipped="0",
    )
    for expectation in answer["expectations"]:
        case = ET.SubElement(suite, "testcase", classname="spark-lineage", name=clean(expectation["what"]))
        if answer["file"] and expectation["line"]:
            case.set("file", clean(answer["file"]))
            case.set("line", str(expectation["line"]))
        _junit_findings(case, list(_findings_of(answer, expectation)))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def sarif(answer: Json) -> dict[str, Any]:
    """The answer of a check as a SARIF 2.1.0 log: each finding is a result at the line that declares what is expected."""
    kinds = sorted({finding["kind"] for finding in answer["findings"]})
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "spark-lineage",
                        "version": __version__,
                        "rules": [{"id": kind, "shortDescription": {"text": RULES[kind]}} for kind in kinds],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(answer, finding, kinds) for finding in answer["findings"]],
            }
        ],
    }


def _findings_of(answer: Json, expectation: Json) -> Iterator[Json]:
    for finding in answer["findings"]:
        if finding["expectation"] == expectation["what"]:
            yield finding


def _junit_findings(case: ET.Element, findings: list[Json]) -> None:
    errors = [finding for finding in findings if finding["severity"] == "error"]
    warnings = [finding for finding in findings if finding["severity"] != "error"]
    if errors:
        failure = ET.SubElement(case, "failure", type=errors[0]["kind"], message=clean(errors[0]["message"]))
        failure.text = "\n".join(line for finding in errors for line in _lines(finding))
    if warnings:
        ET.SubElement(case, "system-out").text = "\n".join(
            line for finding in warnings for line in _lines(finding)
        )


def _lines(finding: Json) -> Iterator[str]:
    place = f"line {finding['line']}: " if finding["line"] else ""
    yield clean(f"{place}{finding['severity']}: {finding['message']}")
    yield from (f"  {clean(line)}" for line in evidence(finding))


def _result(answer: Json, finding: Json, kinds: list[str]) -> dict[str, Any]:
    text = "\n".join([finding["message"], *evidence(finding)])
    location: dict[str, Any] = {}
    if answer["file"] and finding["line"]:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": _uri(answer["file"])},
            "region": {"startLine": finding["line"]},
        }
    if finding["dataset"]:
        table = f"{finding['dataset']['namespace']}:{finding['dataset']['name']}"
        name = table if finding["field"] is None else f"{table}.{finding['field']}"
        location["logicalLocations"] = [{"fullyQualifiedName": name}]
    return {
        "ruleId": finding["kind"],
        "ruleIndex": kinds.index(finding["kind"]),
        "level": {"error": "error", "warning": "warning"}.get(finding["severity"], "note"),
        "message": {"text": text},
        **({"locations": [location]} if location else {}),
        "properties": {"expectation": finding["expectation"]},
    }


def _uri(path: str) -> str:
    """A relative path as a relative reference: what shows the findings knows where the sources lie."""
    return Path(path).as_uri() if Path(path).is_absolute() else quote(Path(path).as_posix())
