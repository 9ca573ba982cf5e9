"""The spool: a flat folder of append-only segments, read here and written by the bridge.

`jvm_bridge/contract/README.md` defines the bytes. Nothing here knows what a payload means. A segment is read from
front to back; bytes that are no good frame are named by a `SegmentProblem`, and reading goes on at the next good
frame behind them. What cannot be read is kept aside in `<spool>/bad/`, each file with its reason beside it and the hash of
its bytes in its name: a segment that is delivered again with other bytes takes nothing's place.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from spark_lineage import owned
from spark_lineage.errors import BridgeError

MAGIC = b"SLSPOOL1"
FRAME_LIMIT_BYTES = 64 * 1024 * 1024
"""A longer frame is not read."""

SEARCH_LIMIT_BYTES = 256 * 1024 * 1024
"""How many bytes may be checksummed in all while looking for good frames behind bad ones of one segment."""

YOUNG_SECONDS = 60.0
"""A writer makes its file, then locks it, then writes the magic: an empty file this young is not yet dead."""

BAD_FOLDER = "bad"
LOCK_FILE = "ingest.lock"

_DIGEST_BYTES = 8
_PIECE_BYTES = 1024 * 1024

_HEADER = struct.Struct(">II")
# Every payload is a JSON object, so a lost place is found again where one begins behind a header that fits.
_PAYLOAD_START = b'{"'


class SegmentState(str, Enum):
    """SEALED is complete; LIVE is still written; DEAD was left open by a writer that is gone."""

    SEALED = "sealed"
    LIVE = "live"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the spool."""

    path: Path
    state: SegmentState
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A record whose checksum is right; `offset` is where its header stands in the file."""

    offset: int
    payload: bytes


class Damage(str, Enum):
    """What is wrong with some bytes of a segment."""

    MAGIC = "magic"  # the file does not begin as a segment of this framing version
    TORN = "torn"  # the file ends inside a frame: its writer was stopped there
    CHECKSUM = "checksum"  # the payload is not what was written
    TOO_LONG = "too_long"  # the announced length is above the limit
    LOST = "lost"  # the search for good frames behind a bad one was given up
    UNREADABLE = "unreadable"  # the file cannot be opened or read


KEPT_WHOLE = frozenset({Damage.MAGIC, Damage.LOST, Damage.TOO_LONG})
"""What is wrong with a segment of which the rest could not be read: it is kept whole."""


@dataclass(frozen=True, slots=True)
class SegmentProblem:
    """`length` bytes from `offset` that hold no good frame, and one sentence on why."""

    damage: Damage
    offset: int
    length: int
    message: str


def segments(spool: Path) -> tuple[Segment, ...]:
    """All segments of the spool by name, so each writer's in the order they were written; none if it is missing."""
    found = (_segment(path) for path in sorted(_files(spool)))
    return tuple(segment for segment in found if segment is not None)


def frames(segment: Path) -> Iterator[Frame | SegmentProblem]:
    """The good frames of a segment in order, with a problem in the place of what is not one. Never raises."""
    try:
        with segment.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                yield from _frames(segment.name, data)
    except FileNotFoundError:
        return  # deleted since the folder was listed, by a writer whose spool is full: that one tells of it
    except OSError as error:
        yield SegmentProblem(
            Damage.UNREADABLE,
            0,
            0,
            f"Segment {segment.name} cannot be read ({error.strerror}): check who owns it.",
        )


class Payloads:
    """The payloads of one segment, read again from where `frames` found them."""

    def __init__(self, segment: Path) -> None:
        self._segment = segment
        try:
            self._file = segment.open("rb")
        except OSError as error:
            raise self._gone(error.strerror) from error

    def read(self, offset: int, length: int) -> bytes:
        """The payload of the frame at `offset`; raises `BridgeError` where it is not there any more."""
        try:
            found = os.pread(self._file.fileno(), _HEADER.size + length, offset)
        except OSError as error:
            raise self._gone(error.strerror) from error
        payload = found[_HEADER.size :]
        if len(payload) != length or _HEADER.unpack_from(found)[1] != zlib.crc32(payload):
            raise self._gone("other bytes stand there")
        return payload

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def _gone(self, reason: str | None) -> BridgeError:
        return BridgeError(
            f"Segment {self._segment} changed while it was ingested ({reason}): "
            "leave a spool alone while an ingest holds it, and ingest again."
        )


def keep_aside_segment(spool: Path, segment: Path, reason: str) -> Path:
    """Move a whole segment into the spool's folder of bad ones; returns where it is now."""
    content = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    with segment.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            content.update(piece)
    target = _reserve_bad(spool, f"{segment.stem}-{content.hexdigest()}{segment.suffix}", reason)
    segment.replace(target)
    return target


def keep_aside_bytes(spool: Path, segment: Path, problem: SegmentProblem) -> Path:
    """Copy the bytes that a problem names into the spool's folder of bad ones, at most the frame limit of them.

    Doing it again, after an ingest that was stopped, makes no other file.
    """
    with segment.open("rb") as file:
        file.seek(problem.offset)
        damaged = file.read(min(problem.length, FRAME_LIMIT_BYTES))
    return keep_aside_payload(spool, segment, problem.offset, damaged, problem.message)


def keep_aside_payload(spool: Path, segment: Path, offset: int, payload: bytes, reason: str) -> Path:
    """Write one frame that is intact but not understood into the spool's folder of bad ones."""
    content = hashlib.blake2b(payload, digest_size=_DIGEST_BYTES).hexdigest()
    target = _reserve_bad(spool, f"{segment.stem}-{offset}-{content}.frame", reason)
    # What was kept of an earlier delivery has no other copy any more: it is not written over.
    if not target.is_file() or target.read_bytes() != payload:
        owned.write_bytes(target, payload)
    return target


def kept_aside(spool: Path) -> tuple[Path, ...]:
    """The bad segments and frames that were kept, by name."""
    folder = spool / BAD_FOLDER
    if not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.iterdir() if not path.name.endswith(".reason")))


def settle(
    spool: Path, segment: Segment, problems: Sequence[SegmentProblem], kept: Sequence[Path] = ()
) -> int:
    """Take a segment out of the spool once its good records are in the store; returns how much is kept aside here.

    One that is no longer as long as it was when the spool was listed stays for the next ingest: it was not read whole, as
    one that a slow copy or upload is still at.

    Bad bytes between good frames are kept alone, a segment that was not read to its end is kept whole, and one
    that could not be opened stays where it is, for the next time. A segment goes when what is kept of it, also the
    frames that were `kept` before, is on the disk; raises `BridgeError` where the disk refuses that, and it stays.
    """
    damages = {problem.damage for problem in problems}
    path = segment.path
    if Damage.UNREADABLE in damages:
        return 0
    try:
        if not path.exists() or path.stat().st_size != segment.size_bytes:
            return 0
        if damages & KEPT_WHOLE:
            owned.sync([path])
            reason = "\n".join(problem.message for problem in problems)
            _sync_aside(spool, [*kept, keep_aside_segment(spool, path, reason)])
            return 1
        _sync_aside(spool, [*kept, *(keep_aside_bytes(spool, path, each) for each in problems)])
        path.unlink(missing_ok=True)
    except OSError as error:
        raise BridgeError(
            f"What is kept aside in {spool / BAD_FOLDER} may not be on its disk ({error.strerror}): "
            "check the disk; the segment stays in the spool, and is ingested again."
        ) from error
    return len(problems)


@contextmanager
def ingest_lock(spool: Path, timeout_seconds: float = 60.0) -> Iterator[None]:
    """Hold the spool for one ingester: others, of this process or not, wait for their turn.

    The lock falls with its process. Raises `BridgeError` when the turn does not come in time.
    """
    owned.make_folder(spool)
    late = BridgeError(
        f"Another process ingests from {spool} for more than {timeout_seconds:g} s: "
        "let it finish or end it, then try again."
    )
    with owned.locked(spool / LOCK_FILE, timeout_seconds, late, _try_lock):
        yield


def _files(spool: Path) -> list[Path]:
    try:
        with os.scandir(spool) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if entry.name.endswith((".seg", ".open")) and entry.is_file(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BridgeError(
            f"Spool {spool} cannot be listed ({error.strerror}): it must be a folder you own."
        ) from None


def _segment(path: Path) -> Segment | None:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            state = SegmentState.SEALED
            if path.suffix == ".open":
                # A clock that was set back makes ages negative: such a file is as old as any.
                young = status.st_size == 0 and 0 <= time.time() - status.st_mtime < YOUNG_SECONDS
                state = SegmentState.LIVE if young or _is_locked(file.fileno()) else SegmentState.DEAD
    except FileNotFoundError:
        # Sealed or removed since the folder was listed; a sealed one is found by the next listing.
        return None
    except OSError:
        # It cannot be read; `frames` says so with a sentence.
        return Segment(path, SegmentState.SEALED if path.suffix == ".seg" else SegmentState.LIVE, 0)
    return Segment(path, state, status.st_size)


def _is_locked(descriptor: int) -> bool:
    # A shared lock is refused by the writer's exclusive one and needs no right to write. Where locks do not work
    # at all, the writer is taken to live: its segment is read once it is sealed.
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def _try_lock(descriptor: int) -> bool:
    if not owned.try_flock(descriptor):
        return False
    try:
        # The bridge knows no other locks than these: it deletes nothing from a full spool while one is held.
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return False
    except OSError:
        return True  # a file system without them
    return True


def _frames(name: str, data: mmap.mmap) -> Iterator[Frame | SegmentProblem]:
    end = len(data)
    offset = len(MAGIC)
    if data[: len(MAGIC)] != MAGIC:
        if end < len(MAGIC) and data[:end] == MAGIC[:end]:
            yield SegmentProblem(Damage.TORN, 0, end, f"Segment {name} ends inside its first 8 bytes.")
            return
        problem = _wrong_magic(name, data)
        yield problem
        if problem.length == end:
            return
    search = _Search(data)
    while offset < end:
        payload = _payload(data, offset)
        if payload is not None:
            yield Frame(offset, payload)
            offset += _HEADER.size + len(payload)
            continue
        following = search.next_frame(offset)
        yield _problem(name, data, offset, following, given_up=search.given_up)
        offset = following


def _payload(data: mmap.mmap, offset: int) -> bytes | None:
    start = offset + _HEADER.size
    if start > len(data):
        return None
    length, checksum = _HEADER.unpack_from(data, offset)
    # Zeros, as a file system leaves them after a power loss, would pass as an empty frame with its checksum.
    if length == 0 or length > FRAME_LIMIT_BYTES or start + length > len(data):
        return None
    payload = data[start : start + length]
    return payload if zlib.crc32(payload) == checksum else None


class _Search:
    """Finds the next good frame behind a bad one, and gives up when that has cost too much."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.bytes_left = SEARCH_LIMIT_BYTES
        self.given_up = False

    def next_frame(self, offset: int) -> int:
        """Where the next good frame behind the one at `offset` begins, or the end of the file."""
        position = self.data.find(_PAYLOAD_START, offset + 1 + _HEADER.size)
        while position >= 0 and not self.given_up:
            header = position - _HEADER.size
            length = int.from_bytes(self.data[header : header + 4], "big")
            if length <= FRAME_LIMIT_BYTES and position + length <= len(self.data):
                self.bytes_left -= length
                self.given_up = self.bytes_left < 0
                if not self.given_up and _payload(self.data, header) is not None:
                    return header
            position = self.data.find(_PAYLOAD_START, position + 1)
        return len(self.data)


def _problem(name: str, data: mmap.mmap, offset: int, following: int, *, given_up: bool) -> SegmentProblem:
    end = len(data)
    length = following - offset
    where = f"Segment {name} at byte {offset}"
    if given_up:
        message = f"{where}: too much is damaged to look further; the {length} bytes to its end are skipped."
        return SegmentProblem(Damage.LOST, offset, length, message)
    if end - offset < _HEADER.size:
        return SegmentProblem(Damage.TORN, offset, length, f"{where}: it ends inside a frame's header.")
    announced = _HEADER.unpack_from(data, offset)[0]
    if announced > FRAME_LIMIT_BYTES:
        message = f"{where}: a frame of {announced} bytes is above the limit of {FRAME_LIMIT_BYTES}."
        return SegmentProblem(Damage.TOO_LONG, offset, length, message)
    if following == end and _is_zeros(data, offset):
        return SegmentProblem(
            Damage.TORN, offset, length, f"{where}: {length} zero bytes were never written to."
        )
    if following == end and offset + _HEADER.size + announced > end:
        message = f"{where}: it ends after {length} of a frame's {announced + _HEADER.size} bytes."
        return SegmentProblem(Damage.TORN, offset, length, message)
    message = f"{where}: {length} bytes do not have the checksum that was written with them."
    return SegmentProblem(Damage.CHECKSUM, offset, length, message)


def _is_zeros(data: mmap.mmap, offset: int) -> bool:
    """Whether nothing but zeros follows, looked at piece by piece: there may be a gigabyte of them."""
    return not any(
        data[start : start + _PIECE_BYTES].strip(b"\0") for start in range(offset, len(data), _PIECE_BYTES)
    )


def _wrong_magic(name: str, data: mmap.mmap) -> SegmentProblem:
    found = bytes(data[: len(MAGIC)])
    if found[:-1] == MAGIC[:-1] and found[-1:].isdigit():
        # Its bytes mean something else: nothing of it is read.
        message = f"Segment {name} has framing version {found[-1:].decode()}, known is 1: read it with a newer release."
        return SegmentProblem(Damage.MAGIC, 0, len(data), message)
    message = (
        f"Segment {name} begins with {found!r} instead of {MAGIC!r}: it is damaged or no segment at all."
    )
    return SegmentProblem(Damage.MAGIC, 0, min(len(MAGIC), len(data)), message)


def _reserve_bad(spool: Path, name: str, reason: str) -> Path:
    folder = spool / BAD_FOLDER
    owned.make_folder(folder)
    owned.write_text(_reason_of(folder / name), reason + "\n")
    return folder / name


def _reason_of(kept: Path) -> Path:
    return kept.with_name(f"{kept.name}.reason")


def _sync_aside(spool: Path, kept: Sequence[Path]) -> None:
    """Bring files of the folder of bad ones onto the disk, with their reasons and their names."""
    if kept:
        owned.sync([*kept, *map(_reason_of, kept)])
        owned.sync([spool / BAD_FOLDER, spool])
