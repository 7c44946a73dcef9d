"""Terms: what search compares for equality, hashed to 64 bits, kept as one set a resource.

PostgreSQL keeps them as an array with a GIN index, SQLite as rows that a trigger makes of a text. Rows on
PostgreSQL would take seven times the place and five times the write-ahead log.

https://www.postgresql.org/docs/current/gin.html
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, Boolean, ColumnElement, Dialect, Text, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeDecorator, TypeEngine

# of those that many resources have in common
KNOWN: Final = 20_000


@lru_cache(KNOWN)
def hashed(text: str) -> int:
    """Return the 64 bits, signed, that a text is compared by."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], signed=True)


def written(terms: Iterable[int]) -> str:
    """Return terms as the column takes them."""
    return ",".join(map(str, terms))


class Terms(TypeDecorator[str]):
    """The column's type: an array on PostgreSQL, a text with commas on SQLite, written as that text."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the database."""
        return ARRAY(BigInteger()) if dialect.name == "postgresql" else Text()

    def bind_expression(self, bindparam: Any) -> ColumnElement[Any]:
        """Return what makes the column's value of the text."""
        return _array_of(type_coerce(bindparam, Text()))


class _array_of(GenericFunction[Any]):  # noqa: N801 - the name of an SQL function
    inherit_cache = True


@compiles(_array_of)
def _text(element: Any, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(_array_of, "postgresql")
def _array(element: Any, compiler: Any, **options: Any) -> str:
    return f"CAST(string_to_array({compiler.process(element.clauses, **options)}, ',') AS BIGINT[])"


class hash_of(GenericFunction[int]):  # noqa: N801 - the name of an SQL function
    """What `hashed` returns of a text, within SQL."""

    type = BigInteger()
    inherit_cache = True


@compiles(hash_of)
def _hash_by_function(element: Any, compiler: Any, **options: Any) -> str:
    return f"casebridge_hash({compiler.process(element.clauses, **options)})"


@compiles(hash_of, "postgresql")
def _hash(element: Any, compiler: Any, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    begin = f"substr(sha256(convert_to({text}, 'UTF8')), 1, 8)"
    return f"CAST(CAST('x' || encode({begin}, 'hex') AS BIT(64)) AS BIGINT)"


class AnyOf(TypeDecorator[Sequence[int]]):
    """The type of terms that are looked for: an array on PostgreSQL, JSON on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the database."""
        return ARRAY(BigInteger()) if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Sequence[int] | None, dialect: Dialect) -> Any:
        """Return the terms as the database takes them."""
        return value if dialect.name == "postgresql" else json.dumps(value)


class has_any(GenericFunction[bool]):  # noqa: N801 - the name of an SQL function
    """Whether a resource, by its `terms` and `id`, has one of the terms of an `AnyOf`."""

    type = Boolean()
    inherit_cache = True


@compiles(has_any)
def _in_rows(element: Any, compiler: Any, **options: Any) -> str:
    _, id_, wanted = (compiler.process(clause, **options) for clause in element.clauses)
    terms = f"SELECT value FROM json_each({wanted})"  # noqa: S608 - what is looked for is bound
    have = f"SELECT search_term.id FROM search_term WHERE search_term.term IN ({terms})"  # noqa: S608 - as above
    return f"{id_} IN ({have})"


@compiles(has_any, "postgresql")
def _in_array(element: Any, compiler: Any, **options: Any) -> str:
    terms, _, wanted = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{terms} && {wanted}"
