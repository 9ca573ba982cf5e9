"""Where a table is that its own plan knows only by its name: what the other plans say of it, and what `DROP TABLE` changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.relations import by_name
from spark_lineage.pipeline import ingest
from spark_lineage.pipeline.locate import Locations
from spark_lineage.pipeline.sightings import Sightings
from spark_lineage.store.delta import DeltaStore
from tests.analyze.building import PlanBuilder
from tests.pipeline.segments import BRIDGE, END, execution, write_segment

OTHER = "9b2c5a1e-4f89-11d3-9a0c-0305e82c3301"
NAME = ["spark_catalog", "default", "stage"]
Plan = dict[str, Any]


def identifier(plan: PlanBuilder) -> dict[str, int]:
    """The node that stands for the table `stage` of the session's catalog."""
    catalog = plan.node("org.example.DeltaCatalog", "value", {}, x={"name": NAME[0]})
    name = plan.node("org.example.IdentifierImpl", "value", {}, x={"identifier": NAME[1:]})
    return plan.operator("ResolvedIdentifier", [], catalog=catalog, identifier=name)


def created(name: str, source: str) -> Plan:
    """`CREATE TABLE stage USING delta AS SELECT a FROM source`: no word of the table's place."""
    plan = PlanBuilder()
    query, _ = plan.files(source, ["a"])
    command = plan.operator("CreateTableAsSelect", [], name=identifier(plan), query=query)
    return plan.section(command) | {"hash": name}


def dropped(name: str) -> Plan:
    """`DROP TABLE stage`."""
    plan = PlanBuilder()
    return plan.section(plan.operator("DropTable", [], child=identifier(plan))) | {"hash": name}


def read(name: str, place: str, target: str, kind: str = "MANAGED", table: list[str] = NAME) -> Plan:
    """`INSERT INTO target SELECT a FROM stage`, where `stage` is at a place."""
    plan = PlanBuilder()
    facts = {"identifier": table, "location": place, "provider": "delta", "table_type": kind}
    catalog_table = plan.node("org.example.CatalogTable", "value", {}, x=facts)
    relation = plan.node("org.example.Relation", "value", {"location": None})
    output = [plan.attribute("a")]
    leaf = plan.operator("LogicalRelation", output, relation=relation, catalogTable=catalog_table)
    return plan.section(plan.insert(leaf, target, ["a"])) | {"hash": name}


def ingested(folder: Path, *plans: Plan) -> list[tuple[str, str]]:
    """Operation and target of each run, in the order in which they ended, when a job ran the plans one after another."""
    write_segment(folder / "spool", 0, *records(plans), END)
    return runs(folder)


def records(plans: tuple[Plan, ...]) -> list[Plan]:
    """The records of a job that ran the plans."""
    return [
        record
        for number, plan in enumerate(plans, start=1)
        for record in (plan, execution(number, plan["hash"]))
    ]


def runs(folder: Path) -> list[tuple[str, str]]:
    """Operation and target of each run in the store, in the order in which they ended."""
    ingest(folder / "spool", folder / "store")
    found = DeltaStore(folder / "store").read("runs").to_pylist()
    ordered = sorted((row for row in found if row["kind"] != "application"), key=lambda row: row["ended_at"])
    return [(row["operation"], row["target_name"]) for row in ordered]


def test_a_table_that_was_dropped_is_where_its_readers_met_it(tmp_path: Path) -> None:
    assert ingested(
        tmp_path, created("p", "file:/in"), read("q", "file:/w/stage", "file:/out"), dropped("r")
    ) == [("CREATE TABLE AS SELECT", "/w/stage"), ("INSERT", "/out"), ("DROP TABLE", "/w/stage")]


def test_a_name_is_where_it_was_met_between_the_drops_around_it(tmp_path: Path) -> None:
    assert ingested(
        tmp_path,
        created("p", "file:/in"),
        read("q", "file:/w/stage", "file:/out"),
        dropped("r"),
        created("s", "file:/in"),
        read("t", "file:/elsewhere/stage", "file:/out"),
        dropped("u"),
    ) == [
        ("CREATE TABLE AS SELECT", "/w/stage"),
        ("INSERT", "/out"),
        ("DROP TABLE", "/w/stage"),
        ("CREATE TABLE AS SELECT", "/elsewhere/stage"),
        ("INSERT", "/out"),
        ("DROP TABLE", "/elsewhere/stage"),
    ]


def test_the_files_of_a_table_with_a_place_of_its_own_outlive_it(tmp_path: Path) -> None:
    external = read("q", "file:/w/stage", "file:/out", kind="EXTERNAL")
    assert ingested(tmp_path, created("p", "file:/in"), external, dropped("r")) == [
        ("CREATE TABLE AS SELECT", "/w/stage"),
        ("INSERT", "/out"),
    ]


def test_the_catalog_of_the_session_has_names_in_lower_case(tmp_path: Path) -> None:
    stage = read("q", "file:/w/stage", "file:/out", table=["spark_catalog", "default", "STAGE"])
    assert ingested(tmp_path, created("p", "file:/in"), stage, dropped("r"))[0][1] == "/w/stage"


def test_a_table_is_where_another_job_met_it(tmp_path: Path) -> None:
    """The one that made it is ingested first, and both at once."""
    write_segment(tmp_path / "spool", 0, *records((created("p", "file:/in"),)), END)
    theirs = [
        {**each, "bridge": OTHER}
        for each in (*records((read("q", "file:/w/stage", "file:/out"), dropped("r"))), END)
    ]
    write_segment(tmp_path / "spool", 0, *theirs, bridge=OTHER)
    assert BRIDGE < OTHER
    assert ("CREATE TABLE AS SELECT", "/w/stage") in runs(tmp_path)


def test_a_table_that_nobody_read_keeps_its_name_and_ends_under_it(tmp_path: Path) -> None:
    assert ingested(tmp_path, created("p", "file:/in"), dropped("r")) == [
        ("CREATE TABLE AS SELECT", ".".join(NAME)),
        ("DROP TABLE", ".".join(NAME)),
    ]


@pytest.mark.parametrize("name", ["spark_catalog.default.a/b", "spark_catalog.default.", "spark_catalog.default./b", "spark_catalog.a/b.c"])  # fmt: skip
def test_no_folder_is_made_of_a_name_that_sparks_catalog_cannot_have(tmp_path: Path, name: str) -> None:
    """Spark refuses names that are not words (`SessionCatalog.validateName`); here each folder that could be meant has a log."""
    for folder in ("", "a/b", "b", "a/b.db/c"):
        (tmp_path / folder / "_delta_log").mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "_delta_log" / f"{0:020d}.json").write_text("{}")
    naming = Naming()
    nothing_met = Sightings({}, tuple, naming)
    target = by_name(name)
    assert Locations(naming, str(tmp_path), [], nothing_met).resolve(target, 1, creates=True) == target
    found = Locations(naming, str(tmp_path), [], nothing_met).resolve(by_name("spark_catalog.default.b"), 1)
    assert found[0].dataset.name == f"{tmp_path}/b"
