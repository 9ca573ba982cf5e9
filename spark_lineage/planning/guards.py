"""What a script may not do while it is only planned: write, start, connect, load native code, go to the JVM by itself.

Python's audit events (PEP 578) tell of these before they happen, whoever does them; a hook cannot be taken away again.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["guard_files", "guard_jvm", "is_spark_calling", "line_in"]

Refuse = Callable[[str], NoReturn]

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PROCESSES = frozenset(
    {
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.spawn",
        "os.fork",
        "os.forkpty",
        "pty.spawn",
    }
)
_CONNECTIONS = frozenset({"socket.connect", "socket.sendto"})
_CHANGES: Mapping[str, int] = {
    "os.remove": 1, "os.rmdir": 1, "os.mkdir": 1, "os.truncate": 1, "os.chmod": 1, "os.chown": 1, "os.utime": 1, "os.rename": 2,
    "os.link": 2, "os.symlink": 2, "shutil.rmtree": 1, "shutil.move": 2, "os.setxattr": 1, "os.removexattr": 1,
}  # fmt: skip
"""Audit events that change files, and how many of their first arguments are the paths."""

_NATIVE = frozenset(
    {
        "numpy",
        "pandas",
        "pyarrow",
        "msgspec",
        "yaml",
        "_yaml",
        "google",
        "scipy",
        "_cffi_backend",
        "zoneinfo",
        "psutil",
        "pydantic_core",
        "rpds",
    }
)
"""Packages with native code that computes; of pyarrow not what reads and writes files."""

_NATIVE_FILES = ("pyarrow._fs", "pyarrow._s3fs", "pyarrow._gcsfs", "pyarrow._azurefs", "pyarrow._hdfs", "pyarrow._parquet", "pyarrow._orc",
                 "pyarrow._feather", "pyarrow._csv", "pyarrow._json", "pyarrow._dataset", "pyarrow._flight")  # fmt: skip
_OWN = f"{Path(__file__).resolve().parent.parent}{os.sep}"
_STANDARD = tuple(str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib"))


def guard_files(folder: Path, refuse: Refuse) -> None:  # noqa: C901 - one small rule for each kind of event
    """Refuse, from now on and for good, whatever writes outside of `folder`, starts a process or connects."""
    inside = os.path.realpath(folder)
    _spark_folders()  # looked up while looking up is allowed

    def is_inside(path: Any) -> bool:
        real = inside if isinstance(path, int) else os.path.realpath(os.fsdecode(path))
        return real in {os.devnull, inside} or real.startswith(inside + os.sep)

    def opened(path: Any, mode: str | None, flags: int | None) -> None:
        writes = any(each in "wax+" for each in mode or "") or bool((flags or 0) & _WRITING)
        if writes and not is_inside(path):
            refuse(f"It opens {os.fsdecode(path)} to write.")

    def imported(module: str, file: str | None) -> None:
        if file and not _is_harmless(module, file) and not _for_spark():
            refuse(f"It imports {module}, whose native code cannot be watched.")

    def changed(event: str, paths: tuple[Any, ...]) -> None:
        outside = [path for path in paths if not is_inside(path)]
        if outside:
            refuse(f"It would change {os.fsdecode(outside[0])} ({event}).")

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            opened(*args)
        elif event == "import":
            imported(args[0], args[1])
        elif event in _CHANGES:
            changed(event, args[: _CHANGES[event]])
        elif event in _PROCESSES:
            refuse(f"It starts another process ({event}).")
        elif event in _CONNECTIONS and not _from_spark():
            refuse(f"It connects to {args[1]}.")

    sys.addaudithook(hook)


def guard_jvm(refuse: Refuse) -> None:
    """Refuse calls into the JVM that do not come from PySpark itself."""
    from py4j import java_gateway  # noqa: PLC0415 - only the child has Spark

    def guarded(original: Callable[..., Any], named: Callable[..., str]) -> Callable[..., Any]:
        def call(*args: Any, **words: Any) -> Any:
            if not _is_spark(sys._getframe(1).f_code.co_filename):
                refuse(f"It goes to the JVM by itself ({named(*args)}), where nothing can be held back.")
            return original(*args, **words)

        return call

    member = java_gateway.JavaMember.__call__
    java_gateway.JavaMember.__call__ = guarded(member, lambda self, *_: str(self.name))
    view = java_gateway.JVMView.__getattr__
    java_gateway.JVMView.__getattr__ = guarded(view, lambda _, name: str(name))
    made = java_gateway.JavaClass.__call__
    java_gateway.JavaClass.__call__ = guarded(made, lambda self, *_: str(self._fqn))


def line_in(script: str) -> int:
    """The line of a script that is being run; 0 where it is not the script that runs, as in a thread of a library."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == script:
            return frame.f_lineno
        frame = frame.f_back  # type: ignore[assignment]  # None ends it
    return 0


def is_spark_calling() -> bool:
    """Whether what called the caller is PySpark, and not a program."""
    return _is_spark(sys._getframe(2).f_code.co_filename)


def _from_spark() -> bool:
    """Whether it is PySpark that asks: the nearest code that is not Python's own."""
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if not _is_standard(file):
            return _is_spark(file)
        frame = frame.f_back  # type: ignore[assignment]  # None ends it
    return False


def _for_spark() -> bool:
    """Whether PySpark is between what happens and the nearest code that is no installed package: then it asked for it."""
    frame = sys._getframe(3)
    while frame is not None:
        file = frame.f_code.co_filename
        if _is_spark(file):
            return True
        if not _is_standard(file) and "site-packages" not in file and "dist-packages" not in file:
            return False
        frame = frame.f_back  # type: ignore[assignment]  # None ends it
    return False


def _is_spark(file: str) -> bool:
    return file.startswith(_spark_folders())


@cache
def _spark_folders() -> tuple[str, ...]:
    """Where PySpark, py4j and this package are: a script may lie in a folder called pyspark."""
    found = (importlib.util.find_spec(name) for name in ("pyspark", "py4j"))
    return (_OWN, *(f"{os.path.dirname(spec.origin)}{os.sep}" for spec in found if spec and spec.origin))  # noqa: PTH120 - texts


def _is_standard(file: str) -> bool:
    if file.startswith("<frozen"):
        return True
    return file.startswith(_STANDARD) and "site-packages" not in file and "dist-packages" not in file


def _is_harmless(module: str, file: str) -> bool:
    if module.startswith(_NATIVE_FILES):
        return False
    return module.partition(".")[0] in _NATIVE or _is_standard(str(Path(file).resolve()))
