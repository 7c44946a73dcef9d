"""Whether this machine's clock and the database's agree: several processes stamp what is stored."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, func, select

from service.store.sql.engine import reading

BOUND: Final = timedelta(seconds=2)
"""What clocks that are kept in time do not differ by, a slow answer of the database included."""


def warnings(engine: Engine, now: Callable[[], datetime]) -> list[str]:
    """Return what to warn an operator of; an SQLite file is stamped by this machine's clock alone.

    Raises what `failures.translated` tells.
    """
    if engine.dialect.name != "postgresql":
        return []
    with reading(engine) as connection:
        before = now()
        at_database = connection.execute(select(func.clock_timestamp())).scalar_one()
        after = now()
    # the database looked at its clock between the two
    ahead = max(before - at_database, timedelta()) or min(after - at_database, timedelta())
    if abs(ahead) <= BOUND:
        return []
    how = "ahead of" if ahead > timedelta() else "behind"
    seconds = abs(ahead).total_seconds()
    return [f"This machine's clock is {seconds:.1f} s {how} the database's: keep both in time (NTP)."]
