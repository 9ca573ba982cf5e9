"""Java class files in jars, as far as a type hierarchy needs them: name, flags, superclass, interfaces.

The format is in the Java Virtual Machine Specification, chapter 4.
"""

from __future__ import annotations

import zipfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_MAGIC = b"\xca\xfe\xba\xbe"
_TEXT, _CLASS = 1, 7
_LENGTHS = {
    3: 5,
    4: 5,
    5: 9,
    6: 9,
    7: 3,
    8: 3,
    9: 5,
    10: 5,
    11: 5,
    12: 5,
    15: 4,
    16: 3,
    17: 5,
    18: 5,
    19: 3,
    20: 3,
}
"""Tag of a constant -> its length in bytes, the tag included; a text (1) says its own."""
_WIDE = frozenset({5, 6})
"""Constants that take two numbers."""
_INTERFACE, _ABSTRACT = 0x0200, 0x0400


@dataclass(frozen=True, slots=True)
class ClassFile:
    """A class by its Java name (`a.b.C$D`), and what it extends and implements."""

    name: str
    parents: tuple[str, ...]
    concrete: bool


def parse(data: bytes) -> ClassFile:
    """Read one class file; ValueError if it is none."""
    if data[:4] != _MAGIC:
        raise ValueError("not a class file: it does not begin with CAFEBABE")
    names, at = _class_names(data)
    flags, this, parent, count = (_number(data, at + 2 * step) for step in range(4))
    interfaces = [_number(data, at + 8 + 2 * step) for step in range(count)]
    parents = tuple(names[each] for each in (parent, *interfaces) if each)
    return ClassFile(names[this], parents, not flags & (_INTERFACE | _ABSTRACT))


def classes_in(jars: Iterable[Path]) -> dict[str, ClassFile]:
    """Every class of the jars by its name; the first of a name counts, as on a class path."""
    found: dict[str, ClassFile] = {}
    for jar in jars:
        with zipfile.ZipFile(jar) as archive:
            for name in archive.namelist():
                if name.endswith(".class") and not name.startswith("META-INF/") and "$$Lambda" not in name:
                    each = parse(archive.read(name))
                    found.setdefault(each.name, each)
    return found


def subclasses(classes: dict[str, ClassFile], root: str) -> dict[str, ClassFile]:
    """The classes that extend or implement `root`, however far down; without `root`."""
    children: defaultdict[str, list[str]] = defaultdict(list)
    for each in classes.values():
        for parent in each.parents:
            children[parent].append(each.name)
    found: dict[str, ClassFile] = {}
    stack = [root]
    while stack:
        for name in children[stack.pop()]:
            if name not in found:
                found[name] = classes[name]
                stack.append(name)
    return found


def _number(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]


def _class_names(data: bytes) -> tuple[dict[int, str], int]:
    """The classes that the constant pool names, by their number in it, and the place after the pool."""
    texts: dict[int, tuple[int, int]] = {}
    pointers: dict[int, int] = {}
    at, number, count = 10, 1, _number(data, 8)
    while number < count:
        tag = data[at]
        if tag == _TEXT:
            length = _number(data, at + 1)
            texts[number] = (at + 3, at + 3 + length)
            at += 3 + length
        else:
            if tag == _CLASS:
                pointers[number] = _number(data, at + 1)
            at += _LENGTHS[tag]
        number += 2 if tag in _WIDE else 1
    names = {}
    for number, pointer in pointers.items():
        start, end = texts[pointer]
        names[number] = data[start:end].decode("utf-8", "replace").replace("/", ".")
    return names, at
