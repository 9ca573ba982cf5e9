"""The cases of the operator matrix as subjects of the proof.

A case's own statements are run again for each change, in a session of their own, over the tables of its setup; what
they made is dropped before. The claims are the case's expectation, which `lineage/test_cases.py` holds the tool's answer to.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import tomllib
from lineage.harness import Case, load_all, run_code, statements
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T  # noqa: N812  # Spark's own convention

from execution import corpora
from execution.corpora import put
from execution.data import Data, Table
from execution.domains import Domains, read_domains
from execution.proof import Claims, Rows, Subject, read_claims

LEFT_OUT = Path(__file__).parent / "left_out.toml"
DECIDED = Path(__file__).parent / "decided.toml"
_LIMIT = re.compile(r"\bLIMIT\s+(\d+|ALL)\b", re.IGNORECASE)
_CHANGES_ROWS = re.compile(r"\b(MERGE|UPDATE|DELETE|REPLACE WHERE)\b")
_CREATED = re.compile(r"CREATE TABLE (\w+)")


def left_out() -> dict[str, str]:
    """Case -> why it is not run."""
    listed = tomllib.loads(LEFT_OUT.read_text(encoding="utf-8"))
    return {name: reason for reason, names in listed.items() for name in names}


def decided() -> dict[str, frozenset[str]]:
    """Case -> columns that decide its rows, though by decision nothing claims that."""
    listed = tomllib.loads(DECIDED.read_text(encoding="utf-8"))
    return {name: frozenset(columns) for names in listed.values() for name, columns in names.items()}


def name_of(case: Case) -> str:
    """`family: name`."""
    return f"{case.family}: {case.name}"


def cases() -> list[Case]:
    """Every case that is run."""
    return [case for case in load_all() if name_of(case) not in left_out()]


@dataclass
class Place:
    """A case's database with its setup done, and its folder; queries run in one session, writes in a new one each time."""

    spark: SparkSession
    queries: SparkSession
    case: Case
    folder: Path
    schemas: dict[str, T.StructType] = field(default_factory=dict)
    kept: dict[str, Table] = field(default_factory=dict)

    def set_up(self) -> None:
        """The database, and the setup's tables."""
        session = self.session(create=True)
        for statement in self.case.setup:
            session.sql(statement.replace("{tmp}", str(self.folder)))
        for name in _CREATED.findall("\n".join(self.case.setup)):
            if _reads(self.case, name):
                self.schemas[name] = session.table(name).schema

    def session(self, *, create: bool = False) -> SparkSession:
        """A new session in the case's database."""
        session = self.spark.newSession()
        if create:
            session.sql(f"CREATE DATABASE {self.case.database}")
        session.sql(f"USE {self.case.database}")
        session.conf.set("spark.sql.codegen.factoryMode", "FALLBACK")
        # What the catalog and Delta compile, they compile as this thread's session says.
        SparkSession._get_j_spark_session_class(session._jvm).setActiveSession(session._jsparkSession)
        return session

    def run(self, data: Data) -> Rows:
        """Put the data into the tables, run the case, and read its target; a query reads temporary views instead."""
        if self.case.select and not _views(self.case):
            return self._query(data)
        session = self.session()
        self._clear(session)
        for name, table in data.items():
            if self.kept.get(name) != table:
                _fill(session, name, self.schemas[name], table)
            if self._is_written(name):
                self.kept.pop(name, None)
            else:
                self.kept[name] = table
        if self.case.select:
            return self._rows(session.sql(self.case.select))
        run_code(session, self.case, self.folder)
        return self._rows(self._target(session))

    def _query(self, data: Data) -> Rows:
        for name, table in data.items():
            if self.kept.get(name) != table:
                put(self.queries, name, self.schemas[name], table)
                self.kept[name] = table
        return self._rows(self.queries.sql(_LIMIT.sub("", self.case.select)))

    def _rows(self, frame: DataFrame) -> Rows:
        wanted = list(self.case.expected["columns"])
        if frame.columns != wanted:
            raise ValueError(f"columns {frame.columns}, expected {wanted}")
        return [tuple(map(repr, row)) for row in frame.collect()]

    def _is_written(self, name: str) -> bool:
        written = rf"\b(INTO|UPDATE|DELETE FROM|OVERWRITE|forName)\W+(\w+\W+)?{name}\b"
        return name == self.case.target or re.search(written, self.case.code) is not None

    def _clear(self, session: SparkSession) -> None:
        setup = set(re.findall(r"CREATE (?:TABLE|VIEW) (\w+)", "\n".join(self.case.setup)))
        for (function,) in session.sql("SHOW USER FUNCTIONS").collect():
            if "." in function:  # Delta has one without a database
                session.sql(f"DROP FUNCTION {function}")
        for table in session.catalog.listTables(self.case.database):
            if table.name not in setup:
                kind = "VIEW" if table.tableType == "VIEW" else "TABLE"
                session.sql(f"DROP {kind} {table.name}")
        session.catalog.clearCache()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def _target(self, session: SparkSession) -> DataFrame:
        target = self.case.target
        if re.fullmatch(r"\w+", target):
            return session.table(target)
        path = Path(target.replace("{tmp}", str(self.folder)))
        if (path / "_delta_log").is_dir():
            return session.read.format("delta").load(str(path))
        suffix = next(file.suffix for file in path.rglob("part-*") if not file.name.endswith(".crc"))
        format_ = {".txt": "text"}.get(suffix, suffix[1:])
        return session.read.format(format_).load(str(path))


def _reads(case: Case, name: str) -> bool:
    return re.search(rf"\b{name}\b", "\n".join([case.code, *_views(case)])) is not None


def _views(case: Case) -> list[str]:
    """The views of the setup, which read its tables."""
    return [each for each in case.setup if each.startswith("CREATE VIEW")]


def _fill(session: SparkSession, name: str, schema: T.StructType, table: Table) -> None:
    put(session, "lineage_new_rows", schema, table)
    session.sql(f"INSERT OVERWRITE {name} SELECT * FROM lineage_new_rows")  # noqa: S608  # the setup's own table
    session.catalog.dropTempView("lineage_new_rows")


def subject(spark: SparkSession, case: Case, folder: Path) -> Subject:
    """The subject of one case, its setup done in this session."""
    place = Place(spark, spark.newSession(), _with_old_values(case), folder)
    place.set_up()
    claims = _through_target(place, read_claims(case.expected["columns"], case.expected.get("rows", [])))
    claims = replace(claims, rows=claims.rows | decided().get(name_of(case), frozenset()))
    hints = corpora.hints().get(name_of(case), {})
    return Subject(
        name_of(case), place.schemas, claims, _domains(place), hints, place.run, _old_values(place)
    )


def _with_old_values(case: Case) -> Case:
    """The case with the making of its target in the setup, where it changes the rows of a target that it has not filled: then there are some."""
    first, *rest = ("",) if case.is_python else statements(case.code)
    created = re.match(r"CREATE TABLE (\w+) ?\(", first)
    if not created or not _CHANGES_ROWS.search(case.code) or f"INSERT INTO {created[1]} " in case.code:
        return case
    return replace(case, setup=(*case.setup, first), code=";\n".join(rest))


def _through_target(place: Place, claims: Claims) -> Claims:
    """The claims with those on the target's own columns, which the case filled itself, led back to what it filled them from."""
    columns = {name.lower(): sources for name, sources in claims.columns}
    target = place.case.target.rpartition("/")[2]

    def led_back(sources: Iterable[str]) -> frozenset[str]:
        found: set[str] = set()
        waiting, known = list(sources), set(sources)
        while waiting:
            table, _, column = (source := waiting.pop()).partition(".")
            if table in place.schemas:
                found.add(source)
            elif table != target:
                raise ValueError(f"{source} is no column of the setup")
            if table == target:
                more = columns.get(column.lower(), frozenset()) - known
                known |= more
                waiting += more
        return frozenset(found)

    own = tuple((name, led_back(sources)) for name, sources in claims.columns)
    rows = led_back(claims.rows)
    return Claims(own, rows, claims.sorts & rows)


def _old_values(place: Place) -> frozenset[str]:
    """The columns of a setup table that is the target: their old values stay where nothing is assigned."""
    return frozenset(f"{place.case.target}.{part.name}" for part in place.schemas.get(place.case.target, ()))


def _domains(place: Place) -> Domains:
    """The domains of a query, from its plan; of other code it is taken that all is compared with all.

    Literals of the text go to every column besides: not all of them stand in comparisons (PIVOT's do not).
    """
    case = place.case
    names = {part.name.lower() for schema in place.schemas.values() for part in schema}
    if case.select:
        plan = place.session().sql(case.select)._jdf.queryExecution().optimizedPlan().toJSON()
        domains = read_domains(plan)
    else:
        domains = Domains()
        domains.join(names)
    texts = set(_literals(case.code))
    for name in names:
        domains.literals.setdefault(name, set()).update(texts)
    return domains


def _literals(code: str) -> Iterator[str]:
    for text in re.findall(r"""'([^'\n]{1,20})'|"([^"\n]{1,20})"|\b(\d{1,4})\b""", code):
        yield next(part for part in text if part) if any(text) else ""


def is_exact(case: Case) -> bool:
    """Whether what is claimed is claimed to be exact."""
    return case.expected.get("certainty", "exact") == "exact"
