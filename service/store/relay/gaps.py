"""Gaps: rows that were not there when later ones were. Their transactions are under way, or were rolled back.

A row takes its number from a sequence, within a transaction that has locked the table for writing, and is
there when that commits. So a gap is given up when all are over who held such a lock after it was seen, and it
is not filled by then.
https://www.postgresql.org/docs/current/functions-sequence.html
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sqlalchemy import text

from service.store.sql.engine import Executor

# the first and the last row that is not there
Gap = tuple[int, int]
Gaps = Sequence[Gap]

_WRITERS: Final = text(
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND mode = 'RowExclusiveLock'"
    " AND relation = CAST(:table AS regclass)"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def gaps_after(gaps: Gaps, row: int, rows: Sequence[int]) -> list[Gap]:
    """Return the gaps that there are once `rows`, in order, are seen, where `row` was the last one before."""
    left = [hole for first, last in gaps for hole in _holes(first, last, rows)]
    return left + (list(_holes(row + 1, rows[-1], rows)) if rows else [])


def without(gaps: Gaps, abandoned: Gaps) -> list[Gap]:
    """Return the gaps that are no part of abandoned ones, which can only have shrunk or parted since."""
    return [gap for gap in gaps if not any(first <= gap[0] and gap[1] <= last for first, last in abandoned)]


def _holes(first: int, last: int, rows: Iterable[int]) -> Iterator[Gap]:
    for row in rows:
        if first <= row <= last:
            if first < row:
                yield first, row - 1
            first = row + 1
    if first <= last:
        yield first, last


class Writers:
    """Who may still fill a table's gaps."""

    def __init__(self, table: str) -> None:
        """Take the table's name."""
        self._table = table
        self._asked: tuple[Gaps, set[str]] | None = None

    def abandoned(self, connection: Executor, gaps: Gaps) -> Gaps:
        """Return gaps that nobody fills any more but who has done so already; `gaps` are those known by now.

        Only a look at the table after this tells which of them are filled.
        """
        if self._asked is None:
            self._asked = (gaps, self._writers(connection)) if gaps else None
            return ()
        known, writers = self._asked
        if writers & self._writers(connection):
            return ()
        self._asked = None
        return known

    def _writers(self, connection: Executor) -> set[str]:
        return {row[0] for row in connection.execute(_WRITERS, {"table": self._table})}
