"""Names of datasets: OpenLineage's (namespace, name) for paths, catalog tables and JDBC tables.

Source of the rules: OpenLineage's "Naming Conventions" (spec/Naming.md). For files the identity is the
location; catalog names are aliases. Trailing path segments that name a part of the data, not the data
(`dt=2026-11-20`, a date, a time, a UUID), are trimmed by `PathRules`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from spark_lineage.model import DatasetId

PATH_RULES: Mapping[str, re.Pattern[str]] = {
    "key_value": re.compile(r"[^/=]+=[^/]*"),
    "date": re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}"),
    "time": re.compile(
        r"(\d{4}-\d{2}-\d{2}|\d{8})[T_ -]?\d{2}([:-]?\d{2}([:-]?\d{2}([.,]\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?"
        r"|\d{2}[:-]\d{2}([:-]\d{2})?|\d{10}|\d{13}"
    ),
    "uuid": re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"),
}
"""Rule name -> the whole of a segment that it trims."""

_PART_FILE = re.compile(r"part-\d+.*")
_GLOB = re.compile(r"(?<!\\)[*?{\[]")
_ESCAPED = re.compile(r"\\(.)")
_OBJECT_STORES = {"s3": "s3", "s3a": "s3", "s3n": "s3", "gs": "gs"}
_JDBC_SCHEMES = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql"}
_JDBC_PORTS = {"postgres": 5432, "mysql": 3306}


@dataclass(frozen=True, order=True, slots=True)
class VersionId(DatasetId):
    """A dataset as it was at a version that the query asked for: while a plan is analyzed, another source than the dataset."""

    version: str = ""


def split_version(id_: DatasetId) -> tuple[DatasetId, str | None]:
    """The dataset, and the version of it that was asked for.

    >>> split_version(VersionId("file", "/t", "3"))
    (DatasetId(namespace='file', name='/t'), '3')
    """
    if isinstance(id_, VersionId):
        return DatasetId(id_.namespace, id_.name), id_.version
    return id_, None


@dataclass(frozen=True, slots=True)
class Location:
    """Where a dataset is: its identity, the exact path, and the partitions that the path named."""

    id: DatasetId
    path: str
    partitions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Naming:
    """How paths become names: the trimming rules in force, and the namespace of local files."""

    path_rules: tuple[str, ...] = tuple(PATH_RULES)
    file_namespace: str = "file"

    def locate(self, path: str, *, is_pattern: bool = True) -> Location:
        """The dataset of one path or URI; `is_pattern` is false for one that stands for itself: what is written is no glob.

        >>> Naming().locate("file:/out/dt=2026-11-20/part-0.parquet").id.name
        '/out'
        >>> Naming().locate("/in/[ab]*").id.name, Naming().locate("/in/[ab]*", is_pattern=False).id.name
        ('/in', '/in/[ab]*')
        """
        return _locate(path, self.path_rules, self.file_namespace, is_pattern=is_pattern)


@lru_cache(maxsize=1000)
def _locate(path: str, rules: tuple[str, ...], file_namespace: str, *, is_pattern: bool) -> Location:
    """Remembered, since a plan may read one table thousands of times."""
    namespace, name = _split(_folder(path) if is_pattern else path, file_namespace)
    segments = name.rstrip("/").split("/")
    trimmed: list[str] = []
    if len(segments) > 2 and _PART_FILE.fullmatch(segments[-1]):
        segments.pop()
    while len(segments) > 2 and _is_part(segments[-1], rules):
        trimmed.append(segments.pop())
    return Location(DatasetId(namespace, "/".join(segments) or "/"), path, tuple(reversed(trimmed)))


def _folder(pattern: str) -> str:
    """The path before the first glob, with the characters that a backslash takes for themselves."""
    glob = _GLOB.search(pattern)
    return _ESCAPED.sub(r"\1", pattern[: glob.start()].rpartition("/")[0] if glob else pattern)


def _is_part(segment: str, rules: tuple[str, ...]) -> bool:
    return any(PATH_RULES[rule].fullmatch(segment) for rule in rules if rule in PATH_RULES)


def _split(path: str, file_namespace: str) -> tuple[str, str]:
    parts = urlsplit(path) if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", path) else None
    if parts is None:
        return file_namespace, _normal(path)
    name = _normal(path.partition(":")[2].removeprefix(f"//{parts.netloc}"))
    if parts.scheme == "file" or not parts.netloc:
        return (file_namespace if parts.scheme == "file" else parts.scheme), name
    if parts.scheme in _OBJECT_STORES:
        return f"{_OBJECT_STORES[parts.scheme]}://{parts.netloc}", name.strip("/") or "/"
    return f"{parts.scheme}://{parts.netloc}", name


def _normal(path: str) -> str:
    """One spelling for a path: no empty, `.` or `..` segments."""
    return posixpath.normpath(re.sub(r"/{2,}", "/", path)) if path else "/"


def whole_names(names: Iterable[str]) -> tuple[str, ...]:
    """Each name once, without those that are only the end of another.

    >>> whole_names(["orders", "spark_catalog.default.orders"])
    ('spark_catalog.default.orders',)
    """
    found = tuple(dict.fromkeys(names))
    return tuple(each for each in found if not any(other.endswith(f".{each}") for other in found))


def jdbc_id(url: str, table: str) -> DatasetId:
    """The dataset of a JDBC table.

    >>> jdbc_id("jdbc:postgresql://db:5432/shop", "public.orders")
    DatasetId(namespace='postgres://db:5432', name='shop.public.orders')
    """
    plain = url.removeprefix("jdbc:")
    scheme, _, rest = plain.partition(":")
    table = table.replace('"', "").replace("`", "")
    kind = _JDBC_SCHEMES.get(scheme)
    parts = urlsplit(f"{kind}:{rest}")
    if kind is None or not parts.hostname:
        return DatasetId(plain.partition(";")[0].partition("?")[0], table)
    namespace = f"{kind}://{parts.hostname}:{parts.port or _JDBC_PORTS[kind]}"
    database = parts.path.strip("/")
    if kind == "postgres" and "." not in table:
        table = f"public.{table}"
    return DatasetId(namespace, f"{database}.{table}" if database else table)
