"""The collector of cycles while a process starts: https://docs.python.org/3/library/gc.html."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def pausing() -> Iterator[None]:
    """Pause the collector, and spare it later what was made meanwhile: what start-up makes is there to stay.

    Otherwise it walks over all mappings and definitions again and again: as they are made, a quarter of the
    work of a start, and while a large case is projected, where an item among 10,000 cost 1.6 times one among
    100; and while messages are relayed. Documents are trees, so its later rounds are few.
    """
    gc.disable()
    yield
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
