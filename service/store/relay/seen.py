"""Which resources a partner may see now: asked of many at a time, before they are published to it."""

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Select, Table, bindparam, select

from service.store import tables as t
from service.store.scope.condition import Form, form, of_resources, parameters
from service.store.sql.engine import Executor
from service.values.access.scope import Scope
from service.values.kept.resources import CURRENT, VersionKey

MANY: Final = 500


def seen(connection: Executor, scope: Scope, keys: Collection[VersionKey]) -> set[VersionKey]:
    """Return those of versions, of the scope's own view, that are inside a scope.

    CURRENT stands for the present one.
    """
    current = sorted(key for key in keys if key[3] == CURRENT)
    past = sorted(key for key in keys if key[3] != CURRENT)
    return {
        key
        for table, wanted in ((t.resource, current), (t.history, past))
        for key in _seen(connection, scope, table, wanted)
    }


def _seen(
    connection: Executor, scope: Scope, table: Table, wanted: Sequence[VersionKey]
) -> Iterator[VersionKey]:
    named = parameters(scope)
    for start in range(0, len(wanted), MANY):
        some = wanted[start : start + MANY]
        asked = {**named, "types": sorted({key[1] for key in some}), "ids": sorted({key[2] for key in some})}
        asked |= {} if table is t.resource else {"versions": sorted({key[3] for key in some})}
        found = {
            (scope.view, row[0], row[1], CURRENT if table is t.resource else row[2])
            for row in connection.execute(_statement(form(scope), table), asked)
        }
        yield from found.intersection(some)


@lru_cache(500)
def _statement(scope: Form, table: Table) -> Select[Any]:
    c = table.c
    where = [of_resources(scope, table)]
    where += [c.type.in_(bindparam("types", expanding=True)), c.id.in_(bindparam("ids", expanding=True))]
    if table is t.history:
        where += [c.version.in_(bindparam("versions", expanding=True)), c.withheld.is_(False)]
    return select(c.type, c.id, c.version).where(*where)
