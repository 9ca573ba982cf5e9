"""A database for tests: PostgreSQL in a folder of its own, on the loopback interface; H2 in memory where it is not installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sources.broker import free_ports

USER = "clerk"
PASSWORD = "pr0of-of-s3crecy"  # noqa: S105  # no one else's server
INSTALLED = Path("/usr/lib/postgresql")
START_SECONDS = 60
TOOL_SECONDS = 120


@dataclass(frozen=True)
class Database:
    """Where a database is: `url` has its user and password, `namespace` and `prefix` are the names of its tables by the specification."""

    url: str
    driver: str
    namespace: str
    prefix: str

    def ask(self, spark: Any, *statements: str) -> Any:
        """Run statements by the driver alone, without Spark; the last one's first value, None where it gives no rows."""
        jvm = spark._jvm
        loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
        driver = loader.loadClass(self.driver).newInstance()
        connection = driver.connect(self.url, jvm.java.util.Properties())
        try:
            statement = connection.createStatement()
            rows = [statement.getResultSet() if statement.execute(each) else None for each in statements][-1]
            return rows.getObject(1) if rows is not None and rows.next() else None
        finally:
            connection.close()


@contextmanager
def database() -> Iterator[Database]:
    """Start PostgreSQL and end it; give H2 where it is not installed."""
    tools = postgresql()
    if tools is None:
        url = f"jdbc:h2:mem:shop;DB_CLOSE_DELAY=-1;USER={USER};PASSWORD={PASSWORD}"
        yield Database(url, "org.h2.Driver", "h2:mem:shop", "")
        return
    with _postgres(tools) as port:
        yield Database(
            f"jdbc:postgresql://127.0.0.1:{port}/postgres?user={USER}&password={PASSWORD}",
            "org.postgresql.Driver",
            f"postgres://127.0.0.1:{port}",
            "postgres.public.",
        )


def postgresql() -> Path | None:
    """The folder of the newest server's programs, which Debian keeps off the path; None where there is none."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent  # distributions link it
    versions = [each.parent for each in INSTALLED.glob("*/bin/initdb")]
    return max(versions, key=lambda each: float(each.parent.name), default=None)


@contextmanager
def _postgres(tools: Path) -> Iterator[int]:
    """The port of a server that runs as a user without rights, since PostgreSQL refuses root."""
    (port,) = free_ports(1)
    folder = Path(
        tempfile.mkdtemp(prefix="lineage-postgres-")
    )  # pytest's own folders are closed to that user
    user = _user()
    as_user: dict[str, Any] = {}
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data, password = folder / "data", folder / "password"
    password.write_text(PASSWORD, encoding="utf-8")
    password.chmod(0o644)
    try:
        subprocess.run(
            [tools / "initdb", "--pgdata", data, "--username", USER, "--pwfile", password,
             "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync"],
            check=True, capture_output=True, timeout=TOOL_SECONDS, cwd=folder, **as_user,
        )  # fmt: skip
        settings = {
            "port": port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [tools / "postgres", "-D", data, *words], stdout=log, stderr=log, cwd=folder, **as_user
            )
        try:
            _wait(tools, port, server)
            yield port
        finally:
            server.send_signal(signal.SIGINT)  # "fast": it waits for no client
            server.wait(TOOL_SECONDS)
    finally:
        shutil.rmtree(folder)


def _user() -> pwd.struct_passwd | None:
    """Whom the server runs as where the tests run as root; None where they do not."""
    if os.getuid() != 0:
        return None
    names = {each.pw_name for each in pwd.getpwall()}
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody")


def _wait(tools: Path, port: int, server: subprocess.Popen[bytes]) -> None:
    ready = [tools / "pg_isready", "--quiet", "--host", "127.0.0.1", "--port", str(port)]
    for _ in range(START_SECONDS * 10):
        if server.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended with exit code {server.returncode}")
        if subprocess.run(ready, check=False, timeout=TOOL_SECONDS).returncode == 0:
            return
        time.sleep(0.1)
    raise TimeoutError(f"PostgreSQL did not listen on port {port}")
