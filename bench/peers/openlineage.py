"""OpenLineage's Spark agent: its jar, the settings that switch it on, and its events read as lineage.

A field's `inputFields` of the `columnLineage` facet 1-2-0 are the sources of a column; its `dataset` entries are what
decides the rows. A dataset is named by its location as in the events; `symlinks` are its other names.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VERSION = "1.53.0"
LISTENER = "io.openlineage.spark.agent.OpenLineageSparkListener"
ROW_SET = frozenset({"JOIN", "FILTER", "GROUP_BY", "SORT"})
"""Kinds that act on the rows as a whole; where the agent states one at a column, it is taken for the rows."""

Shorten = Callable[[str], str]


@dataclass
class Facts:
    """What the agent said of one target: column -> sources, and the sources of the row set, as `t.a IDENTITY`."""

    columns: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    rows: set[str] = field(default_factory=set)


def fetch_jar(folder: Path, scala: str) -> Path | None:
    """The agent's jar for a Scala line such as "2.13", from Maven Central unless it is in `folder`; None where it cannot be had."""
    jar = folder / f"openlineage-spark_{scala}-{VERSION}.jar"
    if jar.is_file():
        return jar
    maven = shutil.which("mvn")
    if maven is None:
        return None
    artifact = f"io.openlineage:openlineage-spark_{scala}:{VERSION}"
    command = [maven, "--batch-mode", "--quiet", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=False)
    return jar if done.returncode == 0 and jar.is_file() else None


def settings(jar: Path, events: Path) -> dict[str, str]:
    """Spark settings that switch the agent on and have it write its events to a file, one JSON object a line."""
    return {
        "spark.jars": str(jar),
        "spark.extraListeners": LISTENER,
        "spark.openlineage.transport.type": "file",
        "spark.openlineage.transport.location": str(events),
    }


def read_events(events: Path) -> Iterator[dict[str, Any]]:
    """The events of finished runs, in their order."""
    for line in events.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["eventType"] in {"COMPLETE", "RUNNING"}:
            yield event


def facts_of(events: list[dict[str, Any]], names: frozenset[str], shorten: Shorten) -> Facts:
    """What all events together say of the target that has one of these names; `shorten` names the sources."""
    facts = Facts()
    for event in events:
        for output in event.get("outputs", ()):
            if names_of(output) & names:
                _add(facts, output.get("facets", {}).get("columnLineage", {}), shorten)
    return facts


def names_of(dataset: dict[str, Any]) -> set[str]:
    """A dataset's own name and those of its symlinks, in lower case."""
    links = dataset.get("facets", {}).get("symlinks", {}).get("identifiers", ())
    return {str(name).lower() for name in (dataset["name"], *(link["name"] for link in links))}


def _add(facts: Facts, facet: dict[str, Any], shorten: Shorten) -> None:
    for column, entry in facet.get("fields", {}).items():
        facts.columns[column.lower()] |= set()
        for source in entry["inputFields"]:
            for subtype, text in _texts(source, shorten):
                (facts.rows if subtype in ROW_SET else facts.columns[column.lower()]).add(text)
    for source in facet.get("dataset", ()):
        facts.rows |= {text for _, text in _texts(source, shorten)}


def _texts(source: dict[str, Any], shorten: Shorten) -> Iterator[tuple[str, str]]:
    """(subtype, `t.a SUBTYPE`) of each transformation; without any, the kind is unknown."""
    name = f"{shorten(source['name'])}.{source['field']}".lower()
    for transformation in source.get("transformations") or [{"subtype": "UNKNOWN"}]:
        subtype = re.sub(r"\W", "_", transformation.get("subtype") or "UNKNOWN").upper()
        yield subtype, f"{name} {subtype}"
