"""Switch lineage on: for a job by words of `spark-submit`, for a session by its builder, or while it runs.

The switch is a session extension in the bridge's jar. Spark 4 finds it through a provider once the jar is on the
driver's class path and `spark.lineage.enabled` is true; on Spark 3.5 PySpark loads no providers, so the class is
named in `spark.sql.extensions`, beside what is named there already. pyspark is imported only by what is called with
a builder or a session: `jar_path` and `flags` work without it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from spark_lineage.capture.spark_home import (
    SparkHome,
    check_version,
    find_spark,
    set_already,
    spark_line,
    with_entry,
)
from spark_lineage.errors import BridgeError, SparkUnsupportedError
from spark_lineage.settings import Settings, default_settings, load_settings, overrides_from_conf

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

EXTENSION_CLASS = "io.sparklineage.LineageExtension"
JAR_NAME = "spark-lineage-bridge.jar"

_BRIDGE_RESOURCE = "io/sparklineage/Bridge.class"
_EXTENSIONS = "spark.sql.extensions"
_PROVIDERS_SINCE = (4, 0)
_MUTABLE_LOADERS = frozenset(
    {"org.apache.spark.util.MutableURLClassLoader", "org.apache.spark.util.ChildFirstURLClassLoader"}
)
_CONNECT_REFUSAL = (
    "This is a Spark Connect session, which has no driver of its own: "
    "switch lineage on where the Connect server is started, with the words that `spark-lineage flags` prints."
)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class BridgeStatus:
    """What the bridge says of itself. `lost` counts records that did not reach the spool.

    `metrics` are its numbers by name, as Spark's metrics system has them (docs/metrics.md); empty where it does not listen.
    `intent` is how writes are noted before they run, `every_session` whether in all sessions of the application; None where it does not listen.
    """

    alive: bool
    bridge: str | None = None
    spool: str | None = None
    records: int = 0
    segments: int = 0
    lost: int = 0
    last_error: str | None = None
    metrics: dict[str, int] = field(default_factory=dict)
    intent: str | None = None
    every_session: bool | None = None


def jar_path() -> Path:
    """The bridge's jar inside the installed package. Raises `BridgeError` if it was not built into it."""
    path = Path(__file__).resolve().parent.parent / "jars" / JAR_NAME
    if not path.is_file():
        raise BridgeError(
            f"The bridge's jar {path} is missing: install spark-lineage from a wheel, or run `make jar` in its sources."
        )
    return path


def flags(settings: Settings | None = None, spark: SparkHome | None = None) -> tuple[str, ...]:
    """The words that switch lineage on in `spark-submit` for the Spark at hand, keeping what is already set.

    Settings that are not the defaults are named too.
    """
    settings = settings or load_settings()
    spark = spark or find_spark()
    existing = set_already(spark)
    conf = _switch(spark.line, existing) | _changes(settings)
    words = ["--jars", with_entry(existing.get("spark.jars"), str(jar_path()))]
    for name, value in conf.items():
        words += ["--conf", f"{name}={value}"]
    return tuple(words)


def configure(builder: SparkSession.Builder, settings: Settings | None = None) -> SparkSession.Builder:
    """Switch lineage on in a session builder and return it; call it last, after Delta's own helper.

    What the builder, `spark-defaults.conf` or `spark-submit` have set in `spark.jars` and `spark.sql.extensions`
    stays. If a session runs already, the builder would only hand that one out, so it is attached to.

    Raises `SparkUnsupportedError` for Spark Connect and Spark older than 3.5, `BridgeError` without the jar.
    """
    from pyspark import SparkContext, __version__  # noqa: PLC0415 - see the module's docstring

    options = _options(builder)
    if "spark.remote" in options or os.environ.get("SPARK_REMOTE"):
        raise SparkUnsupportedError(_CONNECT_REFUSAL)
    check_version(__version__)
    if SparkContext._active_spark_context is not None:  # noqa: SLF001
        attach(builder.getOrCreate(), settings)
        return builder
    settings = settings or builder_settings(builder)
    if settings.enabled is False:
        return builder.config("spark.lineage.enabled", "false")
    jar = jar_path()
    if SparkContext._gateway is not None or "PYSPARK_GATEWAY_PORT" in os.environ:  # noqa: SLF001
        # The driver's JVM is up (spark-submit, or an earlier session): `spark.jars` comes too late for its class path.
        SparkContext._ensure_initialized()  # noqa: SLF001
        _add_to_class_path(SparkContext._jvm, jar)  # noqa: SLF001
        existing = _system_conf(SparkContext._jvm)  # noqa: SLF001
    else:
        existing = set_already(find_spark())
    existing |= options
    conf = settings.to_conf() | _switch(spark_line(__version__), existing)
    conf["spark.jars"] = with_entry(existing.get("spark.jars"), str(jar))
    for name, value in conf.items():
        builder.config(name, value)
    return builder


def attach(spark: SparkSession, settings: Settings | None = None) -> BridgeStatus:
    """Switch lineage on in a session that runs; once it is on, doing it again changes nothing.

    Raises `SparkUnsupportedError` for Spark Connect and Spark older than 3.5, `BridgeError` if the bridge cannot be
    loaded or is already writing for another store. With `enabled` false nothing is done, and the status says so.
    """
    settings = settings or session_settings(spark)
    if settings.enabled is False:
        return BridgeStatus(alive=False, last_error="lineage is switched off by spark.lineage.enabled=false")
    current = status(spark)
    if current is not None and current.alive:
        return _same_spool(current, settings)
    check_version(spark.version)
    _add_to_class_path(spark._jvm, jar_path())  # noqa: SLF001
    # The bridge belongs to the application: its other sessions, and its record, have the settings from there.
    application = spark._jsc.sc().conf()  # noqa: SLF001
    for name, value in replace(settings, enabled=True).to_conf().items():
        application.set(name, value)
        spark.conf.set(name, value)
    enabled = _status(_bridge(spark, "enable", spark._jsparkSession))  # noqa: SLF001
    if not enabled.alive:
        raise BridgeError(
            f"The bridge did not start ({enabled.last_error or 'no reason given'}): see `spark-lineage doctor`."
        )
    return enabled


def builder_settings(builder: SparkSession.Builder, **overrides: Any) -> Settings:
    """The settings for a session to be built: arguments first, then the builder's own `spark.lineage.*`.

    Raises `SettingError`.
    """
    return _inherit(_options(builder), overrides)


def session_settings(spark: SparkSession, **overrides: Any) -> Settings:
    """The settings for a session that runs: arguments first, then what the session has under `spark.lineage.*`.

    Raises `SettingError`, and `SparkUnsupportedError` for Spark Connect.
    """
    _refuse_connect(spark)
    if not hasattr(spark, "_jsparkSession"):
        raise SparkUnsupportedError(
            f"This is a {type(spark).__name__}, not a SparkSession: hand in the session."
        )
    entries = _java(lambda: spark._jsparkSession.conf().getAll(), "read the session's settings")  # noqa: SLF001
    iterator = entries.iterator()
    conf: dict[str, str] = {}
    while iterator.hasNext():
        entry = iterator.next()
        conf[entry._1()] = entry._2()  # noqa: SLF001 - the fields of Scala's Tuple2
    return _inherit(conf, overrides)


def flush(spark: SparkSession, timeout_seconds: float = 30.0) -> BridgeStatus:
    """Wait until everything that has run is in sealed segments of the spool.

    Raises `BridgeError` if lineage is not on, or if that takes longer than `timeout_seconds`.
    """
    current = status(spark)
    if current is None or not current.alive:
        reason = current.last_error if current is not None else None
        detail = f" ({reason})" if reason else ""
        raise BridgeError(f"Lineage is not on in this session{detail}: call spark_lineage.enable(spark).")
    if not _bridge(spark, "flush", int(timeout_seconds * 1000)):
        after = status(spark) or current
        detail = f" (its last error: {after.last_error})" if after.last_error else ""
        raise BridgeError(
            f"The bridge did not write out everything within {timeout_seconds:g} s{detail}: "
            "flush again with a longer timeout, or look at `lineage.doctor()`."
        )
    return status(spark) or current


def status(spark: SparkSession) -> BridgeStatus | None:
    """What the bridge of this session's driver says of itself; None if it was never loaded."""
    _refuse_connect(spark)
    loaded = _java(lambda: _is_loadable(spark._jvm), "look for the bridge")  # noqa: SLF001
    return _status(_bridge(spark, "status")) if loaded else None


def has_ended(spark: SparkSession) -> bool:
    """Whether the session's application was stopped: the bridge has then sealed all that it wrote."""
    return spark.sparkContext._jsc is None  # noqa: SLF001


def detach(spark: SparkSession) -> None:
    """Switch lineage off in a session that runs; what was captured stays. Harmless if it is not on."""
    if status(spark) is not None:
        _bridge(spark, "disable", spark._jsparkSession)  # noqa: SLF001


def _inherit(conf: dict[str, str], overrides: dict[str, Any]) -> Settings:
    given = {name: value for name, value in overrides.items() if value is not None}
    inherited = overrides_from_conf(conf)
    if "store" in given:
        inherited.pop("spool", None)
    return load_settings(**(inherited | given))


def _options(builder: SparkSession.Builder) -> dict[str, str]:
    # A builder has no public way to be read.
    return {name: str(value) for name, value in builder._options.items()}  # noqa: SLF001


def _switch(line: tuple[int, int], existing: dict[str, str]) -> dict[str, str]:
    if line >= _PROVIDERS_SINCE:
        return {"spark.lineage.enabled": "true"}
    return {_EXTENSIONS: with_entry(existing.get(_EXTENSIONS), EXTENSION_CLASS)}


def _changes(settings: Settings) -> dict[str, str]:
    usual = default_settings(settings.store).to_conf()
    named = {name: value for name, value in settings.to_conf().items() if usual.get(name) != value}
    if settings.store != default_settings().store:
        named["spark.lineage.store"] = str(settings.store)
    named.pop("spark.lineage.enabled", None)
    return named


def _same_spool(current: BridgeStatus, settings: Settings) -> BridgeStatus:
    if current.spool is not None and Path(current.spool) != settings.spool:
        raise BridgeError(
            f"Lineage is already on in this application and goes to the spool {current.spool}, not to {settings.spool} "
            f"of the store {settings.store}: name the store it was switched on with, or start a new application."
        )
    return current


def _system_conf(jvm: Any) -> dict[str, str]:
    conf = jvm.org.apache.spark.SparkConf()
    names = ("spark.jars", _EXTENSIONS)
    return {name: conf.get(name) for name in names if conf.contains(name)}


def _is_loadable(jvm: Any) -> bool:
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    return loader.getResource(_BRIDGE_RESOURCE) is not None


def _add_to_class_path(jvm: Any, jar: Path) -> None:
    if _java(lambda: _is_loadable(jvm), "look for the bridge"):
        return
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    while loader is not None and loader.getClass().getName() not in _MUTABLE_LOADERS:
        loader = loader.getParent()
    if loader is None:
        raise BridgeError(
            f"This driver takes no jar while it runs: start it with `--jars {jar}`, or put that jar on its class path."
        )
    loader.addURL(jvm.java.io.File(str(jar)).toURI().toURL())


def _bridge(spark: SparkSession, method: str, *arguments: Any) -> Any:
    bridge = spark._jvm.io.sparklineage.Bridge  # noqa: SLF001
    return _java(lambda: getattr(bridge, method)(*arguments), f"call the bridge's `{method}`")


def _java(call: Callable[[], Result], what: str) -> Result:
    from py4j.protocol import Py4JError  # noqa: PLC0415 - see the module's docstring

    try:
        return call()
    except Py4JError as error:
        first_line = str(error).strip().partition("\n")[0]
        raise BridgeError(f"The driver could not {what} ({first_line}): see the driver's log.") from error


def _status(text: str) -> BridgeStatus:
    known = {each.name for each in fields(BridgeStatus)}
    return BridgeStatus(**{name: value for name, value in json.loads(text).items() if name in known})


def _refuse_connect(spark: SparkSession) -> None:
    if type(spark).__module__.startswith("pyspark.sql.connect"):
        raise SparkUnsupportedError(_CONNECT_REFUSAL)
