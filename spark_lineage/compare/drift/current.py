"""The columns that a dataset has now: from a Delta table's log, an Iceberg table's metadata, a footer of a Parquet folder, or else the last run that saw them.

Only logs, metadata and footers are read, never rows. Types are Spark's `simpleString`, None where they are not known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from spark_lineage.errors import first_line
from spark_lineage.model import Dataset
from spark_lineage.pipeline.logs.iceberg_log import IcebergLog
from spark_lineage.pipeline.logs.log_files import UnreadableLogError, files_of, location_of
from spark_lineage.query.snapshot import Snapshot

__all__ = ["CurrentSchema", "Kind", "current_schema", "kind_of", "kind_of_iceberg", "last_observed"]

DELTA, ICEBERG, PARQUET, OBSERVED = "delta", "iceberg", "parquet", "observed"
"""Where a schema is from."""

MAX_FILES = 10_000
"""How many files of a Parquet folder are looked at to find the newest."""

_SPARK_SCHEMA = b"org.apache.spark.sql.parquet.row.metadata"
_LOCAL = "file"
_TOPICS = "kafka://"
_SCHEMES = ("s3://", "s3a://", "gs://", "abfs://", "abfss://", "az://")
_PATIENCE = {"timeout": "10s", "connect_timeout": "3s", "max_retries": "1", "retry_timeout": "10s"}
_OF_ICEBERG = {
    "long": "bigint", "int": "int", "boolean": "boolean", "float": "float", "double": "double", "string": "string", "binary": "binary", "date": "date",
    "timestamp": "timestamp_ntz", "timestamptz": "timestamp", "uuid": "string", "variant": "variant",
}  # fmt: skip
"""Iceberg's types -> Spark's, as `org.apache.iceberg.spark.TypeToSparkType` has them."""

_SIMPLE = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A column's type: its text, and its fields where it has some, those of an array's or map's elements too."""

    text: str | None
    fields: Mapping[str, Kind] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CurrentSchema:
    """The columns of a dataset, and where they are from; without columns `reason` says why they are not known."""

    source: str | None
    columns: Mapping[str, Kind] = field(default_factory=dict)
    reason: str | None = None

    def find(self, path: str) -> Kind | None:
        """The type of a column or of a field within one, whatever the case of its letters; None where it is gone.

        Below a column whose fields are not known, any field may be.
        """
        for names, rest in _divisions(path.lower().split(".")):
            kind = {name.lower(): kind for name, kind in self.columns.items()}.get(names)
            if kind is not None:
                return _within(kind, rest)
        return None


def _divisions(parts: list[str]) -> Iterator[tuple[str, list[str]]]:
    """A column's own name may have dots: the longest name first."""
    for length in range(len(parts), 0, -1):
        yield ".".join(parts[:length]), parts[length:]


def _within(kind: Kind, path: list[str]) -> Kind | None:
    for name in path:
        if not kind.fields:
            return Kind(None)
        below = {each.lower(): inner for each, inner in kind.fields.items()}.get(name)
        if below is None:
            return None
        kind = below
    return kind


def kind_of(spec: Any) -> Kind:
    """A type from the JSON of Spark's and Delta's schemas.

    >>> kind_of({"type": "array", "elementType": "long", "containsNull": True}).text
    'array<bigint>'
    """
    if isinstance(spec, str):
        return Kind(_SIMPLE.get(spec, spec))
    name = spec.get("type") if isinstance(spec, dict) else None
    if name == "struct":
        inner = {each["name"]: kind_of(each["type"]) for each in spec["fields"]}
        return Kind(_text("struct", [(f"{key}:", kind) for key, kind in inner.items()]), inner)
    if name == "array":
        element = kind_of(spec["elementType"])
        return Kind(_text("array", [("", element)]), element.fields)
    if name == "map":
        key, value = kind_of(spec["keyType"]), kind_of(spec["valueType"])
        return Kind(_text("map", [("", key), ("", value)]), {**key.fields, **value.fields})
    return Kind(None)


def kind_of_iceberg(spec: Any) -> Kind:
    """A type from the JSON of Iceberg's table specification.

    >>> kind_of_iceberg({"type": "list", "element-id": 2, "element": "timestamptz", "element-required": False}).text
    'array<timestamp>'
    """
    if isinstance(spec, str):
        if spec.startswith(("decimal(", "fixed[")):
            return Kind(spec.replace(" ", "") if spec.startswith("decimal") else "binary")
        return Kind(_OF_ICEBERG.get(spec))
    name = spec.get("type") if isinstance(spec, dict) else None
    if name == "struct":
        inner = {each["name"]: kind_of_iceberg(each["type"]) for each in spec["fields"]}
        return Kind(_text("struct", [(f"{key}:", kind) for key, kind in inner.items()]), inner)
    if name == "list":
        element = kind_of_iceberg(spec["element"])
        return Kind(_text("array", [("", element)]), element.fields)
    if name == "map":
        key, value = kind_of_iceberg(spec["key"]), kind_of_iceberg(spec["value"])
        return Kind(_text("map", [("", key), ("", value)]), {**key.fields, **value.fields})
    return Kind(None)


def _text(name: str, parts: list[tuple[str, Kind]]) -> str | None:
    if any(kind.text is None for _, kind in parts):
        return None
    return f"{name}<{','.join(f'{prefix}{kind.text}' for prefix, kind in parts)}>"


def current_schema(dataset: Dataset, observed: Mapping[str, str] | None) -> CurrentSchema:
    """The columns of a dataset now; `observed` are those of the last run that saw them, None where none did."""
    location = location_of(dataset.id)
    found = CurrentSchema(None, reason="its format is not one whose columns can be looked up")
    if dataset.namespace == _LOCAL and not Path(location).exists():
        found = CurrentSchema(None, reason="nothing is at its place, seen from here")
    elif dataset.namespace == _LOCAL or location.startswith(_SCHEMES):
        is_local = dataset.namespace == _LOCAL
        # Elsewhere each look at a place is a request: only what is known to be Iceberg's is asked for its metadata.
        asked = is_local or dataset.format == "iceberg"
        found = (_iceberg(location) if asked else None) or _looked_up(location, is_local=is_local)
    if found.source is None and observed:
        return CurrentSchema(OBSERVED, {name: Kind(type_) for name, type_ in observed.items()})
    return found


def _looked_up(location: str, *, is_local: bool) -> CurrentSchema:
    from deltalake import DeltaTable  # noqa: PLC0415 - few commands need it
    from deltalake.exceptions import DeltaError  # noqa: PLC0415

    options = None if is_local else _PATIENCE
    try:
        if DeltaTable.is_deltatable(location, options):
            table = DeltaTable(location, storage_options=options)
            return CurrentSchema(DELTA, kind_of(json.loads(table.schema().to_json())).fields)
    except (DeltaError, OSError, ValueError) as error:
        return CurrentSchema(None, reason=f"its log cannot be read ({first_line(error)})")
    return _parquet(Path(location)) if is_local else CurrentSchema(None, reason="it is no Delta table")


def _iceberg(location: str) -> CurrentSchema | None:
    """The columns of an Iceberg table; None where there is no metadata of one."""
    try:
        schema = IcebergLog(files_of(location)).schema()
        return None if schema is None else CurrentSchema(ICEBERG, kind_of_iceberg(schema).fields)
    except UnreadableLogError as error:
        return CurrentSchema(None, reason=f"its metadata cannot be read ({error})")
    except (KeyError, TypeError, ValueError, RecursionError):
        return CurrentSchema(None, reason="its metadata cannot be read (it has no columns)")


def _parquet(folder: Path) -> CurrentSchema:
    """The columns of the newest file of a folder, and of its partitions."""
    import pyarrow as pa  # noqa: PLC0415 - few commands need it
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        files = [folder] if folder.is_file() else list(islice(_data_files(folder), MAX_FILES))
        if not files:
            return CurrentSchema(
                None, reason="no Delta log, no Iceberg metadata and no Parquet file is at its place"
            )
        newest = max(files, key=lambda path: (path.stat().st_mtime_ns, path.name))
        schema = pq.read_schema(newest)
    except (OSError, pa.ArrowException) as error:
        return CurrentSchema(None, reason=f"its files cannot be read ({first_line(error)})")
    try:
        metadata = (schema.metadata or {}).get(_SPARK_SCHEMA)
        columns = kind_of(json.loads(metadata)).fields if metadata else _bare(schema.names)
    except (
        ValueError,
        KeyError,
        TypeError,
        RecursionError,
    ):  # somebody else wrote it: the names are there all the same
        columns = _bare(schema.names)
    partitions = (part.partition("=")[:2] for part in newest.relative_to(folder).parent.parts)
    return CurrentSchema(PARQUET, {**columns, **_bare(name for name, equals in partitions if equals)})


def _bare(names: Iterable[str]) -> Mapping[str, Kind]:
    return {name: Kind(None) for name in names}


def _data_files(folder: Path) -> Iterator[Path]:
    return (
        path
        for path in folder.rglob("*.parquet")
        if not any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)
    )


def last_observed(snapshot: Snapshot) -> Mapping[Any, Mapping[str, str]]:
    """Dataset -> column -> type, as the last run that saw the dataset's columns did.

    A topic's are only seen by who reads it: a write has the columns that it gave, such as a text for what is read as bytes.
    """
    schemas = {
        row["schema_id"]: {each["name"]: each["type"] for each in row["columns"]}
        for row in snapshot.read("schemas").to_pylist()
    }
    order = {run_id: number for number, run_id in enumerate(snapshot.runs["run_id"].to_pylist())}
    found: dict[Any, tuple[int, Mapping[str, str]]] = {}
    columns = ("run_id", "namespace", "name", "direction", "schema_id")
    for row in snapshot.read("observations", columns).to_pylist() if schemas else ():
        schema = schemas.get(row["schema_id"])
        number = order.get(row["run_id"], -1)
        id_ = Dataset(row["namespace"], row["name"]).id
        if row["direction"] == "written" and row["namespace"].startswith(_TOPICS):
            continue
        if schema is not None and number >= found.get(id_, (-1, {}))[0]:
            found[id_] = number, schema
    return {id_: schema for id_, (_, schema) in found.items()}
