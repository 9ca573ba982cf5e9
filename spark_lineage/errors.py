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

import re

_LOCATION = re.compile(r"""([A-Za-z][A-Za-z0-9+.-]*)://([^\s'"`]+)""")
_CONTAINERS = frozenset({"abfs", "abfss", "wasb", "wasbs", "oci"})
"""Schemes in which `container@account` is a name."""


def without_secrets(text: str) -> str:
    """A text whose URLs have lost users, passwords and query strings: a sentence ends in logs that others read.

    >>> without_secrets("There is no store at s3://key:se/cret@bucket/x?sig=1: name another.")
    'There is no store at s3://bucket/x: name another.'
    >>> without_secrets("abfss://box@account.dfs.core.windows.net/x")
    'abfss://box@account.dfs.core.windows.net/x'
    """
    return _LOCATION.sub(_location, text)


def _location(found: re.Match[str]) -> str:
    scheme, rest = found.groups()
    end = re.search(r"[:,.;)\]]*$", rest)
    closing = end[0] if end is not None else ""
    rest = rest[: len(rest) - len(closing)]
    authority = rest.partition("/")[0]
    _user, _, port = authority.partition(":")
    # A password may have a slash: what stands before it is then no port.
    is_cut = "@" not in authority and bool(port) and not port.isdigit()
    names_container = scheme.lower() in _CONTAINERS and ":" not in authority.partition("@")[0]
    if ("@" in authority and not names_container) or (is_cut and "@" in rest):
        rest = rest.rpartition("@")[2]
    return f"{scheme}://{re.split('[?#]', rest, maxsplit=1)[0]}{closing}"


class LineageError(Exception):
    """Base of all errors of this package; its sentence has no user, password or query string of a URL."""

    exit_code = 1
    code = "error"

    def __init__(self, *said: object) -> None:
        super().__init__(*(without_secrets(each) if isinstance(each, str) else each for each in said))


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
    """Bytes that are not a record of a known version within the limits; its sentence, which may quote what they hold, is cut."""

    code = "decode"
    limit = 500
    """Characters of the sentence."""

    def __init__(self, message: str) -> None:
        super().__init__(message[: self.limit])


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
