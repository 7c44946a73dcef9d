"""Gives a process a clock that is set to another time every few seconds, up to a minute off either way.

`STEPPING_SECONDS` in the environment says how far else.
"""

import datetime as dt
import os
import random
import time

_REAL = dt.datetime
_EVERY = 3.0
_FARTHEST = float(os.environ.get("STEPPING_SECONDS", "60"))


class _Alike(type(_REAL)):
    """Whatever is a real instant is one of these."""

    def __instancecheck__(cls, instance):
        return isinstance(instance, _REAL)


class _Stepping(_REAL, metaclass=_Alike):
    """An instant of which `now` steps."""

    def __new__(cls, *args, **kwargs):
        """Return a real instant: what writes JSON takes no other."""
        return _REAL(*args, **kwargs)

    @classmethod
    def now(cls, tz=None):
        """Return another time than it is."""
        off = random.Random(time.monotonic() // _EVERY).uniform(-_FARTHEST, _FARTHEST)
        return _REAL.now(tz) + dt.timedelta(seconds=off)


dt.datetime = _Stepping
