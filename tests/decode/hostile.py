"""Records that are made to hurt their reader, and a process of its own that reads them with little memory: `python hostile.py [NAME...]`.

Prints for each, as JSON: its name, `read` or why it was refused, the seconds of CPU time that this took, the peak of the memory so far in MB,
its bytes. Without names it prints a list of all. A name that is a folder's is a spool: it is ingested, into memory.
"""

from __future__ import annotations

import gzip
import json
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import Context, analyze_usage, analyze_write, writes_of
from spark_lineage.decode import collector
from spark_lineage.decode.plans import decode_plan
from spark_lineage.decode.records import MAX_RECORD_BYTES, PlanRecord, decode_record
from spark_lineage.errors import DecodeError

MEMORY_BYTES = 512 * 1024 * 1024
"""What the address space may grow by over that of Python and its libraries, the record itself and what it is made from with it."""

PLAN = b'{"v":1,"kind":"plan","hash":"h","classes":[%s],"types":["\\"integer\\""],"attributes":[%s],"nodes":[%s],"analyzed":%s}'
CLASS = b'{"name":"org.apache.spark.sql.catalyst.plans.logical.Project","kind":"logical","fields":["projectList","child"]}'
VALUE = b'{"name":"scala.Tuple2","kind":"value","fields":["_1","_2"]}'
ATTRIBUTE = b'[0,"a",0,[],true]'
EXECUTION = b'{"v":1,"kind":"execution","bridge":"b","execution_id":1,%s}'


def plan(
    nodes: bytes, classes: bytes = CLASS, attributes: bytes = ATTRIBUTE, analyzed: bytes = b'{"@":0}'
) -> bytes:
    """A plan with such nodes."""
    return PLAN % (classes, attributes, nodes, analyzed)


def deep(opening: bytes, closing: bytes, depth: int = 1_000_000) -> bytes:
    """A field's value that is nested so deep."""
    return plan(b'{"c":0,"f":[%s1%s,null]}' % (opening * depth, closing * depth))


def full(part: bytes, around: Callable[[bytes], bytes], separator: bytes = b",") -> bytes:
    """As many parts as a frame may hold."""
    room = MAX_RECORD_BYTES - len(around(b""))
    many = (part + separator) * (room // (len(part) + len(separator)))
    return around(many[: len(many) - len(separator)])


RECORDS: dict[str, Callable[[], bytes]] = {
    "lists a million deep": lambda: deep(b"[", b"]"),
    "maps a million deep": lambda: deep(b'{"m":[[', b",1]]}"),
    "objects a million deep, in facts": lambda: plan(
        b'{"c":0,"f":[],"x":%s1%s}' % (b'{"a":' * 1_000_000, b"}" * 1_000_000)
    ),
    "deep where nobody reads": lambda: (
        b'{"v":1,"kind":"gap","bridge":"b","reason":"r","z":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"
    ),
    "lists 900 deep": lambda: deep(b"[", b"]", 900),
    "a type 100,000 deep": lambda: plan(b"").replace(
        b'"\\"integer\\""',
        json.dumps('{"type":"array","elementType":' * 100_000 + '"long"' + "}" * 100_000).encode(),
    ),
    "a type 60 deep with wide structs": lambda: plan(b"").replace(
        b'"\\"integer\\""', json.dumps(_wide_type()).encode()
    ),
    "a text of 64 MB": lambda: full(
        b"a", lambda text: b'{"v":1,"kind":"gap","bridge":"b","reason":"%s"}' % text, b""
    ),
    "a name of 64 MB": lambda: full(
        b"a", lambda text: plan(b"", attributes=b'[0,"%s",0,[],true]' % text), b""
    ),
    "escapes of 64 MB": lambda: full(
        b"\\u0000", lambda text: b'{"v":1,"kind":"gap","bridge":"b","reason":"%s"}' % text, b""
    ),
    "more than a frame": lambda: b" " * (MAX_RECORD_BYTES + 1),
    "white space of 64 MB": lambda: full(
        b" ", lambda text: b'{"v":1,"kind":"gap",%s"bridge":"b","reason":"r"}' % text, b""
    ),
    "as many nodes as fit": lambda: full(b'{"c":0}', plan),
    "as many nodes with lists as fit": lambda: full(b'{"c":0,"f":[[],null],"o":[0]}', plan),
    "as many attributes as fit": lambda: full(ATTRIBUTE, lambda many: plan(b"", attributes=many)),
    "as many classes as fit": lambda: full(VALUE, lambda many: plan(b"", classes=many)),
    "as many types as fit": lambda: full(
        b'"\\"long\\""', lambda many: plan(b"").replace(b'"\\"integer\\""', many)
    ),
    "as many facts as fit": lambda: full(b'{"c":0,"x":{"options":{"a":"b"}}}', plan),
    "as many values in one list as fit": lambda: full(
        b"1", lambda many: plan(b'{"c":0,"f":[[%s],null]}' % many)
    ),
    "as many lists in one list as fit": lambda: full(
        b"[]", lambda many: plan(b'{"c":0,"f":[[%s],null]}' % many)
    ),
    "as many objects nobody reads as fit": lambda: full(
        b"{}", lambda many: b'{"v":1,"kind":"gap","bridge":"b","reason":"r","z":[%s]}' % many
    ),
    "as many literals as fit": lambda: full(b"null", lambda many: EXECUTION % (b'"literals":[%s]' % many)),
    "as many metrics as fit": lambda: full(
        b'[0,{"a":1}]', lambda many: EXECUTION % (b'"metrics":[%s]' % many)
    ),
    "as many stages as fit": lambda: full(
        b'{"stage_id":0}', lambda many: EXECUTION % (b'"stages":[%s]' % many)
    ),
    "as many facts of a run as fit": lambda: full(
        b"[0,{}]", lambda many: EXECUTION % (b'"facts":[%s]' % many)
    ),
    "as many numbers of executions as fit": lambda: full(
        b"0", lambda many: EXECUTION % (b'"expressions":[%s]' % many)
    ),
    "a billion attributes by a span": lambda: plan(
        b'{"c":0,"f":[[{"a":[0,0,0,0,0,0,0,0]},{"a":[[0,1000000000]]}],null]}'
    ),
    "spans that double": lambda: plan(_doubling()),
    "as many spans as fit": lambda: full(
        b'{"a":[0,0,0,0,0,0,0,0]}', lambda many: plan(b'{"c":0,"f":[[%s],null]}' % many)
    ),
    "values that unfold": lambda: plan(
        b",".join(b'{"c":1,"f":[{"@":%d},{"@":%d}]}' % (n + 1, n + 1) for n in range(60))
        + b',{"c":1,"f":[{"a":0},{"a":0}]}',
        classes=CLASS + b"," + VALUE,
    ),
    "a node in itself": lambda: plan(b'{"c":0,"f":[[],{"@":0}]}'),
    "a cycle of 100,000": lambda: plan(
        b",".join(b'{"c":0,"f":[[],{"@":%d}]}' % ((n + 1) % 100_000) for n in range(100_000))
    ),
    "a chain of 60,000": lambda: _chain(60_000),
    "a chain of 250,000": lambda: _chain(250_000),
    "a chain of 300,000": lambda: _chain(300_000),
    "as many lists of one value as fit": lambda: full(
        b"[1]", lambda many: plan(b'{"c":0,"f":[[%s],null]}' % many)
    ),
    "an output as long as fits": lambda: full(
        b"0", lambda many: plan(b'{"c":0,"f":[[],null],"o":[%s]}' % many)
    ),
    "a span as long as fits": lambda: full(
        b"0", lambda many: plan(b'{"c":0,"f":[[],null],"o":{"a":[%s]}}' % many)
    ),
    "as many paths in facts as fit": lambda: full(
        b'"ab"', lambda many: plan(b'{"c":0,"f":[[],null],"x":{"paths":[%s]}}' % many)
    ),
    "as many texts for literals as fit": lambda: full(
        '"\u20ac1"'.encode(), lambda many: EXECUTION % (b'"literals":[%s]' % many)
    ),
    "a type of 50 MB in 60 arrays": lambda: plan(b"").replace(
        b'"\\"integer\\""',
        json.dumps('{"type":"array","elementType":' * 60 + f'"{"a" * 50_000_000}"' + "}" * 60).encode(),
    ),
    "an index of 4,000 digits": lambda: plan(b'{"c":0,"f":[{"@":%s},null]}' % (b"9" * 4_000)),
    "a number of 1,000,000 digits": lambda: plan(b'{"c":0,"f":[%s,null]}' % (b"9" * 1_000_000)),
    "a version of 1,000,000 digits": lambda: (
        b'{"v":%s,"kind":"gap","bridge":"b","reason":"r"}' % (b"9" * 1_000_000)
    ),
    "a fraction of 1,000,000 digits": lambda: plan(b'{"c":0,"f":[0.%s,null]}' % (b"9" * 1_000_000)),
    "10^400": lambda: plan(b'{"c":0,"f":[1e400,null]}'),
    "NaN and Infinity": lambda: plan(b'{"c":0,"f":[NaN,-Infinity]}'),
    "a lone surrogate": lambda: b'{"v":1,"kind":"gap","bridge":"b","reason":"\\ud83d"}',
    "no UTF-8": lambda: b'{"v":1,"kind":"gap","bridge":"b","reason":"\xff\xfe"}',
    "a key twice": lambda: b'{"v":1,"v":1,"kind":"gap","kind":"plan","bridge":"b","bridge":"c","reason":"r"}',
    "a key a million times": lambda: (
        b'{"v":1,"kind":"gap",%s"bridge":"b","reason":"r"}' % (b'"bridge":"c",' * 1_000_000)
    ),
    "10 million nodes": lambda: plan(b"{}," * 9_999_999 + b"{}"),
    "10 million nodes, more than a frame": lambda: plan(b'{"c":0},' * 9_999_999 + b'{"c":0}'),
    "1 GB, compressed": lambda: gzip.compress(bytes(1 << 20)) * 1_024,
}


def _chain(length: int) -> bytes:
    """Operators of which each is the only one below the one before."""
    nodes = [b'{"c":0,"f":[[],{"@":%d}]}' % (n + 1) for n in range(length - 1)]
    return plan(b",".join([*nodes, b'{"c":0,"f":[[],null]}']))


def _wide_type() -> str:
    inner: object = "long"
    for _ in range(12):
        inner = {"type": "struct", "fields": [{"name": "a", "type": inner}, {"name": "b", "type": inner}]}
    return json.dumps(inner)


def _doubling() -> bytes:
    first = b'{"c":0,"f":[[],null],"o":{"a":[0,0,0,0,0,0,0,0]}}'
    size, nodes = 8, [first]
    for _ in range(40):
        nodes.append(b'{"c":0,"f":[[],null],"o":{"a":[[0,%d],[0,%d]]}}' % (size, size))
        size *= 3
    return b",".join(nodes)


def read(payload: bytes) -> str:
    """What ingest does with a record until its rows are made."""
    try:
        with collector.paused():
            record = decode_record(payload)
            tree = decode_plan(record) if isinstance(record, PlanRecord) else None
            if tree is not None:
                for node, write in writes_of(tree, Naming()):
                    analyze_write(node, write, tree, Context("job"))
                analyze_usage(tree, Context("job"))
    except DecodeError as error:
        return f"refused: {str(error)[:200]}"
    return "read"


def main(names: list[str]) -> None:
    """Read records one after the other, within the memory."""
    limit(resource.RLIMIT_AS, 0)
    for name in names:
        payload = RECORDS[name]()
        tell(name, partial(read, payload), len(payload))


def main_of_a_spool(spool: str) -> None:
    """Ingest one within the memory; a segment is mapped, which takes addresses, and no memory of this process."""
    from spark_lineage.pipeline import ingest  # noqa: PLC0415 - records are read without it
    from spark_lineage.store.memory import MemoryStore  # noqa: PLC0415

    limit(resource.RLIMIT_DATA, 5)
    tell(spool, lambda: f"refused: {ingest(Path(spool), MemoryStore()).messages}", 0)


def limit(what: int, field: int) -> None:
    """Let this process have so much more than it has by now, by that field of its `statm`."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[field])
    resource.setrlimit(what, (pages * resource.getpagesize() + MEMORY_BYTES, resource.RLIM_INFINITY))


def tell(name: str, do: Callable[[], str], size: int) -> None:
    """Print what came of it, and what it took."""
    started = time.process_time()
    outcome = do()
    seconds = round(time.process_time() - started, 3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps([name, outcome, seconds, peak, size]), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1 and Path(sys.argv[1]).is_dir():
        main_of_a_spool(sys.argv[1])
    elif len(sys.argv) > 1:
        main(sys.argv[1:])
    else:
        print(json.dumps(list(RECORDS)))
