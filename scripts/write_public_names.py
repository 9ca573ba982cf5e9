"""Write `tests/public_names.txt`: every public name, setting, command, option, JSON field and table column.

    python scripts/write_public_names.py [--check]

`--check` writes nothing and exits 1 if the list is not what the code has: a change of what others build on is
made on purpose or not at all. A name that goes away, or a column that changes its type, needs a new version
first: of the schema (JSON, tables), of the records, or of the package (the rest); otherwise the list is not
written.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import typer

import spark_lineage
from spark_lineage import api, model, testing
from spark_lineage.compare import design
from spark_lineage.compare.causes import impact, outage
from spark_lineage.compare.causes import ranking as causes
from spark_lineage.compare.declared.checked import CheckAnswer
from spark_lineage.compare.drift import diff, distributions, drift, validate
from spark_lineage.compare.drift.planned import PlanAnswer
from spark_lineage.compare.unusual import freshness
from spark_lineage.compare.unusual import runs as unusual
from spark_lineage.decode import records
from spark_lineage.pipeline import IngestReport
from spark_lineage.query import answers, one_run
from spark_lineage.settings import SETTINGS
from spark_lineage.show.cli import app, error_json
from spark_lineage.show.doctor import Check, doctor_answer
from spark_lineage.store.schema import TABLES

FILE = Path(__file__).resolve().parent.parent / "tests" / "public_names.txt"


def main() -> int:
    """Write the list or check it; returns the exit code."""
    lines = [*versions(), *sorted(names())]
    old = FILE.read_text(encoding="utf-8").splitlines() if FILE.is_file() else lines
    if lines == old and FILE.is_file():
        return 0
    gone, new = sorted(set(old) - set(lines)), sorted(set(lines) - set(old))
    if "--check" in sys.argv[1:]:
        changes = "".join(f"\n- {line}" for line in gone) + "".join(f"\n+ {line}" for line in new)
        print(f"Public names changed; if that is meant, run `make docs`:{changes}", file=sys.stderr)
        return 1
    if gone and lines[: len(versions())] == old[: len(versions())]:
        listed = "".join(f"\n- {line}" for line in gone)
        print(f"These went away without a new version (see CONTRIBUTING.md):{listed}", file=sys.stderr)
        return 1
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def versions() -> list[str]:
    """The first lines: what must change before a name may go away."""
    return [
        f"version package {spark_lineage.__version__}",
        f"version record {records.RECORD_VERSION}",
        f"version schema {model.SCHEMA_VERSION}",
    ]


def names() -> Iterator[str]:
    """All other lines, in any order."""
    yield from (f"name spark_lineage.{name}" for name in spark_lineage.__all__)
    functions = (spark_lineage.enable, spark_lineage.configure, spark_lineage.open, spark_lineage.plan)
    yield from (f"name {function.__name__}{parameters(function)}" for function in functions)
    for name, member in inspect.getmembers(api.Lineage):
        if not name.startswith("_"):
            yield f"name Lineage.{name}{parameters(member) if inspect.isfunction(member) else ''}"
    for name in testing.__all__:
        member = getattr(testing, name)
        yield f"name spark_lineage.testing.{name}{parameters(member) if inspect.isfunction(member) else ''}"
    yield from (f"setting {setting.spark_name}" for setting in SETTINGS)
    yield from commands()
    for answer in answer_classes():
        yield from (f"json {answer.__name__}: {path}" for path in set(paths(sample(answer).to_dict())))
    for name, value in other_json().items():
        yield from (f"json {name}: {path}" for path in set(paths(value)))
    for table in TABLES.values():
        yield f"table {table.name}: key {', '.join(table.key)}"
        yield from (f"table {table.name}: {column.name} {column.type}" for column in table.schema)
    yield from (f"record {kind}: {name}" for kind, name in record_fields())


def parameters(function: Any) -> str:
    """The parameters of a function with their defaults, without their types."""
    signature = inspect.signature(function)
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()
    ]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def commands() -> Iterator[str]:
    """Each command with its arguments and options."""
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        yield f"command {name}"
        for parameter in command.params:
            words = sorted(parameter.opts + parameter.secondary_opts)
            yield f"command {name}: {' '.join(words) if words[0].startswith('-') else parameter.name.upper()}"


def answer_classes() -> list[Any]:
    """The classes of whole answers: those whose JSON carries the schema version."""
    modules = (
        answers,
        one_run,
        causes,
        design,
        diff,
        distributions,
        drift,
        freshness,
        impact,
        outage,
        unusual,
        validate,
    )
    classes = [vars(module)[name] for module in modules for name in module.__all__ if name.endswith("Answer")]
    return [cls for cls in classes if "schema_version" in sample(cls).to_dict()]


def other_json() -> dict[str, Any]:
    """The JSON that is no answer about a store: of `ingest`, `doctor` and errors."""
    report = {"schema_version": model.SCHEMA_VERSION, **dataclasses.asdict(sample(IngestReport))}
    return {
        "ingest": json.loads(json.dumps(report)),
        "doctor": doctor_answer([sample(Check)]).to_dict(),
        "plan": sample(PlanAnswer).to_dict(),
        "check": sample(CheckAnswer).to_dict(),
        "error": error_json("name", "sentence", ["candidate"]),
    }


def sample(kind: Any) -> Any:
    """A value of a type in which everything that may be there is there."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return tuple(sample(argument) for argument in arguments if argument is not Ellipsis)
    if origin in {typing.Union, types.UnionType}:
        return sample(next(argument for argument in arguments if argument is not type(None)))
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{field.name: sample(hints[field.name]) for field in dataclasses.fields(kind)})  # type: ignore[operator]
    if issubclass(kind, enum.Enum):
        return next(iter(kind))
    return kind(1)


def paths(value: Any, prefix: str = "") -> Iterator[str]:
    """The paths of all fields of a JSON value: `columns[].sources[].field`."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"{prefix}{key}"
            yield from paths(item, f"{prefix}{key}.")
    elif isinstance(value, list):
        for item in value:
            yield from paths(item, f"{prefix.removesuffix('.')}[].")


def record_fields() -> Iterator[tuple[str, str]]:
    """Record kind and field, as the decoder knows them."""
    for struct in vars(records).values():
        if isinstance(struct, type) and issubclass(struct, msgspec.Struct) and struct.__struct_config__.tag:
            yield from ((str(struct.__struct_config__.tag), name) for name in struct.__struct_encode_fields__)


if __name__ == "__main__":
    sys.exit(main())
