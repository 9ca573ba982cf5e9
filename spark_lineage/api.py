"""The Python API: switch lineage on in a session, and ask a store.

    lineage = spark_lineage.enable(spark, store="lineage")
    ...
    lineage.table("report")                          # draws itself in a notebook
    lineage.upstream("report.total").to_dict()       # the JSON of `--json`

    spark_lineage.open("lineage").downstream("orders.amount", depth=3)

`open` needs no Spark: neither pyspark nor a JVM.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_lineage.capture import session
from spark_lineage.errors import BridgeError, SettingError
from spark_lineage.pipeline import IngestReport
from spark_lineage.pipeline import ingest as ingest_spool
from spark_lineage.query.local import LocalEngine
from spark_lineage.settings import Settings, load_settings
from spark_lineage.show.answer import Answer
from spark_lineage.show.html.elements import page, safe
from spark_lineage.show.html.lineage import lineage_html
from spark_lineage.show.html.lists import problems_html, runs_html, search_html, tables_html
from spark_lineage.show.html.table import table_html
from spark_lineage.show.text.lineage import lineage_text
from spark_lineage.show.text.lists import problems_text, runs_text, search_text, tables_text
from spark_lineage.show.text.table import table_text
from spark_lineage.store.delta import DeltaStore
from spark_lineage.switch import configure

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from spark_lineage.compare.declared.declaration import Declaration

__all__ = ["Lineage", "configure", "enable", "open", "plan"]


def enable(
    spark: SparkSession, store: Path | str | None = None, spool: Path | str | None = None, **settings: Any
) -> Lineage:
    """Switch lineage on in a session that runs; nothing is restarted, and doing it twice is harmless.

    `store` and `spool` are folders, by default those of the settings; `settings` are the other settings by
    their names in Python, such as `namespace="sales"`.

    Raises `SettingError` for a wrong setting, `SparkUnsupportedError` for Spark Connect or an old Spark,
    `BridgeError` if the bridge cannot be loaded.
    """
    loaded = session.session_settings(spark, store=store, spool=spool, **settings)
    session.attach(spark, loaded)
    return Lineage(loaded, spark=spark)


def open(  # noqa: A001 - read as spark_lineage.open
    store: Path | str | None = None, *, spool: Path | str | None = None, ingest: bool = True
) -> Lineage:
    """Read a store without Spark.

    What waits in the store's own spool is taken in before each answer, unless `ingest` is false. Raises
    `SettingError` for a wrong setting; a store that is missing is a `StoreError` when it is asked.
    """
    return Lineage(load_settings(store=store, spool=spool), ingests=ingest)


def plan(
    file: Path | str,
    arguments: Sequence[str] = (),
    *,
    ddl: Iterable[Path | str] = (),
    against: Path | str | None = None,
) -> Answer:
    """The lineage of a file before it runs: SQL statements, or a Python script (`.py`) with its arguments; see docs/plan.md.

    `ddl` are files that define the tables it uses; `against` is a store that knows them, too, and with which the lineage is
    compared. The answer's `outcome` is `planned`, or `refused` where something could not be analyzed. Raises `LineageError`
    for a file that cannot be read or a session that does not start.
    """
    from spark_lineage.compare.drift.planned import plan_file  # noqa: PLC0415 - few ask, all would load it
    from spark_lineage.show.text.plan import plan_html, plan_text  # noqa: PLC0415

    store = None if against is None else str(against)
    planned = plan_file(Path(file), list(map(Path, ddl)), store, arguments)
    return Answer(planned.to_dict(), plan_text, plan_html)


class Lineage:
    """What a store knows. Made by `enable` and `open`.

    Before each answer, all that has run in the session (`enable`) or waits in the spool (`open`) is ingested.
    A name is any alias of a table or any ending of its name that is not ambiguous; otherwise
    `NameLookupError` lists the candidates. A store that is missing or cannot be read is a `StoreError`.
    """

    def __init__(
        self, settings: Settings, *, spark: SparkSession | None = None, ingests: bool = True
    ) -> None:
        self._settings = settings
        self._spark = spark
        self._switched_off: SparkSession | None = None
        self._ingests = ingests

    @property
    def store(self) -> Path | str:
        """Where the tables lie: a folder, or the URI of one."""
        return self._settings.store

    @property
    def spool(self) -> Path:
        """Where records wait until they are ingested."""
        return self._settings.spool

    def flush(self, timeout_seconds: float = 30) -> IngestReport:
        """Bring all that has run in the session into the store.

        Raises `BridgeError` when the bridge does not finish in `timeout_seconds`, and for a `Lineage` that
        comes from `open`, which listens to no session.
        """
        if self._spark is None:
            raise BridgeError(
                f"This reads the store {self.store} and listens to no session, so there is nothing to flush: "
                "use what spark_lineage.enable(spark) returns."
            )
        if not session.has_ended(self._spark):
            session.flush(self._spark, timeout_seconds)
        return self.ingest()

    def disable(self, timeout_seconds: float = 30) -> None:
        """Switch lineage off in the session: what has run is brought into the store, and what runs from here on is not captured.

        This object goes on answering from the store; doing it twice is harmless. Raises as `flush` does, and then lineage is off all the
        same.
        """
        if self._spark is None:
            return
        spark, self._spark, self._ingests = self._spark, None, True
        if session.has_ended(spark):
            self.ingest()
            return
        self._switched_off = spark
        try:
            session.flush(spark, timeout_seconds)
        finally:
            session.detach(spark)
        self.ingest()

    def ingest(self) -> IngestReport:
        """Bring what waits in the spool into the store; what cannot be read is kept aside and warned of."""
        report = ingest_spool(self.spool, self.store)
        for message in report.messages:
            warnings.warn(message, RuntimeWarning, stacklevel=2)
        return report

    def table(self, name: str) -> Answer:
        """The lineage of one table: the direct sources of each column, and what decides its rows."""
        return Answer(self._engine().table(name).to_dict(), table_text, table_html)

    def upstream(self, name: str, depth: int | None = None) -> Answer:
        """Where `table.column`, or a whole table, comes from; `depth` is a number of hops, None for all."""
        return Answer(self._engine().upstream(name, depth).to_dict(), lineage_text, lineage_html)

    def downstream(self, name: str, depth: int | None = None) -> Answer:
        """What depends on `table.column`, or on a whole table; `depth` is a number of hops, None for all."""
        return Answer(self._engine().downstream(name, depth).to_dict(), lineage_text, lineage_html)

    def runs(self, limit: int | None = None) -> Answer:
        """What ran, the newest first; at most `limit` runs, None for all."""
        return Answer(self._engine().runs(limit).to_dict(), runs_text, runs_html)

    def run(self, name: str) -> Answer:
        """What happened in one run: by its id, an id cut short (`8c0e1a2b:7`), or a table, whose last run it then is."""
        from spark_lineage.show.html.run import run_html  # noqa: PLC0415 - few ask, all would load it
        from spark_lineage.show.text.run import run_text  # noqa: PLC0415

        return Answer(self._engine().run(name).to_dict(), run_text, run_html)

    def streams(self) -> Answer:
        """The streaming queries: last micro-batch, rate, watermark, state, rows that were late, and how each is."""
        from spark_lineage.show.html.streams import streams_html  # noqa: PLC0415 - few ask, all would load it
        from spark_lineage.show.text.streams import streams_text  # noqa: PLC0415

        return Answer(self._engine().streams().to_dict(), streams_text, streams_html)

    def stream(self, name: str, limit: int | None = None) -> Answer:
        """The history of one streaming query over its starts: by its name, its id or the beginning of it.

        At most its newest `limit` micro-batches, None for all.
        """
        from spark_lineage.show.html.streams import stream_html  # noqa: PLC0415 - few ask, all would load it
        from spark_lineage.show.text.streams import stream_text  # noqa: PLC0415

        return Answer(self._engine().stream(name, limit).to_dict(), stream_text, stream_html)

    def problems(self) -> Answer:
        """What was not understood, not captured or cut, and what to do about it."""
        return Answer(self._engine().problems().to_dict(), problems_text, problems_html)

    def search(self, words: str) -> Answer:
        """Tables and columns whose names hold `words`, whatever the case."""
        return Answer(self._engine().search(words).to_dict(), search_text, search_html)

    def tables(self) -> Answer:
        """All tables, and how they hang together."""
        return Answer(self._engine().tables().to_dict(), tables_text, tables_html)

    def diff(self, name: str, from_: str | None = None, to: str | None = None) -> Answer:
        """A job or table at two moments: a time, how long ago (`7d`), a run's id, or `spark:4.1`. Without them, its last change."""
        from spark_lineage.compare.drift.diff import diff  # noqa: PLC0415 - few ask, all would load it
        from spark_lineage.show.html.diff import diff_html  # noqa: PLC0415
        from spark_lineage.show.text.diff import diff_text  # noqa: PLC0415

        return Answer(diff(self._read(), name, from_, to).to_dict(), diff_text, diff_html)

    def compare(self, name: str) -> Answer:
        """A run, or the last run that wrote a table, beside its design: which sources were really read."""
        from spark_lineage.compare.design import compare  # noqa: PLC0415 - few ask, all would load it
        from spark_lineage.show.html.design import design_html  # noqa: PLC0415
        from spark_lineage.show.text.design import design_text  # noqa: PLC0415

        return Answer(compare(self._read(), name).to_dict(), design_text, design_html)

    def validate(self) -> Answer:
        """The edges of all current plans beside the datasets' columns as they are now."""
        from spark_lineage.compare.drift.validate import validate  # noqa: PLC0415 - few ask, all would load it
        from spark_lineage.show.html.validate import validate_html  # noqa: PLC0415
        from spark_lineage.show.text.validate import validate_text  # noqa: PLC0415

        return Answer(validate(self._read()).to_dict(), validate_text, validate_html)

    def data_diff(self, name: str, from_: str | None = None, to: str | None = None) -> Answer:
        """A Delta table's data at two versions, by its own statistics: shares of NULLs, smallest and largest values.

        A version is meant by a time, how long ago (`7d`), a run's id, or `version:3`; without them, the last two. No row is read.
        """
        from spark_lineage.compare.drift.distributions import data_diff  # noqa: PLC0415 - few ask, all would load it
        from spark_lineage.show.html.data import data_html  # noqa: PLC0415
        from spark_lineage.show.text.data import data_text  # noqa: PLC0415

        return Answer(data_diff(self._read(), name, from_, to).to_dict(), data_text, data_html)

    def drift(self, since: str) -> Answer:
        """What changed over the whole store since a time, or for so long (`7d`): lineage, constants, schemas."""
        return self._drift(since, data=False)

    def data_drift(self, since: str) -> Answer:
        """The same, and where commits added NULLs or values to Delta tables that are unlike those before, by the tables' own logs."""
        return self._drift(since, data=True)

    def _drift(self, since: str, *, data: bool) -> Answer:
        from spark_lineage.compare.drift.drift import drift  # noqa: PLC0415 - few ask, all would load it
        from spark_lineage.show.html.diff import drift_html  # noqa: PLC0415
        from spark_lineage.show.text.diff import drift_text  # noqa: PLC0415

        return Answer(drift(self._read(), since, data=data).to_dict(), drift_text, drift_html)

    def check(
        self,
        declaration: Declaration | Path | str | None = None,
        *,
        baseline: str | None = None,
        require: Iterable[str] = (),
        strict: bool = False,
    ) -> Answer:
        """Lineage as stored against lineage as declared, in a YAML file (docs/declared.md) or as a value.

        `baseline` is a store, or one at a time (`lineage@2026-11-20`, `lineage@7d`), from which nothing is to differ, `require` names
        jobs and tables that are to have lineage. With `strict`, what cannot be shown is an error, too. The
        answer's `outcome` is `passed` or `failed`. Raises `DeclarationError` for a file that is not a declaration.
        """
        from spark_lineage.compare.declared import checking  # noqa: PLC0415 - few ask, all would load it
        from spark_lineage.query.snapshot import Snapshot  # noqa: PLC0415
        from spark_lineage.show.html.check import check_html  # noqa: PLC0415
        from spark_lineage.show.text.check import check_text  # noqa: PLC0415

        declared = checking.read(declaration)
        checked = checking.check_all(
            Snapshot(self._read()), declared, baseline=baseline, require=require, strict=strict
        )
        return Answer(checked.to_dict(), check_text, check_html)

    def declare(self) -> str:
        """The lineage as it is, as the YAML file that `check` takes: a baseline."""
        from spark_lineage.compare.declared.baseline import declaration_of, declaration_text  # noqa: PLC0415
        from spark_lineage.query.snapshot import Snapshot  # noqa: PLC0415

        return declaration_text(declaration_of(Snapshot(self._read())))

    def unusual(self, table: str | None = None, since: str | None = None) -> Answer:
        """The runs that were not like those before, and writes that no run made; of one table or of all.

        `since` is a time or how long ago (`7d`); without it, the week before the newest run.
        """
        from spark_lineage.compare.unusual.runs import unusual_asked  # noqa: PLC0415 - few ask, all would load it
        from spark_lineage.show.html.unusual import unusual_html  # noqa: PLC0415
        from spark_lineage.show.text.unusual import unusual_text  # noqa: PLC0415

        return Answer(unusual_asked(self._read(), table, since).to_dict(), unusual_text, unusual_html)

    def freshness(self, table: str | None = None, now: str | None = None) -> Answer:
        """How old each table's data is, or one table's: against its usual rhythm, and against its inputs.

        `now` is the time that ages are counted from; without it, the present.
        """
        from spark_lineage.compare.unusual.freshness import freshness_asked  # noqa: PLC0415 - few ask, all would load it
        from spark_lineage.show.html.unusual import freshness_html  # noqa: PLC0415
        from spark_lineage.show.text.unusual import freshness_text  # noqa: PLC0415

        return Answer(freshness_asked(self._read(), table, now).to_dict(), freshness_text, freshness_html)

    def why(self, name: str, run: str | None = None) -> Answer:
        """What changed before a run of `table.column` or of a table (`run` None: its last), the strongest cause first."""
        from spark_lineage.compare.causes.ranking import why  # noqa: PLC0415 - few ask, all would load it
        from spark_lineage.show.html.why import why_html  # noqa: PLC0415
        from spark_lineage.show.text.why import why_text  # noqa: PLC0415

        return Answer(why(self._read(), name, run).to_dict(), why_text, why_html)

    def impact(self, name: str | None = None, *, without: str | None = None) -> Answer:
        """What hangs on `table.column`, a table or what a run writes, the most first; or what would be lost `without` one (of the table `name`, None: of all).

        Raises `SettingError` where neither is given.
        """
        from spark_lineage.show.html.impact import impact_html, outage_html  # noqa: PLC0415 - few ask, all would load it
        from spark_lineage.show.text.impact import impact_text, outage_text  # noqa: PLC0415

        if without is not None:
            from spark_lineage.compare.causes.outage import outage  # noqa: PLC0415

            lost = outage(self._read(), without, name).to_dict()
            return Answer(lost, outage_text, outage_html)
        if name is None:
            raise SettingError("impact: name a table or column, or what would be missing (without=...).")
        from spark_lineage.compare.causes.impact import impact  # noqa: PLC0415

        return Answer(impact(self._read(), name).to_dict(), impact_text, impact_html)

    def doctor(self) -> Answer:
        """What is wrong with the set-up and, for what `enable` returned, with the running session; and the fixes.

        Nothing is ingested or changed; never raises.
        """
        from spark_lineage.show.doctor import diagnose, doctor_answer  # noqa: PLC0415 - few ask, all would load it

        if self._switched_off is not None and not session.has_ended(self._switched_off):
            return doctor_answer(diagnose(self._settings, self._switched_off, switched_off=True))
        return doctor_answer(diagnose(self._settings, self._spark))

    def __repr__(self) -> str:
        return f"<{self._what()}>"

    def _repr_html_(self) -> str:
        return page(safe(self._what()))

    def _what(self) -> str:
        if self._spark is None or session.has_ended(self._spark):
            return f"Lineage of the store {self.store}"
        return f"Lineage of the store {self.store}, listening to {self._spark.sparkContext.applicationId}"

    def _engine(self) -> LocalEngine:
        # The engine is a snapshot: a new one for each answer, so that none is about the past.
        return LocalEngine(self._read())

    def _read(self) -> DeltaStore:
        """The store, with all that has run."""
        if self._spark is not None:
            self.flush()
        elif self._ingests:
            self.ingest()
        return DeltaStore(self.store)
