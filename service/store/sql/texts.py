"""Statements of SQLAlchemy as PostgreSQL takes them; each is made once, for making is dearer than running."""

from collections.abc import Iterable, Mapping, Sequence
from struct import Struct
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from psycopg.adapt import PyFormat
from sqlalchemy import (
    ARRAY,
    BindParameter,
    Column,
    ColumnElement,
    Executable,
    LargeBinary,
    String,
    Text,
    any_,
    bindparam,
    cast,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.elements import BinaryExpression, ClauseElement, Tuple
from sqlalchemy.sql.operators import in_op
from sqlalchemy.sql.visitors import replacement_traverse
from sqlalchemy.types import TypeDecorator

from service.store.sql.terms import AnyOf

DIALECT: Final = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
# an insert with this option takes the rows of one execution as a whole
AT_ONCE: Final = "at_once"
TEXT_OID: Final = 25
BYTEA_OID: Final = 17
# the head of an array: dimensions, whether a value is null, their type, how many, the first one's number
_ARRAY: Final = Struct("!5i")
_LENGTH: Final = Struct("!i").pack
_NULL: Final = _LENGTH(-1)


class Statement(NamedTuple):
    """A text; of its parameters in order the name, the value where none is given, and how it is written.

    `lists` are the places of those whose values are several, and become an array. One that is not kept, by
    the execution option `prepare=False`, is planned for its values each time. `setting` is what has the
    server set what the option `setting` says, a name and a value, until the end of the transaction.
    """

    text: bytes
    parameters: tuple[tuple[str, Any], ...]
    formats: tuple[PyFormat, ...]
    lists: tuple[int, ...]
    is_kept: bool
    setting: bytes | None

    def values(self, row: Mapping[str, Any]) -> list[Any]:
        """Return the values of the parameters, in order."""
        values = [row.get(name, value) for name, value in self.parameters]
        for place in self.lists:
            values[place] = array_of(values[place])
        return values


def array_of(values: Iterable[Any]) -> Any:
    """Return numbers or texts as PostgreSQL's text of an array, others as a list, which psycopg writes.

    https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
    """
    items = list(values)
    kinds = set(map(type, items))
    if kinds == {int}:
        return f"{{{','.join(map(str, items))}}}"
    if kinds == {str}:
        return f"{{{','.join(map(_quoted, items))}}}"
    return items


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_MADE: Final[WeakKeyDictionary[Executable, dict[tuple[str, ...], Statement]]] = WeakKeyDictionary()


def statement_for(statement: Executable, names: tuple[str, ...]) -> tuple[Statement, bool]:
    """Return a statement with parameters of these names, and whether it was asked for before."""
    mine = _MADE.setdefault(statement, {})
    known = mine.get(names)
    if known is not None:
        return known, True
    made = mine[names] = _compile(statement, names)
    return made, False


class Columns(NamedTuple):
    """An insert of many rows, each column of them an array; of the columns in order the name and what of."""

    text: bytes
    columns: tuple[tuple[str, int], ...]

    def values(self, rows: Sequence[Mapping[str, Any]]) -> list[bytes]:
        """Return the arrays of the columns, in binary."""
        return [_array(oid, [row[name] for row in rows]) for name, oid in self.columns]


_AT_ONCE: Final[WeakKeyDictionary[Executable, dict[tuple[str, ...], Columns]]] = WeakKeyDictionary()


def at_once(statement: Any, names: tuple[str, ...]) -> Columns:
    """Return what inserts many rows with columns of these names, in their order, as one statement."""
    mine = _AT_ONCE.setdefault(statement, {})
    if names not in mine:
        mine[names] = _columns(statement, names)
    return mine[names]


def _columns(statement: Any, names: tuple[str, ...]) -> Columns:
    columns = [statement.table.c[name] for name in names]
    unnested = (
        func.unnest(*(_array_parameter(column) for column in columns)).table_valued(*names).render_derived()
    )
    columns_made = (_value_of(column, unnested.c[column.name]) for column in columns)
    said = insert(statement.table).from_select(names, select(*columns_made), include_defaults=False)
    text = str(said.compile(dialect=DIALECT))
    return Columns(text.encode(), tuple((column.name, _oid(column)) for column in columns))


def _array_parameter(column: Column[Any]) -> ColumnElement[Any]:
    """Return the array of a column; what is neither text nor bytes is written as text."""
    plain = bindparam(column.name, type_=ARRAY(LargeBinary() if _oid(column) == BYTEA_OID else Text()))
    is_read = isinstance(column.type, String | LargeBinary | TypeDecorator)
    return plain if is_read else cast(plain, ARRAY(column.type))


def _value_of(column: Column[Any], text: Any) -> Any:
    """Return what a column's own type makes of what is written for it."""
    return column.type.bind_expression(text) if isinstance(column.type, TypeDecorator) else text


def _oid(column: Column[Any]) -> int:
    return BYTEA_OID if isinstance(column.type, LargeBinary) else TEXT_OID


def _array(oid: int, values: Sequence[Any]) -> bytes:
    """Return values as a binary array of texts or of bytes."""
    head = _ARRAY.pack(1, None in values, oid, len(values), 1)
    return head + b"".join(_elements(values))


def _elements(values: Iterable[Any]) -> Iterable[bytes]:
    for value in values:
        if value is None:
            yield _NULL
        else:
            written = value if isinstance(value, bytes) else str(value).encode()
            yield _LENGTH(len(written))
            yield written


def _compile(statement: Any, names: tuple[str, ...]) -> Statement:
    asked = replacement_traverse(statement, {}, _in_array)
    # of values in pairs, each is a parameter
    said = asked.compile(dialect=DIALECT, column_keys=names, compile_kwargs={"render_postcompile": True})
    types = [said.binds[name].type if name in said.binds else None for name in said.positiontup]
    options = statement.get_execution_options()
    return Statement(
        str(said).encode(),
        tuple((name, said.params[name]) for name in said.positiontup),
        # in text, PostgreSQL itself finds what type a value is of
        tuple(PyFormat.BINARY if isinstance(type_, LargeBinary) else PyFormat.TEXT for type_ in types),
        tuple(place for place, type_ in enumerate(types) if isinstance(type_, ARRAY | AnyOf)),
        options.get("prepare", True),
        _set(*options["setting"]) if "setting" in options else None,
    )


def _set(name: str, value: str) -> bytes:
    return f"SELECT set_config('{name}', '{value}', true)".encode()


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
