"""The audit is sealed: batches of committed rows, each with a digest of what they say, in a chain.

A row that is changed, deleted or put in afterwards makes the digest of its batch another; a seal that is
changed makes those after it others. Nothing in a row is ever updated: a seal names the rows it covers.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Engine, and_, func, insert, or_, select, text

from service.store import tables as t
from service.store.audit.reading import ROWS, entry_of
from service.store.rows import aware, upsert
from service.store.sql.engine import Executor, reading, writing
from service.values.audit import Broken, RecordedEntry
from service.wire.json import dump, reread

SEALING: Final = 0x0CA5EB21
BATCH: Final = 1_000
# the statement that adds a row commits it, and lasts a minute at most; one that was rolled back never comes
LATE: Final = timedelta(minutes=10)
FIRST: Final = "0" * 64
_NONE: Final[dict[str, Any]] = {
    "number": 0, "position": 0, "count": 0, "last": 0, "missing": "{}", "chain": FIRST,
}  # fmt: skip
_ALONE: Final = text("SELECT pg_advisory_xact_lock(:key)")
_C: Final = t.audit.c
_S: Final = t.audit_seal.c
_WHOLE: Final = select(t.audit)
_NEWEST: Final = select(t.audit_seal).order_by(_S.number.desc()).limit(1)


class SqlSealing:
    """Seals the audit and verifies it; two that seal at once wait for each other."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        """Take the engine of the primary, and what tells the time."""
        self._engine = engine
        self._clock = clock

    def seal(self) -> int:
        """Seal the next batch of committed rows; return how many those were."""
        with writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(_ALONE, {"key": SEALING})
            newest = connection.execute(_NEWEST).first()
            before = newest._asdict() if newest is not None else _NONE
            last, missing = before["last"], reread(before["missing"].encode())
            rows = _rows(connection, last, [int(row) for row in missing])
            if not rows:
                return 0
            now = self._clock().astimezone(UTC)
            highest = max(last, *(row.row for row in rows))
            there = {row.row for row in rows}
            absent = {str(row): now.isoformat() for row in range(last + 1, highest) if row not in there}
            young = {
                row: since
                for row, since in missing.items()
                if int(row) not in there and datetime.fromisoformat(since) > now - LATE
            }
            seal = {
                "number": before["number"] + 1,
                "sealed": now,
                "position": before["position"] + before["count"],
                "count": len(rows),
                "last": highest,
                "late": dump(sorted(row for row in there if row <= last)).decode(),
                "missing": dump(young | absent).decode(),
                "digest": _digest(rows),
                "dropped_before": None,
            }
            chain = _chain(before["chain"], seal)
            connection.execute(insert(t.audit_seal), {**seal, "chain": chain})
            if told := list(_patients(rows)):
                connection.execute(upsert(connection, t.audit_patient).on_conflict_do_nothing(), told)
            return len(rows)

    def verify(self) -> Iterator[Broken | None]:
        """Give for each seal in turn what is wrong with it, or None; at last what no seal knows of."""
        before = _NONE
        unsealed: dict[int, int] = {}
        while (seal := self._seal_after(before["number"])) is not None:
            late = [int(row) for row in reread(seal["late"].encode())]
            absent = [int(row) for row in reread(seal["missing"].encode())]
            yield _broken(seal, before, late, self._sealed_rows(before["last"], seal["last"], absent, late))
            unsealed |= {row: seal["number"] for row in absent if row not in unsealed}
            for row in late:
                unsealed.pop(row, None)
            before = seal
        awaited = {int(row) for row in reread(before["missing"].encode())}
        yield from self._added({row: seal for row, seal in unsealed.items() if row not in awaited})

    def entries_after(self, position: int) -> Iterator[tuple[int, RecordedEntry]]:
        """Give what is sealed above a position, each with its own: gap-free from 1, as it was sealed."""
        before = _NONE
        while (seal := self._seal_after(before["number"])) is not None:
            if seal["position"] + seal["count"] > position:
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
            seal = connection.execute(_NEWEST).first()
        newest = seal._asdict() if seal is not None else _NONE
        return int(newest["position"] + newest["count"])

    def _seal_after(self, number: int) -> dict[str, Any] | None:
        chosen = select(t.audit_seal).where(_S.number > number).order_by(_S.number).limit(1)
        with reading(self._engine) as connection:
            seal = connection.execute(chosen).first()
        return {**seal._asdict(), "sealed": aware(seal.sealed)} if seal is not None else None

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

    def count(self) -> int:
        """Return how many seals there are."""
        with reading(self._engine) as connection:
            return int(connection.execute(select(func.count()).select_from(t.audit_seal)).scalar_one())

    def head(self) -> tuple[int, str]:
        """Return the number and chain of the newest seal; kept elsewhere, they show that none is gone."""
        with reading(self._engine) as connection:
            seal = connection.execute(_NEWEST).first()
        return (seal.number, seal.chain) if seal is not None else (0, FIRST)


def _rows(connection: Executor, last: int, missing: Sequence[int]) -> list[Any]:
    """Return the next committed rows, in their order, those that were missing first."""
    late = list(connection.execute(select(t.audit).where(_C.row.in_(missing)))) if missing else []
    new = select(t.audit).where(_C.row > last).order_by(_C.row).limit(BATCH)
    return [*sorted(late, key=lambda row: row.row), *connection.execute(new)]


def _broken(
    seal: dict[str, Any], before: dict[str, Any], late: Sequence[int], rows: Sequence[Any]
) -> Broken | None:
    number = seal["number"]
    if number != before["number"] + 1:
        return Broken(number, "the seal before it is gone")
    if _chain(before["chain"], seal) != seal["chain"]:
        return Broken(number, "it was changed, or the one before it")
    if not {int(row) for row in reread(before["missing"].encode())}.issuperset(late):
        return Broken(number, "it names rows that were not missing before")
    if len(rows) != seal["count"]:
        return Broken(number, f"{seal['count']} rows were sealed, {len(rows)} are there")
    if _digest(rows) != seal["digest"]:
        return Broken(number, "a row was changed")
    return None


def _digest(rows: Sequence[Any]) -> str:
    """Return the digest of rows in the order of their numbers."""
    digest = sha256()
    for row in sorted(rows, key=lambda row: row.row):
        values = [row.row, aware(row.recorded).isoformat(), *(getattr(row, name) for name in _SAID)]
        digest.update(dump(values) + b"\n")
    return digest.hexdigest()


_SEALED: Final = (
    "number",
    "sealed",
    "position",
    "count",
    "last",
    "late",
    "missing",
    "digest",
    "dropped_before",
)
_SAID: Final = (
    "partner", "address", "purposes", "interaction", "status", "correlation", "things", "text_digest",
)  # fmt: skip


def _chain(before: str, seal: dict[str, Any]) -> str:
    return sha256(dump([before, *(str(seal[name]) for name in _SEALED)])).hexdigest()


def _patients(rows: Sequence[Any]) -> Iterator[dict[str, Any]]:
    for row in rows:
        for client in reread(row.things.encode()):
            if client:
                yield {"client": client, "row": row.row, "recorded_on": row.recorded_on}
