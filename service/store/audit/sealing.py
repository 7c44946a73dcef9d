"""The audit is sealed: batches of committed rows, each with a digest of what they say, in a chain.

A row that is changed, deleted or put in afterwards makes the digest of its batch another; a seal that is
changed makes those after it others. Nothing in a row is ever updated: a seal names the rows it covers, which
are all of one day, so that what is old goes with its seals (`retention`).
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from typing import Any, Final

from sqlalchemy import Engine, and_, func, or_, select

from service.errors import Unavailable
from service.store import tables as t
from service.store.audit import chain
from service.store.audit.reading import ROWS, entry_of
from service.store.rows.typed import upsert
from service.store.sql.engine import Executor, reading, writing
from service.values.audit import Broken, RecordedEntry
from service.wire.json import dump, reread

BATCH: Final = 1_000
# the statement that adds a row commits it, and lasts a minute at most; one that was rolled back never comes
LATE: Final = timedelta(minutes=10)
_C: Final = t.audit.c
_WHOLE: Final = select(t.audit)


class SqlSealing:
    """Seals the audit and verifies it; two that seal at once wait for each other."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        """Take the engine of the primary, and what tells the time."""
        self._engine = engine
        self._clock = clock

    def seal(self) -> int:
        """Seal the next batch of committed rows of one day; return how many those were."""
        with writing(self._engine) as connection:
            chain.wait_alone(connection)
            before = chain.newest(connection)
            last, missing = before["last"], reread(before["missing"].encode())
            found = _rows(connection, last, [int(row) for row in missing])
            if not found:
                return 0
            rows = _of_one_day(found, last)
            now = self._clock().astimezone(UTC)
            highest = max(last, *(row.row for row in rows))
            there, waiting = {row.row for row in rows}, {row.row for row in found}
            absent = {str(row): now.isoformat() for row in range(last + 1, highest) if row not in there}
            young = {
                row: since
                for row, since in missing.items()
                if int(row) not in there
                and (int(row) in waiting or datetime.fromisoformat(since) > now - LATE)
            }
            seal = {
                "number": before["number"] + 1,
                "sealed": now,
                "position": before["position"] + before["count"],
                "count": len(rows),
                "last": highest,
                "late": dump(sorted(row for row in there if row <= last)).decode(),
                "missing": dump(young | absent).decode(),
                "digest": chain.digest(rows),
                "day": rows[0].recorded_on,
            }
            chain.add(connection, seal, before)
            if told := list(_patients(rows)):
                connection.execute(upsert(connection, t.audit_patient).on_conflict_do_nothing(), told)
            return len(rows)

    def verify(self) -> Iterator[Broken | None]:
        """Give for each seal in turn what is wrong with it, or None; at last what no seal knows of.

        Of what was let go the seals that are left are compared with each other, not with rows. Raises
        Unavailable when rows are let go meanwhile.
        """
        with reading(self._engine) as connection:
            anchor, before = chain.newest_anchor(connection), chain.start(connection)
        if anchor is not None and not _begins(anchor, before):
            yield Broken(anchor["begins"], "the chain begins after it, and it is gone or was changed")
        gone = anchor["dropped_before"] if anchor is not None else None
        unsealed = {int(row): before["number"] for row in reread(before["missing"].encode())}
        while (seal := self._seal_after(before["number"])) is not None:
            late = [int(row) for row in reread(seal["late"].encode())]
            absent = [int(row) for row in reread(seal["missing"].encode())]
            why = _out_of_chain(seal, before, late)
            if why is None and seal["count"] and not chain.is_let_go(seal, gone):
                why = _changed(seal, self._sealed_rows(before["last"], seal["last"], absent, late))
            if why is not None and self.kept_since() != gone:
                raise Unavailable("Meanwhile older rows were let go; verify once more.")
            yield Broken(seal["number"], why) if why is not None else None
            unsealed |= {row: seal["number"] for row in absent if row not in unsealed}
            for row in late:
                unsealed.pop(row, None)
            before = seal
        awaited = {int(row) for row in reread(before["missing"].encode())}
        yield from self._added({row: seal for row, seal in unsealed.items() if row not in awaited})

    def entries_after(self, position: int) -> Iterator[tuple[int, RecordedEntry]]:
        """Give what is sealed above a position, each with its own: gap-free from 1, as it was sealed.

        What was let go is left out.
        """
        with reading(self._engine) as connection:
            before = chain.holding(connection, position)
        gone = self.kept_since()
        while (seal := self._seal_after(before["number"])) is not None:
            if seal["count"] and not chain.is_let_go(seal, gone):
                late = [int(row) for row in reread(seal["late"].encode())]
                absent = [int(row) for row in reread(seal["missing"].encode())]
                rows = self._sealed_rows(before["last"], seal["last"], absent, late, ROWS)
                for place, row in enumerate(sorted(rows, key=lambda row: row.row), seal["position"] + 1):
                    if place > position:
                        yield place, entry_of(row)
            before = seal

    def last_position(self) -> int:
        """Return the position of the last sealed row."""
        with reading(self._engine) as connection:
            newest = chain.newest(connection)
        return int(newest["position"] + newest["count"])

    def kept_since(self) -> date | None:
        """Return the day from before which rows were let go, None where none were."""
        with reading(self._engine) as connection:
            anchor = chain.newest_anchor(connection)
        return anchor["dropped_before"] if anchor is not None else None

    def count(self) -> int:
        """Return how many seals there are."""
        with reading(self._engine) as connection:
            return int(connection.execute(select(func.count()).select_from(t.audit_seal)).scalar_one())

    def head(self) -> tuple[int, str]:
        """Return the number and chain of the newest seal; kept elsewhere, they show that none is gone."""
        with reading(self._engine) as connection:
            newest = chain.newest(connection)
        return newest["number"], newest["chain"]

    def _seal_after(self, number: int) -> dict[str, Any] | None:
        with reading(self._engine) as connection:
            return chain.following(connection, number)

    def _sealed_rows(
        self, first: int, last: int, absent: list[int], late: list[int], chosen: Any = _WHOLE
    ) -> list[Any]:
        """Return the rows that a seal covers: those of its span but for the absent, and the late ones."""
        span = (_C.row > first, _C.row <= last, _C.row.not_in(absent))
        with reading(self._engine) as connection:
            rows = connection.execute(chosen.where(or_(and_(*span), _C.row.in_(late))))
            return list(rows)

    def _added(self, rows: dict[int, int]) -> Iterator[Broken]:
        """Give the seal of the first row that was given up as never committed, and is there."""
        if rows:
            with reading(self._engine) as connection:
                there = connection.execute(select(func.min(_C.row)).where(_C.row.in_(list(rows)))).scalar()
            if there is not None:
                yield Broken(rows[there], "a row was put in that was not there")


def _rows(connection: Executor, last: int, missing: Sequence[int]) -> list[Any]:
    """Return the next committed rows, in their order, those that were missing first."""
    late = list(connection.execute(select(t.audit).where(_C.row.in_(missing)))) if missing else []
    new = select(t.audit).where(_C.row > last).order_by(_C.row).limit(BATCH)
    return [*sorted(late, key=lambda row: row.row), *connection.execute(new)]


def _of_one_day(rows: Sequence[Any], last: int) -> list[Any]:
    """Return those of the first one's day: all of the late ones, the others up to one of another day."""
    day = rows[0].recorded_on
    late = [row for row in rows if row.row <= last and row.recorded_on == day]
    new = takewhile(lambda row: row.recorded_on == day, (row for row in rows if row.row > last))
    return [*late, *new]


def _begins(anchor: dict[str, Any], before: dict[str, Any]) -> bool:
    """Tell whether the chain begins after the seal that an anchor names."""
    return bool((anchor["begins"], anchor["digest"]) == (before["number"], before["chain"]))


def _out_of_chain(seal: dict[str, Any], before: dict[str, Any], late: Sequence[int]) -> str | None:
    """Return why a seal does not follow the one before it."""
    if seal["number"] != before["number"] + 1:
        return "the seal before it is gone"
    if chain.link(before["chain"], seal) != seal["chain"]:
        return "it was changed, or the one before it"
    if not {int(row) for row in reread(before["missing"].encode())}.issuperset(late):
        return "it names rows that were not missing before"
    return None


def _changed(seal: dict[str, Any], rows: Sequence[Any]) -> str | None:
    """Return how the rows that a seal covers are not those that were sealed."""
    if len(rows) != seal["count"]:
        return f"{seal['count']} rows were sealed, {len(rows)} are there"
    return None if chain.digest(rows) == seal["digest"] else "a row was changed"


def _patients(rows: Sequence[Any]) -> Iterator[dict[str, Any]]:
    for row in rows:
        for client in reread(row.things.encode()):
            if client:
                yield {"client": client, "row": row.row, "recorded_on": row.recorded_on}
