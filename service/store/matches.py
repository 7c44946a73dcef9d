"""Matches of many members as they are kept: begun, looked for a few at a time, and forgotten."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import ColumnElement, Engine, bindparam, delete, func, insert, select, update

from service.store import tables as t
from service.store.rows.typed import aware
from service.store.sql.engine import reading, writing
from service.values.jobs.matches import Json, MatchedMember, MemberMatch, Operation
from service.wire.json import dump, reread

_M: Final = t.member_match.c
_P: Final = t.matched_member.c
_IS_PAST: Final[Any] = bindparam("before", type_=_M.at.type)


class SqlMatches:
    """`flows.ports.matches.MatchesPort` on SQLite or PostgreSQL."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine of the primary."""
        self._engine = engine

    def begin(
        self, partner: str, operation: Operation, request: str, sent: Sequence[Json], now: datetime
    ) -> MemberMatch:
        """Keep whom a partner sent, to be looked for."""
        id_ = str(uuid4())
        begun = MemberMatch(id_, partner, now, operation, request, total=len(sent), left=len(sent))
        row = {name: getattr(begun, name) for name in ("id", "partner", "at", "operation", "request")}
        members = [
            {"match": id_, "number": number, "sent": dump(each).decode()}
            for number, each in enumerate(sent, 1)
        ]
        with writing(self._engine) as connection:
            connection.execute(insert(t.member_match).inline(), row)
            connection.execute(insert(t.matched_member).inline(), members)
        return begun

    def find(self, id_: str) -> MemberMatch | None:
        """Return a match that is there."""
        return next(iter(self._matches(_M.id == id_)), None)

    def of_partner(self, partner: str, since: datetime) -> list[MemberMatch]:
        """Return a partner's matches that were begun after an instant, the oldest first."""
        return self._matches((_M.partner == partner) & (_M.at > since))

    def waiting(self, id_: str, count: int) -> list[MatchedMember]:
        """Return the first of those of a match who wait."""
        return self._members((_P.match == id_) & _P.outcome.is_(None), count)

    def members(self, id_: str) -> list[MatchedMember]:
        """Return all of a match whom somebody has looked for, by number."""
        return self._members((_P.match == id_) & _P.outcome.is_not(None), None)

    def settle(self, id_: str, members: Sequence[MatchedMember]) -> None:
        """Write down who some are taken for, unless somebody else has."""
        here = (_P.match == id_, _P.number == bindparam("of"), _P.outcome.is_(None))
        names: dict[str, Any] = {name: bindparam(f"new_{name}") for name in ("outcome", "client", "patient")}
        said = [
            {
                "of": each.number,
                "new_outcome": each.outcome,
                "new_client": each.client,
                "new_patient": each.patient,
            }
            for each in members
        ]
        with writing(self._engine) as connection:
            for values in said:
                connection.execute(update(t.matched_member).where(*here).values(names), values)

    def end(self, id_: str) -> None:
        """Forget a match, with all that was sent."""
        with writing(self._engine) as connection:
            connection.execute(delete(t.matched_member).where(_P.match == id_))
            connection.execute(delete(t.member_match).where(_M.id == id_))

    def end_past(self, before: datetime) -> None:
        """Forget all matches begun before an instant."""
        past = select(_M.id).where(_M.at < _IS_PAST)
        with writing(self._engine) as connection:
            connection.execute(delete(t.matched_member).where(_P.match.in_(past)), {"before": before})
            connection.execute(delete(t.member_match).where(_M.at < _IS_PAST), {"before": before})

    def _matches(self, which: ColumnElement[bool]) -> list[MemberMatch]:
        counted = select(func.count()).where(_P.match == _M.id)
        total = counted.scalar_subquery().label("total")
        left = counted.where(_P.outcome.is_(None)).scalar_subquery().label("left")
        chosen = select(t.member_match, total, left).where(which).order_by(_M.at, _M.id)
        with reading(self._engine) as connection:
            return [
                MemberMatch(
                    row.id, row.partner, aware(row.at), row.operation, row.request, row.total, row.left
                )
                for row in connection.execute(chosen)
            ]

    def _members(self, which: ColumnElement[bool], count: int | None) -> list[MatchedMember]:
        columns = (_P.number, _P.sent, _P.outcome, _P.client, _P.patient)
        chosen = select(*columns).where(which).order_by(_P.number).limit(count)
        with reading(self._engine) as connection:
            return [
                MatchedMember(row.number, reread(row.sent.encode()), row.outcome, row.client, row.patient)
                for row in connection.execute(chosen)
            ]
