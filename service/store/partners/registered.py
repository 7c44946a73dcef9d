"""Partners that are registered while we run, and by which number a process sees that some were changed."""

from typing import Final

from sqlalchemy import Engine, bindparam, func, select, text

from service.store import tables as t
from service.store.rows.typed import aware
from service.store.sql.engine import reading, writing
from service.values.access.credentials import StoredPartner

_c: Final = t.partner.c
NEWEST: Final = select(func.max(_c.number))
ALL: Final = select(_c.name, _c.number, _c.entry, _c.changed).order_by(_c.name)
PUT: Final = text(
    "INSERT INTO partner (name, number, entry, changed) VALUES (:name, :number, :entry, :changed) "
    "ON CONFLICT (name) DO UPDATE SET number = :number, entry = :entry, changed = :changed"
).bindparams(bindparam("changed", type_=_c.changed.type))


class SqlPartners:
    """`flows.ports.PartnersPort` on SQLite or PostgreSQL."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine."""
        self._engine = engine

    def newest(self) -> int:
        """Return the number of the last change, 0 before the first."""
        with reading(self._engine) as connection:
            return int(connection.execute(NEWEST).scalar() or 0)

    def all(self) -> list[StoredPartner]:
        """Return the partners that are stored, by name."""
        with reading(self._engine) as connection:
            rows = connection.execute(ALL)
            return [StoredPartner(row[0], row[1], bytes(row[2]), aware(row[3])) for row in rows]

    def put(self, partner: StoredPartner) -> None:
        """Store a partner, in the place of the one of its name.

        Raises:
            Conflict: another change has its number already.
        """
        row = {
            "name": partner.name,
            "number": partner.number,
            "entry": partner.entry,
            "changed": partner.changed,
        }
        with writing(self._engine) as connection:
            connection.execute(PUT, row)
