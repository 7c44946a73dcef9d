"""Facts as they are kept: what was said under a path, and when; `cases.facts` joins them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

# seconds since 1970, nanoseconds, and the event's place among those of one instant
Moment = tuple[int, ...]


class Fact(NamedTuple):
    """What was said last under a path; a `value` of None is cleared."""

    at: Moment
    value: Any


Facts = Mapping[str, Fact]
