"""Changes of a record as JSON: what is referred to, how deep it is, how often it stands there, which class it claims to be."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

Place: TypeAlias = tuple[Any, Any]
"""A list or an object, and the index or key of something in it."""

PLACES_LIMIT = 4_000
WALK_LIMIT = 50_000
"""A record that has grown larger is changed no further."""

ODD_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        7,
        63,
        64,
        2**31,
        -(2**31) - 1,
        2**53 + 1,
        2**63 - 1,
        -(2**63),
        2**64,
        10**30,
    ),
    *(
        0.5,
        -0.0,
        1e300,
        "",
        " ",
        "?",
        "a",
        "a.b",
        "`",
        "\x00",
        "\u202egnp.exe",
        "\ud83d\ude00",
        "[red]x[/red]",
        "\x1b[2J",
    ),
    *(
        "<script>alert(1)</script>",
        "'; DROP TABLE runs; --",
        "../../x",
        "file:/x",
        "s3a://b/k",
        "://",
        "jdbc:",
        "[]",
        "{}",
    ),
    *(
        [],
        {},
        [[]],
        [{}],
        {"@": 0},
        {"@": -1},
        {"a": 0},
        {"a": [[0, 1_000_000_000]]},
        {"a": [0, 1, [0, 2]]},
        {"e": 1},
    ),
    *(
        {"t": 0},
        {"m": []},
        {"m": [["a", "b"]]},
        {"?": 3},
        {"o": "x"},
        {"cut": "depth"},
        {"@": 0, "a": 0},
        "x" * 20_000,
    ),
)


def mutated(record: Any, others: Sequence[Any], rng: random.Random) -> bytes:
    """A changed copy of a record as one would stand in a frame; the same for the same state of `rng`."""
    changed = copy.deepcopy(record)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        places = _places(changed, rng)
        if not places or len(places) >= WALK_LIMIT:
            break
        with suppress(RecursionError):  # it is deep enough
            rng.choice(CHANGES)(rng.choice(places), places, others, rng)
    payload = json.dumps(changed).encode()
    return _torn(payload, rng) if rng.random() < 0.05 else payload


def _places(record: Any, rng: random.Random) -> list[Place]:
    """Where something stands in a record, at any depth; some of them where they are many."""
    found: list[Place] = []
    stack = [record]
    while stack and len(found) < WALK_LIMIT:
        item = stack.pop()
        keys: Any = (
            item.keys() if isinstance(item, dict) else range(len(item)) if isinstance(item, list) else ()
        )
        for key in keys:
            found.append((item, key))
            if isinstance(item[key], dict | list):
                stack.append(item[key])
    return rng.sample(found, PLACES_LIMIT) if PLACES_LIMIT < len(found) < WALK_LIMIT else found


def _odd(place: Place, _: list[Place], __: Sequence[Any], rng: random.Random) -> None:
    place[0][place[1]] = copy.deepcopy(rng.choice(ODD_VALUES))


def _near(place: Place, places: list[Place], _: Sequence[Any], rng: random.Random) -> None:
    """Another number: of most members an index of something else."""
    numbers = [each for each in places if type(each[0][each[1]]) is int] or [place]
    container, key = rng.choice(numbers)
    old = container[key]
    container[key] = rng.choice((-1, 0, 1, rng.randrange(200))) + (old if type(old) is int else 0)


def _elsewhere(place: Place, places: list[Place], others: Sequence[Any], rng: random.Random) -> None:
    """What stands at another place, of this record or of another one."""
    pool = _places(rng.choice(others), rng) if others and rng.random() < 0.3 else places
    if pool:
        container, key = rng.choice(pool)
        place[0][place[1]] = copy.deepcopy(container[key])


def _gone(place: Place, _: list[Place], __: Sequence[Any], ___: random.Random) -> None:
    if isinstance(place[0], dict) or place[1] < len(place[0]):
        del place[0][place[1]]


def _twice(place: Place, _: list[Place], __: Sequence[Any], rng: random.Random) -> None:
    if isinstance(place[0], list):
        item = copy.deepcopy(place[0][place[1]])
        times = rng.choice((1, 1, 2, 100 if len(_places([item], rng)) < 50 else 2))
        place[0][place[1] : place[1]] = [item] * times


def _deeper(place: Place, _: list[Place], __: Sequence[Any], rng: random.Random) -> None:
    value = place[0][place[1]]
    for _ in range(rng.choice((1, 1, 2, 66, 100))):
        value = [value] if rng.random() < 0.7 else {"m": [["k", value]]}
    place[0][place[1]] = value


def _renamed(place: Place, places: list[Place], _: Sequence[Any], rng: random.Random) -> None:
    """A member under another's name."""
    if isinstance(place[0], dict):
        name = rng.choice([key for container, key in places if isinstance(container, dict)])
        place[0][name] = place[0].pop(place[1])


def _other_class(_: Place, places: list[Place], others: Sequence[Any], rng: random.Random) -> None:
    """A node that says it is of another class, which has other fields."""
    names = [each for each in places if each[1] == "name" and isinstance(each[0].get("fields"), list)]
    classes = [each for other in others for each in other.get("classes", ())]
    if names and classes:
        container, _key = rng.choice(names)
        chosen = rng.choice(classes)
        container["name"] = chosen["name"]
        if rng.random() < 0.5:
            container["kind"] = chosen["kind"]
        if rng.random() < 0.5:
            container["fields"] = (chosen["fields"] + container["fields"])[: len(container["fields"])]


def _swapped(place: Place, places: list[Place], _: Sequence[Any], rng: random.Random) -> None:
    container, key = rng.choice(places)
    one, other = copy.deepcopy(place[0][place[1]]), copy.deepcopy(container[key])
    place[0][place[1]] = other
    if container is not place[0] or key != place[1]:
        container[key] = one


Change: TypeAlias = Callable[[Place, list[Place], Sequence[Any], random.Random], None]
CHANGES: tuple[Change, ...] = (
    *(_odd, _near, _near, _elsewhere, _elsewhere, _gone, _twice, _deeper, _renamed, _other_class, _swapped),
)


def _torn(payload: bytes, rng: random.Random) -> bytes:
    """Bytes that are no JSON any more."""
    changed = bytearray(payload)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(changed))] = rng.choice(b'0123456789{}[]",:@acet\x00\xff')
    return bytes(changed)
