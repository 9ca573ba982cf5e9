"""Settings: one table of names, and where their values come from.

A setting has one name in three spellings: `spark.lineage.a.bC` on a Spark job, `SPARK_LINEAGE_A_B_C` in the
environment, `a.b_c` in `spark-lineage.toml`. An argument wins over the environment, the environment over the file,
the file over the default. The file is `spark-lineage.toml` in the current folder, else in
`$XDG_CONFIG_HOME/spark-lineage/`. `docs/settings.md` is written from the table `SETTINGS`.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from spark_lineage.errors import SettingError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE_NAME = "spark-lineage.toml"
SPARK_PREFIX = "spark.lineage."
ENVIRONMENT_PREFIX = "SPARK_LINEAGE_"

DEBUG_VARIABLE = "SPARK_LINEAGE_DEBUG"
"""In the environment, not a setting: with `1` the command line shows tracebacks."""

PATH_RULES = ("key_value", "date", "time", "uuid")
"""Kinds of trailing path segments that can be trimmed from a dataset's name, see `docs/settings.md`."""

LITERALS = ("masked", "kept")

INTENTS = ("off", "async", "written", "synced")

LEVEL_RULE = re.compile(r"(?:(?P<of>job|namespace):(?P<pattern>[^,=]+)=)?(?P<level>job|column)")
"""One rule of the setting `level`; rules are parted by commas."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, checked. Local places are absolute paths; a store elsewhere is its URI as text.

    `enabled` None means not said: off for a bare jar, on wherever lineage is switched on by name.
    """

    enabled: bool | None
    store: Path | str
    spool: Path
    namespace: str | None
    job: str | None
    literals: str
    hash_key_file: Path
    dataset_path_rules: tuple[str, ...]
    segment_seal_seconds: int
    intent: str
    level: str
    sample: float
    spool_max_bytes: int

    def to_conf(self) -> dict[str, str]:
        """The same as `spark.lineage.*` -> text, for a Spark session; what is not said is left out."""
        values = ((setting, getattr(self, setting.field)) for setting in SETTINGS)
        return {setting.spark_name: _to_text(value) for setting, value in values if value is not None}


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table: `key` as after `spark.lineage.`, how a value is read, and what people are told.

    `read` takes the value (a text, or TOML's own type) and the folder that relative paths stand in; it raises
    ValueError for what `allowed` does not say.
    """

    key: str
    read: Callable[[Any, Path], Any]
    allowed: str
    default: str
    doc: str

    @property
    def toml_name(self) -> str:
        """`a.b_c`: the path of tables and key in the file."""
        return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", self.key).lower()

    @property
    def field(self) -> str:
        """`a_b_c`: the field of `Settings` and the argument of `load_settings`."""
        return self.toml_name.replace(".", "_")

    @property
    def spark_name(self) -> str:
        """`spark.lineage.a.bC`: the name in a Spark configuration."""
        return SPARK_PREFIX + self.key

    @property
    def environment_name(self) -> str:
        """`SPARK_LINEAGE_A_B_C`: the name in the environment."""
        return ENVIRONMENT_PREFIX + self.field.upper()


def load_settings(**overrides: Any) -> Settings:
    """All settings from arguments, environment, file and defaults; an argument that is None is not given.

    A spool belongs to its store: one that is named by a weaker place than the store (a spool in the environment,
    a store as an argument) is the spool of another store and does not count.

    Raises `SettingError`, naming the setting, the value and what is allowed, for a wrong value or an unknown name.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    layers = (_from_arguments(given), _from_environment(os.environ), _from_file())
    values: dict[str, Any] = {}
    for layer in layers:
        fresh = {name: value for name, value in layer.items() if name not in values}
        if "store" in values:
            fresh.pop("spool", None)
        values |= fresh
    return replace(default_settings(values.get("store")), **values)


def default_settings(store: Path | str | None = None) -> Settings:
    """The settings where nothing is said, or nothing but the store."""
    place = data_home() / "store" if store is None else store
    return Settings(
        enabled=None,
        store=place,
        spool=default_spool(place),
        namespace=None,
        job=None,
        literals="masked",
        hash_key_file=state_home() / "hash.key",
        dataset_path_rules=PATH_RULES,
        segment_seal_seconds=30,
        intent="written",
        level="column",
        sample=1.0,
        spool_max_bytes=10 << 30,
    )


def overrides_from_conf(conf: Mapping[str, str]) -> dict[str, str]:
    """The `spark.lineage.*` entries of a Spark configuration, as arguments of `load_settings`.

    Names that only the bridge knows are left alone: it checks them itself.
    """
    names = {setting.spark_name: setting.field for setting in SETTINGS}
    return {names[key]: value for key, value in conf.items() if key in names}


def default_spool(store: Path | str) -> Path:
    """The spool of a store that names none: in the state folder, by the hash of the store's absolute path."""
    digest = hashlib.sha256(str(store).encode("utf-8")).hexdigest()
    return state_home() / "spool" / digest[:16]


def data_home() -> Path:
    """`$XDG_DATA_HOME/spark-lineage`, by default in `~/.local/share`."""
    return _xdg_folder("XDG_DATA_HOME", ".local/share")


def state_home() -> Path:
    """`$XDG_STATE_HOME/spark-lineage`, by default in `~/.local/state`."""
    return _xdg_folder("XDG_STATE_HOME", ".local/state")


def config_home() -> Path:
    """`$XDG_CONFIG_HOME/spark-lineage`, by default in `~/.config`."""
    return _xdg_folder("XDG_CONFIG_HOME", ".config")


def read_path_rules(value: Any, _folder: Path | None = None) -> tuple[str, ...]:
    """Path rules from `date,uuid` or a list, in the order of `PATH_RULES`; `none` is the empty tuple.

    Raises ValueError for any other name.

    >>> read_path_rules("uuid,date")
    ('date', 'uuid')
    """
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else list(value)
    if parts == ["none"]:
        return ()
    if not parts or not set(parts) <= set(PATH_RULES):
        raise ValueError(value)
    return tuple(rule for rule in PATH_RULES if rule in parts)


def _xdg_folder(variable: str, default: str) -> Path:
    # The XDG specification: a relative path in these variables is invalid and is ignored.
    value = os.environ.get(variable, "")
    base = Path(os.path.normpath(value)) if Path(value).is_absolute() else Path.home() / default
    return base / "spark-lineage"


def _from_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    known = {setting.field: setting for setting in SETTINGS}
    _refuse_unknown(arguments, known, "")
    return {name: _read(known[name], name, value, Path.cwd()) for name, value in arguments.items()}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    known = {setting.environment_name: setting for setting in SETTINGS}
    given = {
        name: value
        for name, value in environment.items()
        if name.startswith(ENVIRONMENT_PREFIX) and name != DEBUG_VARIABLE
    }
    _refuse_unknown(given, known, " in the environment")
    return {known[name].field: _read(known[name], name, value, Path.cwd()) for name, value in given.items()}


def _from_file() -> dict[str, Any]:
    path = next((path for path in _file_candidates() if path.is_file()), None)
    if path is None:
        return {}
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingError(
            f"{path} is not a TOML file that can be read ({error}): correct or remove it."
        ) from None
    known = {setting.toml_name: setting for setting in SETTINGS}
    given = dict(_flatten(tree, ""))
    _refuse_unknown(given, known, f" in {path}")
    return {
        known[name].field: _read(known[name], f"{name} in {path}", value, path.parent)
        for name, value in given.items()
    }


def _file_candidates() -> tuple[Path, ...]:
    return Path.cwd() / FILE_NAME, config_home() / FILE_NAME


def _flatten(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _refuse_unknown(given: Mapping[str, Any], known: Mapping[str, Setting], place: str) -> None:
    for name in given:
        if name not in known:
            allowed = ", ".join(sorted(known))
            raise SettingError(f"There is no setting {name}{place}: the settings are {allowed}.")


def _read(setting: Setting, name: str, value: Any, folder: Path) -> Any:
    try:
        return setting.read(value, folder)
    except (ValueError, TypeError, AttributeError):
        raise SettingError(f"Setting {name} is {value!r}: allowed is {setting.allowed}.") from None


def _read_flag(value: Any, _folder: Path) -> bool:
    text = str(value).lower()
    if text not in {"true", "false"}:
        raise ValueError(value)
    return text == "true"


def _read_text(value: Any, _folder: Path) -> str:
    if not isinstance(value, str) or not value or value.strip() != value:
        raise ValueError(value)
    return value


def _read_seconds(value: Any, _folder: Path) -> int:
    if isinstance(value, bool) or not str(value).isdecimal() or int(value) < 1:
        raise ValueError(value)
    return int(value)


def _read_spool_size(value: Any, _folder: Path) -> int:
    parts = None if isinstance(value, bool) else re.fullmatch(r"([0-9]{1,16})([kmgt]?)", str(value).lower())
    size = int(parts[1]) << 10 * " kmgt".index(parts[2] or " ") if parts else 0
    if not 16 << 20 <= size <= 1 << 50:
        raise ValueError(value)
    return size


def _read_literals(value: Any, _folder: Path) -> str:
    if value not in LITERALS:
        raise ValueError(value)
    return str(value)


def _read_intent(value: Any, _folder: Path) -> str:
    if value is False:  # TOML and YAML people write `off` as a flag
        return "off"
    if value not in INTENTS:
        raise ValueError(value)
    return str(value)


def _read_level(value: Any, _folder: Path) -> str:
    if not all(LEVEL_RULE.fullmatch(rule.strip()) for rule in value.split(",")):
        raise ValueError(value)
    return str(value)


def _read_share(value: Any, _folder: Path) -> float:
    text = _share_text(value) if isinstance(value, float) else str(value)
    if isinstance(value, bool) or not re.fullmatch(r"[01]|0?\.[0-9]{1,9}|1\.0{1,9}", text):
        raise ValueError(value)
    return float(text)


def _share_text(value: float) -> str:
    return f"{value:.9f}".rstrip("0").rstrip(".")


def _read_location(value: Any, folder: Path) -> Path | str:
    # A local path or a `file:` URI becomes an absolute Path; any other URI stays a text.
    text = str(value) if isinstance(value, Path) else _read_text(value, folder)
    is_file_uri = text.startswith("file:")
    if _URI.match(text) and not is_file_uri:
        return text
    path = unquote(urlsplit(text).path) if is_file_uri else text
    # abspath also resolves `..`, as the bridge does; symbolic links stay as they are in both.
    return Path(os.path.abspath(folder / Path(path).expanduser()))  # noqa: PTH100


def _read_local(value: Any, folder: Path) -> Path:
    location = _read_location(value, folder)
    if not isinstance(location, Path):
        raise ValueError(value)  # noqa: TRY004 - a text of the wrong kind, not a wrong type
    return location


def _to_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value) or "none"
    if isinstance(value, float):
        return _share_text(value)
    return str(value)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "enabled", _read_flag, "true or false", "not said",
        "The switch. Not said, the jar alone does nothing; naming the extension class, `configure` and `enable` "
        "switch lineage on. `false` keeps it off everywhere.",
    ),
    Setting(
        "store", _read_location, "a folder, or the URI of one (s3://, abfss://, gs://, hdfs://)",
        "`$XDG_DATA_HOME/spark-lineage/store`",
        "Where the lineage tables lie.",
    ),
    Setting(
        "spool", _read_local, "a local folder",
        "`$XDG_STATE_HOME/spark-lineage/spool/<first 16 hex digits of the SHA-256 of the store's absolute path>`",
        "Where the bridge writes its records until they are ingested. A spool belongs to one store: one that is "
        "named by a weaker place than the store does not count.",
    ),
    Setting(
        "namespace", _read_text, "a text that is not empty", "not said",
        "Namespace of datasets that are local files, instead of `file`: for machines that share a store and not "
        "their disks. It changes names, so it travels in the records.",
    ),
    Setting(
        "job", _read_text, "a text that is not empty", "the application's name, without what changes with each run",
        "What the job is called: runs of one name are one job, and are compared with each other. Said by nobody, it is the "
        "application's name without what changes with each run: UUIDs; dates and times (`2026-11-20`, `20261120`, "
        "`2026-11-20T03:04:05Z`, `20261120_030405`, seconds or milliseconds since 1970); the ids of YARN and local applications "
        "(`application_1700000000000_0001`, `local-1700000000000`); numbers of attempts and runs (`attempt_2`, `try 2`, `retry-2`, "
        "`run-17`); numbers of Livy's sessions and batches (`livy-session-12`). Dots, blanks, dashes and the like that are then left "
        "over at the ends, or beside each other, go too. So `daily_2026-11-20 attempt 2` is `daily`. A name that would have nothing "
        "left stays whole, and one that is set is taken as it is. It travels in the records.",
    ),
    Setting(
        "literals", _read_literals, "masked or kept", "`masked`",
        "`masked` replaces every literal of plans, SQL texts and messages by `?` before anything is written; "
        "`kept` keeps those of expressions. It changes what is recorded, so it travels in the records.",
    ),
    Setting(
        "hashKeyFile", _read_local, "a local file", "`$XDG_STATE_HOME/spark-lineage/hash.key`",
        "Key of the hashes that stand for literals which select a field. Made once, readable by its owner only.",
    ),
    Setting(
        "dataset.pathRules", read_path_rules,
        f"none, or some of {', '.join(PATH_RULES)}, parted by commas", f"`{','.join(PATH_RULES)}`",
        "Which trailing segments of a path are partitions and not part of a dataset's name: `key_value` "
        "(`dt=2026-11-20`), `date` (`2026-11-20`, `20261120`), `time` (`13-45-00`, `20261120T134500`, seconds or "
        "milliseconds since 1970), `uuid`. The exact path stays in the observations. It travels in the records.",
    ),
    Setting(
        "segment.sealSeconds", _read_seconds, "a whole number of seconds from 1", "`30`",
        "A segment of the spool is sealed, and so can be ingested by another process, when it is this old.",
    ),
    Setting(
        "intent", _read_intent, "off, async, written or synced", "`written`",
        "Whether a write is noted before it runs, so that a job that is killed leaves a run with its lineage. With `written` the "
        "query waits until the note is with the operating system, about a millisecond: it survives a killed job, not a power cut; "
        "`synced` waits for the disk, too; `async` waits for nothing; `off` notes nothing. No wait is longer than half a second. "
        "The note stays in the spool: Spark can tag a Delta commit with the run that made it (`userMetadata`), but only through the "
        "session's own settings, where two writes at once would overwrite each other's, so spark-lineage never does.",
    ),
    Setting(
        "level", _read_level,
        "job or column; before it, parted by commas, job:<pattern>=<level> and namespace:<pattern>=<level>", "`column`",
        "How much is kept of lineage. With `column` all of it; with `job` which tables a write read and wrote, with their columns and "
        "versions, and its run, but not what became of which column, no expressions, operators and stages: its columns are opaque then, "
        "and a problem (`level_job`) says why. "
        "Rules for some jobs, or for what is written into some namespaces, stand before it, and the first that fits counts: "
        "`namespace:s3://scratch-*=job, job:adhoc_?=job, column`. Ingest applies it, so the spool still has the plans. It travels in the "
        "records.",
    ),
    Setting(
        "sample", _read_share, "a number from 0 to 1, such as 0.05", "`1`",
        "Of the executions that repeat a plan (micro-batches, loops), the share whose operators and stages are kept, by a hash of the "
        "batch, so that the same ones are always kept. The first execution of a plan in an application and every one that failed are kept "
        "whole; of all, runs with rows, bytes, files, versions and datasets are kept. A run says what was left out. It travels in the "
        "records.",
    ),
    Setting(
        "spoolMaxBytes", _read_spool_size, "bytes, or a number with k, m, g or t, from 16m to 1024t", "`10g`",
        "How large the segments of a spool may be together. A job that finds them larger deletes sealed ones, the oldest first, whoever "
        "wrote them, never one that is being written. The next segment tells how many records went; after an ingest that is a problem "
        "(`gap`). Ingest often enough, and nothing is ever deleted.",
    ),
)  # fmt: skip
"""Every setting, in the order of the documentation."""
