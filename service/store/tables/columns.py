"""What several tables are made of."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, MetaData
from sqlalchemy import text as sql

metadata = MetaData()
SERIAL = BigInteger().with_variant(Integer, "sqlite")


def stamp(name: str) -> "Column[object]":
    """Return a column that holds an instant."""
    return Column(name, DateTime(timezone=True), nullable=False)


def partial_index(name: str, column: str, condition: str) -> Index:
    """Return an index of the rows that meet a condition."""
    return Index(name, column, sqlite_where=sql(condition), postgresql_where=sql(condition))
