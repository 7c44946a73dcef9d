"""Exports as they are kept: begun, planned a step at a time by whoever asks how far they are, and read."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Engine, Integer, Select, and_, bindparam, delete, func, insert, or_, select, update

from service.store import tables as t
from service.store.export import deletions, positions
from service.store.export.members import call, dismiss, next_members, roster_of
from service.store.export.rows import export_of, lines_of, row_of
from service.store.export.versions import Form, Key, counted, counted_by_client, lines, owners
from service.store.rows.typed import aware
from service.store.scope import condition as of_scope
from service.store.search.beside import beside
from service.store.sql import replica
from service.store.sql.engine import Executor, reading, writing
from service.values.access.scope import SHARED, Scope
from service.values.jobs.exports import Asked, Deletion, Export, Kind, Lines, Part
from service.wire.fhir.search.type_filter import narrowings
from service.wire.json import dump

SIZE: Final = 5_000
"""How many resources a part has at most."""
WIDER: Final = 2
"""So many times more one has that is cut between clients, for its bytes are counted, too."""
BYTES: Final = 16_000_000
"""How many of them at most, but for what is of its last client."""
PATIENTS: Final = 50
"""Of so many times fewer patients a part is, where it has all that is theirs."""
STEP: Final = 20_000
"""How many are planned at a time: whole parts. Of what is of clients, so many clients."""
SECONDS: Final = 1.0
"""So long at least the next types are planned, too, before it is written down how far that came."""
KEPT: Final = timedelta(days=800)
"""So long it is known where an export stood, for one that goes on from it."""
EVERYTHING: Final = 10**9
"""More than there is of so many patients as are in a part."""
MILLISECOND: Final = timedelta(milliseconds=1)
_E: Final = t.export.c
_P: Final = t.export_part.c
# one that is planned by client is over for the release before, which would plan and read it by id
_IS_THERE: Final = or_(~_E.over, _E.by_client)
_OVER: Final = {"over": True, "by_client": False}
_MINE: Final = and_(_E.id == bindparam("of"), _IS_THERE)


class SqlExports:
    """`flows.ports.exports.ExportsPort` on SQLite or PostgreSQL."""

    def __init__(
        self, engine: Engine, size: int = SIZE, step: int = STEP, reads: replica.Reads | None = None
    ) -> None:
        """Take the primary's engine, how many resources a part has and a step plans, and who reads parts."""
        self._engine = engine
        self._reads = reads or replica.Reads(engine, None)
        self._size = size
        self._step = step

    def begin(self, partner: str, scope: Scope, asked: Asked, now: datetime) -> Export:
        """Begin an export of the state at this instant: of all that is committed."""
        positions.number_all(self._engine)
        roster = roster_of(partner, scope)
        with writing(self._engine) as connection:
            stands = positions.standing(connection)
            begun = Export(
                id=str(uuid4()),
                partner=partner,
                at=self._instant(connection, partner, now),
                row=stands.row,
                gaps=stands.gaps,
                since_row=positions.row_behind(connection, partner, asked.since),
                roster=roster,
                by_client=bool(roster),
                asked=asked,
                stage=0,
                after="",
                finished=False,
            )
            connection.execute(insert(t.export).inline(), row_of(begun))
        return begun

    def find(self, id_: str) -> Export | None:
        """Return an export that is neither past nor cancelled."""
        with reading(self._engine) as connection:
            row = connection.execute(select(t.export).where(_MINE), {"of": id_}).first()
        return export_of(row) if row is not None else None

    def unfinished(self, partner: str, since: datetime) -> list[datetime]:
        """Return when a partner's exports that are not planned to their end were begun, the oldest first."""
        chosen = select(_E.at).where(_E.partner == partner, _E.at > since, ~_E.finished, _IS_THERE)
        with reading(self._engine) as connection:
            return [aware(row.at) for row in connection.execute(chosen.order_by(_E.at))]

    def end(self, id_: str) -> None:
        """Forget the parts of an export."""
        with writing(self._engine) as connection:
            connection.execute(update(t.export).where(_E.id == bindparam("of")).values(_OVER), {"of": id_})
            connection.execute(delete(t.export_part).where(_P.export == bindparam("of")), {"of": id_})

    def end_past(self, before: datetime, now: datetime) -> None:
        """Forget the parts of all exports begun before an instant, and where those long past stood."""
        is_past = (_E.at < before, _IS_THERE)
        with writing(self._engine) as connection:
            connection.execute(delete(t.export_part).where(_P.export.in_(select(_E.id).where(*is_past))))
            connection.execute(update(t.export).where(*is_past).values(_OVER))
            connection.execute(delete(t.export).where(_E.at < now - KEPT))

    def may_plan(self, export: Export, scope: Scope) -> bool:
        """Tell whether a scope is the one that an export was begun in."""
        return export.roster == roster_of(export.partner, scope)

    def advance(self, export: Export, scope: Scope) -> Export:
        """Plan the next parts; who else does so at the same time has planned the same."""
        if export.roster and export.stage == 0:
            return self._moved(export, "", export.stage + 1, scope)
        until, found, planned = monotonic() + SECONDS, [], export
        while planned.place < len(export.stages):
            kind, type_ = export.stages[planned.place]
            spans, after = (self._next_clients if kind == "clients" else self._next)(planned, scope)
            found += [(kind, type_, span.first, span.last, span.count) for span in spans]
            planned = replace(planned, after=after, stage=planned.stage + (not after))
            if sum(size for *_, size in found) >= self._step or monotonic() > until:
                break
        return self._moved(export, planned.after, planned.stage, parts_=found)

    def parts(self, id_: str) -> list[Part]:
        """Return the parts that are planned, in order."""
        return self._parts(_P.export == id_)

    def part(self, id_: str, number: int) -> Part | None:
        """Return a part by its number."""
        return next(iter(self._parts(and_(_P.export == id_, _P.number == number))), None)

    def lines(self, export: Export, part: Part, scope: Scope) -> Lines:
        """Return what of a part is in a scope now."""
        filtered = _filtered_scope(export, scope)
        by: Key = "client" if part.kind == "clients" else "id"
        form = self._form(export, filtered, part.type, planned=True, by=by)
        named = self._named(export, filtered, part.type, part)
        rows = self._rows(lines(form), named)
        left = [row.client for row in rows if row.bodies is None]
        if left:
            now = max(datetime.now(UTC), export.at + MILLISECOND)
            with writing(self._engine) as connection:
                dismiss(connection, export.roster, left, now)
        return lines_of(part.type, [row for row in rows if row.bodies is not None])

    def patients(self, export: Export, part: Part, scope: Scope) -> dict[str, str]:
        """Return the ids of the Patients of a part that are in a scope now, by the uuids of their clients."""
        form = self._form(export, scope, part.type, planned=True)._replace(changes=False)
        rows = self._rows(owners(form), self._named(export, scope, part.type, part))
        return {row.client: row.id for row in rows}

    def of_clients(self, export: Export, type_: str, clients: Sequence[str], scope: Scope) -> Lines:
        """Return what of a type is of some clients, and in a scope now."""
        filtered = _filtered_scope(export, scope)
        form = self._form(export, filtered, type_, planned=False)._replace(listed=True)
        named = self._named(export, filtered, type_)
        named |= {"export_clients": clients, "export_after": "", "export_step": EVERYTHING}
        return lines_of(type_, self._rows(lines(form), named))

    def deletions(self, export: Export, part: Part, scope: Scope) -> list[Deletion]:
        """Return what of a part is no longer there for who asks."""
        form = self._form(export, scope, part.type, planned=True)
        named = self._named(export, scope, part.type, part)
        rows = self._rows(deletions.listed(form), named)
        return [Deletion(row.client, part.type, row.id) for row in rows]

    def clients(self, scope: Scope, patients: Sequence[str]) -> dict[str, str]:
        """Return the uuids of the clients that Patients are of, by the ids of those in a scope."""
        if not patients:
            return {}
        with reading(self._engine) as connection:
            found = beside(connection, scope, [("Patient", id_) for id_ in patients], {}, len(patients))
            return {each.id: each.client for each in found if each.client is not None}

    def members(self, scope: Scope, count: int) -> tuple[int, list[str]]:
        """Return how many clients are in a scope that is made of them, and the first few of them."""
        chosen = of_scope.of_members(of_scope.form(scope))
        if chosen is None:
            return 0, []
        clients, named = chosen.subquery().c.client, of_scope.parameters(scope)
        first = select(clients).order_by(clients).limit(bindparam("count", type_=Integer))
        with reading(self._engine) as connection:
            total = connection.execute(select(func.count(clients)), named).scalar_one()
            rows = connection.execute(first, {**named, "count": count})
            return int(total), [row[0] for row in rows]

    def _rows(self, chosen: Select[Any], named: dict[str, Any]) -> Sequence[Any]:
        """Return what is read of a part."""
        rows: Sequence[Any] = self._reads.read(lambda connection: connection.execute(chosen, named).all())
        return rows

    def _next_clients(self, export: Export, scope: Scope) -> tuple[list[Any], str]:
        """Return the next parts of what is of clients, and behind which of these it goes on, or ""."""
        _, type_ = export.stages[export.place]
        scope = _filtered_scope(export, scope)
        form = self._form(export, scope, type_, planned=True, by="roster")
        with reading(self._engine) as connection:
            members = next_members(connection, export.roster, export.after, self._step)
            if members is None:
                return [], ""
            first, last, count = members
            named = self._named(export, scope, type_)
            named |= {"export_first": first, "export_last": last}
            named |= {"export_size": WIDER * self._size, "export_bytes": BYTES}
            spans = list(connection.execute(counted_by_client(form), named))
            return spans, last if count == self._step else ""

    def _next(self, export: Export, scope: Scope) -> tuple[list[Any], str]:
        """Return the next parts of the stage that an export is at, and behind what id it goes on, or ""."""
        kind, type_ = export.stages[export.place]
        if kind == "output":
            scope = _filtered_scope(export, scope)
        form = self._form(export, scope, type_, planned=False)
        if kind == "patients":
            # of a patient of whom nothing is new something may be
            form = form._replace(changes=False)
        chosen = deletions.counted(form) if kind == "deleted" else counted(form)
        named = {**self._named(export, scope, type_), "export_after": export.after}
        size = max(1, self._size // PATIENTS) if kind == "patients" else self._size
        named |= {"export_step": self._step, "export_size": size}
        with reading(self._engine) as connection:
            spans = list(connection.execute(chosen, named))
        return spans, "" if sum(span.count for span in spans) < self._step else spans[-1].last

    def _instant(self, connection: Executor, partner: str, now: datetime) -> datetime:
        """Return now in milliseconds, as clients keep it; no two exports of a partner have the same."""
        latest = connection.execute(select(func.max(_E.at)).where(_E.partner == partner)).scalar()
        instant = now.astimezone(UTC).replace(microsecond=now.microsecond // 1000 * 1000)
        return instant if latest is None else max(instant, aware(latest) + MILLISECOND)

    def _moved(
        self, export: Export, after: str, stage: int, called: Scope | None = None, parts_: Any = ()
    ) -> Export:
        """Write down how far an export is planned, unless another has; return it as it is then."""
        is_last = stage - bool(export.roster) >= len(export.stages)
        mine = (_E.stage == export.stage, _E.after == export.after, _MINE)
        moving = update(t.export).where(*mine).values(stage=stage, after=after, finished=is_last)
        with writing(self._engine) as connection:
            if connection.execute(moving, {"of": export.id}).rowcount:
                if called is not None:
                    call(connection, called, self._named(export, called, ""))
                    replica.count(connection)
                self._add(connection, export.id, parts_)
            row = connection.execute(select(t.export).where(_MINE), {"of": export.id}).first()
        return export_of(row) if row is not None else export

    def _add(self, connection: Executor, id_: str, found: list[tuple[Kind, str, str, str, int]]) -> None:
        if not found:
            return
        last = connection.execute(select(func.max(_P.number)).where(_P.export == id_)).scalar() or 0
        names = ("export", "number", "kind", "type", "first", "last", "count")
        rows = [dict(zip(names, (id_, n, *part), strict=True)) for n, part in enumerate(found, last + 1)]
        connection.execute(insert(t.export_part).inline(), rows if len(rows) > 1 else rows[0])

    def _parts(self, which: Any) -> list[Part]:
        columns = (_P.number, _P.kind, _P.type, _P.first, _P.last, _P.count)
        with reading(self._engine) as connection:
            rows = connection.execute(select(*columns).where(which).order_by(_P.number))
            return [Part(*row) for row in rows]

    def _form(self, export: Export, scope: Scope, type_: str, *, planned: bool, by: Key = "id") -> Form:
        return Form(
            dialect=self._engine.dialect.name,
            scope=of_scope.form(scope),
            shared=type_ in SHARED,
            rostered=bool(export.roster),
            changes=export.since_row is not None,
            until=export.asked.until is not None,
            listed=export.asked.clients is not None and type_ not in SHARED,
            gaps=bool(export.gaps),
            planned=planned,
            by=by,
        )

    def _named(self, export: Export, scope: Scope, type_: str, part: Part | None = None) -> dict[str, Any]:
        since = export.asked.since
        named = {
            **of_scope.parameters(scope),
            "export_type": type_,
            "export_row": export.row,
            "export_gaps": dump(export.gaps).decode(),
            "export_since_row": export.since_row,
            "export_at": export.at,
            "export_roster": export.roster,
            "export_until": export.asked.until,
            "export_clients": export.asked.clients or (),
        }
        if since is not None:
            named |= {"export_since": since, "export_erased": since - deletions.LATE}
        return named if part is None else named | {"export_first": part.first, "export_last": part.last}


def _filtered_scope(export: Export, scope: Scope) -> Scope:
    """Return a scope with what is asked for of it alone; what is no longer there is told whatever it was."""
    filters = narrowings(export.asked.filters)
    return replace(scope, narrowed=(*scope.narrowed, *filters)) if filters else scope
