"""The files beside a table, read a few at a time: on this machine by the operating system, elsewhere by deltalake.

Nothing is listed that need not be, no file is read beyond what is asked for, and a place that does not answer is not
asked for long.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pyarrow as pa
from deltalake.exceptions import DeltaError

from spark_lineage.errors import first_line
from spark_lineage.model import DatasetId

LOCAL_READS = 20_000
"""Files of one table on this machine that one ingest reads at the most."""

REMOTE_READS = 500
"""Files of one table elsewhere that one ingest reads at the most: each is a request."""

MESSAGE_LIMIT = 200
"""Characters of what a storage says."""

_PATIENCE = {"timeout": "10s", "connect_timeout": "3s", "max_retries": "1", "retry_timeout": "10s"}


class UnreadableLogError(Exception):
    """A table's log cannot be read; its text is half a sentence that says why."""


class UnreachableStorageError(UnreadableLogError):
    """The storage of a table does not answer, or not to this process: its other tables need not be tried."""


class Files(Protocol):
    """The files below one folder, by their names relative to it. What is not there is None; other trouble raises `UnreadableLogError`."""

    budget: int

    def head(self, name: str, limit: int) -> bytes | None:
        """The first `limit` bytes of a file."""

    def modified_at(self, name: str) -> int | None:
        """When a file was last modified, epoch milliseconds."""

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder; none where it is not there."""


class LocalFiles:
    """The files below a folder of this machine."""

    def __init__(self, root: str) -> None:
        self.root = Path(root)
        self.budget = LOCAL_READS

    def head(self, name: str, limit: int) -> bytes | None:
        """The first bytes of a file."""
        _spend(self)
        try:
            with (self.root / name).open("rb") as file:
                return file.read(limit)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise UnreadableLogError(f"{error.strerror or error}") from error

    def modified_at(self, name: str) -> int | None:
        """When a file was last modified."""
        try:
            return (self.root / name).stat().st_mtime_ns // 1_000_000
        except OSError:
            return None

    def names(self, folder: str) -> list[str]:
        """The files in a folder."""
        try:
            return [each.name for each in (self.root / folder).iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise UnreadableLogError(f"{error.strerror or error}") from error


class RemoteFiles:
    """The files below an address that deltalake knows how to read: `s3://`, `s3a://`, `gs://`, `abfss://` and the like."""

    def __init__(self, root: str) -> None:
        from deltalake.fs import DeltaStorageHandler  # noqa: PLC0415 - few ingests need it

        self.budget = REMOTE_READS
        try:
            self._handler = DeltaStorageHandler(root, _PATIENCE)
        except _TROUBLE as error:
            raise UnreachableStorageError(first_line(error)[:MESSAGE_LIMIT]) from error

    def head(self, name: str, limit: int) -> bytes | None:
        """The first bytes of a file."""
        _spend(self)
        try:
            with self._handler.open_input_file(name) as file:
                return bytes(file.read(limit))
        except FileNotFoundError:
            return None
        except _TROUBLE as error:
            raise UnreachableStorageError(first_line(error)[:MESSAGE_LIMIT]) from error

    def modified_at(self, name: str) -> int | None:
        """When a file was last modified."""
        try:
            nanoseconds = self._handler.get_file_info([name])[0].mtime_ns
        except _TROUBLE:
            return None
        return None if nanoseconds is None else int(nanoseconds) // 1_000_000

    def names(self, folder: str) -> list[str]:
        """The files in a folder."""
        from pyarrow.fs import FileSelector  # noqa: PLC0415 - few ingests need it

        try:
            found = self._handler.get_file_info_selector(FileSelector(folder, allow_not_found=True))
        except FileNotFoundError:
            return []
        except _TROUBLE as error:
            raise UnreachableStorageError(first_line(error)[:MESSAGE_LIMIT]) from error
        return [each.base_name for each in found]


_TROUBLE = (OSError, ValueError, DeltaError, pa.ArrowException)


def location_of(id_: DatasetId) -> str:
    """Where a dataset's files are: a path, or a URI; empty where its id is no place, but a name in a catalog or of a driver's result.

    >>> location_of(DatasetId("file", "/w/orders")), location_of(DatasetId("s3://lake", "orders"))
    ('/w/orders', 's3://lake/orders')
    >>> location_of(DatasetId("catalog", "orders"))
    ''
    """
    if id_.namespace == "file":
        return id_.name
    return f"{id_.namespace.rstrip('/')}/{id_.name.lstrip('/')}" if "://" in id_.namespace else ""


def files_of(location: str) -> Files:
    """The files of a table by its path or URI. Raises `UnreadableLogError` where nothing here can read it."""
    if location.startswith("/"):
        return LocalFiles(location)
    if location.startswith("file:"):
        return LocalFiles("/" + location.removeprefix("file:").lstrip("/"))
    return RemoteFiles(location)


def storage_of(location: str) -> str:
    """The storage that a table lies in: `s3://bucket` of an address, the path itself on this machine.

    >>> storage_of("s3a://lake/gold/orders")
    's3a://lake'
    """
    scheme, separator, rest = location.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}" if separator and scheme != "file" else location


def _spend(files: Files) -> None:
    if files.budget <= 0:
        raise UnreadableLogError("it has more commits than one ingest reads")
    files.budget -= 1
