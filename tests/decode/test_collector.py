"""Python's collector stays off only where it was told to, whatever happens inside."""

import gc

import pytest

from spark_lineage.decode import collector


def fail_inside() -> None:
    with collector.paused():
        assert not gc.isenabled()
        raise KeyError


def test_the_collector_is_off_inside_and_on_after_an_error() -> None:
    with pytest.raises(KeyError):
        fail_inside()
    assert gc.isenabled()


def test_who_paused_it_outside_keeps_it_paused() -> None:
    with collector.paused():
        with collector.paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
