"""Tests as pieces of a long form, for pytest: `@pytest.mark.torture("many")` says which of the proofs of `torture.py` one belongs to.

With TORTURE=all a test that has passed with the code as it stands is left out, and one that passes is noted: with its seconds, those of
the fixtures that it was the first to need among them, and with what it tells `record_property`.
"""

from __future__ import annotations

import time
from collections.abc import Generator

import pytest

from support.torture import ALL, Passed

PROOF = pytest.StashKey[Passed]()
BEGAN = pytest.StashKey[float]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what has passed."""
    proofs: dict[str, Passed] = {}
    for item in items:
        mark = item.get_closest_marker("torture")
        if mark is None or not ALL:
            continue
        (name,) = mark.args
        passed = item.stash[PROOF] = proofs.get(name) or proofs.setdefault(name, Passed(name))
        if item.nodeid in passed:
            seconds = passed.pieces[item.nodeid]["seconds"]
            reason = f"{name}: has passed with this code, in {seconds:.0f} s"
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any fixture is made."""
    item.stash[BEGAN] = time.monotonic()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """What fails or is skipped comes out of the yield as an error, and is not noted."""
    yield
    if PROOF in item.stash:
        figures = {name: int(str(value)) for name, value in item.user_properties}
        item.stash[PROOF].note(item.nodeid, time.monotonic() - item.stash[BEGAN], **figures)
