"""Simulated histories of a spool: the bridge's writer on a disk that fails, the real ingester behind it, and what must hold.

`jvm_bridge/src/test/java/io/sparklineage/Simulation.java` makes a history of a seed: applications that follow each other in
one folder until each ends, is killed or loses its power, with images of the folder in between. Here the real ingester eats the
images, is killed at random itself, and what is in the store in the end is held against what the writer was told.

    python -m simulation.histories 17        a seed, or a range as 1-1000; with `tests` on the path
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from unittest import mock

import pyspark
from support.paths import REPOSITORY

from spark_lineage.capture import spool as spools
from spark_lineage.pipeline import ingestion
from spark_lineage.pipeline.ingestion import ingest_segments
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.memory import MemoryStore

RECORDS = Path(__file__).parent / "records.jsonl"
CLASSES = REPOSITORY / "jvm_bridge" / "target"
DELTA_EVERY = 1_000
"""One history of so many goes into real Delta tables."""

_LENGTH = struct.Struct(">I")
_GAP = re.compile(r"(\d+) record\(s\)")

Key = tuple[str, int]
Events = list[dict[str, Any]]


class Killed(BaseException):
    """The ingester's process ends here."""


@dataclass
class Told:
    """What the writers of a history were told, up to some moment of it."""

    offered: set[tuple[Key, str]] = field(default_factory=set)
    owed: set[tuple[Key, str]] = field(default_factory=set)
    """Acknowledged records that nothing has happened to that takes them: they must be in the store in the end."""
    forced: set[tuple[Key, str]] = field(default_factory=set)
    """Those that survive a power cut: acknowledged as synced, or in a sealed segment whose name was forced."""
    deleted: set[tuple[Key, str]] = field(default_factory=set)
    applications: list[dict[str, Any]] = field(default_factory=list)
    power_cuts: int = 0


def histories(first: int, last: int) -> Iterator[tuple[int, Events, IO[bytes]]]:
    """(seed, events, the stream that has the bytes of the images next) of each history; read the images before the next."""
    jars = Path(pyspark.__file__).parent / "jars"
    places = (CLASSES / "test-classes", CLASSES / "classes", f"{jars}/*")
    java = [
        "java",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xmx256m",
        "-cp",
        ":".join(map(str, places)),
    ]
    command = [*java, "io.sparklineage.Simulation", str(RECORDS), str(first), str(last)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        out = process.stdout
        assert out is not None
        for seed in range(first, last + 1):
            (length,) = _LENGTH.unpack(out.read(_LENGTH.size))
            history = json.loads(out.read(length))
            assert history["seed"] == seed
            yield seed, history["events"], out
    assert process.returncode == 0


class _Store(MemoryStore):
    """A store in memory, at which the ingester may be killed between two tables."""

    tables_left: int | None = None

    def _write(self, table: Any, rows: Any) -> None:
        if self.tables_left is not None:
            if self.tables_left == 0:
                raise Killed
            self.tables_left -= 1
        super()._write(table, rows)


class Ingester:
    """The ingester of one history: a folder that it finds images in, a store, and what it deleted so far."""

    def __init__(self, folder: Path, store: MemoryStore | DeltaStore, rng: random.Random) -> None:
        self.folder = folder
        self.store = store
        self.rng = rng
        self.gone: set[str] = set()
        self.bad = self.ingests = self.deaths = 0
        self.failures: list[str] = []
        self.locked: set[str] = set()

    def see(self, files: Collection[dict[str, Any]], out: IO[bytes]) -> None:
        """The folder is now as an image says, without what was deleted here."""
        for path in self.folder.iterdir():
            if path.is_file():
                path.unlink()
        self.locked = set()
        for file in files:
            content = out.read(file["bytes"])
            if file["name"] in self.gone:
                continue
            path = self.folder / file["name"]
            path.write_bytes(content)
            if file["locked"]:
                self.locked.add(str(path))
            else:
                os.utime(path, (time.time() - 3_600,) * 2)

    def lose_power(self) -> None:
        """Of what was deleted some comes back: nobody forced the folder."""
        self.gone = {name for name in sorted(self.gone) if self.rng.random() < 0.5}

    def eat(self, *, may_be_killed: bool) -> None:
        """Ingest what is there, perhaps only up to some point of it."""
        self.ingests += 1
        before = {path.name for path in self.folder.iterdir() if path.is_file()}
        with self._deaths() if may_be_killed else ExitStack():
            try:
                report = ingest_segments(self.folder, self.store)
                self.bad += report.bad_records + report.bad_segments
            except Killed:
                self.deaths += 1
            except Exception:  # noqa: BLE001 - whatever it is, this seed has found it
                self.failures.append(traceback.format_exc())
        self.gone |= before - {path.name for path in self.folder.iterdir()}

    @contextmanager
    def _deaths(self) -> Iterator[None]:
        kind = self.rng.randrange(6)
        with ExitStack() as stack:
            if kind == 0:
                left = self.rng.randrange(3)
                settle = spools.settle

                def settle_some(*args: Any) -> int:
                    nonlocal left
                    if left == 0:
                        raise Killed
                    left -= 1
                    return settle(*args)

                stack.enter_context(mock.patch.object(ingestion.spools, "settle", settle_some))
            elif kind == 1 and isinstance(self.store, _Store):
                self.store.tables_left = self.rng.randrange(8)
            elif kind == 2:
                stack.enter_context(mock.patch.object(self.store, "sync", side_effect=Killed))
            try:
                yield
            finally:
                if isinstance(self.store, _Store):
                    self.store.tables_left = None


def follow(seed: int, events: Events, out: IO[bytes], folder: Path, figures: Counter[str]) -> list[str]:
    """Go through a history; what does not hold in the end, as sentences. Counts what was gone through."""
    rng = random.Random(seed)
    delta = seed % DELTA_EVERY == 0
    ingester = Ingester(folder, DeltaStore(folder / "store") if delta else _Store(), rng)
    ingester.store.create()
    told = Told()

    def is_locked(descriptor: int) -> bool:
        return str(Path(f"/proc/self/fd/{descriptor}").readlink()) in ingester.locked

    with mock.patch.object(spools, "_is_locked", is_locked):
        for event in events:
            _hear(event, told, ingester, out)
        ingester.eat(may_be_killed=False)
        found = _contradictions(told, ingester)
        rows = _rows(ingester.store)
        ingester.gone.clear()
        ingester.eat(may_be_killed=False)
        if _rows(ingester.store) != rows:
            found.append("another ingest changed the store")
    figures.update(_figures(told, ingester))
    return found


def _figures(told: Told, ingester: Ingester) -> dict[str, int]:
    ends = Counter(over["how"] for over in told.applications)
    return {
        "histories": 1,
        "applications that ended": ends["ended"],
        "were killed": ends["killed"],
        "lost their power": ends["power_cut"],
        "ingests": ingester.ingests,
        "ingesters killed": ingester.deaths,
        "records offered": sum(over["offered"] for over in told.applications),
        "owed in the end": len(told.owed - told.deleted),
        "of these forced": len((told.owed & told.forced) - told.deleted),
        "counted as lost": sum(over["lost"] for over in told.applications),
        "deleted, the spool being full": len(told.deleted),
    }


def _hear(event: dict[str, Any], told: Told, ingester: Ingester, out: IO[bytes]) -> None:
    match event["event"]:
        case "record":
            record = ((event["bridge"], event["number"]), event["kind"])
            told.offered.add(record)
            if event["outcome"] == "written":
                told.owed.add(record)
                if event["synced"]:
                    told.forced.add(record)
        case "deleted":
            told.deleted |= _records(event["records"])
        case "forced":
            told.forced |= _records(event["records"])
        case "power_cut":
            told.power_cuts += 1
            told.owed &= told.forced | _stored(ingester.store)
            ingester.lose_power()
        case "image":
            ingester.see(event["files"], out)
            ingester.eat(may_be_killed=True)
        case "over":
            told.applications.append(event | {"power_cuts": told.power_cuts})


def _records(texts: Collection[str]) -> set[tuple[Key, str]]:
    contents = [json.loads(text) for text in texts]
    return {
        ((content["bridge"], content.get("execution_id", -1)), content["kind"])
        for content in contents
        if content["kind"] in {"intent", "execution", "application_end"}
    }


def _stored(store: MemoryStore | DeltaStore) -> set[tuple[Key, str]]:
    """What the store says that it has got; a run that is complete has got its execution, any run its intent."""
    found = set()
    for row in store.read("runs", ["run_id", "state", "kind", "ended_at"]).to_pylist():
        bridge, _, number = row["run_id"].partition(":")
        if row["kind"] == "application":
            if row["ended_at"] is not None:
                found.add(((bridge, -1), "application_end"))
        else:
            found.add(((bridge, int(number)), "intent"))
            if row["state"] == "COMPLETE":
                found.add(((bridge, int(number)), "execution"))
    return found


def _rows(store: MemoryStore | DeltaStore) -> Any:
    return sorted(map(repr, store.read("runs").to_pylist())), sorted(
        map(repr, store.read("problems").to_pylist())
    )


def _contradictions(told: Told, ingester: Ingester) -> list[str]:
    stored = _stored(ingester.store)
    found = [f"acknowledged and not stored: {record}" for record in sorted(told.owed - stored - told.deleted)]
    numbers = {key for key, _ in told.offered}
    found += [f"stored and never offered: {record}" for record in sorted(stored) if record[0] not in numbers]
    found += [
        f"complete and not offered as such: {record}"
        for record in sorted(stored - told.offered)
        if record[1] != "intent"
    ]
    keys = Counter(
        (row["run_id"], row["part"]) for row in ingester.store.read("runs", ["run_id", "part"]).to_pylist()
    )
    found += [f"stored {count} times: {key}" for key, count in keys.items() if count > 1]
    parts = [key for key in keys if key[1] not in {0, None}]
    found += [f"a run of several parts: {key}" for key in parts]
    codes = Counter(ingester.store.read("problems", ["code"])["code"].to_pylist())
    odd = {code: count for code, count in codes.items() if code not in {"gap", "run_without_end"}}
    if told.power_cuts == 0 and (ingester.bad or odd):
        found.append(f"without a power cut {ingester.bad} bad records, and {odd}")
    found += ingester.failures
    return found + _uncounted(told, ingester.store)


def _uncounted(told: Told, store: MemoryStore | DeltaStore) -> list[str]:
    """Applications of which offered records are neither written nor counted, or losses that nobody is told of."""
    stored: Counter[str] = Counter()
    for row in store.read("problems").to_pylist():
        if row["code"] == "gap" and "the bridge lost" in row["message"]:
            stored[row["run_id"]] += int(_GAP.search(row["message"])[1])  # type: ignore[index]
    found = []
    for over in told.applications:
        bridge, lost = over["bridge"], over["lost"]
        if over["how"] == "ended" and over["offered"] != over["written"] + lost:
            found.append(f"{over} has lost records that it does not count")
        untold = sum(over["untold"].get(reason, 0) for reason in ("spool_failed", "writer_queue_full"))
        if stored[bridge] > lost:
            found.append(f"{over}: the store tells of {stored[bridge]} lost records")
        whole = not told.deleted and over["how"] == "ended" and told.power_cuts == over["power_cuts"]
        # What the log tells of may be in the spool for all that: the write of the gap failed, and so did taking it back.
        if whole and stored[bridge] + untold < lost:
            found.append(f"{over}: the store tells of {stored[bridge]} lost records only")
    return found


def run(first: int, last: int) -> tuple[dict[int, list[str]], Counter[str]]:
    """What does not hold in the histories of a range of seeds, by seed, and what was gone through."""
    wrong: dict[int, list[str]] = {}
    figures: Counter[str] = Counter()
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
        for seed, events, out in histories(first, last):
            folder = Path(place) / str(seed)
            folder.mkdir()
            found = follow(seed, events, out, folder, figures)
            if found:
                wrong[seed] = found
            shutil.rmtree(folder)
    return wrong, figures


def main() -> None:
    """Print what does not hold, and end with 1 if there is something."""
    first, _, last = sys.argv[1].partition("-")
    wrong, figures = run(int(first), int(last or first))
    print(", ".join(f"{name}: {count}" for name, count in figures.items()))
    for seed, sentences in wrong.items():
        print(f"seed {seed}: " + "\n  ".join(sentences))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
