"""What may be said of an error: what is wrong and where, and nothing that the planned file holds as a value."""

from __future__ import annotations

import json
import os
import re
from typing import Any

__all__ = ["line_of", "said_at_end", "said_by_script", "said_by_spark"]

_END = re.compile(r"(?:\s*SQLSTATE: |; line \? pos \?|\s*\(line \?, pos \?\)).*$")
"""What Spark puts behind a message; the condition says the first, and the place is told from the error's own members."""


def said_by_spark(error: BaseException, bridge: Any) -> str:
    """What Spark says, in one line, as the bridge would record it: names and types stay, literals go.

    `bridge` is the bridge's class in the JVM. What PySpark itself raises has the values in its message: its condition is told.
    """
    thrown = getattr(error, "java_exception", None)
    thrown = getattr(error, "_origin", None) if thrown is None else thrown
    if thrown is None:
        ask = getattr(error, "getCondition", getattr(error, "getErrorClass", None))
        condition = None if ask is None else ask()
        return f"[{condition}]" if condition else type(error).__name__
    found = json.loads(bridge.failure(thrown))
    condition = found["condition"]
    said = _END.sub("", found["message"] or "").rstrip(".: ") or (
        f"[{condition}]" if condition else found["class"]
    )
    return said if found["line"] is None else f"{said} (line {found['line']}, pos {found['position']})"


def said_at_end(error: BaseException, bridge: Any) -> str:
    """The error that ended a script: its class, and what it says."""
    from py4j.protocol import Py4JError  # noqa: PLC0415 - only the child has Spark
    from pyspark.errors import PySparkException  # noqa: PLC0415

    if isinstance(error, (PySparkException, Py4JError)):
        return f"{type(error).__name__}: {said_by_spark(error, bridge)}"
    return said_by_script(error)


def said_by_script(error: BaseException) -> str:
    """What a script's own error is: its class, a name that stands in the code, what the system says; not its message.

    >>> try:
    ...     undefined_here
    ... except NameError as error:
    ...     said_by_script(error)
    'NameError: undefined_here'
    >>> said_by_script(ValueError("hunter2")), said_by_script(FileNotFoundError(2, "hunter2", "/x"))
    ('ValueError', 'FileNotFoundError: No such file or directory')
    """
    reason = _name_in_code(error)
    if reason is None and isinstance(error, OSError) and isinstance(error.errno, int):
        reason = os.strerror(error.errno)
    name = type(error).__name__
    return name if reason is None else f"{name}: {reason}"


def line_of(error: BaseException, script: str) -> int:
    """The line of the script at which an error passed it last, or that Python cannot read."""
    found, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == script:
            found = trace.tb_lineno
        trace = trace.tb_next
    unread = isinstance(error, SyntaxError) and error.filename == script
    return error.lineno or found if unread else found  # type: ignore[attr-defined]  # a SyntaxError


def _name_in_code(error: BaseException) -> str | None:
    """The name that an error is about, where it is a name of the code and not a text: `getattr` takes any."""
    name, trace = getattr(error, "name", None), error.__traceback__
    while isinstance(name, str) and trace is not None:
        code = trace.tb_frame.f_code
        if any(each == name or each.startswith(f"{name}.") for each in (*code.co_names, *code.co_varnames)):
            return name
        trace = trace.tb_next
    return None
