"""Every error that the package raises on purpose.

    LineageError                 base; `str(error)` is one sentence: what, where, what to do
    ├── SettingError             a setting has a value that is not allowed
    ├── SparkUnsupportedError    this Spark, or this kind of session, cannot be listened to
    ├── BridgeError              the JVM bridge is missing, dead, or did not finish in time
    ├── DecodeError              bytes that are not a record of a known version within the limits
    ├── StoreError               the store is missing, unreadable, or of another schema version
    ├── NameLookupError          a table or column name is unknown or ambiguous (wrong use)
    └── DeclarationError         a file of declared lineage says what it may not say (wrong use)

`SettingError`, `NameLookupError` and `DeclarationError` are wrong use (exit code 2), the others a problem (exit code 1).
"""

from __future__ import annotations


class LineageError(Exception):
    """Base of all errors of this package."""

    exit_code = 1
    code = "error"


class SettingError(LineageError):
    """A setting has a value that is not allowed."""

    exit_code = 2
    code = "setting"


class SparkUnsupportedError(LineageError):
    """Spark, or the kind of session, is one that cannot be listened to."""

    code = "spark_unsupported"


class BridgeError(LineageError):
    """The JVM bridge is missing, dead, or did not finish in time."""

    code = "bridge"


class DecodeError(LineageError):
    """Bytes that are not a record of a known version within the limits."""

    code = "decode"


class StoreError(LineageError):
    """The store is missing, unreadable, or of another schema version."""

    code = "store"


class NameLookupError(LineageError):
    """A table or column name is unknown or ambiguous; `candidates` lists what was meant, sorted."""

    exit_code = 2
    code = "name"

    def __init__(self, message: str, candidates: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.candidates = candidates


class DeclarationError(LineageError):
    """A file of declared lineage says what it may not say: the message names the file, the line and what is allowed."""

    exit_code = 2
    code = "declaration"


def first_line(error: BaseException | str) -> str:
    r"""What an error says in its first line, without the stop at its end; the name of its class where it says nothing.

    >>> first_line(OSError("no route:\n  caused by ...")), first_line(KeyError())
    ('no route', 'KeyError')
    """
    name = "" if isinstance(error, str) else type(error).__name__
    text = next((line for line in str(error).splitlines() if line.strip()), name)
    return " ".join(text.split()).rstrip(".: ")
