"""What a loop holds in the end, where its values go round: handmade values, no plan."""

from __future__ import annotations

import pytest

from spark_lineage.analyze.loops import ROUNDS, Held, settle
from spark_lineage.analyze.values import Trace, Value, outer_value, part
from spark_lineage.decode.tree import DataType
from spark_lineage.model import Certainty, DatasetId, Subtype

INT = DataType("int", (), "int")
TABLE = DatasetId("file", "/in")


def column(name: str) -> Value:
    return Value({(TABLE, name, Subtype.IDENTITY): Trace("scan")})


def fields(value: Value) -> list[str]:
    return sorted(str(path) for _, path, _ in value.sources)


def rotation(size: int) -> tuple[list[Value], list[str]]:
    """What `size` columns hold that a loop moves by one place each round, and the names of all."""
    names = sorted(f"c{number:03}" for number in range(size))
    held = [
        Held(column(name), outer_value((place + 1) % size, name), INT, INT)
        for place, name in enumerate(names)
    ]
    values, _ = settle(held, {place: place for place in range(size)})
    return values, names


@pytest.mark.parametrize("size", [2, ROUNDS])
def test_every_column_of_a_rotation_gets_all_of_them(size):
    values, names = rotation(size)
    assert [fields(value) for value in values] == [names] * size
    assert {value.certainty for value in values} == {Certainty.EXACT}


def test_a_rotation_of_more_columns_than_rounds_is_all_of_them_and_marked():
    values, names = rotation(ROUNDS + 2)
    assert [fields(value) for value in values] == [names] * (ROUNDS + 2)
    assert {value.certainty for value in values} == {Certainty.OVER_APPROXIMATE}
    assert {trace.certainty for value in values for trace in value.sources.values()} == {
        Certainty.OVER_APPROXIMATE
    }


@pytest.mark.parametrize("size", [3, ROUNDS + 2])
def test_the_fields_of_a_struct_go_round_while_the_whole_stays(size):
    names = [f"c{number:03}" for number in range(size)]
    kind = DataType("struct", tuple(names), "struct", (INT,) * size)
    whole = {(TABLE, name, Subtype.TRANSFORMATION): Trace("scan") for name in names}
    start = Value(whole, parts={name: column(name) for name in names})
    loop = outer_value(7, "st")
    moved = {name: part(loop, names[(place + 1) % size]) for place, name in enumerate(names)}
    (value,), lookup = settle([Held(start, Value(loop.sources, parts=moved), kind, kind)], {7: 0})
    identical = [
        sorted(str(path) for _, path, subtype in part(value, name).sources if subtype is Subtype.IDENTITY)
        for name in names
    ]
    assert identical == [names] * size
    assert lookup(8) is None
    assert value.certainty is (Certainty.EXACT if size <= ROUNDS else Certainty.OVER_APPROXIMATE)
