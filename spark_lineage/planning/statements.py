"""Statements, analyzed and not executed: definitions change the throw-away catalog alone, writes and queries become plans.

A statement's class decides, and one that is in no list is refused: nothing runs that is not known to be harmless.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from spark_lineage.errors import without_secrets
from spark_lineage.planning.session import Catalog, quoted
from spark_lineage.planning.sql_file import Statement
from spark_lineage.planning.told import said_by_spark

__all__ = ["Analyzed", "Refusal", "Statements", "columns_of"]

_MISSING = ("TABLE_OR_VIEW_NOT_FOUND",)
_MAX_TABLES = 1_000


class Refusal(BaseException):
    """What cannot be analyzed without running it, in one sentence."""


@dataclass(frozen=True, slots=True)
class Analyzed:
    """What became of a statement: `outcome` is analyzed, defined, skipped or refused; `plan` the record and `literals` as the bridge gives them.

    `operation` is what the statement does, where the plan stands for another one.
    """

    line: int
    outcome: str
    message: str = ""
    plan: Mapping[str, Any] | None = None
    literals: Sequence[str | None] = ()
    operation: str | None = None

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))


@dataclass(slots=True)
class Statements:
    """Analyzes statements one after another, as a session would meet them."""

    catalog: Catalog
    done: list[Analyzed] = field(default_factory=list)

    def analyze(self, statement: Statement) -> Analyzed:
        """Analyze one statement; whatever is wrong with it becomes a refusal."""
        return self._noted(statement.line, lambda: self._analyze(statement))

    def with_query(self, line: int, text: str, query: Any) -> Analyzed:
        """Analyze an INSERT, written with another query, of a query that is analyzed already (a frame, as a Java object)."""
        plan = query.queryExecution().analyzed()

        def inserting() -> Any:
            return self._parsed(text).withNewChildren(self._sequence([plan]))

        return self._noted(line, lambda: self.encode(line, self._analyzed(inserting)))

    def create_from(self, line: int, name: Sequence[str], query: Any, *, replaces: bool) -> Analyzed:
        """CREATE TABLE AS SELECT of a query that is analyzed already; the table is there afterwards, empty."""
        plan = query.queryExecution().analyzed()
        return self._noted(line, lambda: self._created(line, list(name), lambda: plan, replaces=replaces))

    def is_query(self, text: str) -> bool:
        """Whether a text is a query, or looks at the catalog alone; False for what Spark cannot parse."""
        from pyspark.errors import PySparkException  # noqa: PLC0415 - only the child has Spark

        try:
            parsed = self._parsed(text)
        except PySparkException:
            return False
        name = str(parsed.getClass().getSimpleName())
        return _is_query(parsed) or name.startswith(("Show", "Describe", "Explain"))

    def parts_of(self, name: str) -> list[str]:
        """The parts of a table's name as SQL writes it."""
        parts = self._state().sqlParser().parseMultipartIdentifier(name)
        return _without_catalog([str(part) for part in _elements(parts)])

    def _noted(self, line: int, analyze: Callable[[], Analyzed]) -> Analyzed:
        from py4j.protocol import Py4JError  # noqa: PLC0415 - only the child has Spark
        from pyspark.errors import PySparkException  # noqa: PLC0415

        try:
            found = analyze()
        except Refusal as refusal:
            found = Analyzed(line, "refused", str(refusal))
        except (PySparkException, Py4JError) as error:
            found = Analyzed(line, "refused", f"Spark says: {said_by_spark(error, self.bridge)}.")
        self.done.append(found)
        return found

    @property
    def bridge(self) -> Any:
        """The bridge's class in the JVM: it knows what may be told."""
        return self.catalog.spark._jvm.io.sparklineage.Bridge  # noqa: SLF001

    def told(self, found: Analyzed) -> Analyzed:
        """What becomes of a statement as it may be told: a table or a file that is named may be a URL with secrets."""
        return replace(found, message=without_secrets(str(self.bridge.told(found.message))))

    def _sequence(self, items: list[Any]) -> Any:
        return self.catalog.spark._jvm.org.apache.spark.api.python.PythonUtils.toSeq(items)  # noqa: SLF001

    def encode(self, line: int, analyzed: Any) -> Analyzed:
        """The record of an analyzed plan (a Java object)."""
        session = self.catalog.spark._jsparkSession  # noqa: SLF001
        record = json.loads(self.bridge.encode(session, analyzed))
        return Analyzed(line, "analyzed", plan=record["plan"], literals=record["literals"])

    def plan_of(self, text: str) -> Any:
        """The analyzed plan of a statement, as a Java object; tables that it lacks and the store knows are made."""
        return self._analyzed(lambda: self._parsed(text))

    def _analyzed(self, parsed: Callable[[], Any]) -> Any:
        # SKIP: commands are not run, not even where somebody asks for the result.
        skip = self.catalog.spark._jvm.org.apache.spark.sql.execution.CommandExecutionMode.SKIP()  # noqa: SLF001
        return self.with_tables(lambda: self._state().executePlan(parsed(), skip).analyzed())

    def _analyze(self, statement: Statement) -> Analyzed:
        if re.match(r"(?i)BEGIN\b", statement.text):
            raise Refusal(
                "A SQL script (BEGIN ... END) decides while it runs what it does: plan its statements on their own."
            )
        parsed = self._parsed(statement.text)
        name = str(parsed.getClass().getSimpleName()).rstrip("$")
        if name in _SKIPPED or name.startswith(("Show", "Describe", "Explain")):
            return Analyzed(statement.line, "skipped", f"{name} moves no data.")
        rule = _DEFINITIONS.get(name)
        if rule is not None:
            rule(self, parsed, statement)
            return Analyzed(statement.line, "defined")
        if name in _VIEWS:
            self._refuse_temporary_source(name)
            found = self.encode(statement.line, self.plan_of(statement.text))
            self.with_tables(lambda: self.catalog.sql(statement.text))
            return found
        if name not in _WRITES and not _is_query(parsed):
            raise Refusal(f"{name} may change something that is not a table of this file: it is not planned.")
        if name in _CREATING:
            return self._create_as_select(parsed, statement, replaces=name.startswith("Replace"))
        return self.encode(statement.line, self.plan_of(statement.text))

    def _parsed(self, text: str) -> Any:
        return self._state().sqlParser().parsePlan(text)

    def _state(self) -> Any:
        return self.catalog.spark._jsparkSession.sessionState()  # noqa: SLF001

    def with_tables(self, analyze: Callable[[], Any]) -> Any:
        """Try again with each table that is missed and known."""
        from pyspark.errors import AnalysisException  # noqa: PLC0415 - only the child has Spark

        for _ in range(_MAX_TABLES):
            try:
                return analyze()
            except AnalysisException as error:  # noqa: PERF203 - each time a table more is known
                name = _missed(error)
                if name is None:
                    raise
                if not self.catalog.make_known(name):
                    shown = ".".join(name)
                    raise Refusal(
                        f"The table {shown} is not defined: put its CREATE TABLE into the file or into one of --ddl, or name a "
                        "store that knows it with --against."
                    ) from None
        raise Refusal(f"A statement reads more than {_MAX_TABLES} tables.")

    def _create_table(self, parsed: Any, statement: Statement) -> None:
        columns = columns_of(parsed.tableSchema())
        if not columns:
            raise Refusal(
                "This table has no columns: Spark would read its files for them, so list the columns."
            )
        partitions = [
            str(transform.references()[0].fieldNames()[0])
            for transform in _elements(parsed.partitioning())
            if str(transform.name()) == "identity"
        ]
        self.catalog.make(_name_parts(parsed.name()), columns, partitions)

    def _create_like(self, parsed: Any, statement: Statement) -> None:
        self.with_tables(lambda: self.catalog.sql(re.sub(r"(?is)\bLOCATION\s+'[^']*'", "", statement.text)))

    def _create_namespace(self, parsed: Any, statement: Statement) -> None:
        name = _name_parts(parsed.name())
        self.catalog.sql(f"CREATE NAMESPACE IF NOT EXISTS {quoted(name)}")

    def _run(self, parsed: Any, statement: Statement) -> None:
        """Run what changes the throw-away catalog or the session alone."""
        self.with_tables(lambda: self.catalog.sql(statement.text))

    def _set(self, parsed: Any, statement: Statement) -> None:
        """Settings of SQL alone: others may name places."""
        if re.match(
            r"(?is)SET\s+(spark\.sql\.(?!warehouse|catalog|runSQLOnFiles|extensions)[\w.]+|TIME\s+ZONE)\b",
            statement.text,
        ):
            self.catalog.sql(statement.text)

    def _create_as_select(self, parsed: Any, statement: Statement, *, replaces: bool) -> Analyzed:
        """CREATE TABLE AS SELECT, whatever the table is to be stored as."""
        name = _name_parts(parsed.name())
        return self._created(
            statement.line, name, lambda: self._parsed(statement.text).query(), replaces=replaces
        )

    def _created(self, line: int, name: list[str], query: Callable[[], Any], *, replaces: bool) -> Analyzed:
        """The same of a Parquet table with that name and query; the statements after it find it, empty."""
        if replaces:
            self.catalog.sql(f"DROP TABLE IF EXISTS {quoted(name)}")
        if len(name) > 1:
            self.catalog.sql(f"CREATE NAMESPACE IF NOT EXISTS {quoted(name[:-1])}")

        def created() -> Any:
            template = self._parsed(f"CREATE TABLE {quoted(name)} USING parquet AS SELECT 1")
            return template.withNewChildren(self._sequence([template.name(), query()]))

        found = self.encode(line, self._analyzed(created))
        columns = columns_of(self._analyzed(query).schema())
        self.catalog.make(
            name, [(each, "string" if type_.lower() == "void" else type_) for each, type_ in columns]
        )
        return replace(found, operation="REPLACE TABLE AS SELECT") if replaces else found

    def _refuse_temporary_source(self, name: str) -> None:
        if name == "CreateTempViewUsing":
            raise Refusal("A view USING a source reads it: define a table with its columns instead.")


_Rule = Callable[[Statements, Any, Statement], None]

_DEFINITIONS: Mapping[str, _Rule] = {
    "CreateTable": Statements._create_table,  # noqa: SLF001 - a table of rules
    "CreateTableLikeCommand": Statements._create_like,  # noqa: SLF001
    "CreateTableLike": Statements._create_like,  # noqa: SLF001
    "CreateNamespace": Statements._create_namespace,  # noqa: SLF001
    "SetCommand": Statements._set,  # noqa: SLF001
    **dict.fromkeys(
        ("DropTable", "DropView", "DropTempView", "SetNamespace", "SetNamespaceCommand", "SetCatalogAndNamespace", "UseStatement",
         "AddColumns", "CreateVariable", "SetVariable", "DropVariable", "CreateUserDefinedFunction",
         "CreateSQLFunctionCommand", "CreateUserDefinedFunctionCommand"),
        Statements._run,  # noqa: SLF001
    ),
}  # fmt: skip
"""Statements that define something: in the throw-away catalog, or in the session."""

_VIEWS = frozenset(
    {"CreateView", "CreateViewCommand", "CreateTempViewUsing", "AlterViewAs", "AlterViewAsCommand"}
)
_CREATING = frozenset({"CreateTableAsSelect", "ReplaceTableAsSelect"})
_WRITES = _CREATING | {"InsertIntoStatement", "MergeIntoTable", "UpdateTable", "DeleteFromTable", "InsertIntoDir",
                       "OverwriteByExpression"}  # fmt: skip
_SKIPPED = frozenset(
    {"AnalyzeTable", "AnalyzeColumn", "AnalyzeTables", "CacheTable", "CacheTableAsSelect", "UncacheTable", "RefreshTable",
     "RefreshTableCommand", "ClearCacheCommand", "CommentOnTable", "CommentOnNamespace", "SetTableProperties", "UnsetTableProperties",
     "ResetCommand", "RepairTable", "TruncateTable", "DropNamespace", "RefreshFunction"}
)  # fmt: skip


_LOGICAL = "org.apache.spark.sql.catalyst.plans.logical."


def _is_query(parsed: Any) -> bool:
    """Whether a parsed plan is no command: it computes rows and does nothing."""
    loader = parsed.getClass().getClassLoader()
    return not any(
        loader.loadClass(_LOGICAL + each).isInstance(parsed) for each in ("Command", "ParsedStatement")
    )


def columns_of(schema: Any) -> list[tuple[str, str]]:
    """Names and types of a StructType (a Java object)."""
    return [(str(each.name()), str(each.dataType().sql())) for each in schema.fields()]


def _elements(sequence: Any) -> list[Any]:
    return [sequence.apply(position) for position in range(sequence.size())]


def _name_parts(identifier: Any) -> list[str]:
    """The parts of an identifier or namespace that is not resolved yet."""
    is_namespace = str(identifier.getClass().getSimpleName()) == "UnresolvedNamespace"
    parts = identifier.multipartIdentifier() if is_namespace else identifier.nameParts()
    found = [str(part) for part in _elements(parts)]
    return _without_catalog(found)


def _without_catalog(name: list[str]) -> list[str]:
    return name[1:] if len(name) > 1 and name[0] == "spark_catalog" else name


def _missed(error: Any) -> list[str] | None:
    """The name of the table that an analysis did not find; None where it failed for another reason."""
    condition = getattr(error, "getCondition", None) or error.getErrorClass
    if not str(condition() or "").startswith(_MISSING):
        return None
    name = (error.getMessageParameters() or {}).get("relationName", "")
    return [part.replace("``", "`") for part in re.findall(r"`((?:[^`]|``)*)`", name)] or [name]
