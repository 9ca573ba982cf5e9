"""Segments: locks, framing, damage, and what is kept aside. Frames are built here by the contract, not by the code."""

import errno
import hashlib
import os
import random
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import pytest

from spark_lineage.capture import spool
from spark_lineage.capture.spool import Damage, Frame, Segment, SegmentProblem, SegmentState
from spark_lineage.errors import BridgeError

NAME = "00000000-0000-4000-8000-000000000000-00000001"


def frame(payload: bytes) -> bytes:
    return struct.pack(">II", len(payload), zlib.crc32(payload)) + payload


def payloads(count: int) -> list[bytes]:
    return [b'{"v":1,"kind":"k","n":%d,"text":"%s"}' % (n, b"x" * (n * 7)) for n in range(count)]


def write(folder: Path, data: bytes, suffix: str = ".seg") -> Path:
    path = folder / f"{NAME}{suffix}"
    path.write_bytes(data)
    return path


def read(path: Path) -> tuple[list[bytes], list[tuple[Damage, int, int]]]:
    items = list(spool.frames(path))
    good = [item.payload for item in items if isinstance(item, Frame)]
    bad = [(item.damage, item.offset, item.length) for item in items if isinstance(item, SegmentProblem)]
    return good, bad


def test_good_frames_in_order(tmp_path):
    path = write(tmp_path, b"SLSPOOL1" + b"".join(frame(payload) for payload in payloads(3)))
    first, second, third = payloads(3)
    assert list(spool.frames(path)) == [
        Frame(8, first),
        Frame(8 + 8 + len(first), second),
        Frame(8 + 8 + len(first) + 8 + len(second), third),
    ]


def test_empty_file_has_no_frames(tmp_path):
    assert read(write(tmp_path, b"")) == ([], [])


@pytest.mark.parametrize("kept", [1, 4, 8, 9, 20])
def test_torn_tail_is_cut(tmp_path, kept):
    first, second = payloads(2)
    start = 8 + 8 + len(first)
    path = write(tmp_path, b"SLSPOOL1" + frame(first) + frame(second)[:kept])
    assert read(path) == ([first], [(Damage.TORN, start, kept)])


def test_torn_magic(tmp_path):
    assert read(write(tmp_path, b"SLSP")) == ([], [(Damage.TORN, 0, 4)])


def test_zeros_at_the_end_are_torn(tmp_path):
    (only,) = payloads(1)
    path = write(tmp_path, b"SLSPOOL1" + frame(only) + bytes(4096))
    assert read(path) == ([only], [(Damage.TORN, 16 + len(only), 4096)])


def test_wrong_checksum_is_skipped(tmp_path):
    first, second, third = payloads(3)
    damaged = bytearray(frame(second))
    damaged[20] ^= 1
    path = write(tmp_path, b"SLSPOOL1" + frame(first) + bytes(damaged) + frame(third))
    assert read(path) == ([first, third], [(Damage.CHECKSUM, 16 + len(first), len(damaged))])


@pytest.mark.parametrize(
    ("length", "damage"), [(3, Damage.CHECKSUM), (2**31, Damage.TOO_LONG), (10**6, Damage.CHECKSUM)]
)
def test_frames_behind_a_wrong_length_are_found(tmp_path, length, damage):
    first, second, third = payloads(3)
    damaged = struct.pack(">I", length) + frame(second)[4:]
    path = write(tmp_path, b"SLSPOOL1" + frame(first) + damaged + frame(third))
    assert read(path) == ([first, third], [(damage, 16 + len(first), len(damaged))])


def test_frame_at_the_limit_is_read_and_above_it_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "FRAME_LIMIT_BYTES", 64)
    at_limit, above = b'{"n":"' + b"x" * 56 + b'"}', b'{"n":"' + b"x" * 57 + b'"}'
    path = write(tmp_path, b"SLSPOOL1" + frame(at_limit) + frame(above) + frame(at_limit))
    assert read(path) == ([at_limit, at_limit], [(Damage.TOO_LONG, 80, 73)])


def test_wrong_magic_is_reported_and_the_rest_read(tmp_path):
    (only,) = payloads(1)
    assert read(write(tmp_path, b"SLSPOOLx" + frame(only))) == ([only], [(Damage.MAGIC, 0, 8)])


def test_another_framing_version_is_not_read(tmp_path):
    path = write(tmp_path, b"SLSPOOL2" + frame(payloads(1)[0]))
    (problem,) = spool.frames(path)
    assert problem == SegmentProblem(
        Damage.MAGIC,
        0,
        path.stat().st_size,
        f"Segment {path.name} has framing version 2, known is 1: read it with a newer release.",
    )


def test_a_file_that_is_gone_since_it_was_listed_has_no_frames(tmp_path):
    assert list(spool.frames(tmp_path / f"{NAME}.seg")) == []


def test_an_empty_file_is_dead_once_it_is_old_or_the_clock_was_set_back(tmp_path):
    path = write(tmp_path, b"", ".open")
    now = path.stat().st_mtime
    states = []
    for age in (0, 3_600, -3_600):
        os.utime(path, (now - age, now - age))
        states.append(spool.segments(tmp_path)[0].state)
    assert states == [SegmentState.LIVE, SegmentState.DEAD, SegmentState.DEAD]


def test_the_search_for_good_frames_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "SEARCH_LIMIT_BYTES", 100)
    # Headers that fit and checksums that do not: each costs a checksum over 60 bytes.
    trap = struct.pack(">II", 60, 0) + b'{"' + b"x" * 58
    path = write(tmp_path, b"SLSPOOL1" + trap * 4 + frame(payloads(1)[0]))
    assert read(path) == ([], [(Damage.LOST, 8, path.stat().st_size - 8)])


def test_any_damage_leaves_the_undamaged_frames(tmp_path):
    """Byte flips, cuts and holes: never an error, every frame without a changed byte comes out, no other does."""
    chance = random.Random(20261120)
    originals = payloads(12)
    for _ in range(1500):
        chunks = [frame(payload) for payload in originals]
        data = bytearray(b"SLSPOOL1" + b"".join(chunks))
        starts = [8 + sum(map(len, chunks[:n])) for n in range(len(chunks))]
        touched = set()
        for _ in range(chance.randrange(1, 5)):
            position = chance.randrange(8, len(data))
            data[position] ^= chance.randrange(1, 256)
            touched.add(position)
        cut = chance.choice([len(data), chance.randrange(8, len(data))])
        path = write(tmp_path, bytes(data[:cut]))
        whole = [
            payload
            for payload, chunk, start in zip(originals, chunks, starts, strict=True)
            if start + len(chunk) <= cut and (bytes(data[start : start + len(chunk)]) == chunk)
        ]
        good, bad = read(path)
        assert good == whole
        covered = sum(8 + len(payload) for payload in good) + sum(length for _, _, length in bad)
        assert covered == max(cut - 8, 0)


def test_random_bytes_never_raise(tmp_path):
    chance = random.Random(7)
    for size in [*range(40), 1000, 20000]:
        good, _ = read(write(tmp_path, chance.randbytes(size)))
        assert good == []


WRITER = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


def test_states_of_segments(tmp_path):
    data = b"SLSPOOL1" + frame(payloads(1)[0])
    sealed, dead = tmp_path / "a-00000001.seg", tmp_path / "a-00000002.open"
    live, young, old = (
        tmp_path / "b-00000001.open",
        tmp_path / "c-00000001.open",
        tmp_path / "d-00000001.open",
    )
    for path in (sealed, dead, live):
        path.write_bytes(data)
    young.write_bytes(b"")
    old.write_bytes(b"")
    os.utime(old, (0, 0))
    (tmp_path / "ingest.lock").write_bytes(b"")
    (tmp_path / "bad").mkdir()
    (tmp_path / "link.seg").symlink_to(sealed)
    command = [sys.executable, "-c", WRITER, str(live)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"locked\n"
        listed = spool.segments(tmp_path)
        writer.stdin.close()
    assert listed == (
        Segment(sealed, SegmentState.SEALED, len(data)),
        Segment(dead, SegmentState.DEAD, len(data)),
        Segment(live, SegmentState.LIVE, len(data)),
        Segment(young, SegmentState.LIVE, 0),
        Segment(old, SegmentState.DEAD, 0),
    )
    assert spool.segments(tmp_path)[2] == Segment(live, SegmentState.DEAD, len(data))


def test_a_missing_spool_has_no_segments(tmp_path):
    assert spool.segments(tmp_path / "none") == ()


def test_a_spool_that_is_a_file_is_refused(tmp_path):
    path = tmp_path / "spool"
    path.write_text("")
    with pytest.raises(BridgeError) as caught:
        spool.segments(path)
    assert (
        str(caught.value) == f"Spool {path} cannot be listed (Not a directory): it must be a folder you own."
    )


def digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def settle(folder: Path, path: Path) -> int:
    (segment,) = (each for each in spool.segments(folder) if each.path == path)
    problems = [item for item in spool.frames(path) if isinstance(item, SegmentProblem)]
    return spool.settle(folder, segment, problems)


@pytest.mark.parametrize("begun", [b"", b"SLSP", b"SLSPOOL1", b"SLSPOOL1" + frame(payloads(1)[0])[:-3]])
def test_a_segment_that_grows_while_it_is_ingested_stays_for_the_next_time(tmp_path, begun):
    path = write(tmp_path, begun)
    (segment,) = spool.segments(tmp_path)
    problems = [item for item in spool.frames(path) if isinstance(item, SegmentProblem)]
    path.write_bytes(b"SLSPOOL1" + frame(payloads(1)[0]))
    assert spool.settle(tmp_path, segment, problems) == 0
    assert spool.kept_aside(tmp_path) == ()
    assert [type(each) for each in spool.frames(path)] == [spool.Frame]
    assert settle(tmp_path, path) == 0
    assert not path.exists()


def test_a_good_segment_is_removed(tmp_path):
    path = write(tmp_path, b"SLSPOOL1" + frame(payloads(1)[0]))
    assert settle(tmp_path, path) == 0
    assert list(tmp_path.iterdir()) == []


def test_bad_bytes_are_kept_aside_with_their_reason(tmp_path):
    first, second = payloads(2)
    damaged = frame(first)[:-1] + b"#"
    path = write(tmp_path, b"SLSPOOL1" + damaged + frame(second))
    assert settle(tmp_path, path) == 1
    name = f"{NAME}-8-{digest(damaged)}.frame"
    kept = tmp_path / "bad" / name
    assert spool.kept_aside(tmp_path) == (kept,)
    assert kept.read_bytes() == damaged
    assert (tmp_path / "bad" / f"{name}.reason").read_text() == (
        f"Segment {NAME}.seg at byte 8: {len(damaged)} bytes do not have the checksum that was written with them.\n"
    )
    assert not path.exists()


def test_a_segment_that_was_not_read_is_kept_whole(tmp_path):
    path = write(tmp_path, b"SLSPOOL9")
    assert settle(tmp_path, path) == 1
    kept = tmp_path / "bad" / f"{NAME}-{digest(b'SLSPOOL9')}.seg"
    assert spool.kept_aside(tmp_path) == (kept,)
    assert kept.read_bytes() == b"SLSPOOL9"
    assert not path.exists()


@pytest.mark.parametrize("whole", [False, True])
def test_a_segment_that_comes_again_with_other_bad_bytes_takes_nothings_place(tmp_path, whole):
    first, second = (payload[:-1] + b"#" for payload in payloads(2))
    magic = b"SLSPOOL9" if whole else b"SLSPOOL1"
    deliveries = [magic + struct.pack(">II", len(bad), 0) + bad for bad in (first, second, first)]
    for delivery in deliveries:
        settle(tmp_path, write(tmp_path, delivery))
    expected = {each if whole else each[8:] for each in deliveries}
    assert len(expected) == 2
    assert {path.read_bytes() for path in spool.kept_aside(tmp_path)} == expected
    assert len(spool.kept_aside(tmp_path)) == 2


class Disk:
    """What a power cut would leave of a folder: contents of files and names in folders as they were at their last fsync."""

    def __init__(self, monkeypatch):
        self.left = {}
        self.at_the_end = []
        self.fsync, self.unlink, self.replace = os.fsync, os.unlink, os.replace
        monkeypatch.setattr(os, "fsync", self.synced)
        monkeypatch.setattr(os, "unlink", self.removed)
        monkeypatch.setattr(os, "replace", self.moved)

    def synced(self, descriptor):
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        self.fsync(descriptor)
        names = {each.name for each in path.iterdir()} if path.is_dir() else None
        self.left[path] = path.read_bytes() if names is None else names

    def moved(self, source, target):
        self.replace(source, target)
        # A rename alone neither syncs nor loses the content.
        if Path(source) in self.left:
            self.left[Path(target)] = self.left.pop(Path(source))

    def removed(self, path, **_):
        self.at_the_end.append((Path(path).name, dict(self.left)))
        self.unlink(path)

    def has(self, left, path):
        """Whether a file survives with all its bytes, and can be found from the spool on."""
        return (
            left.get(path) == path.read_bytes()
            and path.name in left.get(path.parent, ())
            and path.parent.name in left.get(path.parent.parent, ())
        )


def test_a_segment_goes_when_what_is_kept_of_it_would_survive_a_power_cut(tmp_path, monkeypatch):
    first, second = payloads(2)
    path = write(tmp_path, b"SLSPOOL1" + frame(first)[:-1] + b"#" + frame(second))
    refused = spool.keep_aside_payload(tmp_path, path, 99, second, "refused by who reads it")
    disk = Disk(monkeypatch)
    damages = [item for item in spool.frames(path) if isinstance(item, SegmentProblem)]
    (segment,) = spool.segments(tmp_path)
    assert spool.settle(tmp_path, segment, damages, [refused]) == 1
    ((gone, left),) = disk.at_the_end
    assert gone == path.name
    made = sorted((tmp_path / "bad").iterdir())
    assert [each.suffix for each in made] == [".frame", ".reason"] * 2
    assert [each.name for each in made if not disk.has(left, each)] == []


def test_a_segment_that_is_kept_whole_survives_a_power_cut_when_it_has_been_settled(tmp_path, monkeypatch):
    path = write(tmp_path, b"SLSPOOL9" + bytes(100))
    disk = Disk(monkeypatch)
    assert settle(tmp_path, path) == 1
    made = sorted((tmp_path / "bad").iterdir())
    assert [each.suffix for each in made] == [".seg", ".reason"]
    assert [each.name for each in made if not disk.has(disk.left, each)] == []
    assert path.name not in disk.left[tmp_path]


def test_a_segment_stays_where_the_disk_does_not_take_what_is_kept_of_it(tmp_path, monkeypatch):
    def refuse(_):
        raise OSError(errno.EIO, "Input/output error")

    path = write(tmp_path, b"SLSPOOL1" + frame(payloads(1)[0])[:-1] + b"#")
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(BridgeError) as caught:
        settle(tmp_path, path)
    assert str(caught.value) == (
        f"What is kept aside in {tmp_path / 'bad'} may not be on its disk (Input/output error): "
        "check the disk; the segment stays in the spool, and is ingested again."
    )
    assert path.exists()
    monkeypatch.setattr(os, "fsync", fsync)
    assert settle(tmp_path, path) == 1
    assert (path.exists(), len(spool.kept_aside(tmp_path))) == (False, 1)


def test_nothing_kept_aside(tmp_path):
    assert spool.kept_aside(tmp_path) == ()


def test_two_ingesters_do_not_meet(tmp_path):
    inside, outcomes = threading.Event(), []

    def second() -> None:
        try:
            with spool.ingest_lock(tmp_path, timeout_seconds=0):
                outcomes.append("in")
        except BridgeError as error:
            outcomes.append(str(error))
        inside.set()

    with spool.ingest_lock(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        assert inside.wait(30)
        thread.join()
    with spool.ingest_lock(tmp_path, timeout_seconds=0):
        outcomes.append("in again")
    assert outcomes == [
        f"Another process ingests from {tmp_path} for more than 0 s: let it finish or end it, then try again.",
        "in again",
    ]


def test_the_ingest_lock_holds_against_another_process(tmp_path):
    script = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with spool.ingest_lock(tmp_path):
        command = [sys.executable, "-c", script, str(tmp_path / "ingest.lock")]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_writer_deletes_nothing_while_an_ingest_reads_and_an_ingest_waits_for_it(tmp_path):
    script = "import fcntl, sys; file = open(sys.argv[1], 'ab'); fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB); print(); input()"
    command = [sys.executable, "-c", script, str(tmp_path / "ingest.lock")]
    with spool.ingest_lock(tmp_path):
        assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        writer.stdout.readline()
        with pytest.raises(BridgeError), spool.ingest_lock(tmp_path, timeout_seconds=0):
            pass
        writer.communicate(b"\n")
    with spool.ingest_lock(tmp_path, timeout_seconds=0):
        pass
