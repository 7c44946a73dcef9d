"""Statements of SQLAlchemy as PostgreSQL takes them; each is made once, for making is dearer than running."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from psycopg.adapt import PyFormat
from sqlalchemy import ARRAY, BindParameter, Executable, LargeBinary, String, Text, any_, bindparam
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.elements import BinaryExpression, ClauseElement, Tuple
from sqlalchemy.sql.operators import in_op
from sqlalchemy.sql.visitors import replacement_traverse

DIALECT: Final = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


class Statement(NamedTuple):
    """A text; of its parameters in order the name, the value where none is given, and how it is written.

    `lists` are the places of those whose values are lists. One that is not kept, by the execution option
    `prepare=False`, is planned for its values each time.
    """

    text: bytes
    parameters: tuple[tuple[str, Any], ...]
    formats: tuple[PyFormat, ...]
    lists: tuple[int, ...]
    is_kept: bool

    def values(self, row: Mapping[str, Any]) -> list[Any]:
        """Return the values of the parameters, in order."""
        values = [row.get(name, value) for name, value in self.parameters]
        for place in self.lists:
            values[place] = list(values[place])
        return values


_MADE: Final[WeakKeyDictionary[Executable, dict[tuple[str, ...], Statement]]] = WeakKeyDictionary()


def compiled(statement: Executable, names: tuple[str, ...]) -> tuple[Statement, bool]:
    """Return a statement with parameters of these names, and whether it was asked for before."""
    mine = _MADE.setdefault(statement, {})
    known = mine.get(names)
    if known is not None:
        return known, True
    made = mine[names] = _compile(statement, names)
    return made, False


def _compile(statement: Any, names: tuple[str, ...]) -> Statement:
    asked = replacement_traverse(statement, {}, _in_array)
    # of values in pairs, each is a parameter
    said = asked.compile(dialect=DIALECT, column_keys=names, compile_kwargs={"render_postcompile": True})
    types = [said.binds[name].type if name in said.binds else None for name in said.positiontup]
    return Statement(
        str(said).encode(),
        tuple((name, said.params[name]) for name in said.positiontup),
        # in text, PostgreSQL itself finds what type a value is of
        tuple(PyFormat.BINARY if isinstance(type_, LargeBinary) else PyFormat.TEXT for type_ in types),
        tuple(place for place, type_ in enumerate(types) if isinstance(type_, ARRAY)),
        bool(statement.get_execution_options().get("prepare", True)),
    )


def _in_array(element: Any, **_: Any) -> ClauseElement | None:
    """Return an IN as one with an array: how many values there are makes no other statement."""
    if not isinstance(element, BinaryExpression) or element.operator is not in_op:
        return None
    values = element.right
    if not isinstance(values, BindParameter) or isinstance(element.left, Tuple):
        return None
    # a cast to VARCHAR(n) would cut what is longer
    type_ = Text() if isinstance(values.type, String) else values.type
    return element.left == any_(bindparam(values.key, values.value, ARRAY(type_), unique=values.unique))
