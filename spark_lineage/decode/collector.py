"""Python's collector of cyclic garbage, put off while much is made that stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Let no collection start inside; at the end it is as it was before.

    Decoding and analyzing a plan of 10,000 operators makes a million objects and no garbage: looking for some again and
    again takes as long as the work. Whoever paused the collector outside keeps it paused.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
