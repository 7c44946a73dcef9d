"""The chain of seals: what one says, and which of them are still compared with rows.

What is old is let go with its seals. A seal that covers no rows, an anchor, says in the chain from which day
on rows are there, and at which seal the chain begins from then on.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import and_, func, insert, or_, select, text

from service.store import tables as t
from service.store.rows.typed import aware
from service.store.sql.engine import Executor
from service.wire.json import dump

LOCK: Final = 0x0CA5EB21
FIRST: Final = "0" * 64
NONE: Final[dict[str, Any]] = {
    "number": 0, "position": 0, "count": 0, "last": 0, "late": "[]", "missing": "{}", "chain": FIRST,
}  # fmt: skip
_ALONE: Final = text("SELECT pg_advisory_xact_lock(:key)")
_S: Final = t.audit_seal.c
_NEWEST: Final = select(t.audit_seal).order_by(_S.number.desc()).limit(1)
_ANCHOR: Final = _NEWEST.where(_S.dropped_before.is_not(None))
_OLDEST: Final = select(t.audit_seal).order_by(_S.number).limit(1)
_SEALED: Final = (
    "number", "sealed", "position", "count", "last", "late", "missing", "digest", "dropped_before",
)  # fmt: skip
_SAID: Final = (
    "partner", "address", "purposes", "interaction", "status", "correlation", "things", "text_digest",
)  # fmt: skip


def wait_alone(connection: Executor) -> None:
    """Wait for others that add to the chain, and keep them waiting until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(_ALONE, {"key": LOCK})


def newest(connection: Executor) -> dict[str, Any]:
    """Return the newest seal, or what comes before the first."""
    return _one(connection, _NEWEST) or NONE


def newest_anchor(connection: Executor) -> dict[str, Any] | None:
    """Return the anchor that holds."""
    return _one(connection, _ANCHOR)


def following(connection: Executor, number: int) -> dict[str, Any] | None:
    """Return the seal after a number."""
    return _one(connection, _OLDEST.where(_S.number > number))


def start(connection: Executor) -> dict[str, Any]:
    """Return the seal that the chain begins after: the one an anchor names, or what comes before the first.

    Whether it is still so `begins` tells.
    """
    anchor = newest_anchor(connection)
    if anchor is None or not anchor["begins"]:
        return NONE
    return _one(connection, _OLDEST.where(_S.number == anchor["begins"])) or NONE


def holding(connection: Executor, position: int) -> dict[str, Any]:
    """Return the last seal that covers nothing above a position, or what the chain begins after."""
    covered = _NEWEST.where(_S.position + _S.count <= position)
    begins = start(connection)
    seal = _one(connection, covered) or begins
    return seal if seal["number"] > begins["number"] else begins


def add(connection: Executor, seal: dict[str, Any], before: dict[str, Any]) -> None:
    """Add a seal to the chain."""
    whole = {"day": None, "dropped_before": None, "begins": None, **seal}
    connection.execute(insert(t.audit_seal), {**whole, "chain": link(before["chain"], whole)})


def anchor(connection: Executor, before: date, now: datetime) -> None:
    """Add an anchor: rows from before a day are let go, and seals that cover nothing else.

    The last of these seals stays, as what the chain begins after.
    """
    last = newest(connection)
    kept = select(func.min(_S.number)).where(
        _S.count > 0,
        or_(_S.day >= before, and_(_S.day.is_(None), _S.sealed >= _end_of(before, now))),
    )
    first = connection.execute(kept).scalar()
    begins = last["number"] if first is None else first - 1
    base = _one(connection, _OLDEST.where(_S.number == begins)) or NONE
    seal = {
        "number": last["number"] + 1,
        "sealed": now,
        "position": last["position"] + last["count"],
        "count": 0,
        "last": last["last"],
        "late": "[]",
        "missing": last["missing"],
        "digest": base["chain"],
        "dropped_before": before,
        "begins": begins,
    }
    add(connection, seal, last)


def is_let_go(seal: dict[str, Any], before: date | None) -> bool:
    """Tell whether what a seal covers was let go, where what is from before a day was."""
    if before is None or not seal["count"]:
        return False
    if seal["day"] is None:
        return bool(seal["sealed"] < _end_of(before, seal["sealed"]))
    return bool(seal["day"] < before)


def link(before: str, seal: dict[str, Any]) -> str:
    """Return the digest of a seal and of the one before it; one of before 0022 says nothing of a day."""
    later = (seal["day"], seal["begins"])
    said = [before, *(str(seal[name]) for name in _SEALED)]
    return sha256(dump([*said, *map(str, later)] if any(later) else said)).hexdigest()


def digest(rows: Sequence[Any]) -> str:
    """Return the digest of rows in the order of their numbers."""
    made = sha256()
    for row in sorted(rows, key=lambda row: row.row):
        values = [row.row, aware(row.recorded).isoformat(), *(getattr(row, name) for name in _SAID)]
        made.update(dump(values) + b"\n")
    return made.hexdigest()


def _end_of(day: date, zoned: datetime) -> datetime:
    """Return when a day ends: what was sealed before it may cover rows of the day before."""
    return datetime(day.year, day.month, day.day, tzinfo=zoned.tzinfo) + timedelta(days=1)


def _one(connection: Executor, chosen: Any) -> dict[str, Any] | None:
    seal = connection.execute(chosen).first()
    return {**seal._asdict(), "sealed": aware(seal.sealed)} if seal is not None else None
