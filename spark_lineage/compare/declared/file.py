"""A file of declared lineage: YAML -> `Declaration`, each part with its line. Nothing but texts, lists and mappings is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from spark_lineage.compare.declared.declaration import (
    ColumnDeclaration,
    Declaration,
    ExpectedName,
    ExpectedSource,
    FlowDeclaration,
    Flows,
    OwnerDeclaration,
    TableDeclaration,
)
from spark_lineage.errors import DeclarationError
from spark_lineage.model import Certainty, Subtype

if TYPE_CHECKING:
    from yaml.nodes import Node

__all__ = ["read_declaration"]

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 100
_VERSION = "1"
_Value = TypeVar("_Value")

_FILE_KEYS = ("version", "complete", "observed", "tables", "owners", "owner_required", "forbidden")
_TABLE_KEYS = ("owner", "complete", "jobs", "sources", "required_sources", "rows", "columns", "certainty")
_COLUMN_KEYS = ("type", "sources", "depends_on", "depends_only_on", "kinds", "complete", "certainty")
_SOURCE_KEYS = ("from", "kind", "masked")
_FLOW_KEYS = ("from", "to", "kinds", "masked", "reason")
_FLAGS = {"true": True, "false": False}
_KINDS = {subtype.value: subtype for subtype in Subtype}
_CERTAINTIES = {certainty.value: certainty for certainty in Certainty}
_FLOWS = {flows.value: flows for flows in Flows}


def read_declaration(path: Path | str) -> Declaration:
    """The declaration in a file.

    Raises `DeclarationError`, one sentence with file, line, what was found and what is allowed.
    """
    import yaml  # noqa: PLC0415 - only `check` needs it

    try:
        content = Path(path).read_bytes()
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise DeclarationError(
            f"{path} cannot be read ({reason}): name a YAML file of declared lineage."
        ) from None
    if len(content) > MAX_BYTES:
        raise DeclarationError(f"{path} has {len(content)} bytes, and {MAX_BYTES} are allowed: split it.")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _refuse_depth(str(path), text, loader)
        root = yaml.compose(text, Loader=loader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = getattr(error, "position", None)  # of a character that YAML does not have, such as NUL
        at = mark.line if mark else None if place is None else content[:place].count(b"\n")
        line = "" if at is None else f", line {at + 1}"
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or "it nests too deeply"
        raise DeclarationError(f"{path}{line}: this is not YAML ({what}): correct it.") from None
    return _Reader(str(path)).file(root)


def _refuse_depth(path: str, text: str, loader: Any) -> None:
    """Refuse what nests deeper than any declaration: the composer written in C goes down on the process's stack, which ends there."""
    import yaml  # noqa: PLC0415 - only `check` needs it

    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise DeclarationError(
                    f"{path}, line {event.start_mark.line + 1}: this nests more than {MAX_DEPTH} levels deep: a declaration needs 6."
                )
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Reader:
    """Reads nodes of one file; every refusal names the file and the line."""

    def __init__(self, path: str) -> None:
        self._path = path

    def file(self, root: Node | None) -> Declaration:
        if root is None:
            raise DeclarationError(f"{self._path} is empty: docs/declared.md has an example.")
        keys = self._mapping(root, "the file", _FILE_KEYS)
        if "version" not in keys:
            self._refuse(root, "has no `version`", f"`version: {_VERSION}`")
        version = self._text(keys["version"], "`version`")
        if version != _VERSION:
            self._refuse(keys["version"], f"has version {version}", f"`version: {_VERSION}`")
        complete = keys.get("complete")
        return Declaration(
            path=self._path,
            tables=self._named(keys.get("tables"), "`tables`", self._table),
            forbidden=self._list(keys.get("forbidden"), "`forbidden`", self._flow),
            owners=self._named(keys.get("owners"), "`owners`", self._owner),
            owner_required=self._some(keys, "owner_required"),
            complete=self._flag(complete, "`complete`"),
            complete_line=0 if complete is None else _line(complete),
            observed=self._flag(keys.get("observed"), "`observed`"),
        )

    def _table(self, name: str, line: int, node: Node) -> TableDeclaration:
        keys = self._mapping(node, f"the table {name}", _TABLE_KEYS)
        return TableDeclaration(
            name=name,
            owner=self._text(keys["owner"], "`owner`") if "owner" in keys else None,
            sources=self._names(keys["sources"], "`sources`") if "sources" in keys else None,
            required_sources=self._some(keys, "required_sources"),
            rows=self._list(keys["rows"], "`rows`", self._source) if "rows" in keys else None,
            jobs=self._names(keys["jobs"], "`jobs`") if "jobs" in keys else None,
            columns=self._named(keys.get("columns"), "`columns`", self._column),
            complete=self._flag(keys.get("complete"), "`complete`"),
            certainty=self._choice(keys.get("certainty"), "`certainty`", _CERTAINTIES, Certainty.EXACT),
            line=line,
        )

    def _column(self, name: str, line: int, node: Node) -> ColumnDeclaration:
        if node.id == "sequence" or _is_text(node):
            return ColumnDeclaration(
                name, sources=self._list(node, f"the column {name}", self._source), line=line
            )
        keys = self._mapping(node, f"the column {name}", _COLUMN_KEYS)
        if "depends_on" in keys and "depends_only_on" in keys:
            self._refuse(node, "has `depends_on` and `depends_only_on`", "one of them")
        only = "depends_only_on" in keys
        return ColumnDeclaration(
            name=name,
            type=self._text(keys["type"], "`type`") if "type" in keys else None,
            sources=self._list(keys["sources"], "`sources`", self._source) if "sources" in keys else None,
            depends_on=self._some(keys, "depends_only_on" if only else "depends_on"),
            depends_only=only,
            flows=self._choice(keys.get("kinds"), "`kinds`", _FLOWS, Flows.DIRECT),
            complete=self._flag(keys.get("complete"), "`complete`"),
            certainty=self._choice(keys.get("certainty"), "`certainty`", _CERTAINTIES, Certainty.EXACT),
            line=line,
        )

    def _source(self, node: Node) -> ExpectedSource:
        if node.id == "scalar":
            return ExpectedSource(self._text(node, "a source"), line=_line(node))
        keys = self._mapping(node, "a source", _SOURCE_KEYS)
        if "from" not in keys:
            self._refuse(node, "is a source without `from`", "`from: table.column`")
        kind = keys.get("kind")
        return ExpectedSource(
            pattern=self._text(keys["from"], "`from`"),
            kind=None if kind is None else self._choice(kind, "`kind`", _KINDS, None),
            masked=self._flag(keys["masked"], "`masked`") if "masked" in keys else None,
            line=_line(node),
        )

    def _flow(self, node: Node) -> FlowDeclaration:
        keys = self._mapping(node, "a forbidden flow", _FLOW_KEYS)
        for key in ("from", "to"):
            if key not in keys:
                self._refuse(node, f"is a forbidden flow without `{key}`", "`from` and `to`")
        return FlowDeclaration(
            sources=self._some(keys, "from"),
            targets=self._some(keys, "to"),
            flows=self._choice(keys.get("kinds"), "`kinds`", _FLOWS, Flows.DIRECT),
            masked_allowed=self._choice(
                keys.get("masked"), "`masked`", {"forbidden": False, "allowed": True}, default=False
            ),
            reason=self._text(keys["reason"], "`reason`") if "reason" in keys else "",
            line=_line(node),
        )

    def _owner(self, name: str, line: int, node: Node) -> OwnerDeclaration:
        return OwnerDeclaration(name, self._text(node, f"the owner of {name}"), line)

    def _some(self, keys: Mapping[str, Node], key: str) -> tuple[ExpectedName, ...]:
        """The names of a key, if it is there: one at the least, since a rule about none would pass in silence."""
        names = self._names(keys.get(key), f"`{key}`")
        if key in keys and not names:
            self._refuse(keys[key], f"has `{key}` without a name", "one name or more")
        return names

    def _names(self, node: Node | None, what: str) -> tuple[ExpectedName, ...]:
        return self._list(node, what, lambda item: ExpectedName(self._text(item, what), _line(item)))

    def _list(self, node: Node | None, what: str, read: Callable[[Node], _Value]) -> tuple[_Value, ...]:
        """The items of a list; a text alone is a list of one, nothing an empty one."""
        if node is None or _is_null(node):
            return ()
        if node.id == "scalar":
            return (read(node),)
        if node.id != "sequence":
            self._refuse(node, f"has {what} as a {_kind(node)}", "a list")
        return tuple(map(read, node.value))

    def _named(
        self, node: Node | None, what: str, read: Callable[[str, int, Node], _Value]
    ) -> tuple[_Value, ...]:
        """The values of a mapping whose keys are names; a text that is not a key of ours."""
        if node is None or _is_null(node):
            return ()
        return tuple(
            read(name, line, value) for name, (line, value) in self._pairs(node, f"{what} as").items()
        )

    def _mapping(self, node: Node, what: str, allowed: tuple[str, ...]) -> Mapping[str, Node]:
        if _is_null(node):
            return {}
        pairs = self._pairs(node, f"{what} as")
        for key, (line, _) in pairs.items():
            if key not in allowed:
                self._refuse_at(line, f"has `{key}` in {what}", ", ".join(f"`{each}`" for each in allowed))
        return {key: value for key, (_, value) in pairs.items()}

    def _pairs(self, node: Node, what: str) -> Mapping[str, tuple[int, Node]]:
        if node.id != "mapping":
            self._refuse(node, f"has {what} a {_kind(node)}", "a mapping of names")
        pairs: dict[str, tuple[int, Node]] = {}
        for key, value in node.value:
            name = self._text(key, "a name")
            if name in pairs:
                self._refuse(key, f"has `{name}` twice, first on line {pairs[name][0]}", "each name once")
            pairs[name] = (_line(key), value)
        return pairs

    def _text(self, node: Node, what: str) -> str:
        """A scalar as it is written: `no` is a name here, and 1.0 too."""
        if node.id != "scalar" or not str(node.value).strip():
            self._refuse(
                node, f"has {what} as {'nothing' if _is_null(node) else 'a ' + _kind(node)}", "a text"
            )
        return str(node.value)

    def _flag(self, node: Node | None, what: str) -> bool:
        return self._choice(node, what, _FLAGS, default=False)

    def _choice(
        self, node: Node | None, what: str, choices: Mapping[str, _Value], default: _Value | None
    ) -> _Value:
        if node is None:
            return default  # type: ignore[return-value]  # None is given only where the node is there
        text = self._text(node, what)
        known = {name.casefold(): value for name, value in choices.items()}
        if text.casefold() not in known:
            self._refuse(node, f"has {what} as {text!r}", ", ".join(choices))
        return known[text.casefold()]

    def _refuse(self, node: Node, found: str, allowed: str) -> NoReturn:
        self._refuse_at(_line(node), found, allowed)

    def _refuse_at(self, line: int, found: str, allowed: str) -> NoReturn:
        raise DeclarationError(f"{self._path}, line {line}: this {found}; allowed: {allowed}.")


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _is_null(node: Node) -> bool:
    return bool(node.id == "scalar" and node.tag == "tag:yaml.org,2002:null")


def _is_text(node: Node) -> bool:
    return bool(node.id == "scalar" and not _is_null(node))


def _kind(node: Node) -> str:
    return {"mapping": "mapping", "sequence": "list"}.get(node.id, "text")
